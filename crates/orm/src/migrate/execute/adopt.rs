//! First migrations whose tables are there already (Django's `detect_soft_applied`).

use crate::db::Db;
use crate::engine::Dialect;
use crate::error::Result;
use crate::introspect;
use crate::model::{Entry, Schema};

use super::super::operation::{Migration, Operation};
use super::super::state::State;

/// Whether all that a first migration makes is there by name: the tables of its models and those between, and the
/// columns of the fields that it adds. What they are made of is not compared.
///
/// A migration is a first one if it comes after no other of its app.
pub(super) async fn is_there(db: &Db, migration: &Migration, after: &State) -> Result<bool> {
    if migration.dependencies.iter().any(|(app, _)| *app == migration.app) {
        return Ok(false);
    }
    let schema = after.schema(db.dialect())?;
    let known = introspect::columns(db).await?;
    // SQLite's names are the same in any case.
    let fold = |name: &str| match db.dialect() {
        Dialect::Sqlite => name.to_lowercase(),
        Dialect::Postgres => name.to_owned(),
    };
    let known: std::collections::BTreeMap<String, Vec<String>> = known
        .iter()
        .map(|(table, columns)| (fold(table), columns.iter().map(|column| fold(column)).collect()))
        .collect();
    let has_table = |table: &str| known.contains_key(&fold(table));
    let mut found = false;
    for operation in &migration.operations {
        let (Operation::CreateModel(_) | Operation::AddField { .. }) = operation else { continue };
        let label = format!("{}.{}", migration.app, operation.model());
        // One that a later operation of the same migration removes leaves no trace.
        let Ok(entry) = schema.by_label(&label) else { continue };
        if !entry.definition.managed || entry.definition.proxy_for.is_some() {
            continue;
        }
        let is_there = match operation {
            Operation::AddField { field, .. } => {
                let Some(id) = entry.field_id(&field.name) else { continue };
                match entry.column(id) {
                    Some(column) => {
                        known.get(&fold(&entry.table)).is_some_and(|columns| columns.contains(&fold(&column.name)))
                    }
                    None => between(&schema, entry).all(has_table),
                }
            }
            _ => has_table(&entry.table) && between(&schema, entry).all(has_table),
        };
        if !is_there {
            return Ok(false);
        }
        found = true;
    }
    Ok(found)
}

/// The automatic tables between of a model.
fn between<'a>(schema: &'a Schema, entry: &Entry) -> impl Iterator<Item = &'a str> {
    let id = entry.id;
    let made_for = move |other: &&Entry| other.automatic_for.is_some_and(|(model, _)| model == id);
    schema.entries().iter().filter(made_for).map(|other| other.table.as_str())
}
