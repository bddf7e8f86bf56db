//! The constraint by which a row to insert is found to be there already.

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, SchemaColumn};
use crate::query::node::Node;
use crate::signal;
use crate::value::Value;

/// A constraint that says which rows are the same.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The places of its columns; none, if it may be any.
    pub(crate) columns: Vec<usize>,
    /// The rows that it is about; all if `None`.
    pub(crate) condition: Option<Node>,
    /// Whether two nulls are the same to it.
    pub(crate) nulls_are_same: bool,
}

impl Target {
    /// Any constraint: by it rows are passed over, but none is found.
    pub(crate) fn any() -> Target {
        Target { columns: Vec::new(), condition: None, nulls_are_same: false }
    }

    /// The constraint over these fields; over the primary key, if there are none.
    ///
    /// # Errors
    /// [`ErrorKind::Field`] with the choices if there is none.
    pub(crate) fn new(entry: &Entry, fields: &[Node]) -> Result<Target> {
        let mut names = Vec::with_capacity(fields.len());
        for node in fields {
            names.push(signal::column(entry, node)?.name.as_ref());
        }
        let all = targets(entry);
        if names.is_empty() {
            names = entry.definition.primary_key.iter().map(AsRef::as_ref).collect();
        }
        let same = |fields: &[&str]| fields.len() == names.len() && fields.iter().all(|field| names.contains(field));
        // One about all rows goes before one about some.
        let found = all.iter().filter(|(fields, _)| same(fields)).min_by_key(|(_, target)| target.condition.is_some());
        if let Some((_, target)) = found {
            return Ok(target.clone());
        }
        let choices: Vec<String> = all.iter().map(|(fields, _)| format!("({})", fields.join(", "))).collect();
        let text = format!(
            "no constraint keeps ({}) unique at once, so no row is found by it: choices are {}",
            names.join(", "),
            choices.join(", ")
        );
        Err(Error::new(ErrorKind::Field, text).in_model(&*entry.label))
    }

    /// Whether there may be a row that is the same as one of these values.
    pub(super) fn may_find(&self, values: &[Option<Value>]) -> bool {
        let given = |value: &Value| self.nulls_are_same || !value.is_null();
        self.columns.iter().all(|place| values.get(*place).and_then(Option::as_ref).is_some_and(given))
    }

    pub(crate) fn columns<'a>(&self, entry: &'a Entry) -> Vec<&'a SchemaColumn> {
        self.columns.iter().filter_map(|place| entry.columns.get(*place)).collect()
    }
}

/// All that a model says is unique, and checked at once.
fn targets(entry: &Entry) -> Vec<(Vec<&str>, Target)> {
    let definition = &entry.definition;
    let mut found = Vec::new();
    let mut add = |fields: Vec<&'_ str>, condition: Option<Node>, nulls_are_same: bool| {
        let place = |name: &&str| entry.columns.iter().position(|column| entry.field(column.field).name == **name);
        let columns: Option<Vec<usize>> = fields.iter().map(place).collect();
        if let Some(columns) = columns.filter(|columns| !columns.is_empty()) {
            let fields = columns.iter().filter_map(|place| entry.columns.get(*place));
            let fields = fields.map(|column| entry.field(column.field).name.as_ref()).collect();
            found.push((fields, Target { columns, condition, nulls_are_same }));
        }
    };
    add(definition.primary_key.iter().map(AsRef::as_ref).collect(), None, false);
    for field in definition.fields.iter().filter(|field| field.unique && field.has_column()) {
        add(vec![field.name.as_ref()], None, false);
    }
    for group in &definition.unique_together {
        add(group.iter().map(AsRef::as_ref).collect(), None, false);
    }
    for unique in definition.uniques.iter().filter(|unique| unique.expressions.is_empty()) {
        if unique.deferrable.is_none() {
            let fields = unique.fields.iter().map(AsRef::as_ref).collect();
            add(fields, unique.condition.clone(), unique.nulls_distinct == Some(false));
        }
    }
    found
}
