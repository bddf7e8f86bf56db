//! What only the database knows: names of constraints and indexes that another program made, that somebody renamed, or
//! that kept their name when the table or column did not; and what somebody has put on a table of SQLite by hand.
//!
//! A statement is written with the name that migrations would have given. When it is run, the database is asked what it
//! calls constraints of that kind on these columns, and the statement is run for each of them.

use super::{Change, Table, quote};
use crate::db::Db;
use crate::engine::Dialect;
use crate::error::Result;
use crate::migrate::operation::Constraint;

/// What to ask the database before a statement is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// By which name it knows what the statement is about.
    Named(Named),
    /// What is to be kept of a table of SQLite that the statement drops for a new one.
    Kept(Kept),
}

/// Triggers, and indexes that the models do not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The statements of the indexes that the models have.
    pub(super) known: Vec<String>,
    /// The columns that are gone, with the indexes over them.
    pub(super) removed: Vec<String>,
}

/// Something on columns of a table, by what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    what: What,
    /// The name in the statement.
    expected: String,
    columns: Vec<String>,
    /// Names that the models give to others.
    except: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// A constraint of PostgreSQL, by its letter in `pg_constraint.contype`.
    Constraint(char),
    /// An index over the columns as they are.
    Index { unique: bool },
    /// An index that is good for `LIKE` in any locale.
    PatternIndex,
    /// What numbers a column.
    Sequence,
}

impl Lookup {
    pub(super) fn constraint(table: Table<'_>, expected: &str, kind: char, columns: &[&str]) -> Self {
        Lookup::new(table, expected, What::Constraint(kind), columns)
    }

    pub(super) fn index(table: Table<'_>, expected: &str, columns: &[&str], unique: bool) -> Self {
        Lookup::new(table, expected, What::Index { unique }, columns)
    }

    pub(super) fn pattern_index(table: Table<'_>, expected: &str, column: &str) -> Self {
        Lookup::new(table, expected, What::PatternIndex, &[column])
    }

    pub(super) fn sequence(table: Table<'_>, expected: &str, column: &str) -> Self {
        Lookup::new(table, expected, What::Sequence, &[column])
    }

    fn new(table: Table<'_>, expected: &str, what: What, columns: &[&str]) -> Self {
        let definition = &table.entry.definition;
        let indexes = definition.indexes.iter().filter_map(|index| index.name.as_deref().map(str::to_owned));
        let constraints = Constraint::all_of(definition).into_iter().map(|constraint| constraint.name().to_string());
        Lookup::Named(Named {
            what,
            expected: expected.to_owned(),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            except: indexes.chain(constraints).collect(),
        })
    }
}

impl Named {
    /// The query for the names, as they stand in a statement.
    fn sql(&self, table: &str, dialect: Dialect) -> String {
        let all = |names: &[String]| names.iter().map(|name| text(name)).collect::<Vec<_>>().join(", ");
        let (columns, except) = (all(&self.columns), all(&self.except));
        if dialect == Dialect::Sqlite {
            let unique = u8::from(self.what == What::Index { unique: true });
            let listed = self.columns.join("\u{1f}");
            return format!(
                "SELECT name FROM pragma_index_list({}) AS found WHERE origin = 'c' AND partial = 0 AND \"unique\" = \
                 {unique} AND name NOT IN ({except}) AND (SELECT group_concat(name, char(31)) FROM (SELECT name FROM \
                 pragma_index_info(found.name) ORDER BY seqno)) = {} ORDER BY seq DESC",
                text(table),
                text(&listed)
            );
        }
        let on = format!("to_regclass({})", text(&quote(table)));
        let named = |keys: &str| {
            format!(
                "ARRAY(SELECT a.attname::text FROM unnest({keys}) WITH ORDINALITY AS k (number, place) JOIN \
                 pg_attribute a ON a.attrelid = {on} AND a.attnum = k.number ORDER BY place) = ARRAY[{columns}]::text[]"
            )
        };
        let pattern =
            "SELECT FROM pg_opclass o WHERE o.oid = ANY (x.indclass::oid[]) AND o.opcname LIKE '%pattern_ops'";
        match &self.what {
            What::Constraint(kind) => format!(
                "SELECT conname::text FROM pg_constraint WHERE conrelid = {on} AND contype = {} AND conname <> ALL \
                 (ARRAY[{except}]::text[]) AND {} ORDER BY 1",
                text(&kind.to_string()),
                named("conkey"),
            ),
            What::Sequence => {
                format!("SELECT pg_get_serial_sequence({}, {columns})", text(&quote(table)))
            }
            What::Index { .. } | What::PatternIndex => format!(
                "SELECT i.relname::text FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am m ON m.oid = \
                 i.relam WHERE x.indrelid = {on} AND m.amname = 'btree' AND NOT x.indisunique AND x.indpred IS NULL AND \
                 x.indexprs IS NULL AND i.relname <> ALL (ARRAY[{except}]::text[]) AND x.indnkeyatts = x.indnatts AND \
                 {}{} ORDER BY 1",
                named("x.indkey::smallint[]"),
                match self.what {
                    What::PatternIndex => format!(" AND EXISTS ({pattern})"),
                    _ => format!(" AND NOT EXISTS ({pattern})"),
                },
            ),
        }
    }
}

impl Kept {
    /// The statements that make it again, of the table as it is.
    async fn statements(&self, db: &Db, table: &str) -> Result<Vec<String>> {
        let sql = format!(
            "SELECT name, sql, (SELECT group_concat(name, char(31)) FROM pragma_index_info(found.name)) FROM \
             sqlite_master AS found WHERE sql IS NOT NULL AND type IN ('index', 'trigger') AND tbl_name = {} ORDER BY \
             type, name",
            text(table)
        );
        let found: Vec<(String, String, Option<String>)> = db.raw(sql, ()).writes().fetch().await?;
        let is_kept = |(name, sql, columns): &(String, String, Option<String>)| {
            // By its name, or by what it is over: a renamed column does not rename its index.
            let is_known = self.known.iter().any(|known| {
                known.contains(&format!(" INDEX {} ON ", quote(name))) || without_name(known) == without_name(sql)
            });
            let mut columns = columns.iter().flat_map(|columns| columns.split('\u{1f}'));
            !is_known && !columns.any(|column| self.removed.iter().any(|removed| removed == column))
        };
        let others = found.into_iter().filter(|(name, ..)| !super::rollup::is_keeper(name));
        Ok(others.filter(is_kept).map(|(_, sql, _)| sql).collect())
    }
}

/// The statement of an index without the index' name.
fn without_name(sql: &str) -> Option<(&str, &str)> {
    let (start, rest) = sql.split_once(" INDEX ")?;
    Some((start, rest.split_once(" ON ")?.1))
}

impl Change {
    /// Runs it; for something that has another name in the database, under that; for several, once for each; and not
    /// at all if there is none.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn run(&self, db: &Db) -> Result<()> {
        let named = match &self.lookup {
            None => return db.script(self.sql.clone()).await,
            Some(Lookup::Kept(kept)) => {
                let again = kept.statements(db, &self.table).await?;
                db.script(self.sql.clone()).await?;
                for sql in again {
                    db.script(sql).await?;
                }
                return Ok(());
            }
            Some(Lookup::Named(named)) => named,
        };
        let found: Vec<(Option<String>,)> = db.raw(named.sql(&self.table, db.dialect()), ()).writes().fetch().await?;
        let mut names: Vec<String> = found.into_iter().filter_map(|(name,)| name).collect();
        if named.what == What::Constraint('u') && names.contains(&named.expected) {
            // Two of the same columns: the one that the migrations made.
            names.retain(|name| *name == named.expected);
        }
        let expected = quote(&named.expected);
        for name in names {
            // The name of a sequence comes with its schema, and quoted.
            let name = if named.what == What::Sequence { name } else { quote(&name) };
            db.script(self.sql.replace(&expected, &name)).await?;
        }
        Ok(())
    }
}

fn text(name: &str) -> String {
    format!("'{}'", name.replace('\'', "''"))
}
