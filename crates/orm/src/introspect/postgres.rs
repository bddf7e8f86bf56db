//! The tables of a PostgreSQL database: its catalogue, in one query for each kind of thing.

use std::collections::HashMap;

use super::{Column, Constraint, Expression, Numbering, Table, statement};
use crate::db::Db;
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};

/// The tables that are looked at, as `t`.
const TABLES: &str = "(SELECT c.* , c.oid AS id FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition \
                      AND pg_table_is_visible(c.oid) AND c.relnamespace NOT IN \
                      ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)) t";

type ColumnRow = (String, String, String, bool, String, Option<String>, Option<String>, Option<String>);

/// Reads all tables in four queries.
pub(super) async fn tables(db: &Db) -> Result<Vec<Table>> {
    let sql = format!("SELECT t.relname::text, t.relkind::text, obj_description(t.id, 'pg_class') FROM {TABLES}");
    let mut tables = HashMap::new();
    for (name, kind, comment) in db.raw(sql, ()).fetch::<(String, String, Option<String>)>().await? {
        let options = if kind == "p" { vec!["partitioned".to_owned()] } else { Vec::new() };
        tables.insert(name.clone(), Table { comment, options, ..Table::new(name) });
    }
    columns(db, &mut tables).await?;
    constraints(db, &mut tables).await?;
    let sql = format!(
        "SELECT t.relname::text, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN {TABLES} ON t.id = i.indrelid \
         WHERE NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN \
         ('p', 'u', 'x')) ORDER BY i.indexrelid"
    );
    for (table, definition) in db.raw(sql, ()).fetch::<(String, String)>().await? {
        let (_, index) =
            statement::index(&definition, Dialect::Postgres).ok_or_else(|| unreadable(&table, &definition))?;
        if let Some(table) = tables.get_mut(&table) {
            table.indexes.push(index);
        }
    }
    Ok(tables.into_values().collect())
}

async fn columns(db: &Db, tables: &mut HashMap<String, Table>) -> Result<()> {
    let sql = format!(
        "SELECT t.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, \
         a.attidentity::text || a.attgenerated::text, pg_get_expr(d.adbin, d.adrelid), \
         (SELECT o.collname::text FROM pg_collation o JOIN pg_type p ON p.oid = a.atttypid \
         WHERE o.oid = a.attcollation AND a.attcollation <> p.typcollation), col_description(t.id, a.attnum) \
         FROM pg_attribute a JOIN {TABLES} ON t.id = a.attrelid \
         LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
         WHERE a.attnum > 0 AND NOT a.attisdropped ORDER BY t.relname, a.attnum"
    );
    for (table, name, kind, not_null, made, expression, collation, comment) in
        db.raw(sql, ()).fetch::<ColumnRow>().await?
    {
        let Some(table) = tables.get_mut(&table) else { continue };
        let mut column = Column { null: !not_null, collation, comment, ..Column::new(name, kind) };
        let expression = expression.map(|text| Expression::new(text, Dialect::Postgres));
        match (made.as_str(), expression) {
            ("d", _) => column.numbering = Some(Numbering::Identity),
            ("a", _) => column.numbering = Some(Numbering::AlwaysIdentity),
            ("s", Some(expression)) => column.generated = Some((expression, true)),
            ("v", Some(expression)) => column.generated = Some((expression, false)),
            (_, Some(expression)) if expression.text.starts_with("nextval(") => {
                column.numbering = Some(Numbering::Serial);
            }
            (_, expression) => column.default = expression,
        }
        table.columns.push(column);
    }
    Ok(())
}

async fn constraints(db: &Db, tables: &mut HashMap<String, Table>) -> Result<()> {
    let sql = format!(
        "SELECT t.relname::text, k.conname::text, k.contype::text, pg_get_constraintdef(k.oid) \
         FROM pg_constraint k JOIN {TABLES} ON t.id = k.conrelid WHERE k.contype <> 'n' ORDER BY k.oid"
    );
    for (on, name, kind, definition) in db.raw(sql, ()).fetch::<(String, String, String, String)>().await? {
        let Some(table) = tables.get_mut(&on) else { continue };
        match kind.as_str() {
            "p" => {
                table.primary_key = statement::primary_key(&definition).ok_or_else(|| unreadable(&on, &definition))?;
            }
            "u" | "c" | "f" => {
                let kind = statement::constraint(&definition, Dialect::Postgres)
                    .ok_or_else(|| unreadable(&on, &definition))?;
                if definition.ends_with(" NOT VALID") {
                    table.options.push(format!("{name}: not valid yet"));
                }
                table.constraints.push(Constraint { name: Some(name), kind });
            }
            _ => table.options.push(format!("{name}: {definition}")),
        }
    }
    Ok(())
}

fn unreadable(table: &str, definition: &str) -> Error {
    Error::new(ErrorKind::Decode, format!("a part of table `{table}` cannot be read: {definition}"))
}
