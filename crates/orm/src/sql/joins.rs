//! Names to tables: which joins a path needs, which it shares with paths before it, and of which kind they are.

use smallvec::SmallVec;

use super::scope::{Alias, Compiler, Hop, Join, Set, Way};
use super::tree::{AliasId, ScopeId};
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::model::{Entry, FieldId, ModelId, Named, SchemaColumn};

type Text = std::borrow::Cow<'static, str>;

/// The names of a path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Names<'n, 'a> {
    /// As the query has them.
    Query(&'a [Text]),
    /// As the compiler put them together.
    Made(&'n [&'a str]),
}

impl<'a> Names<'_, 'a> {
    pub(super) fn len(self) -> usize {
        match self {
            Names::Query(names) => names.len(),
            Names::Made(names) => names.len(),
        }
    }

    pub(super) fn get(self, index: usize) -> Option<&'a str> {
        match self {
            Names::Query(names) => names.get(index).map(AsRef::as_ref),
            Names::Made(names) => names.get(index).copied(),
        }
    }

    pub(super) fn iter(self) -> impl Iterator<Item = &'a str> {
        (0..self.len()).filter_map(move |index| self.get(index))
    }

    /// How many of the names, joined by `__`, are this one name.
    pub(super) fn prefix_named(self, name: &str) -> Option<usize> {
        let mut rest = name;
        for index in 0..self.len() {
            rest = rest.strip_prefix(self.get(index)?)?;
            if rest.is_empty() {
                return Some(index + 1);
            }
            rest = rest.strip_prefix("__")?;
        }
        None
    }
}

/// The steps of a path.
type Hops<'a> = SmallVec<[Hop<'a>; 2]>;

/// Where names lead, before any table is joined.
pub(super) struct Walk<'a> {
    pub(super) hops: Hops<'a>,
    /// The table that the names end in.
    pub(super) entry: &'a Entry,
    /// The column there; for a relation, the key on its far side.
    pub(super) column: &'a SchemaColumn,
    /// Whether the last name is a relation.
    pub(super) related: bool,
    /// How many names led here; the others are transforms, keys or a lookup.
    pub(super) used: usize,
}

/// A walk and the tables joined for it.
pub(super) struct Reached<'a> {
    /// The tables that are needed.
    pub(super) joins: Set,
    /// Every table of the way, needed or not; none where the way is none.
    pub(super) way: Way,
    /// Whether another table than the first is needed.
    pub(super) joined: bool,
    pub(super) alias: AliasId,
    pub(super) entry: &'a Entry,
    pub(super) column: &'a SchemaColumn,
}

/// Why a walk ended early.
pub(super) enum Interrupted {
    /// It came to a relation to many rows where none may be; the hops of each name up to there.
    Many {
        counts: Vec<usize>,
        hops: Vec<(bool, FieldId, ModelId)>,
    },
    Failed(Error),
}

impl From<Error> for Interrupted {
    fn from(error: Error) -> Self {
        Interrupted::Failed(error)
    }
}

impl<'a> Compiler<'a> {
    fn forward(&self, model: ModelId, field: FieldId) -> Option<Hop<'a>> {
        let near = self.schema.entry(model).column(field)?;
        let (to, far) = self.schema.target(model, field)?;
        Some(Hop {
            to: self.schema.entry(to),
            from_column: near,
            to_column: far,
            key: (model, field),
            direct: true,
            many: false,
            nullable: near.null,
        })
    }

    fn back(&self, model: ModelId, field: FieldId) -> Option<Hop<'a>> {
        let entry = self.schema.entry(model);
        let far = entry.column(field)?;
        let (_, near) = self.schema.target(model, field)?;
        let definition = entry.field(field);
        let single = definition.unique || entry.definition.primary_key == [definition.name.clone()];
        Some(Hop {
            to: entry,
            from_column: near,
            to_column: far,
            key: (model, field),
            direct: false,
            many: !single,
            nullable: true,
        })
    }

    /// Follows names from a model on, as far as they are fields and relations.
    pub(super) fn walk(&self, from: &'a Entry, names: Names<'_, 'a>, many: bool) -> Result<Walk<'a>, Interrupted> {
        let mut entry = from;
        let mut hops = Hops::new();
        let mut counts = Vec::new();
        let mut end: Option<&'a SchemaColumn> = None;
        let mut used = 0;
        for name in names.iter() {
            let Some(named) = entry.named(name) else {
                if used == 0 {
                    return Err(entry.unknown(name).into());
                }
                break;
            };
            let (first, second) = match named {
                Named::Field(field) | Named::Column(field) => match entry.field(field).kind {
                    Kind::ForeignKey | Kind::OneToOne => (self.forward(entry.id, field), None),
                    Kind::ManyToMany => match entry.many_to_many.get(&field) {
                        Some(m2m) => (self.back(m2m.through, m2m.source), self.forward(m2m.through, m2m.target)),
                        None => (None, None),
                    },
                    _ => {
                        used += 1;
                        end = entry.column(field);
                        break;
                    }
                },
                Named::Reverse { model, field } => (self.back(model, field), None),
                Named::ReverseMany { model, field } => match self.schema.entry(model).many_to_many.get(&field) {
                    Some(m2m) => (self.back(m2m.through, m2m.target), self.forward(m2m.through, m2m.source)),
                    None => (None, None),
                },
                Named::CompositeKey => {
                    return Err(Error::new(
                        ErrorKind::Unsupported,
                        format!("`pk` of {} has several columns; name them one by one", entry.label),
                    )
                    .into());
                }
            };
            let new = hops.len();
            hops.extend(first.into_iter().chain(second));
            if hops.len() == new {
                return Err(entry.unknown(name).into());
            }
            if !many && let Some(at) = hops.iter().skip(new).position(|hop| hop.many) {
                counts.push(at + 1);
                let hops = hops.iter().take(new + at + 1).map(|hop| (hop.many, hop.key.1, hop.key.0)).collect();
                return Err(Interrupted::Many { counts, hops });
            }
            if !many {
                counts.push(hops.len() - new);
            }
            used += 1;
            if let Some(last) = hops.last() {
                entry = last.to;
            }
        }
        if let Some(column) = end {
            return Ok(Walk { hops, entry, column, related: false, used });
        }
        let column = match hops.last() {
            Some(hop) if hop.direct => Some(hop.to_column),
            Some(_) => entry.single_key(),
            None => None,
        };
        let column = column.ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                format!("{} has no single primary key, so a path cannot end there", entry.label),
            )
        })?;
        Ok(Walk { hops, entry, column, related: true, used })
    }

    /// The scope's first table, for one more use.
    pub(super) fn base(&mut self, scope: ScopeId) -> AliasId {
        if let Some(alias) = self.scope_mut(scope).aliases.first_mut() {
            alias.uses += 1;
        }
        AliasId(0)
    }

    /// Where paths begin, for one more use: at the first table, unless an expression is about another.
    pub(super) fn origin(&mut self, scope: ScopeId) -> AliasId {
        match self.scope(scope).origin {
            None => self.base(scope),
            Some((alias, _)) => {
                if let Some(table) = self.scope_mut(scope).alias_mut(alias) {
                    table.uses += 1;
                }
                alias
            }
        }
    }

    /// Joins the tables of a walk, then lets go of those whose key the table before holds already.
    pub(super) fn reach(&mut self, scope: ScopeId, walk: &Walk<'a>, reuse: Option<&Set>) -> Reached<'a> {
        let base = self.origin(scope);
        self.reach_from(scope, base, self.scope(scope).start(), walk, reuse)
    }

    /// The same from a table that is joined already.
    pub(super) fn reach_from(
        &mut self,
        scope: ScopeId,
        base: AliasId,
        from: &'a Entry,
        walk: &Walk<'a>,
        reuse: Option<&Set>,
    ) -> Reached<'a> {
        let mut way = Way::new();
        let mut alias = base;
        if !walk.hops.is_empty() {
            way.push(base);
            for hop in &walk.hops {
                let reuse = if hop.many { reuse } else { None };
                alias = self.join(scope, alias, *hop, reuse);
                way.push(alias);
            }
        }
        let mut needed = walk.hops.len();
        let mut column = walk.column;
        let mut entry = walk.entry;
        for (index, hop) in walk.hops.iter().enumerate().rev() {
            if !hop.direct || !std::ptr::eq(hop.to_column, column) {
                break;
            }
            column = hop.from_column;
            entry = match index.checked_sub(1).and_then(|before| walk.hops.get(before)) {
                Some(before) => before.to,
                None => from,
            };
            self.unuse(scope, alias);
            needed = index;
            alias = way.get(index).copied().unwrap_or(base);
        }
        let mut joins = Set::default();
        joins.insert(base);
        for alias in way.iter().take(needed + 1) {
            joins.insert(*alias);
        }
        Reached { joins, way, joined: needed > 0, alias, entry, column }
    }

    pub(super) fn unuse(&mut self, scope: ScopeId, alias: AliasId) {
        if let Some(alias) = self.scope_mut(scope).alias_mut(alias) {
            alias.uses = alias.uses.saturating_sub(1);
        }
    }

    /// Joins a table, or finds the join made before. A relation to one row has one join only; one to many rows is
    /// shared with the aliases of `reuse` (with any, if `None`).
    fn join(&mut self, scope: ScopeId, parent: AliasId, hop: Hop<'a>, reuse: Option<&Set>) -> AliasId {
        let scope = self.scope_mut(scope);
        let same = |join: &Join<'a>| join.parent == parent && join.hop.key == hop.key && join.hop.direct == hop.direct;
        let mut found = None;
        let mut parent_outer = false;
        let mut same_table = false;
        for (index, alias) in scope.aliases.iter_mut().enumerate() {
            let id = AliasId(index as u32);
            if id == parent {
                parent_outer = alias.join.as_ref().is_some_and(|join| join.outer);
            }
            same_table = same_table || alias.entry.table == hop.to.table;
            if alias.join.as_ref().is_some_and(same) && reuse.is_none_or(|set| set.contains(id)) {
                found = Some(id);
            }
        }
        if let Some(id) = found {
            if let Some(alias) = scope.alias_mut(id) {
                alias.uses += 1;
            }
            return id;
        }
        let number = if same_table { scope.aliases.len() as u32 + 1 } else { 0 };
        let join = Join { parent, hop, outer: parent_outer || hop.nullable, nullable: hop.nullable };
        scope.aliases.push(Alias { entry: hop.to, number, join: Some(join), uses: 1 });
        AliasId(scope.aliases.len() as u32 - 1)
    }

    pub(super) fn is_outer(&self, scope: ScopeId, alias: AliasId) -> bool {
        self.scope(scope).alias(alias).and_then(|alias| alias.join.as_ref()).is_some_and(|join| join.outer)
    }

    /// Turns joins into outer ones where they may lead to nothing, and with them those that start from there.
    pub(super) fn promote(&mut self, scope: ScopeId, aliases: &Set) {
        let mut queue: Vec<AliasId> = aliases.iter().collect();
        let mut next = 0;
        while let Some(id) = queue.get(next).copied() {
            next += 1;
            let Some(join) = self.scope(scope).alias(id).and_then(|alias| alias.join.as_ref()) else { continue };
            let may_lead_to_nothing = join.nullable || self.is_outer(scope, join.parent);
            if join.outer || !may_lead_to_nothing {
                continue;
            }
            for (index, alias) in self.scope_mut(scope).aliases.iter_mut().enumerate() {
                let Some(join) = &mut alias.join else { continue };
                let other = AliasId(index as u32);
                if other == id {
                    join.outer = true;
                } else if join.parent == id {
                    queue.push(other);
                }
            }
        }
    }

    /// Turns joins into inner ones: a condition holds only where they lead somewhere.
    pub(super) fn demote(&mut self, scope: ScopeId, aliases: &Set) {
        for id in aliases.iter() {
            if let Some(join) = self.scope_mut(scope).alias_mut(id).and_then(|alias| alias.join.as_mut()) {
                join.outer = false;
            }
        }
    }

    pub(super) fn inner_joins(&self, scope: ScopeId) -> Set {
        let mut inner = Set::default();
        for (index, alias) in self.scope(scope).aliases.iter().enumerate() {
            if alias.join.as_ref().is_some_and(|join| !join.outer) {
                inner.insert(AliasId(index as u32));
            }
        }
        inner
    }
}
