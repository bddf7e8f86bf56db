//! A model as the macro sees it: plain data.

use syn::{Attribute, Expr, Ident, Path, Type, Visibility};

use crate::types::Holds;

/// A struct with `#[derive(Model)]`.
#[derive(Debug)]
pub(crate) struct Model {
    /// The path of the ORM crate.
    pub(crate) krate: Path,
    pub(crate) visibility: Visibility,
    pub(crate) name: Ident,
    pub(crate) app: String,
    pub(crate) fields: Vec<Field>,
    /// The fields of the primary key, as indexes.
    pub(crate) primary_key: Vec<usize>,
    pub(crate) table: Option<String>,
    pub(crate) ordering: Over<Step>,
    pub(crate) unique_together: Vec<Vec<String>>,
    pub(crate) constraints: Vec<Constraint>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) comment: Option<String>,
    pub(crate) managed: bool,
    pub(crate) proxy_for: Option<Path>,
    pub(crate) verbose_name: Option<String>,
    pub(crate) natural_key: Vec<String>,
    /// The default manager.
    pub(crate) manager: Option<Path>,
    /// The other managers, by the name of their function.
    pub(crate) managers: Vec<(Ident, Path)>,
}

/// A field of the struct.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) visibility: Visibility,
    pub(crate) ident: Ident,
    /// The name in queries: the identifier without `r#`.
    pub(crate) name: String,
    pub(crate) docs: Vec<Attribute>,
    /// The whole type.
    pub(crate) ty: Type,
    /// Whether the type is one that no column holds, so that nothing is emitted for the field.
    pub(crate) broken: bool,
    /// Whether it is an `Option`.
    pub(crate) nullable: bool,
    pub(crate) shape: Shape,
    pub(crate) column: Option<String>,
    pub(crate) unique: Option<bool>,
    pub(crate) index: Option<bool>,
    pub(crate) default: Option<Default>,
    pub(crate) db_default: Option<Expr>,
    pub(crate) comment: Option<String>,
    pub(crate) auto_now: bool,
    pub(crate) auto_now_add: bool,
    pub(crate) collation: Option<String>,
    pub(crate) generated: Option<Generated>,
    pub(crate) rollup: Option<Rollup>,
    pub(crate) verbose_name: Option<String>,
    /// Whether it marks deleted rows.
    pub(crate) soft_delete: bool,
    /// The token that makes it unique among living rows, and the constraint's name if one is given.
    pub(crate) unique_alive: Option<(Ident, Option<String>)>,
    pub(crate) schema: Option<JsonSchema>,
    /// The field that slugs are made from.
    pub(crate) slug_from: Option<Ident>,
    /// Whether they keep letters of all scripts.
    pub(crate) slug_unicode: bool,
}

/// The JSON Schema of a field.
#[derive(Debug)]
pub(crate) struct JsonSchema {
    /// The text of the schema as an expression: a literal, or what includes a file.
    pub(crate) text: Expr,
    pub(crate) version: Option<DocumentVersion>,
}

/// The version of a field's documents.
#[derive(Debug)]
pub(crate) struct DocumentVersion {
    pub(crate) number: u32,
    /// The member of the documents that says it.
    pub(crate) key: String,
    /// The function that brings a document to the next version.
    pub(crate) upgrade: Option<Expr>,
}

/// What a field is.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A column of its own kind.
    Column(Column),
    /// A foreign or one-to-one key.
    Key(Box<Key>),
    /// A many-to-many relation.
    Many(Many),
}

/// A column that is no key to another model.
#[derive(Debug)]
pub(crate) struct Column {
    /// The type without its `Option`.
    pub(crate) base: Type,
    pub(crate) holds: Holds,
    /// The kind, where it is not the type's own.
    pub(crate) kind: Option<String>,
    pub(crate) max_length: Option<u32>,
    /// `max_digits` and `decimal_places`.
    pub(crate) digits: Option<(u16, u16)>,
    /// How an encrypted field is sealed, where it is said.
    pub(crate) sealing: Option<&'static str>,
    pub(crate) blind_index: bool,
    /// What an encrypted field's values are bound to, where it is said.
    pub(crate) sealed_for: Option<String>,
}

/// A foreign or one-to-one key.
#[derive(Debug)]
pub(crate) struct Key {
    /// The model referred to.
    pub(crate) to: Type,
    pub(crate) to_self: bool,
    /// The key's type, if it is not that of the primary key.
    pub(crate) key: Option<Type>,
    pub(crate) one_to_one: bool,
    pub(crate) on_delete: OnDelete,
    pub(crate) to_field: Option<String>,
    pub(crate) related_name: Option<String>,
    pub(crate) constraint: bool,
}

/// A many-to-many relation.
#[derive(Debug)]
pub(crate) struct Many {
    /// The model on the other side.
    pub(crate) to: Type,
    pub(crate) to_self: bool,
    pub(crate) related_name: Option<String>,
    pub(crate) constraint: bool,
    pub(crate) through: Option<Path>,
    pub(crate) through_fields: Option<(String, String)>,
    pub(crate) table: Option<String>,
    pub(crate) symmetrical: bool,
}

/// What happens to the row when the one it refers to is deleted.
#[derive(Debug)]
pub(crate) enum OnDelete {
    /// One of the choices without an argument.
    Plain(Ident),
    /// `Set(function)`.
    Set(Expr),
}

/// A default that the program fills in.
#[derive(Debug)]
pub(crate) enum Default {
    /// `default`: the type's own.
    OfType,
    /// A constant.
    Constant(Expr),
    /// Something computed for each row.
    Computed(Expr),
}

/// A column that the database computes.
#[derive(Debug)]
pub(crate) struct Generated {
    pub(crate) expression: Expr,
    pub(crate) stored: bool,
}

/// A column in which the database keeps a figure over related rows.
#[derive(Debug)]
pub(crate) struct Rollup {
    /// The function that makes it: `count`, `sum`, `latest` or `earliest`.
    pub(crate) figure: &'static str,
    pub(crate) of: String,
    /// The field that it is over; none for counts.
    pub(crate) field: Option<String>,
    /// The model with the rows, and a closure over its fields.
    pub(crate) condition: Option<(Type, Expr)>,
}

/// One step of an ordering over fields.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) descending: bool,
    /// Relations and a field at last.
    pub(crate) names: Vec<Ident>,
}

/// A unique or check constraint.
#[derive(Debug)]
pub(crate) enum Constraint {
    Unique(Unique),
    Check { name: String, condition: Expr },
}

/// A unique constraint.
#[derive(Debug)]
pub(crate) struct Unique {
    pub(crate) name: String,
    pub(crate) over: Over<String>,
    pub(crate) condition: Option<Expr>,
    /// Whether it is about living rows alone.
    pub(crate) alive: bool,
    pub(crate) include: Vec<String>,
    /// Whether deferred (`true`) or immediate.
    pub(crate) deferrable: Option<bool>,
    pub(crate) nulls_distinct: Option<bool>,
}

/// An index.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) name: Option<String>,
    pub(crate) over: Over<Step>,
    pub(crate) condition: Option<Expr>,
    pub(crate) include: Vec<String>,
}

/// What an order, a unique constraint or an index is over.
#[derive(Debug)]
pub(crate) enum Over<T> {
    Fields(Vec<T>),
    /// A closure from the model's fields to a tuple of expressions.
    Expressions(Expr),
}

impl Model {
    /// The index of the field of this name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The field that marks deleted rows.
    pub(crate) fn soft_delete(&self) -> Option<&Field> {
        self.fields.iter().find(|field| field.soft_delete)
    }

    /// The table, as the model has it.
    pub(crate) fn table_name(&self) -> String {
        self.table.clone().unwrap_or_else(|| format!("{}_{}", self.app, self.name.to_string().to_lowercase()))
    }

    /// The fields that have a blind index, in order.
    pub(crate) fn indexed_blindly(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| {
            let Shape::Column(column) = &field.shape else { return false };
            column.blind_index && !field.broken
        })
    }

    /// Whether the field's value comes from the database or the program where nothing is said.
    pub(crate) fn is_optional(&self, field: &Field) -> bool {
        field.nullable
            || field.default.is_some()
            || field.db_default.is_some()
            || field.auto_now
            || field.auto_now_add
            || field.soft_delete
            || field.slug_from.is_some()
            || field.is_auto()
    }
}

impl Field {
    /// Whether the database numbers the rows by it.
    pub(crate) fn is_auto(&self) -> bool {
        matches!(&self.shape, Shape::Column(Column { kind: Some(kind), .. }) if kind.ends_with("Auto"))
    }

    /// The column's name.
    pub(crate) fn column_name(&self) -> &str {
        self.column.as_deref().unwrap_or(&self.name)
    }

    /// Whether a row can be written with a value of its own here.
    pub(crate) fn is_writable(&self) -> bool {
        !self.broken && self.generated.is_none() && self.rollup.is_none() && !matches!(self.shape, Shape::Many(_))
    }
}
