//! Migrations and what they are made of.

use std::borrow::Cow;

use super::data::{Past, Populate, Work};
use crate::error::Result;
use crate::model::{Check, Field, Index, ModelDef, Unique};
use crate::value::Value;

type Text = Cow<'static, str>;

/// One step of an app's history: applied as a whole or not at all, and recorded in `django_migrations`.
///
/// Written by `makemigrations` as a function in a file of its own, and read by people:
///
/// ```
/// use nuages_orm::migrate::Migration;
/// use nuages_orm::model::Field;
/// use nuages_orm::{Kind, ModelDef};
///
/// pub fn migration() -> Migration {
///     Migration::new("shop", "0001_initial").create_model(
///         ModelDef::new("shop", "Tag")
///             .field(Field::new("id", Kind::BigAuto))
///             .field(Field::new("label", Kind::Slug { max_length: 50 }).unique(true))
///             .primary_key("id"),
///     )
/// }
/// assert_eq!(migration().operations.len(), 1);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Migration {
    /// The app's label.
    pub app: Text,
    /// The name, such as `0002_book_pages`: what `django_migrations` remembers.
    pub name: Text,
    /// The migrations that must be applied before, as app and name.
    pub dependencies: Vec<(Text, Text)>,
    /// What it does, in order.
    pub operations: Vec<Operation>,
    /// Whether it is applied in one transaction, so that nothing of it remains if it fails. Off for what cannot run in
    /// one, such as making an index concurrently.
    pub atomic: bool,
    /// The migrations that it stands for, as app and name, if it was squashed from them.
    pub replaces: Vec<(Text, Text)>,
}

/// A change of the models, and of their tables.
///
/// Models are named without their app, which is the migration's.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Operation {
    /// Makes a model's table, and those between for its many-to-many relations.
    CreateModel(ModelDef),
    /// Drops a model's table, and those between.
    DeleteModel {
        /// The model.
        model: Text,
    },
    /// Adds a column, or the table between for a many-to-many relation.
    AddField {
        /// The model.
        model: Text,
        /// The field, which comes last.
        field: Box<Field>,
        /// What rows that exist already get, where the field's default does not say (Django's one-off default).
        fill: Option<Value>,
    },
    /// Drops a column, or the table between of a many-to-many relation.
    RemoveField {
        /// The model.
        model: Text,
        /// The field.
        field: Text,
    },
    /// Makes an index.
    AddIndex {
        /// The model.
        model: Text,
        /// The index, which has a name.
        index: Index,
    },
    /// Drops an index.
    RemoveIndex {
        /// The model.
        model: Text,
        /// The index' name.
        name: Text,
    },
    /// Makes a unique or check constraint.
    AddConstraint {
        /// The model.
        model: Text,
        /// The constraint.
        constraint: Constraint,
    },
    /// Drops a unique or check constraint.
    RemoveConstraint {
        /// The model.
        model: Text,
        /// The constraint's name.
        name: Text,
    },
    /// Replaces the groups of fields that are unique together.
    AlterUniqueTogether {
        /// The model.
        model: Text,
        /// The groups from now on.
        groups: Vec<Vec<Text>>,
    },
    /// Alters a column, or what is known of a field; also between kinds of relations.
    AlterField {
        /// The model.
        model: Text,
        /// The field as it is from now on, found by its name.
        field: Box<Field>,
        /// What rows get that have null where the field may not be null any more and has no default.
        fill: Option<Value>,
    },
    /// Renames a field, and its column unless that has a name of its own.
    RenameField {
        /// The model.
        model: Text,
        /// The name until now.
        from: Text,
        /// The name from now on.
        to: Text,
    },
    /// Renames a model, its table unless that has a name of its own, and what is named after it.
    RenameModel {
        /// The name until now.
        from: Text,
        /// The name from now on.
        to: Text,
    },
    /// Gives a model's table another name.
    AlterTable {
        /// The model.
        model: Text,
        /// The table; named after app and model if `None`.
        table: Option<Text>,
    },
    /// Replaces a table's comment.
    AlterTableComment {
        /// The model.
        model: Text,
        /// The comment from now on.
        comment: Option<Text>,
    },
    /// Says whether migrations make the table from now on; the table itself stays as it is.
    AlterManaged {
        /// The model.
        model: Text,
        /// Whether they do.
        managed: bool,
    },
    /// Makes other fields the primary key.
    AlterPrimaryKey {
        /// The model.
        model: Text,
        /// The fields from now on.
        fields: Vec<Text>,
    },
    /// Renames an index.
    RenameIndex {
        /// The model.
        model: Text,
        /// The name until now.
        from: Text,
        /// The name from now on.
        to: Text,
    },
    /// Runs SQL, and says what it means for the models.
    RunSql {
        /// The statements.
        forward: Vec<Text>,
        /// The statements that undo them; it cannot be undone if `None`.
        backward: Option<Vec<Text>>,
        /// The operations whose work the statements do: they change the models alone.
        state: Vec<Operation>,
        /// The model that it is about, where the app's models are in several databases; the app itself if `None`.
        about: Option<Text>,
    },
    /// Changes the tables by some operations, and the models by others (Django's `SeparateDatabaseAndState`).
    Separate {
        /// What happens to the tables.
        database: Vec<Operation>,
        /// What happens to the models.
        state: Vec<Operation>,
    },
    /// Runs a function of the program on the rows, with the models as they are at this point.
    RunRust {
        /// The function.
        forward: Work,
        /// The function that undoes it; it cannot be undone if `None`.
        backward: Option<Work>,
        /// The model that it is about, where the app's models are in several databases; the app itself if `None`.
        about: Option<Text>,
    },
    /// Sets fields of rows by expressions, batch by batch.
    Populate(Box<Populate>),
    /// Makes an index while the table is being written to (PostgreSQL); in a migration that is not atomic.
    AddIndexConcurrently {
        /// The model.
        model: Text,
        /// The index, which has a name.
        index: Index,
    },
    /// Drops an index while the table is in use (PostgreSQL); in a migration that is not atomic.
    RemoveIndexConcurrently {
        /// The model.
        model: Text,
        /// The index' name.
        name: Text,
    },
    /// Adds a check constraint that rows from now on must meet, without looking at those that exist (PostgreSQL).
    AddConstraintNotValid {
        /// The model.
        model: Text,
        /// The constraint.
        constraint: Check,
    },
    /// Looks whether all rows meet a constraint that was added without (PostgreSQL).
    ValidateConstraint {
        /// The model.
        model: Text,
        /// The constraint's name.
        name: Text,
    },
}

/// A constraint of `Meta.constraints`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the variants hold what they are named after")]
pub enum Constraint {
    Unique(Unique),
    Check(Check),
}

impl Constraint {
    /// The constraint's name.
    pub fn name(&self) -> &Text {
        match self {
            Constraint::Unique(unique) => &unique.name,
            Constraint::Check(check) => &check.name,
        }
    }

    /// A model's constraints in the order in which they were declared.
    pub(crate) fn all_of(model: &ModelDef) -> Vec<Constraint> {
        let uniques = model.uniques.iter().cloned().map(Constraint::Unique);
        let mut all: Vec<Constraint> = uniques.chain(model.checks.iter().cloned().map(Constraint::Check)).collect();
        let order = |name: &Text| model.constraint_order.iter().position(|known| known == name).unwrap_or(usize::MAX);
        all.sort_by_key(|constraint| order(constraint.name()));
        all
    }
}

impl From<Unique> for Constraint {
    fn from(unique: Unique) -> Self {
        Constraint::Unique(unique)
    }
}

impl From<Check> for Constraint {
    fn from(check: Check) -> Self {
        Constraint::Check(check)
    }
}

impl Migration {
    /// A migration that does nothing yet.
    pub fn new(app: impl Into<Text>, name: impl Into<Text>) -> Self {
        Migration {
            app: app.into(),
            name: name.into(),
            dependencies: Vec::new(),
            operations: Vec::new(),
            atomic: true,
            replaces: Vec::new(),
        }
    }

    /// Applies it without a transaction: if it fails in the middle, what it has done stays.
    #[must_use]
    pub fn not_atomic(mut self) -> Self {
        self.atomic = false;
        self
    }

    /// Says that it stands for another migration, from which it was squashed.
    #[must_use]
    pub fn replaces(mut self, app: impl Into<Text>, name: impl Into<Text>) -> Self {
        self.replaces.push((app.into(), name.into()));
        self
    }

    /// Says that another migration must be applied before.
    #[must_use]
    pub fn after(mut self, app: impl Into<Text>, name: impl Into<Text>) -> Self {
        self.dependencies.push((app.into(), name.into()));
        self
    }

    /// Adds an operation.
    #[must_use]
    pub fn operation(mut self, operation: Operation) -> Self {
        self.operations.push(operation);
        self
    }

    /// Makes a model's table.
    #[must_use]
    pub fn create_model(self, model: ModelDef) -> Self {
        self.operation(Operation::CreateModel(model))
    }

    /// Drops a model's table.
    #[must_use]
    pub fn delete_model(self, model: impl Into<Text>) -> Self {
        self.operation(Operation::DeleteModel { model: model.into() })
    }

    /// Adds a field; rows that exist already get its default.
    #[must_use]
    pub fn add_field(self, model: impl Into<Text>, field: Field) -> Self {
        self.operation(Operation::AddField { model: model.into(), field: Box::new(field), fill: None })
    }

    /// Adds a field without a default; rows that exist already get `fill`.
    #[must_use]
    pub fn add_field_filled(self, model: impl Into<Text>, field: Field, fill: Value) -> Self {
        self.operation(Operation::AddField { model: model.into(), field: Box::new(field), fill: Some(fill) })
    }

    /// Drops a field.
    #[must_use]
    pub fn remove_field(self, model: impl Into<Text>, field: impl Into<Text>) -> Self {
        self.operation(Operation::RemoveField { model: model.into(), field: field.into() })
    }

    /// Makes an index.
    #[must_use]
    pub fn add_index(self, model: impl Into<Text>, index: Index) -> Self {
        self.operation(Operation::AddIndex { model: model.into(), index })
    }

    /// Drops an index.
    #[must_use]
    pub fn remove_index(self, model: impl Into<Text>, name: impl Into<Text>) -> Self {
        self.operation(Operation::RemoveIndex { model: model.into(), name: name.into() })
    }

    /// Makes a unique or check constraint.
    #[must_use]
    pub fn add_constraint(self, model: impl Into<Text>, constraint: impl Into<Constraint>) -> Self {
        self.operation(Operation::AddConstraint { model: model.into(), constraint: constraint.into() })
    }

    /// Drops a unique or check constraint.
    #[must_use]
    pub fn remove_constraint(self, model: impl Into<Text>, name: impl Into<Text>) -> Self {
        self.operation(Operation::RemoveConstraint { model: model.into(), name: name.into() })
    }

    /// Replaces the groups of fields that are unique together.
    #[must_use]
    pub fn alter_unique_together<const N: usize>(self, model: impl Into<Text>, groups: [&[&'static str]; N]) -> Self {
        let groups = groups.into_iter().map(|group| group.iter().copied().map(Text::from).collect()).collect();
        self.operation(Operation::AlterUniqueTogether { model: model.into(), groups })
    }

    /// Alters a field; where it may not be null any more, rows must not be, or get its default.
    #[must_use]
    pub fn alter_field(self, model: impl Into<Text>, field: Field) -> Self {
        self.operation(Operation::AlterField { model: model.into(), field: Box::new(field), fill: None })
    }

    /// Alters a field that may not be null any more; rows that are get `fill`.
    #[must_use]
    pub fn alter_field_filled(self, model: impl Into<Text>, field: Field, fill: Value) -> Self {
        self.operation(Operation::AlterField { model: model.into(), field: Box::new(field), fill: Some(fill) })
    }

    /// Renames a field.
    #[must_use]
    pub fn rename_field(self, model: impl Into<Text>, from: impl Into<Text>, to: impl Into<Text>) -> Self {
        self.operation(Operation::RenameField { model: model.into(), from: from.into(), to: to.into() })
    }

    /// Renames a model.
    #[must_use]
    pub fn rename_model(self, from: impl Into<Text>, to: impl Into<Text>) -> Self {
        self.operation(Operation::RenameModel { from: from.into(), to: to.into() })
    }

    /// Gives a model's table another name: its own, if `None`.
    #[must_use]
    pub fn alter_table(self, model: impl Into<Text>, table: Option<&'static str>) -> Self {
        self.operation(Operation::AlterTable { model: model.into(), table: table.map(Text::from) })
    }

    /// Replaces a table's comment.
    #[must_use]
    pub fn alter_table_comment(self, model: impl Into<Text>, comment: Option<&'static str>) -> Self {
        self.operation(Operation::AlterTableComment { model: model.into(), comment: comment.map(Text::from) })
    }

    /// Says whether migrations make the table from now on.
    #[must_use]
    pub fn alter_managed(self, model: impl Into<Text>, managed: bool) -> Self {
        self.operation(Operation::AlterManaged { model: model.into(), managed })
    }

    /// Makes other fields the primary key.
    #[must_use]
    pub fn alter_primary_key<const N: usize>(self, model: impl Into<Text>, fields: [&'static str; N]) -> Self {
        let fields = fields.into_iter().map(Text::from).collect();
        self.operation(Operation::AlterPrimaryKey { model: model.into(), fields })
    }

    /// Renames an index.
    #[must_use]
    pub fn rename_index(self, model: impl Into<Text>, from: impl Into<Text>, to: impl Into<Text>) -> Self {
        self.operation(Operation::RenameIndex { model: model.into(), from: from.into(), to: to.into() })
    }

    /// Changes the tables by some operations, and the models by others.
    ///
    /// ```
    /// use nuages_orm::migrate::Migration;
    ///
    /// // The table is there under its old name, and stays so.
    /// Migration::new("shop", "0002_tome").separate(|tables| tables, |models| models.rename_model("Book", "Tome"));
    /// ```
    #[must_use]
    pub fn separate(
        self,
        tables: impl FnOnce(Migration) -> Migration,
        models: impl FnOnce(Migration) -> Migration,
    ) -> Self {
        let database = tables(Migration::new(self.app.clone(), "")).operations;
        let state = models(Migration::new(self.app.clone(), "")).operations;
        self.operation(Operation::Separate { database, state })
    }

    /// Runs SQL, one statement after the other, and says how to undo it: `[]` if there is nothing to undo. A statement
    /// may hold anything but parameters.
    #[must_use]
    pub fn run_sql<const N: usize, const M: usize>(
        self,
        forward: [&'static str; N],
        backward: [&'static str; M],
    ) -> Self {
        let backward = Some(backward.into_iter().map(Text::from).collect());
        self.operation(Operation::RunSql { forward: texts(forward), backward, state: Vec::new(), about: None })
    }

    /// Runs SQL that cannot be undone.
    #[must_use]
    pub fn run_sql_one_way<const N: usize>(self, forward: [&'static str; N]) -> Self {
        let (forward, state) = (texts(forward), Vec::new());
        self.operation(Operation::RunSql { forward, backward: None, state, about: None })
    }

    /// Says what the SQL of the operation before means for the models: the operations whose work it does, which then
    /// change the models alone.
    ///
    /// ```
    /// use nuages_orm::migrate::{Field, Kind, Migration};
    ///
    /// Migration::new("shop", "0002_pages")
    ///     .run_sql(["ALTER TABLE shop_book ADD pages integer"], ["ALTER TABLE shop_book DROP pages"])
    ///     .meaning(|models| models.add_field("Book", Field::new("pages", Kind::Integer).null(true)));
    /// ```
    #[must_use]
    pub fn meaning(mut self, say: impl FnOnce(Migration) -> Migration) -> Self {
        let said = say(Migration::new(self.app.clone(), "")).operations;
        if let Some(Operation::RunSql { state, .. }) = self.operations.last_mut() {
            state.extend(said);
            return self;
        }
        self.operation(Operation::Separate { database: Vec::new(), state: said })
    }

    /// Runs a function of the program on the rows; it cannot be undone.
    ///
    /// ```
    /// use nuages_orm::migrate::{Migration, Past};
    /// use nuages_orm::{Result, Value};
    ///
    /// async fn shout(past: Past) -> Result<()> {
    ///     past.model("Book")?.filter("pages__gt", 1000).update([("title", Value::Text("LONG".into()))]).await?;
    ///     Ok(())
    /// }
    ///
    /// Migration::new("shop", "0003_shout").run_rust("shout", shout);
    /// ```
    #[must_use]
    pub fn run_rust<F>(self, name: &'static str, forward: fn(Past) -> F) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.operation(Operation::RunRust { forward: Work::new(name, forward), backward: None, about: None })
    }

    /// Runs a function of the program on the rows, and another one to undo it: [`Past::nothing`] if there is nothing to
    /// undo.
    #[must_use]
    pub fn run_rust_both_ways<F, B>(self, name: &'static str, forward: fn(Past) -> F, backward: fn(Past) -> B) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
        B: Future<Output = Result<()>> + Send + 'static,
    {
        let backward = Some(Work::new(name, backward));
        self.operation(Operation::RunRust { forward: Work::new(name, forward), backward, about: None })
    }

    /// Says which model the SQL or the function of the operation before is about: it is run on the databases alone where
    /// that model's table is (Django's `hints`). Without, it is run on the database of the app. Any other operation names its
    /// model anyway, and stays as it is.
    ///
    /// ```
    /// use nuages_orm::migrate::Migration;
    ///
    /// Migration::new("shop", "0004_views").run_sql(["UPDATE shop_view SET seen = true"], []).about("View");
    /// ```
    #[must_use]
    pub fn about(mut self, model: impl Into<Text>) -> Self {
        if let Some(Operation::RunSql { about, .. } | Operation::RunRust { about, .. }) = self.operations.last_mut() {
            *about = Some(model.into());
        }
        self
    }

    /// Sets fields of rows by expressions, batch by batch.
    #[must_use]
    pub fn populate(self, populate: Populate) -> Self {
        self.operation(Operation::Populate(Box::new(populate)))
    }

    /// Makes an index while the table is being written to (PostgreSQL).
    #[must_use]
    pub fn add_index_concurrently(self, model: impl Into<Text>, index: Index) -> Self {
        self.operation(Operation::AddIndexConcurrently { model: model.into(), index })
    }

    /// Drops an index while the table is in use (PostgreSQL).
    #[must_use]
    pub fn remove_index_concurrently(self, model: impl Into<Text>, name: impl Into<Text>) -> Self {
        self.operation(Operation::RemoveIndexConcurrently { model: model.into(), name: name.into() })
    }

    /// Adds a check constraint without looking at the rows that exist (PostgreSQL).
    #[must_use]
    pub fn add_constraint_not_valid(self, model: impl Into<Text>, constraint: Check) -> Self {
        self.operation(Operation::AddConstraintNotValid { model: model.into(), constraint })
    }

    /// Looks whether all rows meet a constraint that was added without (PostgreSQL).
    #[must_use]
    pub fn validate_constraint(self, model: impl Into<Text>, name: impl Into<Text>) -> Self {
        self.operation(Operation::ValidateConstraint { model: model.into(), name: name.into() })
    }

    /// App and name.
    pub(crate) fn key(&self) -> (Text, Text) {
        (self.app.clone(), self.name.clone())
    }

    /// App and name, as `app.0001_initial`.
    pub fn label(&self) -> String {
        format!("{}.{}", self.app, self.name)
    }

    /// The name that says what it does, such as `book_pages`, without its number (Django's `suggest_name`).
    pub(crate) fn suggest_name(&self) -> String {
        const LIMIT: usize = 52;
        let mut fragments = self.operations.iter().map(Operation::fragment);
        let mut name = fragments.next().unwrap_or_else(|| "empty".to_owned());
        for fragment in fragments {
            let longer = format!("{name}_{fragment}");
            if longer.chars().count() > LIMIT {
                return format!("{name}_and_more");
            }
            name = longer;
        }
        name
    }
}

impl Operation {
    /// The model that it is about, by the name that it has before; empty for what is about none in particular.
    pub fn model(&self) -> &str {
        match self {
            Operation::CreateModel(definition) => &definition.name,
            Operation::RenameModel { from, .. } => from,
            Operation::RunSql { .. } | Operation::Separate { .. } | Operation::RunRust { .. } => "",
            Operation::Populate(populate) => &populate.model,
            Operation::DeleteModel { model }
            | Operation::AddField { model, .. }
            | Operation::RemoveField { model, .. }
            | Operation::AddIndex { model, .. }
            | Operation::RemoveIndex { model, .. }
            | Operation::AddConstraint { model, .. }
            | Operation::RemoveConstraint { model, .. }
            | Operation::AlterUniqueTogether { model, .. }
            | Operation::AlterField { model, .. }
            | Operation::RenameField { model, .. }
            | Operation::AlterTable { model, .. }
            | Operation::AlterTableComment { model, .. }
            | Operation::AlterManaged { model, .. }
            | Operation::AlterPrimaryKey { model, .. }
            | Operation::RenameIndex { model, .. }
            | Operation::AddIndexConcurrently { model, .. }
            | Operation::RemoveIndexConcurrently { model, .. }
            | Operation::AddConstraintNotValid { model, .. }
            | Operation::ValidateConstraint { model, .. } => model,
        }
    }

    /// Whether it holds work on rows within, which nobody would run.
    pub(crate) fn hides_data(&self) -> bool {
        let (database, state): (&[Operation], &[Operation]) = match self {
            Operation::RunSql { state, .. } => (&[], state),
            Operation::Separate { database, state } => (database, state),
            _ => return false,
        };
        let is_data = |it: &Operation| matches!(it, Operation::RunRust { .. } | Operation::Populate(_));
        database.iter().chain(state).any(|it| is_data(it) || it.hides_data())
    }

    /// What it does, in a few words, as `makemigrations` and `migrate --plan` print it.
    pub fn describe(&self) -> String {
        let model = self.model();
        match self {
            Operation::CreateModel(definition) => match &definition.proxy_for {
                Some(_) => format!("Create proxy model {model}"),
                None => format!("Create model {model}"),
            },
            Operation::DeleteModel { .. } => format!("Delete model {model}"),
            Operation::AddField { field, .. } => format!("Add field {} to {model}", field.name),
            Operation::RemoveField { field, .. } => format!("Remove field {field} from {model}"),
            Operation::AddIndex { index, .. } => {
                format!("Create index {} on model {model}", index.name.as_deref().unwrap_or_default())
            }
            Operation::RemoveIndex { name, .. } => format!("Remove index {name} from {model}"),
            Operation::AddConstraint { constraint, .. } => {
                format!("Create constraint {} on model {model}", constraint.name())
            }
            Operation::RemoveConstraint { name, .. } => format!("Remove constraint {name} from model {model}"),
            Operation::AlterUniqueTogether { groups, .. } => {
                format!("Alter unique_together for {model} ({} constraint(s))", groups.len())
            }
            Operation::AlterField { field, .. } => format!("Alter field {} on {model}", field.name),
            Operation::RenameField { from, to, .. } => format!("Rename field {from} on {model} to {to}"),
            Operation::RenameModel { from, to } => format!("Rename model {from} to {to}"),
            Operation::AlterTable { table, .. } => {
                format!("Rename table for {model} to {}", table.as_deref().unwrap_or("(default)"))
            }
            Operation::AlterTableComment { .. } => format!("Alter {model} table comment"),
            Operation::AlterManaged { .. } => format!("Change Meta options on {model}"),
            Operation::AlterPrimaryKey { fields, .. } => {
                format!("Make {} the primary key of {model}", fields.join(", "))
            }
            Operation::RenameIndex { from, to, .. } => format!("Rename index {from} on {model} to {to}"),
            Operation::RunSql { .. } => "Raw SQL operation".to_owned(),
            Operation::Separate { .. } => "Custom state/database change combination".to_owned(),
            Operation::RunRust { forward, .. } => format!("Run Rust function {}", forward.name()),
            Operation::Populate(populate) => format!("Populate {} of {model}", populate.fields()),
            Operation::AddIndexConcurrently { index, .. } => {
                format!("Concurrently create index {} on model {model}", index.name.as_deref().unwrap_or_default())
            }
            Operation::RemoveIndexConcurrently { name, .. } => {
                format!("Concurrently remove index {name} from {model}")
            }
            Operation::AddConstraintNotValid { constraint, .. } => {
                format!("Create not valid constraint {} on model {model}", constraint.name)
            }
            Operation::ValidateConstraint { name, .. } => format!("Validate constraint {name} on model {model}"),
        }
    }

    /// Its part of a migration's name (Django's `migration_name_fragment`).
    fn fragment(&self) -> String {
        let model = self.model();
        let fragment = match self {
            Operation::CreateModel(_) => model.to_owned(),
            Operation::DeleteModel { .. } => format!("delete_{model}"),
            Operation::AddField { field, .. } => format!("{model}_{}", field.name),
            Operation::RemoveField { field, .. } => format!("remove_{model}_{field}"),
            Operation::AddIndex { index, .. } => format!("{model}_{}", index.name.as_deref().unwrap_or("index")),
            Operation::RemoveIndex { name, .. } => format!("remove_{model}_{name}"),
            Operation::AddConstraint { constraint, .. } => format!("{model}_{}", constraint.name()),
            Operation::RemoveConstraint { name, .. } => format!("remove_{model}_{name}"),
            Operation::AlterUniqueTogether { .. } => format!("alter_{model}_unique_together"),
            Operation::AlterField { field, .. } => format!("alter_{model}_{}", field.name),
            Operation::RenameField { from, to, .. } => format!("rename_{from}_{model}_{to}"),
            Operation::RenameModel { from, to } => format!("rename_{from}_{to}"),
            Operation::AlterTable { .. } => format!("alter_{model}_table"),
            Operation::AlterTableComment { .. } => format!("alter_{model}_table_comment"),
            Operation::AlterManaged { .. } => format!("alter_{model}_options"),
            Operation::AlterPrimaryKey { .. } => format!("alter_{model}_primary_key"),
            Operation::RenameIndex { to, .. } => format!("rename_{model}_{to}"),
            Operation::RunSql { .. } => "run_sql".to_owned(),
            Operation::Separate { .. } => "custom_change".to_owned(),
            Operation::RunRust { forward, .. } => forward.name().to_owned(),
            Operation::Populate(populate) => format!("populate_{model}_{}", populate.fields()),
            Operation::AddIndexConcurrently { index, .. } => {
                format!("{model}_{}", index.name.as_deref().unwrap_or("index"))
            }
            Operation::RemoveIndexConcurrently { name, .. } => format!("remove_{model}_{name}"),
            Operation::AddConstraintNotValid { constraint, .. } => format!("{model}_{}_not_valid", constraint.name),
            Operation::ValidateConstraint { name, .. } => format!("{model}_validate_{name}"),
        };
        fragment
            .to_lowercase()
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' })
            .collect()
    }
}

fn texts<const N: usize>(statements: [&'static str; N]) -> Vec<Text> {
    statements.into_iter().map(Text::from).collect()
}
