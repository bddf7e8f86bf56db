//! A model as plain data. The derive writes it, migration files write it, and the database tells it back.

use std::borrow::Cow;
use std::fmt;

use super::manager::ManagerDef;
use super::rollup::Rollup;
use crate::field::{Choice, Kind};
use crate::json_schema::JsonSchema;
use crate::query::Node;
use crate::value::Value;

/// A text that is known when the program is compiled, or read at run time.
type Text = Cow<'static, str>;

/// A model: its table, fields, constraints and indexes, as Django's model and `Meta`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ModelDef {
    /// The app's label, such as `shop`.
    pub app: Text,
    /// The model's name, such as `Book`.
    pub name: Text,
    /// The table if it is not named after app and model.
    pub table: Option<Text>,
    /// The fields in the order of declaration, relations included.
    pub fields: Vec<Field>,
    /// The names of the fields that make up the primary key; one, but for composite keys.
    pub primary_key: Vec<Text>,
    /// The order of rows where a query names none.
    pub ordering: Vec<OrderBy>,
    /// Groups of fields that are unique together (Django's `unique_together`, named by digest).
    pub unique_together: Vec<Vec<Text>>,
    /// Unique constraints.
    pub uniques: Vec<Unique>,
    /// Check constraints.
    pub checks: Vec<Check>,
    /// Indexes beside those of single fields.
    pub indexes: Vec<Index>,
    /// The order in which `uniques` and `checks` were declared, by name: that of the statements that make them.
    pub constraint_order: Vec<Text>,
    /// The table's comment.
    pub comment: Option<Text>,
    /// Whether migrations make the table (Django's `managed`).
    pub managed: bool,
    /// The model whose table this one reads and writes too, as `app.Model` (Django's proxy).
    pub proxy_for: Option<Text>,
    /// What a person calls one of these; the name in lower case words if not set.
    pub verbose_name: Option<Text>,
    /// The fields by which a row is known wherever it is, so that fixtures can name it without its key (Django's
    /// `natural_key`). A relation among them stands for the natural key of its model, if that has one.
    pub natural_key: Vec<Text>,
    /// What queries on the model start from, where not from all rows that are not marked as deleted.
    pub managers: Vec<ManagerDef>,
}

/// A field: a column, or a relation through a table between.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Field {
    /// The name in queries.
    pub name: Text,
    /// What it holds.
    pub kind: Kind,
    /// The column if it is not named after the field (`<field>_id` for foreign keys).
    pub column: Option<Text>,
    /// Whether the column may be null.
    pub null: bool,
    /// Whether no two rows may have the same value.
    pub unique: bool,
    /// Whether the column has an index of its own. Foreign keys and slugs have unless this is `false`.
    pub index: bool,
    /// What a new row gets when nothing is said, filled in by the program.
    pub default: Option<FieldDefault>,
    /// What a new row gets when nothing is said, filled in by the database.
    pub db_default: Option<DatabaseDefault>,
    /// The values the field is limited to; not enforced by the database.
    pub choices: Vec<Choice>,
    /// The column's comment.
    pub comment: Option<Text>,
    /// Set to the current time on every save.
    pub auto_now: bool,
    /// Set to the current time on creation.
    pub auto_now_add: bool,
    /// The column's collation.
    pub collation: Option<Text>,
    /// The expression the database computes the column from.
    pub generated: Option<Generated>,
    /// The figure over related rows that the database keeps in the column.
    pub rollup: Option<Rollup>,
    /// The other model, for relations.
    pub relation: Option<Reference>,
    /// What a person calls it; the name with blanks if not set.
    pub verbose_name: Option<Text>,
    /// Whether it says of a row that it is deleted: a boolean, or the moment when it was, null of a living row. At most
    /// one field of a model does.
    pub soft_delete: bool,
    /// What a JSON document must look like to be written.
    pub schema: Option<JsonSchema>,
    /// What an encrypted field's values are bound to and its blind index is made for, as `table.column`: the names when
    /// the first value was sealed, which stay when table or column are renamed. Those of now if `None`.
    pub sealed_for: Option<Text>,
    /// The encrypted field whose digests this one holds: a column that the ORM keeps, to find equal values by.
    pub blind_index_of: Option<Text>,
    /// The field of the same row whose text a new row's slug is made from, unless it is given one.
    pub slug_from: Option<Text>,
    /// Whether such a slug keeps letters and digits of all scripts (Django's `allow_unicode`).
    pub slug_unicode: bool,
}

impl fmt::Debug for Field {
    /// Digests of applied migrations are made of this text: what came later than they did shows only where it is said, so
    /// that what an older program applied is not taken for edited.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Field");
        shown
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("column", &self.column)
            .field("null", &self.null)
            .field("unique", &self.unique)
            .field("index", &self.index)
            .field("default", &self.default)
            .field("db_default", &self.db_default)
            .field("choices", &self.choices)
            .field("comment", &self.comment)
            .field("auto_now", &self.auto_now)
            .field("auto_now_add", &self.auto_now_add)
            .field("collation", &self.collation)
            .field("generated", &self.generated)
            .field("rollup", &self.rollup)
            .field("relation", &self.relation)
            .field("verbose_name", &self.verbose_name)
            .field("soft_delete", &self.soft_delete)
            .field("schema", &self.schema);
        if self.sealed_for.is_some() {
            shown.field("sealed_for", &self.sealed_for);
        }
        if self.blind_index_of.is_some() {
            shown.field("blind_index_of", &self.blind_index_of);
        }
        if self.slug_from.is_some() {
            shown.field("slug_from", &self.slug_from).field("slug_unicode", &self.slug_unicode);
        }
        shown.finish()
    }
}

/// A default that the program fills in.
#[derive(Clone)]
pub enum FieldDefault {
    /// A constant.
    Value(Value),
    /// A function, called for each row; the name is what migrations write down.
    Function(Text, fn() -> Value),
}

impl fmt::Debug for FieldDefault {
    /// A function by its name: its address means nothing to the next build.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldDefault::Value(value) => f.debug_tuple("Value").field(value).finish(),
            FieldDefault::Function(name, _) => f.debug_tuple("Function").field(name).finish(),
        }
    }
}

impl PartialEq for FieldDefault {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (FieldDefault::Value(a), FieldDefault::Value(b)) => a == b,
            (FieldDefault::Function(a, _), FieldDefault::Function(b, _)) => a == b,
            _ => false,
        }
    }
}

/// A default that the database fills in (Django's `db_default`).
#[derive(Debug, Clone, PartialEq)]
pub enum DatabaseDefault {
    /// A constant.
    Value(Value),
    /// An expression without fields, such as `Now()`.
    Expression(Node),
}

/// A column that the database computes (Django's `GeneratedField`).
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The expression, over fields of the same row.
    pub expression: Node,
    /// Whether it is stored, or computed on reading (SQLite only).
    pub stored: bool,
}

/// What a relation refers to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Reference {
    /// The other model, as `app.Model`; `self` for the model itself.
    pub to: Text,
    /// The other model's unique field, if not its primary key.
    pub to_field: Option<Text>,
    /// What happens to this row when the other is deleted.
    pub on_delete: OnDelete,
    /// The name of the way back (`None`: `<model>_set`, and `<model>` in queries; `+`: no way back).
    pub related_name: Option<Text>,
    /// Whether the database enforces the key (Django's `db_constraint`).
    pub constraint: bool,
    /// The model between, as `app.Model`, for a many-to-many relation that has one of its own.
    pub through: Option<Text>,
    /// The two foreign keys of the model between, if it has more than one pair.
    pub through_fields: Option<(Text, Text)>,
    /// The automatic table between, if it is not named after the model and field.
    pub table: Option<Text>,
    /// Whether a many-to-many relation to the model itself holds both ways.
    pub symmetrical: bool,
}

/// What happens to rows that refer to a deleted one; carried out by the program as in Django, not by the database.
#[derive(Clone)]
pub enum OnDelete {
    /// They are deleted too.
    Cascade,
    /// The deletion is refused.
    Protect,
    /// The deletion is refused, unless the row goes with it on another way.
    Restrict,
    /// Their key becomes null.
    SetNull,
    /// Their key becomes the field's default.
    SetDefault,
    /// Their key becomes what the function says (Django's `SET(…)`).
    Set(Text, fn() -> Value),
    /// Nothing: the database refuses, or the reference dangles.
    DoNothing,
}

impl fmt::Debug for OnDelete {
    /// A function by its name: its address means nothing to the next build.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OnDelete::Cascade => "Cascade",
            OnDelete::Protect => "Protect",
            OnDelete::Restrict => "Restrict",
            OnDelete::SetNull => "SetNull",
            OnDelete::SetDefault => "SetDefault",
            OnDelete::Set(name, _) => return f.debug_tuple("Set").field(name).finish(),
            OnDelete::DoNothing => "DoNothing",
        })
    }
}

impl PartialEq for OnDelete {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (OnDelete::Set(a, _), OnDelete::Set(b, _)) => a == b,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// One step of an ordering.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderBy {
    /// What to order by.
    pub expression: Node,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// Whether nulls come first (`Some(true)`) or last (`Some(false)`); the engine's habit if `None`.
    pub nulls_first: Option<bool>,
}

/// A unique constraint (Django's `UniqueConstraint`).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Unique {
    /// The constraint's or index's name.
    pub name: Text,
    /// The fields, or else
    pub fields: Vec<Text>,
    /// the expressions that are unique together.
    pub expressions: Vec<OrderBy>,
    /// The rows it is about; all if `None`.
    pub condition: Option<Node>,
    /// Fields kept in the index beside the key (PostgreSQL).
    pub include: Vec<Text>,
    /// When it is checked (PostgreSQL); at once and for good if `None`.
    pub deferrable: Option<Deferrable>,
    /// Whether nulls differ from one another (PostgreSQL 15); they do if `None`.
    pub nulls_distinct: Option<bool>,
}

/// When a deferrable constraint is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deferrable {
    /// At commit.
    Deferred,
    /// After each statement, unless the transaction says otherwise.
    Immediate,
}

/// A check constraint (Django's `CheckConstraint`).
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The constraint's name.
    pub name: Text,
    /// What must not be false of any row.
    pub condition: Node,
}

/// An index over several fields or expressions (Django's `Index`).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Index {
    /// The name; made from table and fields if `None`.
    pub name: Option<Text>,
    /// Fields and expressions, each with its direction.
    pub expressions: Vec<OrderBy>,
    /// The rows it holds; all if `None`.
    pub condition: Option<Node>,
    /// Fields kept in the index beside the key (PostgreSQL).
    pub include: Vec<Text>,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty => $value:expr;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$name = $value;
            self
        }
    )*};
}

impl ModelDef {
    /// A model without fields, whose table migrations make.
    pub fn new(app: impl Into<Text>, name: impl Into<Text>) -> Self {
        ModelDef {
            app: app.into(),
            name: name.into(),
            table: None,
            fields: Vec::new(),
            primary_key: Vec::new(),
            ordering: Vec::new(),
            unique_together: Vec::new(),
            uniques: Vec::new(),
            checks: Vec::new(),
            indexes: Vec::new(),
            constraint_order: Vec::new(),
            comment: None,
            managed: true,
            proxy_for: None,
            verbose_name: None,
            natural_key: Vec::new(),
            managers: Vec::new(),
        }
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// Names the field that is the primary key; once for each, where it is composite.
    #[must_use]
    pub fn primary_key(mut self, field: impl Into<Text>) -> Self {
        self.primary_key.push(field.into());
        self
    }

    /// Sets the table.
    #[must_use]
    pub fn table(mut self, table: impl Into<Text>) -> Self {
        self.table = Some(table.into());
        self
    }

    /// Adds a step to the default ordering.
    #[must_use]
    pub fn order_by(mut self, step: OrderBy) -> Self {
        self.ordering.push(step);
        self
    }

    /// Sets the default ordering.
    #[must_use]
    pub fn ordering(mut self, steps: Vec<OrderBy>) -> Self {
        self.ordering = steps;
        self
    }

    /// Adds a group of fields that are unique together.
    #[must_use]
    pub fn unique_together<const N: usize>(mut self, fields: [&'static str; N]) -> Self {
        self.unique_together.push(fields.into_iter().map(Text::from).collect());
        self
    }

    /// Adds a unique constraint.
    #[must_use]
    pub fn unique(mut self, unique: Unique) -> Self {
        self.constraint_order.push(unique.name.clone());
        self.uniques.push(unique);
        self
    }

    /// Adds a check constraint.
    #[must_use]
    pub fn check(mut self, name: impl Into<Text>, condition: Node) -> Self {
        let name = name.into();
        self.constraint_order.push(name.clone());
        self.checks.push(Check { name, condition });
        self
    }

    /// Adds an index.
    #[must_use]
    pub fn index(mut self, index: Index) -> Self {
        self.indexes.push(index);
        self
    }

    /// Sets the table's comment.
    #[must_use]
    pub fn comment(mut self, comment: impl Into<Text>) -> Self {
        self.comment = Some(comment.into());
        self
    }

    setters! {
        /// Says whether migrations make the table.
        managed: bool => managed;
    }

    /// Makes this a second model on another's table.
    #[must_use]
    pub fn proxy_for(mut self, label: impl Into<Text>) -> Self {
        self.proxy_for = Some(label.into());
        self
    }

    /// Sets what a person calls one of these.
    #[must_use]
    pub fn verbose_name(mut self, name: impl Into<Text>) -> Self {
        self.verbose_name = Some(name.into());
        self
    }

    /// Adds a field to the natural key: the first by which a row is known wherever it is, then the next.
    #[must_use]
    pub fn natural_key(mut self, field: impl Into<Text>) -> Self {
        self.natural_key.push(field.into());
        self
    }

    /// The name as `app.Model`.
    pub fn label(&self) -> String {
        format!("{}.{}", self.app, self.name)
    }
}

impl Field {
    /// A field that may not be null, has no default and no index, but for what its kind brings (slugs and relations
    /// are indexed).
    pub fn new(name: impl Into<Text>, kind: Kind) -> Self {
        let index = matches!(kind, Kind::Slug { .. } | Kind::ForeignKey);
        let unique = matches!(kind, Kind::OneToOne);
        Field {
            name: name.into(),
            kind,
            column: None,
            null: false,
            unique,
            index,
            default: None,
            db_default: None,
            choices: Vec::new(),
            comment: None,
            auto_now: false,
            auto_now_add: false,
            collation: None,
            generated: None,
            rollup: None,
            relation: None,
            verbose_name: None,
            soft_delete: false,
            schema: None,
            sealed_for: None,
            blind_index_of: None,
            slug_from: None,
            slug_unicode: false,
        }
    }

    /// The blind index of an encrypted field: 32 bytes a row, or null while they are not computed.
    pub fn blind_index(name: impl Into<Text>, of: impl Into<Text>) -> Self {
        Field { null: true, index: true, blind_index_of: Some(of.into()), ..Field::new(name, Kind::Binary) }
    }

    /// A foreign key to `to` (`app.Model`, or `self`).
    pub fn foreign_key(name: impl Into<Text>, reference: Reference) -> Self {
        Field { relation: Some(reference), ..Field::new(name, Kind::ForeignKey) }
    }

    /// A one-to-one key to `to` (`app.Model`, or `self`).
    pub fn one_to_one(name: impl Into<Text>, reference: Reference) -> Self {
        Field { relation: Some(reference), ..Field::new(name, Kind::OneToOne) }
    }

    /// A many-to-many relation to `to` (`app.Model`, or `self`).
    pub fn many_to_many(name: impl Into<Text>, reference: Reference) -> Self {
        Field { relation: Some(reference), ..Field::new(name, Kind::ManyToMany) }
    }

    setters! {
        /// Says whether the column may be null.
        null: bool => null;
        /// Says whether no two rows may have the same value.
        unique: bool => unique;
        /// Says whether the column has an index of its own.
        index: bool => index;
        /// Sets the time on every save.
        auto_now: bool => auto_now;
        /// Sets the time on creation.
        auto_now_add: bool => auto_now_add;
        /// Says whether it marks deleted rows.
        soft_delete: bool => soft_delete;
        /// Says whether slugs that are made keep letters and digits of all scripts.
        slug_unicode: bool => slug_unicode;
        /// Limits the values.
        choices: &[Choice] => choices.to_vec();
        /// Sets a default that the database fills in.
        db_default: DatabaseDefault => Some(db_default);
        /// Has the database compute the column.
        generated: Generated => Some(generated);
        /// Says what a JSON document must look like to be written.
        schema: JsonSchema => Some(schema);
    }

    /// Names the column.
    #[must_use]
    pub fn column(mut self, column: impl Into<Text>) -> Self {
        self.column = Some(column.into());
        self
    }

    /// Sets a constant default that the program fills in.
    #[must_use]
    pub fn default(mut self, value: Value) -> Self {
        self.default = Some(FieldDefault::Value(value));
        self
    }

    /// Sets a default that the program computes for each row; `name` is what migrations write down.
    #[must_use]
    pub fn default_from(mut self, name: impl Into<Text>, function: fn() -> Value) -> Self {
        self.default = Some(FieldDefault::Function(name.into(), function));
        self
    }

    /// Sets the column's comment.
    #[must_use]
    pub fn comment(mut self, comment: impl Into<Text>) -> Self {
        self.comment = Some(comment.into());
        self
    }

    /// Sets the column's collation.
    #[must_use]
    pub fn collation(mut self, collation: impl Into<Text>) -> Self {
        self.collation = Some(collation.into());
        self
    }

    /// Sets what a person calls it.
    #[must_use]
    pub fn verbose_name(mut self, name: impl Into<Text>) -> Self {
        self.verbose_name = Some(name.into());
        self
    }

    /// Names what an encrypted field's values are bound to, as `table.column`.
    #[must_use]
    pub fn sealed_for(mut self, place: impl Into<Text>) -> Self {
        self.sealed_for = Some(place.into());
        self
    }

    /// Makes new rows' slugs from another field of theirs.
    #[must_use]
    pub fn slug_from(mut self, field: impl Into<Text>) -> Self {
        self.slug_from = Some(field.into());
        self
    }

    /// Whether the field has a column: all but many-to-many relations.
    pub fn has_column(&self) -> bool {
        self.kind != Kind::ManyToMany
    }

    /// The column's name, for fields that have one (Django's `attname` unless `column` says otherwise).
    pub fn column_name(&self) -> Text {
        match &self.column {
            Some(column) => column.clone(),
            None if self.relation.is_some() => Text::Owned(format!("{}_id", self.name)),
            None => self.name.clone(),
        }
    }
}

impl Reference {
    /// A reference to the primary key of `to` (`app.Model`, or `self`), enforced by the database.
    pub fn new(to: impl Into<Text>, on_delete: OnDelete) -> Self {
        Reference {
            to: to.into(),
            to_field: None,
            on_delete,
            related_name: None,
            constraint: true,
            through: None,
            through_fields: None,
            table: None,
            symmetrical: false,
        }
    }

    setters! {
        /// Says whether the database enforces the key.
        constraint: bool => constraint;
        /// Says whether a many-to-many relation to the model itself holds both ways.
        symmetrical: bool => symmetrical;
    }

    /// Refers to a unique field other than the primary key.
    #[must_use]
    pub fn to_field(mut self, field: impl Into<Text>) -> Self {
        self.to_field = Some(field.into());
        self
    }

    /// Names the way back; `+` for none.
    #[must_use]
    pub fn related_name(mut self, name: impl Into<Text>) -> Self {
        self.related_name = Some(name.into());
        self
    }

    /// Goes through a model of its own.
    #[must_use]
    pub fn through(mut self, label: impl Into<Text>) -> Self {
        self.through = Some(label.into());
        self
    }

    /// Names the two foreign keys of the model between: to this model, and to the other.
    #[must_use]
    pub fn through_fields(mut self, here: impl Into<Text>, there: impl Into<Text>) -> Self {
        self.through_fields = Some((here.into(), there.into()));
        self
    }

    /// Names the automatic table between.
    #[must_use]
    pub fn table(mut self, table: impl Into<Text>) -> Self {
        self.table = Some(table.into());
        self
    }
}

impl Unique {
    /// A unique constraint over fields; see the setters for more.
    pub fn new<const N: usize>(name: impl Into<Text>, fields: [&'static str; N]) -> Self {
        Unique {
            name: name.into(),
            fields: fields.into_iter().map(Text::from).collect(),
            expressions: Vec::new(),
            condition: None,
            include: Vec::new(),
            deferrable: None,
            nulls_distinct: None,
        }
    }

    /// A unique index over expressions.
    pub fn over(name: impl Into<Text>, expressions: Vec<OrderBy>) -> Self {
        Unique { expressions, ..Unique::new(name, []) }
    }

    setters! {
        /// Limits it to some rows.
        condition: Node => Some(condition);
        /// Says when it is checked.
        deferrable: Deferrable => Some(deferrable);
        /// Says whether nulls differ from one another.
        nulls_distinct: bool => Some(nulls_distinct);
    }

    /// Keeps fields in the index beside the key.
    #[must_use]
    pub fn include<const N: usize>(mut self, fields: [&'static str; N]) -> Self {
        self.include = fields.into_iter().map(Text::from).collect();
        self
    }
}

impl Check {
    /// A check constraint.
    pub fn new(name: impl Into<Text>, condition: Node) -> Self {
        Check { name: name.into(), condition }
    }
}

impl Generated {
    /// A column that is computed when a row is written.
    pub fn stored(expression: Node) -> Self {
        Generated { expression, stored: true }
    }

    /// A column that is computed when a row is read (SQLite only).
    pub fn computed(expression: Node) -> Self {
        Generated { expression, stored: false }
    }
}

impl Index {
    /// An index over fields and expressions, named after table and fields.
    pub fn new(expressions: Vec<OrderBy>) -> Self {
        Index { name: None, expressions, condition: None, include: Vec::new() }
    }

    setters! {
        /// Limits it to some rows.
        condition: Node => Some(condition);
    }

    /// Names the index.
    #[must_use]
    pub fn name(mut self, name: impl Into<Text>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Keeps fields in the index beside the key.
    #[must_use]
    pub fn include<const N: usize>(mut self, fields: [&'static str; N]) -> Self {
        self.include = fields.into_iter().map(Text::from).collect();
        self
    }
}

impl OrderBy {
    /// Least first.
    pub fn asc(expression: Node) -> Self {
        OrderBy { expression, descending: false, nulls_first: None }
    }

    /// Greatest first.
    pub fn desc(expression: Node) -> Self {
        OrderBy { expression, descending: true, nulls_first: None }
    }

    /// Nulls before all else.
    #[must_use]
    pub fn nulls_first(mut self) -> Self {
        self.nulls_first = Some(true);
        self
    }

    /// Nulls after all else.
    #[must_use]
    pub fn nulls_last(mut self) -> Self {
        self.nulls_first = Some(false);
        self
    }
}
