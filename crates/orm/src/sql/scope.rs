//! A query under construction: its tables, conditions, columns and order.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::tree::{AliasId, Col, Ex, ScopeId, ValueId, Where};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, FieldId, ModelId, OrderBy, Schema, SchemaColumn};
use crate::query::{Combinator, Lock};
use crate::value::Value;

/// Everything that one statement is made from.
pub(super) struct Compiler<'a> {
    pub(super) schema: &'a Schema,
    pub(super) dialect: Dialect,
    /// The query and its subqueries, in the order they were met.
    pub(super) scopes: Vec<Scope<'a>>,
    /// The values to bind; see [`ValueId`].
    values: Vec<Cow<'a, Value>>,
    /// The tables that the last condition's path went through.
    pub(super) path: Way,
}

/// The tables that a path goes through, the first one included.
pub(super) type Way = SmallVec<[AliasId; 4]>;

/// One `SELECT` (Django's `sql.Query`).
pub(super) struct Scope<'a> {
    /// The query around it.
    pub(super) parent: Option<ScopeId>,
    pub(super) model: &'a Entry,
    pub(super) aliases: Vec<Alias<'a>>,
    pub(super) filter: Where<'a>,
    pub(super) annotations: Vec<Annotation<'a>>,
    pub(super) columns: Columns<'a>,
    /// The order of columns and annotations once `values` has set it.
    pub(super) selected: Option<Vec<Selected>>,
    /// The names that `values` was given, which annotations may not repeat.
    pub(super) value_names: Option<Vec<String>>,
    pub(super) group_by: GroupBy<'a>,
    pub(super) order_by: Order<'a>,
    pub(super) reversed: bool,
    pub(super) distinct: bool,
    pub(super) low: u64,
    pub(super) high: Option<u64>,
    pub(super) related: Vec<Related<'a>>,
    pub(super) lock: Option<Lock>,
    pub(super) combined: Option<Combined>,
    /// The table that the rows come from instead of `aliases`: another query (an aggregate over it).
    pub(super) derived: Option<ScopeId>,
    /// Where the paths of an expression begin while it is resolved, if not at the first table.
    pub(super) origin: Option<(AliasId, &'a Entry)>,
    /// Whether a query without rows is left out, or written as `WHERE 0 = 1`.
    pub(super) elide_empty: bool,
    /// Joins of the query around it that this one's references to it may share.
    pub(super) outer_reuse: Option<Set>,
    /// Whether every column is named, because another query refers to it.
    pub(super) name_columns: bool,
    /// Made by `prepare`.
    pub(super) prepared: Option<super::select::Prepared<'a>>,
}

/// Queries joined by `UNION` and its like.
pub(super) struct Combined {
    pub(super) combinator: Combinator,
    pub(super) all: bool,
    pub(super) parts: Vec<ScopeId>,
}

/// The columns that are no annotations.
pub(super) enum Columns<'a> {
    /// The model's.
    Model,
    /// Those listed, by the names they were asked for.
    Listed(Vec<(String, Ex<'a>)>),
}

/// A column's place once `values` has set the order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Selected {
    /// In the list of columns.
    Column(usize),
    /// An annotation, by name.
    Annotation(String),
}

pub(super) enum GroupBy<'a> {
    None,
    /// By all that is selected.
    Selected,
    By(Vec<Ex<'a>>),
}

/// The order asked for.
#[derive(Clone, Copy)]
pub(super) enum Order<'a> {
    /// The model's own.
    Model,
    Unordered,
    By(&'a [OrderBy]),
}

pub(super) struct Annotation<'a> {
    pub(super) name: String,
    pub(super) expression: Ex<'a>,
    /// Whether it is a column of the result.
    pub(super) selected: bool,
}

/// A relation that `select_related` follows.
pub(super) struct Related<'a> {
    pub(super) name: &'a str,
    pub(super) nested: Vec<Related<'a>>,
}

/// A table of the `FROM` clause.
#[derive(Debug, Clone)]
pub(super) struct Alias<'a> {
    pub(super) entry: &'a Entry,
    /// 0 for the first use of a table, which goes by the table's own name; `n` for `Tn`.
    pub(super) number: u32,
    pub(super) join: Option<Join<'a>>,
    /// How many expressions need it.
    pub(super) uses: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Join<'a> {
    pub(super) parent: AliasId,
    pub(super) hop: Hop<'a>,
    pub(super) outer: bool,
    pub(super) nullable: bool,
}

/// A step from a table to the next, along one foreign key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hop<'a> {
    pub(super) to: &'a Entry,
    pub(super) from_column: &'a SchemaColumn,
    pub(super) to_column: &'a SchemaColumn,
    /// The key.
    pub(super) key: (ModelId, FieldId),
    /// Whether the near side holds the key.
    pub(super) direct: bool,
    /// Whether it may lead to several rows.
    pub(super) many: bool,
    /// Whether it may lead to none.
    pub(super) nullable: bool,
}

/// A set of aliases: a bit for each of the first, which are nearly always all.
#[derive(Debug, Clone, Default)]
pub(super) struct Set {
    first: u64,
    rest: Vec<AliasId>,
}

impl Set {
    pub(super) fn contains(&self, alias: AliasId) -> bool {
        match 1_u64.checked_shl(alias.0) {
            Some(bit) => self.first & bit != 0,
            None => self.rest.contains(&alias),
        }
    }

    pub(super) fn insert(&mut self, alias: AliasId) {
        match 1_u64.checked_shl(alias.0) {
            Some(bit) => self.first |= bit,
            None if self.rest.contains(&alias) => {}
            None => self.rest.push(alias),
        }
    }

    pub(super) fn add(&mut self, others: &Set) {
        self.first |= others.first;
        for alias in &others.rest {
            self.insert(*alias);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = AliasId> + '_ {
        let mut bits = self.first;
        let first = std::iter::from_fn(move || {
            let place = bits.trailing_zeros();
            bits &= bits.wrapping_sub(1);
            (place < u64::BITS).then_some(AliasId(place))
        });
        first.chain(self.rest.iter().copied())
    }
}

/// What resolving a name may do.
pub(super) struct Env {
    /// The joins to many rows that may be used again; all of them if `None`.
    pub(super) reuse: Option<Set>,
    /// Whether names may lead to other tables.
    pub(super) joins: bool,
    /// Whether annotations are referred to by name, as columns of a derived table.
    pub(super) summarize: bool,
    /// Whether negations over many rows become subqueries, and join types follow conditions: in `filter`, but not in
    /// conditions inside expressions.
    pub(super) filtering: bool,
}

impl Env {
    pub(super) fn expression() -> Env {
        Env { reuse: None, joins: true, summarize: false, filtering: false }
    }
}

impl<'a> Scope<'a> {
    /// The model whose fields paths begin with.
    pub(super) fn start(&self) -> &'a Entry {
        self.origin.map_or(self.model, |(_, model)| model)
    }

    fn new(model: &'a Entry, parent: Option<ScopeId>) -> Self {
        let mut aliases = Vec::with_capacity(4);
        aliases.push(Alias { entry: model, number: 0, join: None, uses: 0 });
        Scope {
            parent,
            model,
            aliases,
            filter: Where::all(),
            annotations: Vec::new(),
            columns: Columns::Model,
            selected: None,
            value_names: None,
            group_by: GroupBy::None,
            order_by: Order::Model,
            reversed: false,
            distinct: false,
            low: 0,
            high: None,
            related: Vec::new(),
            lock: None,
            combined: None,
            derived: None,
            origin: None,
            elide_empty: true,
            outer_reuse: None,
            name_columns: false,
            prepared: None,
        }
    }

    pub(super) fn alias(&self, id: AliasId) -> Option<&Alias<'a>> {
        self.aliases.get(id.0 as usize)
    }

    pub(super) fn alias_mut(&mut self, id: AliasId) -> Option<&mut Alias<'a>> {
        self.aliases.get_mut(id.0 as usize)
    }

    pub(super) fn is_sliced(&self) -> bool {
        self.low != 0 || self.high.is_some()
    }

    pub(super) fn annotation(&self, name: &str) -> Option<&Annotation<'a>> {
        self.annotations.iter().find(|annotation| annotation.name == name)
    }

    /// Keeps these annotations as columns, drops the others from the result.
    pub(super) fn mask(&mut self, keep: impl Fn(&str) -> bool) {
        for annotation in &mut self.annotations {
            annotation.selected = annotation.selected && keep(&annotation.name);
        }
        let annotations = &self.annotations;
        if let Some(selected) = &mut self.selected {
            selected.retain(|column| match column {
                Selected::Column(_) => true,
                Selected::Annotation(name) => annotations.iter().any(|a| a.selected && a.name == *name),
            });
        }
    }

    /// Drops every column.
    pub(super) fn clear_columns(&mut self) {
        self.columns = Columns::Listed(Vec::new());
        self.related.clear();
        self.mask(|_| false);
        self.selected = None;
    }

    /// Whether columns were chosen by name.
    pub(super) fn has_chosen(&self) -> bool {
        self.selected.is_some()
    }

    pub(super) fn clear_order(&mut self) {
        self.order_by = Order::Unordered;
    }
}

impl<'a> Compiler<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        Compiler {
            schema,
            dialect: schema.dialect(),
            scopes: Vec::with_capacity(1),
            values: Vec::with_capacity(4),
            path: Way::new(),
        }
    }

    pub(super) fn open(&mut self, model: &'a Entry, parent: Option<ScopeId>) -> ScopeId {
        self.scopes.push(Scope::new(model, parent));
        ScopeId(self.scopes.len() - 1)
    }

    /// A scope that this compiler opened.
    pub(super) fn scope(&self, id: ScopeId) -> &Scope<'a> {
        &self.scopes[id.0]
    }

    /// A scope that this compiler opened.
    pub(super) fn scope_mut(&mut self, id: ScopeId) -> &mut Scope<'a> {
        &mut self.scopes[id.0]
    }

    pub(super) fn bind(&mut self, value: Value) -> ValueId {
        self.bind_cow(Cow::Owned(value))
    }

    /// A value that the query may still own.
    pub(super) fn bind_cow(&mut self, value: Cow<'a, Value>) -> ValueId {
        self.values.push(value);
        ValueId(u32::try_from(self.values.len() - 1).unwrap_or(u32::MAX))
    }

    pub(super) fn value(&self, id: ValueId) -> &Value {
        self.values.get(id.0 as usize).map_or(&Value::Null, AsRef::as_ref)
    }

    /// How many values there are to bind.
    pub(super) fn value_count(&self) -> usize {
        self.values.len()
    }

    /// A value for good: it is gone from here.
    pub(super) fn take_value(&mut self, id: ValueId) -> Value {
        let place = self.values.get_mut(id.0 as usize);
        place.map_or(Value::Null, |value| std::mem::replace(value, Cow::Owned(Value::Null)).into_owned())
    }

    /// A column of one of a scope's tables.
    pub(super) fn column(
        &self,
        scope: ScopeId,
        alias: AliasId,
        entry: &'a Entry,
        column: &'a SchemaColumn,
        related: bool,
    ) -> Col<'a> {
        Col { scope, alias, entry, column, kind: column.end_kind.clone(), related, multivalued: false }
    }

    /// The model's primary key.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if it has several columns.
    pub(super) fn key_column(&self, scope: ScopeId, alias: AliasId, entry: &'a Entry) -> Result<Ex<'a>> {
        let key = entry.single_key().ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                format!("the primary key of {} has several columns; name the columns instead of `pk`", entry.label),
            )
        })?;
        Ok(Ex::Column(self.column(scope, alias, entry, key, false)))
    }
}
