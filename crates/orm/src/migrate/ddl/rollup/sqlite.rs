//! Triggers of SQLite: one for each row and event. They say by a row of [`COUNTING`] that it is they who write.

use super::{COUNTING, Group, Trigger, beats, differs, guard_name, primary_key, rounded, types};
use crate::engine::Dialect;
use crate::error::Result;
use crate::migrate::ddl::quote;
use crate::model::{Figure, Kept};

/// The triggers on the table with the rows of a relation.
pub(super) fn rows(group: &Group<'_>) -> Result<Vec<Trigger>> {
    let by = quote(&group.by.name);
    let mut made = vec![inserted(group, &by)?, deleted(group, &by)?, moved(group, &by)?];
    made.extend(updated(group, &by)?);
    Ok(made)
}

fn inserted(group: &Group<'_>, by: &str) -> Result<Trigger> {
    let set = assignments(group, |kept| gained(group, kept, "NEW"))?;
    let counts = any_counts(group, "NEW")?;
    // A row that refers to itself is counted as a new one.
    let other =
        if group.is_own() { format!(" AND NEW.{by} IS NOT NEW.{}", quote(&group.key.name)) } else { String::new() };
    let when = format!("NEW.{by} IS NOT NULL{counts}{other}");
    Ok(trigger(group, "ins", "AFTER INSERT", &when, &[update(group, &set, &format!("NEW.{by}"), "")]))
}

fn deleted(group: &Group<'_>, by: &str) -> Result<Trigger> {
    let set = assignments(group, |kept| lost(group, kept, "OLD"))?;
    let when = format!("OLD.{by} IS NOT NULL{}", any_counts(group, "OLD")?);
    Ok(trigger(group, "del", "AFTER DELETE", &when, &[update(group, &set, &format!("OLD.{by}"), "")]))
}

/// Rows that go to another parent.
fn moved(group: &Group<'_>, by: &str) -> Result<Trigger> {
    let less = assignments(group, |kept| lost(group, kept, "OLD"))?;
    let more = assignments(group, |kept| gained(group, kept, "NEW"))?;
    let key = quote(&group.key.name);
    // A row that goes on to refer to itself by another key is counted for that.
    let other = match group.is_own() {
        true => format!(" AND NOT (NEW.{by} IS NEW.{key} AND OLD.{key} IS NOT NEW.{key})"),
        false => String::new(),
    };
    let work = [update(group, &less, &format!("OLD.{by}"), ""), update(group, &more, &format!("NEW.{by}"), &other)];
    Ok(trigger(group, "mov", &format!("AFTER UPDATE OF {by}"), &format!("OLD.{by} IS NOT NEW.{by}"), &work))
}

/// Rows that count for more or less than before; none if no figure depends on what they hold.
fn updated(group: &Group<'_>, by: &str) -> Result<Option<Trigger>> {
    let columns = group.watched();
    if columns.as_ref().is_some_and(Vec::is_empty) {
        return Ok(None);
    }
    let event = match columns {
        Some(columns) => {
            let columns: Vec<String> = columns.into_iter().map(quote).collect();
            format!("AFTER UPDATE OF {}", columns.join(", "))
        }
        None => "AFTER UPDATE".to_owned(),
    };
    let (mut set, mut differ) = (Vec::new(), Vec::new());
    for kept in group.figures.iter().filter(|kept| kept.over.is_some() || kept.condition.is_some()) {
        let (old, new) = (value(group, kept, "OLD")?, value(group, kept, "NEW")?);
        differ.push(differs(&old, &new, Dialect::Sqlite));
        set.push(format!("{} = {}", quote(&kept.column.name), changed(group, kept)?));
    }
    let when = format!("OLD.{by} IS NEW.{by} AND NEW.{by} IS NOT NULL AND ({})", differ.join(" OR "));
    Ok(Some(trigger(group, "upd", &event, &when, &[update(group, &set, &format!("NEW.{by}"), "")])))
}

/// The triggers on a table with figures, over all of its relations.
pub(super) fn guards(groups: &[&Group<'_>]) -> Result<Vec<Trigger>> {
    let Some(first) = groups.first() else { return Ok(Vec::new()) };
    let parent = first.parent;
    let table = quote(&parent.table);
    let same: Vec<String> = primary_key(parent).iter().map(|name| format!("{0} = NEW.{0}", quote(name))).collect();
    let (mut back, mut truths, mut differ, mut wrong, mut columns) = (vec![], vec![], vec![], vec![], vec![]);
    let mut keys: Vec<String> = Vec::new();
    for group in groups {
        let key = quote(&group.key.name);
        for kept in &group.figures {
            let name = quote(&kept.column.name);
            let truth = group.truth(kept, &format!("NEW.{key}"), "")?;
            back.push(format!("{name} = OLD.{name}"));
            differ.push(differs(&format!("OLD.{name}"), &format!("NEW.{name}"), Dialect::Sqlite));
            wrong.push(differs(&format!("NEW.{name}"), &truth, Dialect::Sqlite));
            truths.push(format!("{name} = {truth}"));
            columns.push(name);
        }
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let same_key: Vec<String> = keys.iter().map(|key| format!("OLD.{key} IS NEW.{key}")).collect();
    let tables: Vec<String> = groups.iter().flat_map(|group| group.tables()).collect();
    let kept: Vec<_> = groups.iter().flat_map(|group| group.figures.iter().map(|kept| kept.column)).collect();
    let make = |what: &str, event: &str, when: &str, set: &[String]| {
        let name = guard_name(parent, what, Dialect::Sqlite);
        let work = [format!("UPDATE {table} SET {} WHERE {}", set.join(", "), same.join(" AND "))];
        let text = statement(&name, event, &table, when, &work);
        Trigger {
            create: vec![text.clone()],
            text,
            drop: drop(&name),
            table: parent.table.clone(),
            tables: tables.clone(),
            types: types(parent, &kept, Dialect::Sqlite),
            by: None,
            name,
        }
    };
    let by_others = format!(
        "({}) AND {} AND NOT EXISTS (SELECT 1 FROM {})",
        differ.join(" OR "),
        same_key.join(" AND "),
        quote(COUNTING)
    );
    Ok(vec![
        make("set", &format!("AFTER UPDATE OF {}", columns.join(", ")), &by_others, &back),
        make("new", "AFTER INSERT", &wrong.join(" OR "), &truths),
        make(
            "key",
            &format!("AFTER UPDATE OF {}", keys.join(", ")),
            &format!("NOT ({})", same_key.join(" AND ")),
            &truths,
        ),
    ])
}

fn trigger(group: &Group<'_>, what: &str, event: &str, when: &str, work: &[String]) -> Trigger {
    let name = group.name(what);
    let text = statement(&name, event, &quote(&group.child.table), when, work);
    Trigger {
        create: vec![text.clone()],
        text,
        drop: drop(&name),
        table: group.child.table.clone(),
        tables: group.tables(),
        types: Vec::new(),
        by: Some(group.by.name.clone()),
        name,
    }
}

fn statement(name: &str, event: &str, table: &str, when: &str, work: &[String]) -> String {
    let counting = quote(COUNTING);
    format!(
        "CREATE TRIGGER {} {event} ON {table} WHEN {when} BEGIN INSERT INTO {counting} VALUES (NULL); {}; DELETE FROM \
         {counting} WHERE \"id\" = (SELECT max(\"id\") FROM {counting}); END",
        quote(name),
        work.join("; "),
    )
}

fn drop(name: &str) -> String {
    format!("DROP TRIGGER IF EXISTS {}", quote(name))
}

fn update(group: &Group<'_>, set: &[String], key: &str, but: &str) -> String {
    let (table, own) = (quote(&group.parent.table), quote(&group.key.name));
    format!("UPDATE {table} SET {} WHERE {own} = {key}{but}", set.join(", "))
}

fn assignments(group: &Group<'_>, to: impl Fn(&Kept<'_>) -> Result<String>) -> Result<Vec<String>> {
    group.figures.iter().map(|kept| Ok(format!("{} = {}", quote(&kept.column.name), to(kept)?))).collect()
}

/// That a row counts for one of the figures, unless there is one that all rows count for.
fn any_counts(group: &Group<'_>, row: &'static str) -> Result<String> {
    let mut conditions = Vec::new();
    for kept in &group.figures {
        match group.condition(kept, row)? {
            Some(condition) => conditions.push(format!("({condition})")),
            None => return Ok(String::new()),
        }
    }
    conditions.dedup();
    Ok(format!(" AND ({})", conditions.join(" OR ")))
}

/// What a row counts for.
fn value(group: &Group<'_>, kept: &Kept<'_>, row: &'static str) -> Result<String> {
    let condition = group.condition(kept, row)?;
    let over = kept.over.map(|column| format!("{row}.{}", quote(&column.name))).unwrap_or_default();
    Ok(match (&kept.rollup.figure, condition) {
        (Figure::Count, None) => "1".to_owned(),
        (Figure::Count, Some(condition)) => format!("(({condition}) IS TRUE)"),
        (Figure::Sum(_), None) => format!("coalesce({over}, 0)"),
        (Figure::Sum(_), Some(condition)) => format!("CASE WHEN {condition} THEN coalesce({over}, 0) ELSE 0 END"),
        (_, None) => over,
        (_, Some(condition)) => format!("CASE WHEN {condition} THEN {over} END"),
    })
}

/// A figure with a row more.
fn gained(group: &Group<'_>, kept: &Kept<'_>, row: &'static str) -> Result<String> {
    let (name, value) = (quote(&kept.column.name), value(group, kept, row)?);
    Ok(match beats(kept) {
        None => rounded(kept, Dialect::Sqlite, format!("{name} + {value}")),
        Some(_) => better(kept, &name, &value),
    })
}

/// A figure with a row less.
fn lost(group: &Group<'_>, kept: &Kept<'_>, row: &'static str) -> Result<String> {
    let (name, value) = (quote(&kept.column.name), value(group, kept, row)?);
    let Some(beats) = beats(kept) else {
        return Ok(rounded(kept, Dialect::Sqlite, format!("{name} - {value}")));
    };
    let truth = group.truth(kept, &format!("{row}.{}", quote(&group.by.name)), "")?;
    Ok(format!("CASE WHEN {value} {beats}= {name} THEN {truth} ELSE {name} END"))
}

/// A figure with a row that counts for something else than before.
fn changed(group: &Group<'_>, kept: &Kept<'_>) -> Result<String> {
    let name = quote(&kept.column.name);
    let (old, new) = (value(group, kept, "OLD")?, value(group, kept, "NEW")?);
    let Some(beats) = beats(kept) else {
        return Ok(rounded(kept, Dialect::Sqlite, format!("{name} - {old} + {new}")));
    };
    let truth = group.truth(kept, &format!("NEW.{}", quote(&group.by.name)), "")?;
    let is_gone = format!("{old} {beats}= {name} AND ({new} IS NULL OR {name} {beats} {new})");
    Ok(format!("CASE WHEN {is_gone} THEN {truth} ELSE {} END", better(kept, &name, &new)))
}

/// The greater or lesser of two, whichever is not null.
fn better(kept: &Kept<'_>, name: &str, value: &str) -> String {
    let function = if beats(kept) == Some(">") { "max" } else { "min" };
    format!("{function}(coalesce({name}, {value}), coalesce({value}, {name}))")
}
