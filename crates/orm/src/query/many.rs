//! Many-to-many relations of one row: which rows it is related to, and changing that.

use std::collections::HashSet;

use super::bulk::insert_missing;
use super::node::{Lookup, Node};
use super::plan::{Query, Step};
use super::set::QuerySet;
use super::spec;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::field::{Kind, Sealing};
use crate::model::{End, Entry, Key, Model, SchemaColumn, hidden_name, name_between};
use crate::relation::{ManyToMany, Owner};
use crate::signal::{Listening, ManyAction, ManyWrite};
use crate::sql::{self, Compiled};
use crate::value::Value;

/// Keys in one statement, each up to two parameters, of which SQLite has 32,766.
const KEYS: usize = 10_000;

impl<M: Model> ManyToMany<M> {
    /// The related rows, as a query: those that the default manager of `M` shows. Where deleted rows of the model between
    /// are marked, they relate nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Value`] if the row that the relation belongs to is not in the database.
    pub fn objects(&self) -> Result<QuerySet<M>> {
        let owner = self.saved_owner()?;
        let back = Node::Path(vec![hidden_name(owner.model, owner.field).into(), "pk".into()]);
        let mut condition = Node::lookup(back, Lookup::Exact, Node::value(owner.key.clone()));
        if let Some(mark) = &owner.deletion_mark {
            condition = condition.and(mark.alive_at(name_between(owner.model, owner.field, End::Other)));
        }
        Ok(M::objects().then(Step::Filter(condition)))
    }

    /// Loads the related rows by one query, and keeps them for [`get`](ManyToMany::get).
    pub async fn load(&mut self, db: &Db) -> Result<&[M]> {
        let rows = self.objects()?.all(db).await?;
        Ok(self.keep(rows))
    }

    /// Relates the row to those with these keys; to those it is related to already, once more nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if the model between has fields that need a value: create its rows instead.
    /// [`ErrorKind::UniqueViolation`] if the row between is marked as deleted and stands in the way of another.
    pub async fn add(&self, db: &Db, keys: impl IntoIterator<Item = M::Key>) -> Result<()> {
        let keys: Vec<Value> = keys.into_iter().flat_map(|key| key.to_values().into_iter().take(1)).collect();
        let owner = self.saved_owner()?;
        db.atomic(async |db: &Db| Between::find(db, owner)?.add(db, keys).await).await
    }

    /// Ends the relation to the rows with these keys: deletes the rows between, or marks them as deleted.
    pub async fn remove(&self, db: &Db, keys: impl IntoIterator<Item = M::Key>) -> Result<()> {
        let keys: Vec<Value> = keys.into_iter().flat_map(|key| key.to_values().into_iter().take(1)).collect();
        let owner = self.saved_owner()?;
        db.atomic(async |db: &Db| Between::find(db, owner)?.remove(db, keys).await).await
    }

    /// Ends the relation to all rows, as [`remove`](ManyToMany::remove).
    pub async fn clear(&self, db: &Db) -> Result<()> {
        let owner = self.saved_owner()?;
        db.atomic(async |db: &Db| Between::find(db, owner)?.clear(db).await).await
    }

    /// Relates the row to those with these keys and no others; relations that stay are not touched, and neither are those
    /// to rows that the default manager of `M` hides (as in Django).
    pub async fn set(&self, db: &Db, keys: impl IntoIterator<Item = M::Key>) -> Result<()> {
        let wanted: Vec<Value> = keys.into_iter().flat_map(|key| key.to_values().into_iter().take(1)).collect();
        let owner = self.saved_owner()?;
        db.atomic(async |db: &Db| {
            let between = Between::find(db, owner)?;
            let present = match M::objects().query().steps.is_empty() {
                true => between.targets(db).await?,
                false => {
                    let key = Step::Values(vec![Node::Path(vec!["pk".into()])]);
                    let visible = self.objects()?.into_query().then(Step::OrderBy(Vec::new())).then(key);
                    spec::rows(db, &visible).await?.into_iter().flatten().collect()
                }
            };
            let names: HashSet<String> = wanted.iter().map(shown).collect();
            let gone: Vec<Value> = present.iter().filter(|key| !names.contains(&shown(key))).cloned().collect();
            if !gone.is_empty() {
                between.remove(db, gone).await?;
            }
            between.add(db, wanted).await
        })
        .await
    }

    fn saved_owner(&self) -> Result<&Owner> {
        self.owner().ok_or_else(|| {
            Error::new(
                ErrorKind::Value,
                "the row that this relation belongs to is not in the database: create it first",
            )
            .in_model(M::LABEL)
        })
    }
}

/// The table between, as seen from a row with the field.
struct Between<'a> {
    owner: &'a Owner,
    entry: &'a Entry,
    source: &'a SchemaColumn,
    target: &'a SchemaColumn,
    symmetrical: bool,
}

impl<'a> Between<'a> {
    fn find(db: &'a Db, owner: &'a Owner) -> Result<Between<'a>> {
        let schema = db.schema();
        let entry = schema.by_label(owner.model)?;
        let field = entry.field_id(owner.field).ok_or_else(|| entry.unknown(owner.field))?;
        let unknown = || entry.unknown(owner.field);
        let between = entry.many_to_many.get(&field).ok_or_else(unknown)?;
        let through = schema.entry(between.through);
        Ok(Between {
            owner,
            entry: through,
            source: through.column(between.source).ok_or_else(unknown)?,
            target: through.column(between.target).ok_or_else(unknown)?,
            symmetrical: entry.field(field).relation.as_ref().is_some_and(|relation| relation.symmetrical),
        })
    }

    /// Relates the owner to those of the keys that it is not related to.
    async fn add(&self, db: &Db, keys: Vec<Value>) -> Result<()> {
        self.check_needs()?;
        let mut known: HashSet<String> = self.targets(db).await?.iter().map(shown).collect();
        let fresh: Vec<Value> = keys.iter().filter(|key| known.insert(shown(key))).cloned().collect();
        let write = self.write_of(fresh);
        self.send(db, ManyAction::PreAdd, &write).await?;
        self.insert(db, write.keys.iter().map(|key| [self.owner.key.clone(), key.clone()]).collect()).await?;
        if self.symmetrical {
            let mut known: HashSet<String> = self.sources(db).await?.iter().map(shown).collect();
            let fresh = keys.iter().filter(|key| known.insert(shown(key)));
            self.insert(db, fresh.map(|key| [key.clone(), self.owner.key.clone()]).collect()).await?;
        }
        self.check_related(db, &keys).await?;
        self.send(db, ManyAction::PostAdd, &write).await
    }

    /// Ends the owner's relation to those of the keys that it is related to.
    async fn remove(&self, db: &Db, keys: Vec<Value>) -> Result<()> {
        let keys = match self.hearing(db) {
            None => keys,
            Some(_) => {
                let known: HashSet<String> = self.targets(db).await?.iter().map(shown).collect();
                keys.into_iter().filter(|key| known.contains(&shown(key))).collect()
            }
        };
        let write = self.write_of(keys);
        self.send(db, ManyAction::PreRemove, &write).await?;
        self.delete(db, Some(&write.keys)).await?;
        self.send(db, ManyAction::PostRemove, &write).await
    }

    async fn clear(&self, db: &Db) -> Result<()> {
        let write = self.write_of(Vec::new());
        self.send(db, ManyAction::PreClear, &write).await?;
        self.delete(db, None).await?;
        self.send(db, ManyAction::PostClear, &write).await
    }

    fn write_of(&self, keys: Vec<Value>) -> ManyWrite {
        ManyWrite { owner: self.owner.key.clone(), keys }
    }

    /// The receivers of the owner's model, if any wants to know of changes of the field.
    fn hearing<'d>(&self, db: &'d Db) -> Option<&'d dyn Listening> {
        db.receivers()?.by_label(self.owner.model).filter(|receivers| receivers.hears_many(self.owner.field))
    }

    /// Tells receivers, unless nothing changes.
    async fn send(&self, db: &Db, action: ManyAction, write: &ManyWrite) -> Result<()> {
        let clears = matches!(action, ManyAction::PreClear | ManyAction::PostClear);
        match self.hearing(db) {
            Some(receivers) if clears || !write.keys.is_empty() => {
                receivers.many_changed(db, self.owner.field, action, write).await
            }
            _ => Ok(()),
        }
    }

    /// Refuses where rows between need more than the two keys and what a new row gets by itself.
    fn check_needs(&self) -> Result<()> {
        let given = [self.source.field, self.target.field];
        let needs = |column: &&SchemaColumn| {
            let field = self.entry.field(column.field);
            let defaults = field.default.is_some() || field.db_default.is_some();
            let filled = field.kind.is_auto() || defaults || field.auto_now || field.auto_now_add;
            // What is sealed for a key that the database gives takes a second statement.
            let waits =
                matches!(column.kind, Kind::Encrypted { sealing: Sealing::Bound, .. }) && field.default.is_some();
            !given.contains(&column.field) && (waits || !(field.null || filled || field.is_kept_by_database()))
        };
        match self.entry.columns.iter().find(needs) {
            None => Ok(()),
            Some(column) => Err(Error::new(
                ErrorKind::Unsupported,
                format!("rows between need `{}`: create {} rows instead", column.attname, self.entry.label),
            )),
        }
    }

    /// Inserts rows of source and target, with defaults for the rest, passing over those that another transaction was
    /// quicker with.
    async fn insert(&self, db: &Db, rows: Vec<[Value; 2]>) -> Result<()> {
        let name = |column: &SchemaColumn| self.entry.field(column.field).name.as_ref();
        insert_missing(db, self.entry, [name(self.source), name(self.target)], rows).await.map(drop)
    }

    /// Refuses where a constraint passed over a row because of one that is marked as deleted.
    async fn check_related(&self, db: &Db, keys: &[Value]) -> Result<()> {
        if self.entry.deletion_mark.is_none() {
            return Ok(());
        }
        let mut ways = vec![self.targets(db).await?];
        if self.symmetrical {
            ways.push(self.sources(db).await?);
        }
        for way in ways {
            let related: HashSet<String> = way.iter().map(shown).collect();
            if let Some(key) = keys.iter().find(|key| !related.contains(&shown(key))) {
                let text = format!(
                    "the row that relates to {} is deleted, and a constraint keeps another out: restore it, delete it for \
                     good, or let the constraint be about living rows (`alive`)",
                    shown(key)
                );
                return Err(Error::new(ErrorKind::UniqueViolation, text).in_model(&*self.entry.label));
            }
        }
        Ok(())
    }

    /// The keys that the owner is related to.
    async fn targets(&self, db: &Db) -> Result<Vec<Value>> {
        self.others(db, self.source, self.target).await
    }

    /// The keys that are related to the owner.
    async fn sources(&self, db: &Db) -> Result<Vec<Value>> {
        self.others(db, self.target, self.source).await
    }

    async fn others(&self, db: &Db, near: &SchemaColumn, far: &SchemaColumn) -> Result<Vec<Value>> {
        let living = self.entry.deletion_mark.iter().map(|mark| Step::Filter(mark.alive())).collect();
        let query = Query { model: self.entry.label.clone().into(), steps: living }
            .then(Step::Filter(equals(near, &self.owner.key)))
            .then(Step::Values(vec![path(far)]));
        Ok(spec::rows(db, &query).await?.into_iter().flatten().collect())
    }

    async fn delete(&self, db: &Db, keys: Option<&[Value]>) -> Result<()> {
        let Some(keys) = keys else { return self.delete_where(db, None).await };
        for keys in keys.chunks(KEYS) {
            self.delete_where(db, Some(keys)).await?;
        }
        Ok(())
    }

    async fn delete_where(&self, db: &Db, keys: Option<&[Value]>) -> Result<()> {
        let side = |near: &SchemaColumn, far: &SchemaColumn| {
            let mut all = vec![equals(near, &self.owner.key)];
            all.extend(keys.map(|keys| {
                let keys = keys.iter().cloned().map(Node::value).collect();
                Node::lookup(path(far), Lookup::In, Node::List(keys))
            }));
            Node::And(all)
        };
        let mut condition = side(self.source, self.target);
        if self.symmetrical {
            condition = condition.or(side(self.target, self.source));
        }
        let query = Query::on(self.entry.label.clone()).then(Step::Filter(condition));
        if self.entry.deletion_mark.is_some() {
            return super::delete::query(db, &query).await.map(drop);
        }
        match sql::delete(db.schema(), &query)? {
            Compiled::Empty => Ok(()),
            Compiled::Run(statement) => db.execute(statement).await.map(drop),
        }
    }
}

fn path(column: &SchemaColumn) -> Node {
    Node::Path(vec![column.attname.clone().into()])
}

/// A key as something to look up by.
fn shown(value: &Value) -> String {
    spec::plain(value).to_string()
}

fn equals(column: &SchemaColumn, value: &Value) -> Node {
    Node::lookup(path(column), Lookup::Exact, Node::value(value.clone()))
}
