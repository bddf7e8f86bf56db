//! Tables held against what models would make.

use super::expression::Reader;
use super::token::tokens;
use super::{Catalogue, Column, Constraint, ConstraintKind, Expression, Index, Numbering, Table, statement};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::{State, names, table_statements};
use crate::model::{Deferrable, Models};

/// The tables that models would make: the statements that make them, read back.
pub(super) fn expected(models: &Models, dialect: Dialect) -> Result<Catalogue> {
    // As migrations have them: with names for indexes that have none.
    let schema = State::of(models)?.schema(dialect)?;
    let mut catalogue = Catalogue { dialect, tables: Vec::new() };
    for sql in table_statements(&schema)? {
        add(&mut catalogue, &sql)
            .ok_or_else(|| Error::new(ErrorKind::Decode, format!("a statement cannot be read back: {sql}")))?;
    }
    Ok(catalogue)
}

fn add(catalogue: &mut Catalogue, sql: &str) -> Option<()> {
    let dialect = catalogue.dialect;
    if sql.starts_with("CREATE TABLE ") {
        catalogue.tables.push(statement::table(sql, dialect)?);
        return Some(());
    }
    if sql.starts_with("CREATE ") {
        let (table, index) = statement::index(sql, dialect)?;
        catalogue.table_mut(&table)?.indexes.push(index);
        return Some(());
    }
    let mut reader = Reader::new(tokens(sql)?, dialect);
    if reader.words(&["alter", "table"]) {
        let table = reader.name()?;
        reader.words(&["add", "constraint"]).then_some(())?;
        let name = reader.name();
        let kind = statement::constraint(&reader.text(), dialect)?;
        catalogue.table_mut(&table)?.constraints.push(Constraint { name, kind });
    } else if reader.words(&["comment", "on", "table"]) {
        let table = reader.name()?;
        reader.words(&["is"]);
        catalogue.table_mut(&table)?.comment = reader.name();
    } else if reader.words(&["comment", "on", "column"]) {
        let table = reader.name()?;
        reader.sign(".");
        let column = reader.name()?;
        reader.words(&["is"]);
        let comment = reader.name();
        catalogue.table_mut(&table)?.columns.iter_mut().find(|it| it.name == column)?.comment = comment;
    } else {
        return None;
    }
    Some(())
}

impl Catalogue {
    fn table_mut(&mut self, name: &str) -> Option<&mut Table> {
        self.tables.iter_mut().find(|table| table.name == name)
    }
}

/// Where a table differs from what its model would make, a sentence each. Columns that the model does not have are not
/// spoken of.
pub(super) fn differences(actual: &Table, expected: &Table, dialect: Dialect) -> Vec<String> {
    let mut found = Vec::new();
    for column in &expected.columns {
        if let Some(live) = actual.column(&column.name) {
            column_differences(live, column, &mut found);
        }
    }
    if actual.primary_key != expected.primary_key {
        let (live, made) = (actual.primary_key.join(", "), expected.primary_key.join(", "));
        found.push(format!("the primary key is ({live}), the model would make it ({made})"));
    }
    if actual.comment != expected.comment {
        found.push(format!("the comment is {:?}, the model would make it {:?}", actual.comment, expected.comment));
    }
    found.extend(actual.options.iter().map(|option| format!("no model says that the table is `{option}`")));
    let same = |one: &Constraint, other: &Constraint| is_same(one, other, actual, dialect);
    let (here, there) = unmatched(&actual.constraints, &expected.constraints, same);
    for constraint in &here {
        // One of the same demands, under another name.
        match there.iter().find(|it| demands_the_same(constraint, it)) {
            Some(other) => {
                let (live, made) = (constraint.name.as_deref(), other.name.as_deref());
                found.push(format!(
                    "{} is named {}, the model would name it {}",
                    describe(&constraint.kind),
                    live.unwrap_or("nothing"),
                    made.unwrap_or("nothing")
                ));
            }
            None => found.push(format!(
                "{}{} is not part of the model",
                constraint.name.as_ref().map(|name| format!("constraint `{name}`: ")).unwrap_or_default(),
                describe(&constraint.kind)
            )),
        }
    }
    for constraint in there.iter().filter(|it| !here.iter().any(|live| demands_the_same(live, it))) {
        found.push(format!("the model would make {}, which is not there", describe(&constraint.kind)));
    }
    let (here, there) = unmatched(&actual.indexes, &expected.indexes, |one: &Index, other| one == other);
    found.extend(here.iter().map(|index| format!("an index is not part of the model: {}", index.definition)));
    found.extend(
        there.iter().map(|index| format!("the model would make an index that is not there: {}", index.definition)),
    );
    found
}

fn column_differences(live: &Column, made: &Column, found: &mut Vec<String>) {
    let name = &live.name;
    if live.kind != made.kind {
        found.push(format!("column `{name}` is of type {}, the model would make it {}", live.kind, made.kind));
    }
    let null = |column: &Column| if column.null { "may be null" } else { "may not be null" };
    if live.null != made.null {
        found.push(format!("column `{name}` {} in the database, and {} in the model", null(live), null(made)));
    }
    let text = |expression: Option<&Expression>| expression.map_or("none".to_owned(), |it| it.text.clone());
    if live.default != made.default {
        let (live, made) = (text(live.default.as_ref()), text(made.default.as_ref()));
        found.push(format!("column `{name}` has the default {live} in the database, and {made} in the model"));
    }
    if live.generated != made.generated {
        let of = |column: &Column| text(column.generated.as_ref().map(|(expression, _)| expression));
        found.push(format!("column `{name}` is computed from {}, and in the model from {}", of(live), of(made)));
    }
    if live.numbering != made.numbering {
        let of = |column: &Column| match column.numbering {
            None => "not numbered, or only by its row id",
            Some(Numbering::Autoincrement) => "numbered by AUTOINCREMENT",
            Some(Numbering::Identity) => "an identity column",
            Some(Numbering::AlwaysIdentity) => "an identity column that takes no numbers from outside",
            Some(Numbering::Serial) => "numbered by a sequence (serial)",
        };
        found.push(format!("column `{name}` is {}, the model would make it {}", of(live), of(made)));
    }
    if live.collation != made.collation {
        let of = |column: &Column| column.collation.clone().unwrap_or_else(|| "none of its own".to_owned());
        found.push(format!("column `{name}` has the collation {}, and in the model {}", of(live), of(made)));
    }
    if live.comment != made.comment {
        found
            .push(format!("the comment of column `{name}` is {:?}, and in the model {:?}", live.comment, made.comment));
    }
}

/// What is on one side alone.
fn unmatched<'a, T>(here: &'a [T], there: &'a [T], same: impl Fn(&T, &T) -> bool) -> (Vec<&'a T>, Vec<&'a T>) {
    let left = here.iter().filter(|one| !there.iter().any(|other| same(one, other))).collect();
    let right = there.iter().filter(|other| !here.iter().any(|one| same(one, other))).collect();
    (left, right)
}

fn is_same(one: &Constraint, other: &Constraint, table: &Table, dialect: Dialect) -> bool {
    if !demands_the_same(one, other) {
        return false;
    }
    match (&one.name, &other.name, &one.kind) {
        (one, other, _) if one == other => true,
        // PostgreSQL names it in `CREATE TABLE`, Django where a field becomes unique later.
        (Some(one), Some(other), ConstraintKind::Unique { columns, .. }) if columns.len() == 1 => {
            let names = [
                statement::automatic_name(&table.name, &columns[0], "key"),
                names::index(&table.name, &[&columns[0]], "_uniq", dialect),
            ];
            names.contains(one) && names.contains(other)
        }
        _ => false,
    }
}

fn demands_the_same(one: &Constraint, other: &Constraint) -> bool {
    match (&one.kind, &other.kind) {
        (
            ConstraintKind::ForeignKey { columns, table, to, actions, deferrable },
            ConstraintKind::ForeignKey { columns: c, table: t, to: o, actions: a, deferrable: d },
        ) => columns == c && table == t && (to == o || to.is_empty()) && actions == a && deferrable == d,
        (one, other) => one == other,
    }
}

fn describe(kind: &ConstraintKind) -> String {
    let when = |deferrable: &Option<Deferrable>| match deferrable {
        None => "",
        Some(Deferrable::Deferred) => " DEFERRABLE INITIALLY DEFERRED",
        Some(Deferrable::Immediate) => " DEFERRABLE",
    };
    match kind {
        ConstraintKind::Unique { columns, deferrable, .. } => {
            format!("UNIQUE ({}){}", columns.join(", "), when(deferrable))
        }
        ConstraintKind::Check(expression) => format!("CHECK ({})", expression.text),
        ConstraintKind::ForeignKey { columns, table, to, actions, deferrable } => {
            let actions: String = actions.iter().map(|action| format!(" {action}")).collect();
            let to = if to.is_empty() { String::new() } else { format!(" ({})", to.join(", ")) };
            format!("FOREIGN KEY ({}) REFERENCES {table}{to}{actions}{}", columns.join(", "), when(deferrable))
        }
    }
}
