//! A row before it is written.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::expr::{Assignments, Path, Required, Selection};
use crate::model::{Entry, Field, Model, Named, Schema};
use crate::query::Node;
use crate::row::{Row, Source};
use crate::value::Value;

type Text = Cow<'static, str>;

/// A row about to be written, as far as it is known: what [`pre_save`](super::pre_save) receivers see and may change.
///
/// A new row has what was given and the defaults that the program fills in; what the database decides, such as the
/// number of the row, is not known yet. Of a row that is there, all columns are known, but for those that an update
/// computes.
pub struct Draft<M: Model> {
    schema: Arc<Schema>,
    cells: Vec<Cell>,
    is_new: bool,
    changed: bool,
    of: PhantomData<fn() -> M>,
}

/// A column of the row.
struct Cell {
    field: Text,
    content: Content,
    /// Whether it is written; else only known.
    written: bool,
}

enum Content {
    Value(Value),
    /// Computed by the database, in the statement that writes it.
    Computed(Node),
}

impl<M: Model> Draft<M> {
    /// Whether the row is new for sure: made by `create`, or saved without a key. A row that is saved with a key may be
    /// new as well.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Whether a field is going to be written: not so the others where only some are saved.
    ///
    /// # Errors
    /// [`ErrorKind::Field`] if it is no column of the row itself.
    pub fn writes<S: Selection<M>>(&self, field: impl FnOnce(M::Fields<M, Required>) -> S) -> Result<bool> {
        let entry = self.schema.of::<M>()?;
        let mut all = true;
        for node in field(Path::root().into()).into_nodes() {
            let field = column(entry, &node)?;
            all &= self.cells.iter().any(|cell| cell.written && cell.field == field.name);
        }
        Ok(all)
    }

    /// Values of the row: a tuple for a tuple.
    ///
    /// # Errors
    /// [`ErrorKind::Field`] for what is no column of the row itself, or is not known before it is written.
    pub fn get<S: Selection<M>>(&self, fields: impl FnOnce(M::Fields<M, Required>) -> S) -> Result<S::Row> {
        let entry = self.schema.of::<M>()?;
        let mut values = Vec::new();
        for node in fields(Path::root().into()).into_nodes() {
            let field = column(entry, &node)?;
            let known = self.cells.iter().find(|cell| cell.field == field.name).and_then(|cell| match &cell.content {
                Content::Value(value) => Some(value),
                Content::Computed(_) => None,
            });
            let value = known.ok_or_else(|| {
                let error = Error::new(ErrorKind::Field, "is decided by the database, and not known before the write");
                error.in_model(M::LABEL).in_field(field.name.to_string())
            })?;
            values.push(match value {
                // As the databases give it.
                Value::Json(document) => Value::Text(document.to_string()),
                value => value.clone(),
            });
        }
        S::read(&mut Row::new(Source::Values(&values))).map_err(|error| error.in_model(M::LABEL))
    }

    /// Sets fields of the row, those that were not going to be written too.
    ///
    /// # Errors
    /// [`ErrorKind::Field`] for what is no column of the row itself or is computed by the database,
    /// [`ErrorKind::Type`] for an expression in place of a value, [`ErrorKind::Value`] for the key of a row that is
    /// there.
    pub fn set<A: Assignments<M>>(&mut self, assignments: impl FnOnce(M::Fields<M, Required>) -> A) -> Result<()> {
        let schema = Arc::clone(&self.schema);
        let entry = schema.of::<M>()?;
        for (to, value) in assignments(Path::root().into()).into_pairs() {
            let field = column(entry, &to)?;
            let refuse =
                |kind, why: &str| Err(Error::new(kind, why).in_model(M::LABEL).in_field(field.name.to_string()));
            let Node::Value(value, _) = value else {
                return refuse(ErrorKind::Type, "is set to an expression: only values can be set before a write");
            };
            if let Some(refusal) = entry.refuse_kept(field) {
                return Err(refusal);
            }
            if !self.is_new && entry.definition.primary_key.contains(&field.name) {
                return refuse(ErrorKind::Value, "is the key of a row that may be there already, and stays what it is");
            }
            self.put(field.name.clone(), Content::Value(value), true);
            self.changed = true;
        }
        Ok(())
    }

    /// A new row: what was given.
    pub(crate) fn of_new_row(schema: &Arc<Schema>, given: Vec<(Text, Value)>) -> Self {
        Draft::of(schema, given, true, true)
    }

    /// A row of which these columns are known, and written or not.
    pub(crate) fn of_row(schema: &Arc<Schema>, known: Vec<(Text, Value)>, written: bool) -> Self {
        Draft::of(schema, known, false, written)
    }

    fn of(schema: &Arc<Schema>, known: Vec<(Text, Value)>, is_new: bool, written: bool) -> Self {
        let cell = |(field, value)| Cell { field, content: Content::Value(value), written };
        Draft {
            schema: Arc::clone(schema),
            cells: known.into_iter().map(cell).collect(),
            is_new,
            changed: false,
            of: PhantomData,
        }
    }

    /// Says that a column is to be written.
    pub(crate) fn write(&mut self, field: &Field, node: Node) {
        let content = match node {
            Node::Value(value, _) => Content::Value(value),
            node => Content::Computed(node),
        };
        self.put(field.name.clone(), content, true);
    }

    /// Says that a column that is known is to be written.
    pub(crate) fn write_known(&mut self, field: &str) {
        if let Some(cell) = self.cells.iter_mut().find(|cell| cell.field == field) {
            cell.written = true;
        }
    }

    fn put(&mut self, field: Text, content: Content, written: bool) {
        match self.cells.iter_mut().find(|cell| cell.field == field) {
            Some(cell) => *cell = Cell { field, content, written },
            None => self.cells.push(Cell { field, content, written }),
        }
    }

    /// The fields to write.
    pub(crate) fn written(&self) -> Vec<String> {
        self.cells.iter().filter(|cell| cell.written).map(|cell| cell.field.to_string()).collect()
    }

    /// Whether a receiver set anything.
    pub(crate) fn is_changed(&self) -> bool {
        self.changed
    }

    /// The values to write; those that the database computes left out.
    pub(crate) fn into_values(self) -> Vec<(Text, Value)> {
        let written = self.cells.into_iter().filter(|cell| cell.written);
        let value = |cell: Cell| match cell.content {
            Content::Value(value) => Some((cell.field, value)),
            Content::Computed(_) => None,
        };
        written.filter_map(value).collect()
    }

    /// The columns to write and what to, computed ones included.
    pub(crate) fn into_nodes(self) -> Vec<(Text, Node)> {
        let written = self.cells.into_iter().filter(|cell| cell.written);
        let node = |cell: Cell| match cell.content {
            Content::Value(value) => (cell.field, Node::value(value)),
            Content::Computed(node) => (cell.field, node),
        };
        written.map(node).collect()
    }
}

impl<M: Model> fmt::Debug for Draft<M> {
    /// The fields' names: their values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<&str> = self.cells.iter().map(|cell| cell.field.as_ref()).collect();
        f.debug_struct("Draft")
            .field("model", &M::LABEL)
            .field("is_new", &self.is_new)
            .field("fields", &fields)
            .finish()
    }
}

/// The field of the row itself that an expression is.
pub(crate) fn column<'a>(entry: &'a Entry, node: &Node) -> Result<&'a Field> {
    let name = match node {
        Node::Path(names) if names.len() == 1 => names.first().map(AsRef::as_ref),
        _ => None,
    };
    let field = match name.and_then(|name| entry.named(name)) {
        Some(Named::Field(field) | Named::Column(field)) => entry.column(field).map(|_| entry.field(field)),
        _ => None,
    };
    field.ok_or_else(|| {
        Error::new(ErrorKind::Field, "only columns of the row itself can be named here").in_model(entry.label.clone())
    })
}
