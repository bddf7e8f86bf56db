//! Rows in the order of their primary key, some at a time, in one transaction: for what has to be done for each row.

use super::node::{Lookup, Node};
use super::plan::{Lock, Query, Step};
use super::run;
use super::spec;
use crate::batch::keyset::Stretch;
use crate::db::Db;
use crate::encryption::{self, Plaintext};
use crate::error::Result;
use crate::model::Entry;
use crate::sql;
use crate::value::Value;

/// Rows that are changed by one statement: each takes a few parameters, of which SQLite has 32,766.
const ROWS: u64 = 200;

/// A row: its key, and what was asked for beside it.
pub(crate) type KeyedRow = (Vec<Value>, Vec<Value>);

/// The first rows of a stretch, with some of their columns, locked until the transaction ends.
pub(crate) async fn page(db: &Db, stretch: &Stretch, columns: &[Node], rows: u64) -> Result<Vec<KeyedRow>> {
    let mut selected = stretch.key_columns();
    let width = selected.len();
    selected.extend_from_slice(columns);
    let query =
        stretch.page(rows).then(Step::Values(selected)).then(Step::Lock(Lock { of_self: true, ..Lock::default() }));
    let split = |mut row: Vec<Value>| {
        let columns = row.split_off(width.min(row.len()));
        (row, columns)
    };
    Ok(spec::rows(db, &query).await?.into_iter().map(split).collect())
}

/// A query for the same rows that can be paged through, and that the database can lock.
fn pageable(entry: &Entry, query: &Query) -> Query {
    let is_order = |step: &Step| matches!(step, Step::OrderBy(_) | Step::Reverse);
    let is_simple = |step: &Step| matches!(step, Step::Filter(_) | Step::Exclude(_));
    let mut query = query.clone();
    query.steps.retain(|step| !is_order(step));
    match entry.single_key() {
        Some(key) if !query.steps.iter().all(is_simple) => {
            let path = Node::Path(vec![key.attname.clone().into()]);
            let label = query.model.clone();
            let keys = query.then(Step::OrderBy(Vec::new())).then(Step::Values(vec![path.clone()]));
            let found = Node::lookup(path, Lookup::In, Node::Subquery(Box::new(keys)));
            Query::on(label).then(Step::Filter(found))
        }
        _ => query,
    }
}

/// Sets fields of all rows, some of them to what is sealed for each row; by so many statements as it takes, in one
/// transaction.
pub(super) async fn set(
    db: &Db,
    entry: &Entry,
    query: &Query,
    pairs: &[(Node, Node)],
    bound: &[(usize, Plaintext)],
) -> Result<u64> {
    // What cannot be updated is refused as by one statement.
    sql::update(db.schema(), query, pairs)?;
    let open = db.begin(true).await?;
    let changed = set_within(open.db(), entry, query, pairs, bound).await;
    open.end_with(changed).await
}

async fn set_within(
    db: &Db,
    entry: &Entry,
    query: &Query,
    pairs: &[(Node, Node)],
    bound: &[(usize, Plaintext)],
) -> Result<u64> {
    let mut stretch = Stretch::whole(db, pageable(entry, query))?;
    let mut changed = 0;
    loop {
        let rows = page(db, &stretch, &[], ROWS).await?;
        // A row comes once for each row that a condition over many finds.
        let mut keys: Vec<Vec<Value>> = rows.into_iter().map(|(key, _)| key).collect();
        keys.dedup();
        let Some(last) = keys.last().cloned() else { return Ok(changed) };
        let mut pairs = pairs.to_vec();
        for (place, plain) in bound {
            let Some(column) = entry.columns.get(*place) else { continue };
            let mut values = Vec::with_capacity(keys.len());
            for key in &keys {
                values.push((key.clone(), encryption::seal_for_row(db.schema(), column, plain, key)?));
            }
            pairs.push((Node::Path(vec![entry.field(column.field).name.clone()]), by_key(entry, values)));
        }
        let rows = Query::on(entry.label.clone()).then(Step::Filter(run::key_in(entry, keys)));
        changed += run::assign(db, &rows, &pairs).await?;
        stretch = stretch.beyond(last);
    }
}

/// A value for each row, by the rows' keys.
pub(crate) fn by_key(entry: &Entry, values: Vec<(Vec<Value>, Value)>) -> Node {
    let whens = values.into_iter().map(|(key, value)| (run::key_in(entry, vec![key]), Node::value(value)));
    Node::Case { whens: whens.collect(), default: None }
}
