//! What a live database holds: its tables, read from the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use crate::db::Db;
use crate::engine::Dialect;
use crate::error::Result;

/// The names of the columns of every table that a database has, by the table's name, in one query.
///
/// On PostgreSQL the tables that can be named without their schema; on SQLite those of the main database. Views are not
/// among them.
///
/// # Errors
/// The database's.
pub async fn columns(db: &Db) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let sql = match db.dialect() {
        Dialect::Sqlite => {
            "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_xinfo(m.name) c WHERE m.type = 'table'"
        }
        Dialect::Postgres => {
            "SELECT c.relname::text, a.attname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
             WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid) AND c.relnamespace NOT IN \
             ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) AND a.attnum > 0 AND NOT a.attisdropped"
        }
    };
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (table, column) in db.raw(sql, ()).fetch::<(String, String)>().await? {
        tables.entry(table).or_default().insert(column);
    }
    Ok(tables)
}
