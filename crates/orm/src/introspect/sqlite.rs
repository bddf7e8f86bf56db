//! The tables of a SQLite database: the statements that made them, which SQLite keeps.

use super::{Table, statement};
use crate::db::Db;
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};

/// Reads all tables in one query.
pub(super) async fn tables(db: &Db) -> Result<Vec<Table>> {
    // Virtual tables, the tables behind them and SQLite's own are none that models make.
    let sql = "SELECT m.type, m.name, m.sql FROM sqlite_master m \
               JOIN pragma_table_list t ON t.name = m.tbl_name AND t.schema = 'main' AND t.type = 'table' \
               WHERE m.sql IS NOT NULL AND m.type IN ('table', 'index') AND m.tbl_name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
               ORDER BY m.type DESC, m.rowid";
    let mut tables: Vec<Table> = Vec::new();
    for (kind, name, sql) in db.raw(sql, ()).fetch::<(String, String, String)>().await? {
        let unreadable =
            || Error::new(ErrorKind::Decode, format!("the definition of {kind} `{name}` cannot be read: {sql}"));
        if kind == "table" {
            let mut table = statement::table(&sql, Dialect::Sqlite).ok_or_else(unreadable)?;
            // The name in the catalogue is the one that holds.
            table.name.clone_from(&name);
            // A key of this type is the row's own number, and never null.
            if let [key] = table.primary_key.as_slice()
                && let Some(column) = table.columns.iter_mut().find(|column| column.name == *key)
                && column.kind == "integer"
            {
                column.null = false;
            }
            tables.push(table);
        } else {
            let (on, index) = statement::index(&sql, Dialect::Sqlite).ok_or_else(unreadable)?;
            if let Some(table) = tables.iter_mut().find(|table| table.name.eq_ignore_ascii_case(&on)) {
                table.indexes.push(index);
            }
        }
    }
    Ok(tables)
}
