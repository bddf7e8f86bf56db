//! Deletion that marks rows instead of deleting them, and what undoes it.
//!
//! Nothing but marks is written, so that taking them away brings back all there was. Of `on_delete`, that leaves marking
//! what would be deleted and can be marked, and refusing what would be refused: rows that cannot be marked, and keys
//! that would become null or their default, stay as they are, since the row that they refer to is still there.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::delete::{
    self, BATCH, KeyRow, in_the_way, key_columns, key_rows, on_delete, referred_values, referring, shown,
};
use super::node::{Lookup, Node};
use super::plan::{Lock, Query, Step};
use super::run;
use super::set::Deleted;
use crate::db::Db;
use crate::error::{ErrorKind, Result};
use crate::model::{DeletionMark, Entry, FieldId, ModelId, OnDelete, Restored, Schema, SchemaColumn};
use crate::row::Row;
use crate::sql::{self, Compiled};
use crate::value::Value;

/// Marks the rows of a query that are alive, and what goes with them.
pub(super) async fn mark(db: &Db, query: &Query) -> Result<Deleted> {
    let schema = db.schema().clone();
    let root = schema.by_label(&query.model)?.id;
    let mut marking = Marking {
        schema: &schema,
        moment: Value::Timestamp(db.moment_of_deletion()),
        heard: is_heard(db, &schema, root),
        found: Vec::new(),
        taken: HashMap::new(),
        referred: BTreeMap::new(),
        deleted: Deleted::default(),
    };
    let rows = marking.take(db, root, query).await?;
    let mut waiting = vec![(root, rows)];
    while let Some((model, rows)) = waiting.pop() {
        if rows.is_empty() {
            continue;
        }
        for (from, field) in schema.entry(model).incoming.iter().copied() {
            let values = referred_values(&schema, from, field, &rows);
            match on_delete(&schema, from, field) {
                Some(OnDelete::Cascade) if schema.entry(from).deletion_mark.is_some() => {
                    for batch in values.chunks(BATCH) {
                        let children = referring(schema.entry(from), field, batch);
                        waiting.push((from, marking.take(db, from, &children).await?));
                    }
                }
                Some(OnDelete::Protect | OnDelete::Restrict) => {
                    marking.referred.entry((model, from, field)).or_default().extend(values);
                }
                _ => {}
            }
        }
    }
    marking.check(db).await?;
    marking.mark_found(db).await?;
    Ok(marking.deleted)
}

/// Whether any receiver wants to know of rows of a model that are deleted, or of those that may go with them.
fn is_heard(db: &Db, schema: &Schema, root: ModelId) -> bool {
    if db.receivers().is_none() {
        return false;
    }
    let mut seen = HashSet::from([root]);
    let mut waiting = vec![root];
    while let Some(model) = waiting.pop() {
        let entry = schema.entry(model);
        if delete::hearing(db, entry).is_some() {
            return true;
        }
        let goes_too = |(from, field): &&(ModelId, FieldId)| {
            schema.entry(*from).deletion_mark.is_some() && on_delete(schema, *from, *field) == Some(&OnDelete::Cascade)
        };
        waiting.extend(entry.incoming.iter().filter(goes_too).map(|(from, _)| *from).filter(|from| seen.insert(*from)));
    }
    false
}

/// A deletion that marks rows.
struct Marking<'a> {
    schema: &'a Schema,
    /// The one moment of all marks.
    moment: Value,
    /// Whether receivers are told before anything is marked.
    heard: bool,
    /// The models with rows to mark then, in the order they were found.
    found: Vec<ModelId>,
    /// The keys of the rows that go, by model: all of them where receivers are told, else those of models whose rows
    /// may stand in the way.
    taken: HashMap<ModelId, Taken>,
    /// What keys hold that may stand in the way, by the model referred to, the model with the key, and the key.
    referred: BTreeMap<(ModelId, ModelId, FieldId), Vec<Value>>,
    deleted: Deleted,
}

/// Rows of a model that go.
#[derive(Default)]
struct Taken {
    keys: Vec<Vec<Value>>,
    names: HashSet<String>,
}

impl Marking<'_> {
    /// Takes those rows of a query that are alive and not taken yet, and says which they were as far as anything depends
    /// on it. They are marked, in one statement: two deletions at once never both take a row, nor what goes with it. Where
    /// receivers are to be told first, they are locked instead.
    async fn take(&mut self, db: &Db, model: ModelId, query: &Query) -> Result<Vec<KeyRow>> {
        let entry = self.schema.entry(model);
        let Some(mark) = &entry.deletion_mark else { return Ok(Vec::new()) };
        let is_named = self.may_refuse(entry);
        let rows = match self.heard {
            true => {
                let taken = self.taken.entry(model).or_default();
                let rows = lock_living(db, entry, mark, query).await?;
                let rows: Vec<KeyRow> = rows.into_iter().filter(|row| taken.names.insert(shown(&row.key))).collect();
                if !rows.is_empty() && !self.found.contains(&model) {
                    self.found.push(model);
                }
                rows
            }
            false if is_named || self.is_depended_on(entry) => {
                let rows = changed(db, entry, query, &[self.set(mark)], &mark.alive()).await?;
                self.deleted.add(&entry.label, rows.len() as u64);
                rows
            }
            false => {
                let statement = sql::update_where(self.schema, query, &[self.set(mark)], Some(&mark.alive()), &[])?;
                if let Compiled::Run(statement) = statement {
                    self.deleted.add(&entry.label, db.execute(statement).await?);
                }
                Vec::new()
            }
        };
        if self.heard || is_named {
            let taken = self.taken.entry(model).or_default();
            taken.keys.extend(rows.iter().map(|row| row.key.clone()));
            taken.names.extend(rows.iter().map(|row| shown(&row.key)));
        }
        Ok(rows)
    }

    /// What marks a row.
    fn set(&self, mark: &DeletionMark) -> (Node, Node) {
        let to = match mark {
            DeletionMark::Flag(_) => Value::Bool(true),
            DeletionMark::Moment(_) => self.moment.clone(),
        };
        (Node::Path(vec![mark.field().clone()]), Node::value(to))
    }

    /// Tells receivers of the rows that were found, marks them, and tells receivers again; of rows that refer to others,
    /// before those.
    async fn mark_found(&mut self, db: &Db) -> Result<()> {
        let models = std::mem::take(&mut self.found);
        let mut doomed = HashMap::new();
        for model in models.iter().rev() {
            if let (Some(receivers), Some(taken)) =
                (delete::hearing(db, self.schema.entry(*model)), self.taken.get(model))
            {
                doomed.insert(*model, receivers.pre_delete(db, &taken.keys).await?);
            }
        }
        for model in models.into_iter().rev() {
            let entry = self.schema.entry(model);
            let (Some(mark), Some(taken)) = (&entry.deletion_mark, self.taken.get(&model)) else { continue };
            for keys in taken.keys.chunks(BATCH) {
                let query = Query::on(entry.label.clone()).then(Step::Filter(run::key_in(entry, keys.to_vec())));
                let statement = sql::update_where(self.schema, &query, &[self.set(mark)], Some(&mark.alive()), &[])?;
                if let Compiled::Run(statement) = statement {
                    self.deleted.add(&entry.label, db.execute(statement).await?);
                }
            }
            if let (Some(receivers), Some(rows)) = (delete::hearing(db, entry), doomed.remove(&model)) {
                receivers.post_delete(db, rows).await?;
            }
        }
        Ok(())
    }

    /// Whether anything is done about rows that refer to a model's.
    fn is_depended_on(&self, entry: &Entry) -> bool {
        entry.incoming.iter().any(|(from, field)| match on_delete(self.schema, *from, *field) {
            Some(OnDelete::Cascade) => self.schema.entry(*from).deletion_mark.is_some(),
            Some(OnDelete::Protect | OnDelete::Restrict) => true,
            _ => false,
        })
    }

    /// Whether a model has a key by which its rows may stand in the way.
    fn may_refuse(&self, entry: &Entry) -> bool {
        let mut relations = entry.definition.fields.iter().filter_map(|field| field.relation.as_ref());
        relations.any(|relation| matches!(relation.on_delete, OnDelete::Protect | OnDelete::Restrict))
    }

    /// Refuses the deletion if living rows stand in its way, once all that goes is known.
    async fn check(&self, db: &Db) -> Result<()> {
        for (rule, kind, word) in [
            (OnDelete::Protect, ErrorKind::Protected, "protected"),
            (OnDelete::Restrict, ErrorKind::Restricted, "restricted"),
        ] {
            let mut found: BTreeMap<ModelId, Vec<(ModelId, FieldId, Vec<Value>)>> = BTreeMap::new();
            for ((model, from, field), values) in &self.referred {
                if on_delete(self.schema, *from, *field) != Some(&rule) {
                    continue;
                }
                let keys = self.in_the_way(db, &rule, *from, *field, values).await?;
                found.entry(*model).or_default().extend(keys.into_iter().map(|key| (*from, *field, key)));
            }
            if let Some((model, rows)) = found.iter().find(|(_, rows)| !rows.is_empty()) {
                return Err(in_the_way(self.schema, kind, *model, word, rows));
            }
        }
        Ok(())
    }

    /// The keys of rows that refer to what goes and stand in its way. What goes too does not restrict, but it protects, as
    /// in Django.
    async fn in_the_way(
        &self,
        db: &Db,
        rule: &OnDelete,
        from: ModelId,
        field: FieldId,
        values: &[Value],
    ) -> Result<Vec<Vec<Value>>> {
        let entry = self.schema.entry(from);
        let taken = self.taken.get(&from);
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        for batch in values.chunks(BATCH) {
            let all = referring(entry, field, batch);
            let mut queries = vec![match &entry.deletion_mark {
                Some(mark) => all.clone().then(Step::Filter(mark.alive())),
                None => all.clone(),
            }];
            if *rule == OnDelete::Protect {
                let keys = taken.into_iter().flat_map(|taken| taken.keys.chunks(BATCH));
                queries.extend(keys.map(|keys| all.clone().then(Step::Filter(run::key_in(entry, keys.to_vec())))));
            }
            for query in queries {
                let keys = key_rows(db, entry, query).await?.into_iter().map(|row| row.key);
                let stays = |key: &Vec<Value>| {
                    *rule == OnDelete::Protect || taken.is_none_or(|taken| !taken.names.contains(&shown(key)))
                };
                found.extend(keys.filter(stays).filter(|key| seen.insert(shown(key))));
            }
        }
        Ok(found)
    }
}

/// The rows of a query that are alive, locked until the transaction ends.
async fn lock_living(db: &Db, entry: &Entry, mark: &DeletionMark, query: &Query) -> Result<Vec<KeyRow>> {
    let keys = key_rows(db, entry, query.clone().then(Step::Filter(mark.alive()))).await?;
    let keys: Vec<Vec<Value>> = keys.into_iter().map(|row| row.key).collect();
    let mut rows = Vec::with_capacity(keys.len());
    for batch in keys.chunks(BATCH) {
        rows.extend(key_rows(db, entry, locked(entry, batch, mark.alive())).await?);
    }
    Ok(rows)
}

/// The rows with these keys for which a condition on their own fields holds, locked until the transaction ends.
fn locked(entry: &Entry, keys: &[Vec<Value>], only: Node) -> Query {
    Query::on(entry.label.clone())
        .then(Step::Filter(run::key_in(entry, keys.to_vec())))
        .then(Step::Filter(only))
        .then(Step::Lock(Lock::default()))
}

/// Takes the marks away from a query's rows and from what was marked with them.
///
/// What was marked with a row has its moment. Where the row has none, since its mark is a boolean, or what refers to it
/// has none, all that is marked comes back.
pub(crate) async fn restore(db: &Db, query: &Query) -> Result<Restored> {
    delete::refuse(query, "restored")?;
    db.atomic(async |db: &Db| {
        let schema = db.schema().clone();
        let root = schema.by_label(&query.model)?;
        let mut restored = Restored::default();
        let rows = marked(db, root, query.clone(), None).await?;
        let mut waiting = vec![(root.id, rows)];
        while let Some((model, rows)) = waiting.pop() {
            let entry = schema.entry(model);
            let rows = unmark(db, entry, rows).await?;
            restored.add(&entry.label, rows.len() as u64);
            for (from, field) in entry.incoming.iter().copied() {
                if on_delete(&schema, from, field) != Some(&OnDelete::Cascade) {
                    continue;
                }
                for batch in rows.chunks(BATCH) {
                    waiting.push((from, went_with(db, &schema, from, field, batch).await?));
                }
            }
        }
        Ok(restored)
    })
    .await
}

/// A row that is marked, and the moment of its deletion as far as it is known.
#[derive(Clone)]
struct MarkedRow {
    row: KeyRow,
    moment: Option<Value>,
}

/// The rows of a query that are marked; `above` is the moment of the deletion where they cannot tell.
async fn marked(db: &Db, entry: &Entry, query: Query, above: Option<&Value>) -> Result<Vec<MarkedRow>> {
    let Some(mark) = &entry.deletion_mark else { return Ok(Vec::new()) };
    let query = query.then(Step::Filter(mark.deleted()));
    let rows = delete::key_rows_and(db, entry, query, mark_column(entry)).await?;
    Ok(rows.into_iter().map(|(row, mark)| MarkedRow { row, moment: moment(mark).or_else(|| above.cloned()) }).collect())
}

/// The rows that refer to restored ones and were deleted with them.
async fn went_with(
    db: &Db,
    schema: &Schema,
    from: ModelId,
    field: FieldId,
    above: &[MarkedRow],
) -> Result<Vec<MarkedRow>> {
    let entry = schema.entry(from);
    let (Some(mark), Some((_, target)), Some(key)) =
        (&entry.deletion_mark, schema.target(from, field), entry.column(field))
    else {
        return Ok(Vec::new());
    };
    let mut moments: HashMap<String, Option<&Value>> = HashMap::new();
    let mut values = Vec::new();
    for MarkedRow { row, moment } in above {
        if let Some(value) = row.referred_value(&target.name) {
            moments.insert(shown(std::slice::from_ref(value)), moment.as_ref());
            values.push(value.clone());
        }
    }
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = referring(entry, field, &values).then(Step::Filter(mark.deleted()));
    let known: Option<Vec<Node>> = above.iter().map(|marked| marked.moment.clone().map(Node::value)).collect();
    if let (DeletionMark::Moment(_), Some(known)) = (mark, known) {
        let moment = Node::Path(vec![mark.field().clone()]);
        query = query.then(Step::Filter(Node::lookup(moment, Lookup::In, Node::List(known))));
    }
    let columns = [key].into_iter().chain(mark_column(entry));
    let rows = delete::key_rows_and(db, entry, query, columns).await?;
    let mut found = Vec::new();
    for (row, mut others) in rows {
        let refers_to = others.drain(..1).next().unwrap_or(Value::Null);
        let above = moments.get(&shown(&[refers_to])).copied().flatten();
        let own = moment(others);
        match (above, own) {
            (Some(above), Some(own)) if *above != own => {}
            (above, own) => found.push(MarkedRow { row, moment: own.or_else(|| above.cloned()) }),
        }
    }
    Ok(found)
}

/// Takes the marks away from rows that still have them, in one statement a batch, or one by one where receivers are told
/// of each; gives back which those were.
async fn unmark(db: &Db, entry: &Entry, rows: Vec<MarkedRow>) -> Result<Vec<MarkedRow>> {
    let Some(mark) = &entry.deletion_mark else { return Ok(Vec::new()) };
    let receivers = db.receivers().and_then(|receivers| receivers.by_label(&entry.label));
    let receivers = receivers.filter(|receivers| receivers.hears_save());
    let field = Node::Path(vec![mark.field().clone()]);
    let mut done = Vec::with_capacity(rows.len());
    for batch in rows.chunks(BATCH) {
        let keys: Vec<Vec<Value>> = batch.iter().map(|marked| marked.row.key.clone()).collect();
        let (to, still) = match mark {
            DeletionMark::Flag(_) => (Value::Bool(false), mark.deleted()),
            DeletionMark::Moment(_) => {
                let moments: Vec<Node> = batch.iter().filter_map(|row| row.moment.clone()).map(Node::value).collect();
                (Value::Null, Node::lookup(field.clone(), Lookup::In, Node::List(moments)))
            }
        };
        let set = vec![(field.clone(), Node::value(to))];
        let query = Query::on(entry.label.clone()).then(Step::Filter(run::key_in(entry, keys.clone())));
        let changed = match receivers {
            None => changed(db, entry, &query, &set, &still).await?,
            Some(receivers) => {
                let rows = key_rows(db, entry, locked(entry, &keys, still)).await?;
                let keys = rows.iter().map(|row| row.key.clone()).collect();
                let query = Query::on(entry.label.clone()).then(Step::Filter(run::key_in(entry, keys)));
                receivers.update_each(db, query, set).await?;
                rows
            }
        };
        let changed: HashSet<String> = changed.iter().map(|row| shown(&row.key)).collect();
        done.extend(batch.iter().filter(|marked| changed.contains(&shown(&marked.row.key))).cloned());
    }
    Ok(done)
}

/// Sets fields of the rows of a query for which a condition on their own fields holds, and says which they were.
async fn changed(db: &Db, entry: &Entry, query: &Query, set: &[(Node, Node)], only: &Node) -> Result<Vec<KeyRow>> {
    let schema = db.schema();
    let columns = key_columns(schema, entry);
    let Compiled::Run(statement) = sql::update_where(schema, query, set, Some(only), &columns)? else {
        return Ok(Vec::new());
    };
    let width = entry.primary_key.len();
    let columns: Vec<_> = columns.iter().map(|column| (column.name.clone(), column.kind.clone())).collect();
    let read = move |row: &mut Row<'_>| {
        let values = columns.iter().map(|(name, kind)| Ok((name.clone(), row.column().value(Some(kind))?)));
        Ok(KeyRow::new(values.collect::<Result<_>>()?, width))
    };
    db.fetch(statement, read).await
}

/// The moment that a mark tells.
fn moment(mark: Vec<Value>) -> Option<Value> {
    mark.into_iter().find(|value| matches!(value, Value::Timestamp(_)))
}

fn mark_column(entry: &Entry) -> Option<&SchemaColumn> {
    let mark = entry.deletion_mark.as_ref()?;
    entry.field_id(mark.field()).and_then(|field| entry.column(field))
}
