//! Deletion, and what `on_delete` says of the rows that refer to the deleted ones: carried out by the program, as in
//! Django (`django/db/models/deletion.py`), so that both sides agree on the same database.

use std::collections::{BTreeMap, HashMap, HashSet};

use nuages_structures::Graph;

use super::node::{Lookup, Node};
use super::plan::{Query, Step};
use super::set::Deleted;
use super::{run, soft_delete, spec};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, FieldDefault, FieldId, Model, ModelId, OnDelete, Schema, SchemaColumn};
use crate::signal::Listening;
use crate::sql::{self, Compiled};
use crate::value::Value;

/// Keys named in one statement: well under either engine's limit of parameters.
pub(super) const BATCH: usize = 500;

/// Rows of a protected relation that an error names.
const NAMED: usize = 5;

/// Deletes the rows of a query, and what goes with them; marks them instead, where the model has a mark.
pub(crate) async fn query(db: &Db, query: &Query) -> Result<Deleted> {
    if db.schema().by_label(&query.model)?.deletion_mark.is_none() {
        return hard(db, query).await;
    }
    refuse(query, "deleted")?;
    db.atomic(async |db: &Db| soft_delete::mark(db, query).await).await
}

/// Refuses queries of which it is not clear which rows they are about.
pub(super) fn refuse(query: &Query, what: &str) -> Result<()> {
    let refused = query.steps.iter().find_map(|step| match step {
        Step::Slice { .. } => Some("a limit or offset"),
        Step::Values(_) => Some("values"),
        Step::Combine { .. } => Some("a union"),
        Step::Distinct => Some("distinct"),
        _ => None,
    });
    match refused {
        Some(why) => Err(Error::new(ErrorKind::Type, format!("a query with {why} cannot be {what}"))),
        None => Ok(()),
    }
}

/// Deletes the rows of a query from the table, and what goes with them, marked rows too.
pub(crate) async fn hard(db: &Db, query: &Query) -> Result<Deleted> {
    refuse(query, "deleted")?;
    db.atomic(async |db: &Db| {
        let schema = db.schema().clone();
        let entry = schema.by_label(&query.model)?;
        let mut deleted = Deleted::default();
        if is_alone(&schema, entry) && !is_heard(db, entry) {
            deleted.add(&entry.label, run_delete(db, query).await?);
            return Ok(deleted);
        }
        let rows = key_rows(db, entry, query.clone()).await?;
        let mut collector = Collector::new(&schema);
        collector.collect(db, entry.id, rows).await?;
        collector.delete(db, &mut deleted).await?;
        Ok(deleted)
    })
    .await
}

/// The row of a key, whatever hides it.
pub(crate) fn row<M: Model>(db: &Db, key: Vec<Value>) -> Result<Query> {
    let entry = db.schema().of::<M>()?;
    Ok(Query::on(M::LABEL).then(Step::Filter(run::key_in(entry, vec![key]))))
}

/// Whether nothing needs to be done about rows that refer to a model's: one `DELETE` does.
fn is_alone(schema: &Schema, entry: &Entry) -> bool {
    entry.incoming.iter().all(|(model, field)| on_delete(schema, *model, *field) == Some(&OnDelete::DoNothing))
}

/// The receivers of a model, if any wants to know of rows that are deleted.
pub(super) fn hearing<'a>(db: &'a Db, entry: &Entry) -> Option<&'a dyn Listening> {
    db.receivers()?.by_label(&entry.label).filter(|receivers| receivers.hears_delete())
}

fn is_heard(db: &Db, entry: &Entry) -> bool {
    hearing(db, entry).is_some()
}

pub(super) fn on_delete(schema: &Schema, model: ModelId, field: FieldId) -> Option<&OnDelete> {
    schema.entry(model).field(field).relation.as_ref().map(|relation| &relation.on_delete)
}

/// A row to be deleted: the values of the columns that other rows may refer to, its primary key first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KeyRow {
    pub(super) key: Vec<Value>,
    referred: Vec<(String, Value)>,
}

impl KeyRow {
    /// A row of these columns, of which the first are the primary key's.
    pub(super) fn new(columns: Vec<(String, Value)>, width: usize) -> Self {
        KeyRow { key: columns.iter().take(width).map(|(_, value)| value.clone()).collect(), referred: columns }
    }

    /// The value of a column that other rows refer to, unless it is null.
    pub(super) fn referred_value(&self, column: &str) -> Option<&Value> {
        let found = self.referred.iter().find(|(name, _)| name == column).map(|(_, value)| value);
        found.filter(|value| !value.is_null())
    }
}

struct Collector<'a> {
    schema: &'a Schema,
    /// The rows to delete, by model, in the order they were found.
    rows: BTreeMap<ModelId, Vec<KeyRow>>,
    seen: HashSet<(ModelId, String)>,
    /// The models in the order they were found.
    order: Vec<ModelId>,
    /// For each model, those whose rows must be deleted before its own.
    before: HashMap<ModelId, HashSet<ModelId>>,
    /// Rows that refer to deleted ones and nothing refers to: deleted by key of the row referred to.
    alone: Vec<(ModelId, FieldId, Vec<Value>)>,
    /// Keys to change in rows that stay.
    updates: Vec<(ModelId, FieldId, Value, Vec<Vec<Value>>)>,
    /// Rows that may only go if they are deleted on another way: model, field and key.
    restricted: Vec<(ModelId, FieldId, Vec<Value>)>,
}

impl<'a> Collector<'a> {
    fn new(schema: &'a Schema) -> Self {
        Collector {
            schema,
            rows: BTreeMap::new(),
            seen: HashSet::new(),
            order: Vec::new(),
            before: HashMap::new(),
            alone: Vec::new(),
            updates: Vec::new(),
            restricted: Vec::new(),
        }
    }

    /// Gathers rows and, one level after the other, those that refer to them.
    async fn collect(&mut self, db: &Db, model: ModelId, rows: Vec<KeyRow>) -> Result<()> {
        let mut protected: Vec<(ModelId, FieldId, Vec<Value>)> = Vec::new();
        let mut waiting = vec![(model, rows)];
        while let Some((model, rows)) = waiting.pop() {
            let fresh = self.add(model, rows);
            if fresh.is_empty() {
                continue;
            }
            let entry = self.schema.entry(model);
            for (from, field) in entry.incoming.iter().copied() {
                let Some(rule) = on_delete(self.schema, from, field) else { continue };
                if *rule == OnDelete::DoNothing {
                    continue;
                }
                let values = referred_values(self.schema, from, field, &fresh);
                for batch in values.chunks(BATCH) {
                    match rule {
                        OnDelete::Cascade => {
                            self.before.entry(model).or_default().insert(from);
                            let child = self.schema.entry(from);
                            if is_alone(self.schema, child) && !is_heard(db, child) && !self.may_be_restricted(from) {
                                self.alone.push((from, field, batch.to_vec()));
                            } else {
                                let query = self.referring(from, field, batch);
                                waiting.push((from, key_rows(db, self.schema.entry(from), query).await?));
                            }
                        }
                        OnDelete::Protect => {
                            let found = self.keys_referring(db, from, field, batch).await?;
                            protected.extend(found.into_iter().map(|key| (from, field, key)));
                        }
                        OnDelete::Restrict => {
                            let found = self.keys_referring(db, from, field, batch).await?;
                            self.restricted.extend(found.into_iter().map(|key| (from, field, key)));
                        }
                        OnDelete::SetNull => self.change(db, from, field, Value::Null, batch).await?,
                        OnDelete::SetDefault => {
                            let value = match &self.schema.entry(from).field(field).default {
                                Some(FieldDefault::Value(value)) => value.clone(),
                                Some(FieldDefault::Function(_, function)) => function(),
                                None => Value::Null,
                            };
                            self.change(db, from, field, value, batch).await?;
                        }
                        OnDelete::Set(_, function) => self.change(db, from, field, function(), batch).await?,
                        OnDelete::DoNothing => {}
                    }
                }
            }
        }
        if !protected.is_empty() {
            return Err(in_the_way(self.schema, ErrorKind::Protected, model, "protected", &protected));
        }
        let stays = |(from, _, key): &&(ModelId, FieldId, Vec<Value>)| !self.seen.contains(&(*from, shown(key)));
        let restricted: Vec<_> = self.restricted.iter().filter(stays).cloned().collect();
        if !restricted.is_empty() {
            return Err(in_the_way(self.schema, ErrorKind::Restricted, model, "restricted", &restricted));
        }
        Ok(())
    }

    /// Whether a key of the model restricts: then its rows must be known one by one, to tell which stay.
    fn may_be_restricted(&self, model: ModelId) -> bool {
        let fields = &self.schema.entry(model).definition.fields;
        fields.iter().filter_map(|field| field.relation.as_ref()).any(|to| to.on_delete == OnDelete::Restrict)
    }

    /// Adds rows, and gives back those that were not there yet.
    fn add(&mut self, model: ModelId, rows: Vec<KeyRow>) -> Vec<KeyRow> {
        let fresh: Vec<KeyRow> = rows.into_iter().filter(|row| self.seen.insert((model, shown(&row.key)))).collect();
        if !fresh.is_empty() {
            if !self.rows.contains_key(&model) {
                self.order.push(model);
            }
            self.rows.entry(model).or_default().extend(fresh.iter().cloned());
        }
        fresh
    }

    fn referring(&self, from: ModelId, field: FieldId, values: &[Value]) -> Query {
        referring(self.schema.entry(from), field, values)
    }

    async fn keys_referring(
        &self,
        db: &Db,
        from: ModelId,
        field: FieldId,
        values: &[Value],
    ) -> Result<Vec<Vec<Value>>> {
        let rows = key_rows(db, self.schema.entry(from), self.referring(from, field, values)).await?;
        Ok(rows.into_iter().map(|row| row.key).collect())
    }

    async fn change(&mut self, db: &Db, from: ModelId, field: FieldId, to: Value, values: &[Value]) -> Result<()> {
        let keys = self.keys_referring(db, from, field, values).await?;
        if !keys.is_empty() {
            self.updates.push((from, field, to, keys));
        }
        Ok(())
    }

    /// Deletes and changes what was gathered. Foreign keys are checked at commit, so a circle of rows goes as well.
    async fn delete(mut self, db: &Db, deleted: &mut Deleted) -> Result<()> {
        let order = self.sorted();
        let mut doomed = HashMap::new();
        for model in &order {
            if let Some(receivers) = hearing(db, self.schema.entry(*model)) {
                let keys: Vec<Vec<Value>> =
                    self.rows.get(model).into_iter().flatten().map(|row| row.key.clone()).collect();
                doomed.insert(*model, receivers.pre_delete(db, &keys).await?);
            }
        }
        for (model, field, values) in std::mem::take(&mut self.alone) {
            let entry = self.schema.entry(model);
            deleted.add(&entry.label, run_delete(db, &referring(entry, field, &values)).await?);
        }
        for (model, field, to, keys) in std::mem::take(&mut self.updates) {
            let entry = self.schema.entry(model);
            let assignment = (Node::Path(vec![entry.field(field).name.clone()]), Node::value(to));
            for batch in keys.chunks(BATCH) {
                let query = Query::on(entry.label.clone()).then(Step::Filter(run::key_in(entry, batch.to_vec())));
                run::update(db, &query, std::slice::from_ref(&assignment)).await?;
            }
        }
        for model in order {
            let entry = self.schema.entry(model);
            let rows = self.rows.remove(&model).unwrap_or_default();
            let keys: Vec<Vec<Value>> = rows.into_iter().rev().map(|row| row.key).collect();
            for batch in keys.chunks(BATCH) {
                let query = Query::on(entry.label.clone()).then(Step::Filter(run::key_in(entry, batch.to_vec())));
                deleted.add(&entry.label, run_delete(db, &query).await?);
            }
            if let (Some(receivers), Some(rows)) = (hearing(db, entry), doomed.remove(&model)) {
                receivers.post_delete(db, rows).await?;
            }
        }
        Ok(())
    }

    /// The models with rows, those that refer to others before those; a circle is broken where the fewest relations are
    /// passed over, and what leaves a choice is in the order found.
    fn sorted(&self) -> Vec<ModelId> {
        let place = |model: &ModelId| self.order.iter().position(|known| known == model);
        let mut graph = Graph::new(self.order.len());
        for (to, model) in self.order.iter().enumerate() {
            for from in self.before.get(model).into_iter().flatten().filter_map(place).filter(|from| *from != to) {
                graph.add_edge(from, to);
            }
        }
        graph.order_anyway().into_iter().filter_map(|place| self.order.get(place).copied()).collect()
    }
}

/// The refusal of a deletion because of rows that refer to what was to be deleted, by model and key.
pub(super) fn in_the_way(
    schema: &Schema,
    kind: ErrorKind,
    model: ModelId,
    word: &str,
    rows: &[(ModelId, FieldId, Vec<Value>)],
) -> Error {
    let mut by_relation: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (from, field, key) in rows {
        let entry = schema.entry(*from);
        by_relation.entry(format!("{}.{}", entry.label, entry.field(*field).name)).or_default().push(shown(key));
    }
    let parts: Vec<String> = by_relation
        .into_iter()
        .map(|(relation, keys)| {
            let more = keys.len().saturating_sub(NAMED);
            let named = keys.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{relation} of rows {named}{more}")
        })
        .collect();
    Error::new(
        kind,
        format!(
            "cannot be deleted: {word} by {}; delete those rows first, or let them refer to others",
            parts.join("; ")
        ),
    )
    .in_model(&*schema.entry(model).label)
}

/// What a foreign key holds that refers to one of the rows.
pub(super) fn referred_values(schema: &Schema, from: ModelId, field: FieldId, rows: &[KeyRow]) -> Vec<Value> {
    let Some((_, column)) = schema.target(from, field) else { return Vec::new() };
    rows.iter().filter_map(|row| row.referred_value(&column.name).cloned()).collect()
}

/// The rows whose foreign key holds one of the values.
pub(super) fn referring(entry: &Entry, field: FieldId, values: &[Value]) -> Query {
    let attname = entry.column(field).map(|column| column.attname.clone()).unwrap_or_default();
    let values = values.iter().cloned().map(Node::value).collect();
    let condition = Node::lookup(Node::Path(vec![attname.into()]), Lookup::In, Node::List(values));
    Query::on(entry.label.clone()).then(Step::Filter(condition))
}

/// The columns of the primary key, and then others that keys refer to.
pub(super) fn key_columns<'a>(schema: &Schema, entry: &'a Entry) -> Vec<&'a SchemaColumn> {
    let keys = entry.primary_key.iter().filter_map(|place| entry.columns.get(*place));
    let mut columns: Vec<&SchemaColumn> = keys.collect();
    for (model, field) in &entry.incoming {
        if let Some((_, column)) = schema.target(*model, *field)
            && let Some(own) = entry.columns.iter().find(|own| own.name == column.name)
            && !columns.iter().any(|known| known.name == own.name)
        {
            columns.push(own);
        }
    }
    columns
}

/// The primary keys of a query's rows, and the values of other columns that keys refer to.
pub(super) async fn key_rows(db: &Db, entry: &Entry, query: Query) -> Result<Vec<KeyRow>> {
    let rows = key_rows_and(db, entry, query, None).await?;
    Ok(rows.into_iter().map(|(row, _)| row).collect())
}

/// As [`key_rows`], and with each row the values of further columns.
pub(super) async fn key_rows_and<'a>(
    db: &Db,
    entry: &'a Entry,
    query: Query,
    more: impl IntoIterator<Item = &'a SchemaColumn>,
) -> Result<Vec<(KeyRow, Vec<Value>)>> {
    let columns = key_columns(db.schema(), entry);
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let paths = columns.into_iter().chain(more).map(|column| Node::Path(vec![column.attname.clone().into()])).collect();
    let query = query.then(Step::OrderBy(Vec::new())).then(Step::Values(paths));
    let rows = spec::rows(db, &query).await?;
    Ok(rows
        .into_iter()
        .map(|mut values| {
            let more = values.split_off(names.len().min(values.len()));
            let columns = names.iter().cloned().zip(values).collect();
            (KeyRow::new(columns, entry.primary_key.len()), more)
        })
        .collect())
}

async fn run_delete(db: &Db, query: &Query) -> Result<u64> {
    match sql::delete(db.schema(), query)? {
        Compiled::Empty => Ok(0),
        Compiled::Run(statement) => db.execute(statement).await,
    }
}

pub(super) fn shown(key: &[Value]) -> String {
    let parts: Vec<String> = key.iter().map(|value| spec::plain(value).to_string()).collect();
    parts.join(", ")
}
