//! What dropping a table to make it anew takes along on SQLite, and what nobody watches meanwhile.

use std::collections::BTreeSet;

use super::super::ddl::rollup::is_keeper;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};

/// Rows named in a message.
const SAMPLE: usize = 5;

/// The triggers of a SQLite database: name, table, and statement.
pub(super) async fn triggers(db: &Db) -> Result<Vec<(String, String, String)>> {
    db.raw("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'", ()).fetch().await
}

/// Makes the triggers again that went with a table which was made anew.
pub(super) async fn restore_triggers(db: &Db, before: Vec<(String, String, String)>) -> Result<()> {
    if before.is_empty() {
        return Ok(());
    }
    let left: BTreeSet<String> = triggers(db).await?.into_iter().map(|(name, ..)| name).collect();
    let tables: Vec<(String,)> = db.raw("SELECT name FROM sqlite_master WHERE type = 'table'", ()).fetch().await?;
    for (name, table, sql) in before {
        let stays_gone = !tables.iter().any(|(known,)| *known == table);
        if stays_gone || left.contains(&name) || is_keeper(&name) {
            continue;
        }
        db.script(sql).await.map_err(|error| {
            Error::new(ErrorKind::Migration, format!("trigger `{name}` of {table} cannot be made again: {error}"))
        })?;
    }
    Ok(())
}

/// Looks for rows that refer to nothing, which nobody watched while foreign keys were off.
pub(super) async fn check_keys(db: &Db) -> Result<()> {
    let dangling: Vec<(String, Option<i64>, String, i64)> = db.raw("PRAGMA foreign_key_check", ()).fetch().await?;
    if dangling.is_empty() {
        return Ok(());
    }
    let named = dangling.iter().take(SAMPLE).map(|(table, row, to, _)| match row {
        Some(row) => format!("row {row} of {table} refers to no row of {to}"),
        None => format!("a row of {table} refers to no row of {to}"),
    });
    let more = dangling.len().saturating_sub(SAMPLE);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Error::new(
        ErrorKind::Migration,
        format!(
            "{}{more}; nothing of this migration was applied: correct these rows, then run migrate again",
            named.collect::<Vec<_>>().join(", ")
        ),
    ))
}
