//! Triggers of PostgreSQL: one for each statement, with all rows that it has written. The rows of many parents are added
//! by one `UPDATE`, after these parents are locked in the order of their keys, so that statements wait for one another
//! and never in a circle.
//!
//! A statement with a plan that was made for few rows is not used for many, nor the other way round: the plans of a
//! function are kept for as long as its connection lasts.

use super::{Group, Trigger, beats, column, differs, guard_name, primary_key, types, zero};
use crate::engine::Dialect;
use crate::error::Result;
use crate::migrate::ddl::quote;
use crate::model::{Figure, Kept};

/// The setting that lets `recount` write figures.
pub(crate) const RECOUNT: &str = "nuages.recount";

/// What a statement has done to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Insert,
    Delete,
    Update,
}

impl Event {
    fn adds(self) -> bool {
        self != Event::Delete
    }

    fn removes(self) -> bool {
        self != Event::Insert
    }
}

/// The triggers on the table with the rows of a relation.
pub(super) fn rows(group: &Group<'_>, all: &[Group<'_>]) -> Result<Vec<Trigger>> {
    let table = quote(&group.child.table);
    let mut made = Vec::new();
    for (what, event, words) in [
        ("ins", Event::Insert, "INSERT ON {} REFERENCING NEW TABLE AS added"),
        ("del", Event::Delete, "DELETE ON {} REFERENCING OLD TABLE AS removed"),
        ("upd", Event::Update, "UPDATE ON {} REFERENCING OLD TABLE AS removed NEW TABLE AS added"),
    ] {
        let when = format!("AFTER {} FOR EACH STATEMENT", words.replacen("{}", &table, 1));
        made.push(trigger(group, what, &when, &applied(group, event, &lock_both(group, all, event))?));
    }
    let parent = quote(&group.parent.table);
    let (mut set, mut some) = (Vec::new(), Vec::new());
    for kept in &group.figures {
        let (name, zero) = (quote(&kept.column.name), zero(kept, Dialect::Postgres));
        set.push(format!("{name} = {zero}"));
        some.push(differs(&name, zero, Dialect::Postgres));
    }
    let body = format!("  UPDATE {parent} SET {} WHERE {};\n", set.join(", "), some.join(" OR "));
    made.push(trigger(group, "tru", &format!("AFTER TRUNCATE ON {table} FOR EACH STATEMENT"), &body));
    Ok(made)
}

/// Where the rows refer to the same table by several keys, as a message does to who wrote it and who reads it: locks all
/// rows of it that are concerned, in order. Else two statements could each hold what the other wants next.
fn lock_both(group: &Group<'_>, all: &[Group<'_>], event: Event) -> String {
    let is_alike = |other: &&Group<'_>| {
        (other.child.id, other.parent.id, other.key.field) == (group.child.id, group.parent.id, group.key.field)
    };
    let alike: Vec<&Group<'_>> = all.iter().filter(is_alike).collect();
    if alike.len() < 2 {
        return String::new();
    }
    let mut found = Vec::new();
    for row in ["added", "removed"] {
        if (row == "added" && event.adds()) || (row == "removed" && event.removes()) {
            found.extend(alike.iter().map(|group| format!("SELECT {row}.{} AS key FROM {row}", quote(&group.by.name))));
        }
    }
    let (table, key) = (quote(&group.parent.table), quote(&group.key.name));
    format!(
        "  SELECT array_agg(DISTINCT concerned.key) AS keys INTO alike FROM ({}) AS concerned;\n  \
         PERFORM 1 FROM {table} AS parent WHERE parent.{key} = ANY (alike.keys) ORDER BY parent.{key} FOR NO KEY UPDATE;\n",
        found.join(" UNION ALL ")
    )
}

/// The work of a function that applies what a statement has done.
fn applied(group: &Group<'_>, event: Event, lock_both: &str) -> Result<String> {
    let (table, key) = (quote(&group.parent.table), quote(&group.key.name));
    let moved = moved(group, event)?;
    let any: Vec<String> = group.figures.iter().enumerate().map(|(place, kept)| matters(kept, place)).collect();
    let mut any = any.join(" OR ");
    if group.is_own() && event == Event::Update {
        // Rows whose own key is new are counted for that.
        any = format!(
            "({any}) AND (EXISTS (SELECT 1 FROM removed WHERE removed.{key} = moved.key) OR NOT EXISTS (SELECT 1 FROM added \
             WHERE added.{key} = moved.key))"
        );
    }
    let one = change(group, event, "one")?;
    let many = change(group, event, "moved")?;
    // Whether figures are read again from the rows: then in a statement that sees what others did before the lock.
    let rereads = event.removes() && group.figures.iter().any(|kept| beats(kept).is_some());
    let lock = match rereads {
        true => format!("    PERFORM 1 FROM {table} AS parent WHERE parent.{key} = one.key FOR NO KEY UPDATE;\n"),
        false => String::new(),
    };
    let lock_all = literal(&format!(
        "SELECT 1 FROM {table} AS parent WHERE parent.{key} IN (SELECT moved.key FROM ({moved}) AS moved WHERE {any}) \
         ORDER BY parent.{key} FOR NO KEY UPDATE"
    ));
    let apply_all = literal(&format!(
        "UPDATE {table} AS parent SET {} FROM (SELECT * FROM ({moved}) AS moved WHERE {any}) AS moved WHERE parent.{key} = \
         moved.key AND ({})",
        many.set, many.only
    ));
    Ok(format!(
        "  SELECT moved.*, count(*) OVER () AS parents INTO one FROM ({moved}) AS moved WHERE {any} LIMIT 1;\n  \
         IF NOT FOUND THEN\n    RETURN NULL;\n  END IF;\n{lock_both}  IF one.parents = 1 THEN\n{lock}    \
         UPDATE {table} AS parent SET {} WHERE parent.{key} = one.key AND ({});\n  ELSE\n    \
         EXECUTE {lock_all};\n    EXECUTE {apply_all};\n  END IF;\n",
        one.set, one.only
    ))
}

/// What a statement has done, summed up for each parent.
fn moved(group: &Group<'_>, event: Event) -> Result<String> {
    let mut halves = Vec::new();
    if event.adds() {
        halves.push(half(group, "added", true)?);
    }
    if event.removes() {
        halves.push(half(group, "removed", false)?);
    }
    let mut sums = vec!["rows.key".to_owned()];
    for (place, kept) in group.figures.iter().enumerate() {
        match beats(kept) {
            None => sums.push(format!("sum(rows.n{place}) AS n{place}")),
            Some(beats) => {
                let function = if beats == ">" { "max" } else { "min" };
                sums.push(format!("{function}(rows.a{place}) AS a{place}, {function}(rows.r{place}) AS r{place}"));
            }
        }
    }
    Ok(format!("SELECT {} FROM ({}) AS rows GROUP BY rows.key", sums.join(", "), halves.join(" UNION ALL ")))
}

/// The rows that came or went, each with what it counts for.
fn half(group: &Group<'_>, row: &'static str, adds: bool) -> Result<String> {
    let by = quote(&group.by.name);
    let mut columns = vec![format!("{row}.{by} AS key")];
    for (place, kept) in group.figures.iter().enumerate() {
        let condition = group.condition(kept, row)?;
        let over = kept.over.map(|column| format!("{row}.{}", quote(&column.name))).unwrap_or_default();
        let zero = zero(kept, Dialect::Postgres);
        let sign = if adds { "" } else { "-" };
        let value = match &kept.rollup.figure {
            Figure::Count => format!("{sign}1"),
            Figure::Sum(_) => format!("{sign}coalesce({over}, {zero})"),
            Figure::Latest(_) | Figure::Earliest(_) => over,
        };
        let value = match condition {
            None => value,
            Some(condition) => format!("CASE WHEN {condition} THEN {value} ELSE {zero} END"),
        };
        if beats(kept).is_none() {
            columns.push(format!("{value} AS n{place}"));
            continue;
        }
        let sql_type = kept.over.map(|over| column::sql_type(&over.kind, false, Dialect::Postgres)).unwrap_or_default();
        let nothing = format!("CAST(NULL AS {sql_type})");
        let (came, went) = if adds { (value, nothing) } else { (nothing, value) };
        columns.push(format!("{came} AS a{place}, {went} AS r{place}"));
    }
    Ok(format!("SELECT {} FROM {row} WHERE {row}.{by} IS NOT NULL", columns.join(", ")))
}

/// Whether what a statement has done to a parent's rows may matter to a figure.
fn matters(kept: &Kept<'_>, place: usize) -> String {
    match beats(kept) {
        None => format!("moved.n{place} <> {}", zero(kept, Dialect::Postgres)),
        Some(_) => format!("moved.a{place} IS DISTINCT FROM moved.r{place}"),
    }
}

/// The change of a parent.
struct Update {
    set: String,
    /// Whether it changes at all.
    only: String,
}

/// The change of a parent by what `from` says of it.
fn change(group: &Group<'_>, event: Event, from: &str) -> Result<Update> {
    let (mut set, mut only) = (Vec::new(), Vec::new());
    for (place, kept) in group.figures.iter().enumerate() {
        let name = quote(&kept.column.name);
        let now = format!("parent.{name}");
        let Some(beats) = beats(kept) else {
            set.push(format!("{name} = {now} + {from}.n{place}"));
            only.push(format!("{from}.n{place} <> {}", zero(kept, Dialect::Postgres)));
            continue;
        };
        let function = if beats == ">" { "greatest" } else { "least" };
        let (came, went) = (format!("{from}.a{place}"), format!("{from}.r{place}"));
        let best = format!("{function}({now}, {came})");
        let is_new = differs(&best, &now, Dialect::Postgres);
        if !event.removes() {
            set.push(format!("{name} = {best}"));
            only.push(is_new);
            continue;
        }
        let is_gone = format!("{went} {beats}= {now} AND ({came} IS NULL OR {now} {beats} {came})");
        let truth = group.truth(kept, &format!("parent.{}", quote(&group.key.name)), "")?;
        set.push(format!("{name} = CASE WHEN {is_gone} THEN {truth} ELSE {best} END"));
        only.push(format!("({is_gone}) OR {is_new}"));
    }
    Ok(Update { set: set.join(", "), only: only.join(" OR ") })
}

/// The triggers on a table with figures, over all of its relations.
pub(super) fn guards(groups: &[&Group<'_>]) -> Result<Vec<Trigger>> {
    let Some(first) = groups.first() else { return Ok(Vec::new()) };
    let parent = first.parent;
    let table = quote(&parent.table);
    let (mut back, mut nothing, mut differ, mut given, mut names) = (vec![], vec![], vec![], vec![], vec![]);
    let (mut truths, mut wrong, mut some, mut keys) = (vec![], vec![], vec![], Vec::<String>::new());
    let (mut rekeyed, mut wrongly_keyed) = (vec![], vec![]);
    for group in groups {
        let key = quote(&group.key.name);
        // Rows that the same statement has written are added by their own triggers, whichever comes first.
        let but = " AND NOT (child.xmin = parent.xmin AND child.cmin = parent.cmin)";
        for kept in &group.figures {
            let (name, zero) = (quote(&kept.column.name), zero(kept, Dialect::Postgres));
            let truth = group.truth(kept, &format!("parent.{key}"), but)?;
            back.push(format!("  NEW.{name} := OLD.{name};\n"));
            nothing.push(format!("  NEW.{name} := {zero};\n"));
            differ.push(differs(&format!("OLD.{name}"), &format!("NEW.{name}"), Dialect::Postgres));
            given.push(differs(&format!("NEW.{name}"), zero, Dialect::Postgres));
            wrong.push(differs(&format!("parent.{name}"), &truth, Dialect::Postgres));
            truths.push(format!("{name} = {truth}"));
            // Rows of the same table may just have been written anew for their own key.
            let truth = group.truth(kept, &format!("parent.{key}"), if group.is_own() { "" } else { but })?;
            wrongly_keyed.push(differs(&format!("parent.{name}"), &truth, Dialect::Postgres));
            rekeyed.push(format!("{name} = {truth}"));
            names.push(name);
        }
        let (child, by) = (quote(&group.child.table), quote(&group.by.name));
        some.push(format!(
            "EXISTS (SELECT 1 FROM added CROSS JOIN LATERAL (SELECT count(*) AS n FROM {child} AS child WHERE child.{by} \
             = added.{key}) AS children WHERE children.n > 0)"
        ));
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let (names, truths, wrong) = (names.join(", "), truths.join(", "), wrong.join(" OR "));
    let same: Vec<String> =
        primary_key(parent).iter().map(|name| format!("parent.{0} = added.{0}", quote(name))).collect();
    let other_key: Vec<String> =
        keys.iter().map(|key| differs(&format!("OLD.{key}"), &format!("NEW.{key}"), Dialect::Postgres)).collect();
    let this: Vec<String> =
        primary_key(parent).iter().map(|name| format!("parent.{0} = NEW.{0}", quote(name))).collect();
    let kept: Vec<_> = groups.iter().flat_map(|group| group.figures.iter().map(|kept| kept.column)).collect();
    let keyed: Vec<_> = groups.iter().map(|group| group.key).collect();
    let depends = types(parent, &[kept, keyed].concat(), Dialect::Postgres);
    let tables: Vec<String> = groups.iter().flat_map(|group| group.tables()).collect();
    let make = |what: &str, when: &str, settings: &str, body: &str, gives: &str| {
        let name = guard_name(parent, what, Dialect::Postgres);
        let text = body_text(when, "", body, gives);
        Trigger {
            create: statements(&name, when, settings, &text),
            text,
            drop: drop(&name),
            table: parent.table.clone(),
            tables: tables.clone(),
            types: depends.clone(),
            by: None,
            name,
        }
    };
    let count_new = literal(&format!(
        "UPDATE {table} AS parent SET {truths} FROM added WHERE {} AND ({wrong})",
        same.join(" AND ")
    ));
    Ok(vec![
        make(
            "set",
            &format!(
                "BEFORE UPDATE OF {names} ON {table} FOR EACH ROW WHEN (pg_trigger_depth() = 0 AND ({}) AND \
                 current_setting('{RECOUNT}', true) IS DISTINCT FROM 'on')",
                differ.join(" OR ")
            ),
            "",
            &back.concat(),
            "NEW",
        ),
        make(
            "ini",
            &format!("BEFORE INSERT ON {table} FOR EACH ROW WHEN ({})", given.join(" OR ")),
            "",
            &nothing.concat(),
            "NEW",
        ),
        make(
            "new",
            &format!("AFTER INSERT ON {table} REFERENCING NEW TABLE AS added FOR EACH STATEMENT"),
            // Else its plan is that of a small table for as long as the connection lasts.
            " SET enable_seqscan TO off",
            &format!("  IF {} THEN\n    EXECUTE {count_new};\n  END IF;\n", some.join(" OR ")),
            "NULL",
        ),
        make(
            "key",
            &format!("AFTER UPDATE OF {} ON {table} FOR EACH ROW WHEN ({})", keys.join(", "), other_key.join(" OR ")),
            "",
            &format!(
                "  UPDATE {table} AS parent SET {} WHERE {} AND ({});\n",
                rekeyed.join(", "),
                this.join(" AND "),
                wrongly_keyed.join(" OR ")
            ),
            "NULL",
        ),
    ])
}

fn trigger(group: &Group<'_>, what: &str, when: &str, body: &str) -> Trigger {
    let name = group.name(what);
    let declare = match (body.contains(" INTO one "), body.contains(" INTO alike ")) {
        (false, _) => "",
        (true, false) => "DECLARE\n  one record;\n",
        (true, true) => "DECLARE\n  one record;\n  alike record;\n",
    };
    let text = body_text(when, declare, body, "NULL");
    Trigger {
        create: statements(&name, when, "", &text),
        text,
        drop: drop(&name),
        table: group.child.table.clone(),
        tables: group.tables(),
        types: Vec::new(),
        by: Some(group.by.name.clone()),
        name,
    }
}

/// The text of a function, which begins with when it is called: so it says all that a trigger does.
fn body_text(when: &str, declare: &str, body: &str, gives: &str) -> String {
    let when = when.replace(['\n', '\r'], " ");
    format!("\n-- {when}\n{declare}BEGIN\n{body}  RETURN {gives};\nEND\n")
}

/// A function and the trigger that calls it. It finds the tables where they are now, whoever writes.
fn statements(name: &str, when: &str, settings: &str, text: &str) -> Vec<String> {
    let (quoted, text) = (quote(name), literal(text));
    vec![
        format!(
            "CREATE OR REPLACE FUNCTION {quoted}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT{settings} \
             AS {text}"
        ),
        format!("CREATE TRIGGER {quoted} {when} EXECUTE FUNCTION {quoted}()"),
    ]
}

fn drop(name: &str) -> String {
    format!("DROP FUNCTION IF EXISTS {}() CASCADE", quote(name))
}

/// A text in dollar quotes that are not in it.
fn literal(text: &str) -> String {
    let mut tag = "$nuages$".to_owned();
    let mut number = 0;
    while text.contains(&tag) {
        number += 1;
        tag = format!("$nuages{number}$");
    }
    format!("{tag}{text}{tag}")
}
