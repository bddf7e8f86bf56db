//! The statements that an operation comes down to: those of Django's schema editors, in their order
//! (`django/db/backends/{base,sqlite3,postgresql}/schema.py`).

mod alter;
mod column;
mod constraint;
mod lookup;
mod postgres;
mod rename;
pub(crate) mod rollup;
mod sqlite;
mod table;

use std::borrow::Cow;
use std::sync::Arc;

use self::constraint::{drop_index_sql, index_sql};
pub(crate) use self::lookup::Lookup;
use super::operation::{Constraint, Migration, Operation};
use super::state::State;
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result, nearest};
use crate::field::Kind;
use crate::model::{Entry, Field, FieldId, Schema, SchemaColumn};
use crate::query::Node;
use crate::sql;
use crate::value::Value;

type Text = Cow<'static, str>;

/// A statement, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Which of the migration's operations it belongs to.
    pub(crate) operation: usize,
    /// The table that it makes or changes; empty for SQL that somebody has written.
    pub(crate) table: String,
    /// Empty where the operation's own code is to be run, since it is not SQL.
    pub(crate) sql: String,
    /// What it names that the database may know by another name.
    pub(crate) lookup: Option<Lookup>,
}

/// The statements of a migration, and the state after it.
///
/// # Errors
/// An operation that does not fit the state before, or that the engine cannot do; the message names the operation.
pub(crate) fn changes(migration: &Migration, before: &State, dialect: Dialect) -> Result<(Vec<Change>, State)> {
    let mut editor = Editor::new(migration, dialect);
    let mut state = before.clone();
    let mut schema = before.schema(dialect)?;
    for (position, operation) in migration.operations.iter().enumerate() {
        editor.operation = position;
        let done = editor.forward(&migration.app, operation, &mut state, &mut schema);
        done.map_err(|error| in_operation(operation, error))?;
    }
    Ok((editor.finish(), state))
}

/// The statements that undo a migration which was applied to the state `before`.
///
/// # Errors
/// An operation that cannot be undone; the message names it.
pub(crate) fn changes_back(migration: &Migration, before: &State, dialect: Dialect) -> Result<Vec<Change>> {
    let mut editor = Editor::new(migration, dialect);
    let steps = steps(&migration.app, &migration.operations, before)?;
    for (position, (operation, (before, after))) in migration.operations.iter().zip(&steps).enumerate().rev() {
        editor.operation = position;
        let done = editor.back(&migration.app, operation, before, after);
        done.map_err(|error| in_operation(operation, error))?;
    }
    Ok(editor.finish())
}

/// The states before and after each of some operations.
fn steps(app: &str, operations: &[Operation], before: &State) -> Result<Vec<(State, State)>> {
    let mut state = before.clone();
    let mut steps = Vec::with_capacity(operations.len());
    for operation in operations {
        let before = state.clone();
        state.apply(app, operation).map_err(|error| in_operation(operation, error))?;
        steps.push((before, state.clone()));
    }
    Ok(steps)
}

/// The statements that make the tables of all models, in the models' order.
///
/// # Errors
/// A constraint or index that the engine does not have.
pub(crate) fn table_statements(schema: &Schema) -> Result<Vec<String>> {
    let mut editor =
        Editor { dialect: schema.dialect(), atomic: true, operation: 0, done: Vec::new(), deferred: Vec::new() };
    for entry in schema.entries() {
        let table = Table::new(schema, entry);
        if table.is_ours() && entry.automatic_for.is_none() {
            editor.create_table(table)?;
        }
    }
    let done = editor.done.into_iter().chain(editor.deferred.into_iter().map(|it| it.change));
    Ok(done.map(|change| change.sql).collect())
}

fn in_operation(operation: &Operation, error: Error) -> Error {
    Error::new(ErrorKind::Migration, format!("{}: {error}", operation.describe()))
}

/// Collects the statements of one migration.
struct Editor {
    dialect: Dialect,
    /// Whether everything happens in one transaction.
    atomic: bool,
    /// The operation at hand.
    operation: usize,
    done: Vec<Change>,
    /// Statements that wait for the end of the migration, when all tables are there: keys and indexes.
    deferred: Vec<Deferred>,
}

struct Deferred {
    change: Change,
    /// The column it is about, if it is about a single one.
    column: Option<String>,
    /// The table that a key refers to.
    refers_to: Option<String>,
}

/// A table as one state has it.
#[derive(Clone, Copy)]
struct Table<'a> {
    schema: &'a Schema,
    entry: &'a Entry,
    /// The name, unless it is made under another for the time being.
    name: &'a str,
}

impl<'a> Table<'a> {
    fn new(schema: &'a Schema, entry: &'a Entry) -> Self {
        Table { schema, entry, name: &entry.table }
    }

    fn of(schema: &'a Schema, app: &str, model: &str) -> Result<Self> {
        schema.by_label(&format!("{app}.{model}")).map(|entry| Table::new(schema, entry))
    }

    /// Whether migrations have to do with it.
    fn is_ours(&self) -> bool {
        self.entry.definition.managed && self.entry.definition.proxy_for.is_none()
    }

    fn field(&self, column: &SchemaColumn) -> &'a Field {
        self.entry.field(column.field)
    }

    /// Whether a column is the whole primary key.
    fn is_key(&self, column: &SchemaColumn) -> bool {
        self.entry.single_key().is_some_and(|key| key.field == column.field)
    }

    /// The column of a field, by the field's name, or that of a key by its own.
    fn column(&self, field: &str) -> Result<&'a SchemaColumn> {
        let by_name = self.entry.field_id(field).and_then(|id| self.entry.column(id));
        let column = by_name.or_else(|| self.entry.columns.iter().find(|column| column.attname == field));
        column.ok_or_else(|| {
            let known: Vec<&str> = self.entry.columns.iter().map(|column| self.field(column).name.as_ref()).collect();
            let hint = nearest(field, known.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
            let label = &self.entry.label;
            Error::new(
                ErrorKind::Migration,
                format!("{label} has no field `{field}` with a column{}", hint.unwrap_or_default()),
            )
        })
    }

    fn columns(&self, fields: &[Text]) -> Result<Vec<&'a str>> {
        fields.iter().map(|field| self.column(field).map(|column| column.name.as_str())).collect()
    }

    /// The table and column that a foreign key refers to, if the database enforces it.
    fn enforced(&self, column: &SchemaColumn) -> Option<(&'a str, &'a str)> {
        self.field(column).relation.as_ref().filter(|relation| relation.constraint)?;
        let (model, target) = self.schema.target(self.entry.id, column.field)?;
        Some((&self.schema.entry(model).table, &target.name))
    }

    /// The automatic table between for a many-to-many field.
    fn between(&self, field: FieldId) -> Option<Table<'a>> {
        let made_for = Some((self.entry.id, field));
        let entry = self.schema.entries().iter().find(|entry| entry.automatic_for == made_for)?;
        Some(Table::new(self.schema, entry))
    }

    /// The automatic tables between, in the order of their fields.
    fn all_between(&self) -> Vec<Table<'a>> {
        let fields = 0..self.entry.definition.fields.len();
        fields.filter_map(|position| self.between(FieldId(position))).collect()
    }

    fn dialect(&self) -> Dialect {
        self.schema.dialect()
    }

    /// An expression over the table's columns, with its values in the text.
    fn inline(&self, node: &Node) -> Result<String> {
        sql::inline(self.schema, self.entry, node)
    }
}

impl Editor {
    fn new(migration: &Migration, dialect: Dialect) -> Self {
        Editor { dialect, atomic: migration.atomic, operation: 0, done: Vec::new(), deferred: Vec::new() }
    }

    /// All statements, with those that waited.
    fn finish(mut self) -> Vec<Change> {
        self.flush();
        self.done
    }

    /// Applies an operation to the models, and collects what it does to the tables.
    fn forward(&mut self, app: &str, operation: &Operation, state: &mut State, schema: &mut Arc<Schema>) -> Result<()> {
        match operation {
            _ if !state.here().runs(app, operation) => {
                state.apply(app, operation)?;
                *schema = state.schema(self.dialect)?;
                return Ok(());
            }
            Operation::RunSql { forward, .. } => self.written(forward),
            Operation::Separate { database, .. } => {
                // Of the tables alone: the models go their own way.
                let (mut state, mut schema) = (state.clone(), schema.clone());
                for operation in database {
                    self.forward(app, operation, &mut state, &mut schema)?;
                }
            }
            _ => {}
        }
        state.apply(app, operation)?;
        let to = state.schema(self.dialect)?;
        self.apply(app, operation, schema, &to)?;
        *schema = to;
        Ok(())
    }

    /// Collects what undoes an operation that led from one state to the other.
    fn back(&mut self, app: &str, operation: &Operation, before: &State, after: &State) -> Result<()> {
        match operation {
            _ if !before.here().runs(app, operation) => return Ok(()),
            Operation::RunSql { backward: Some(backward), .. } => {
                self.written(backward);
                return Ok(());
            }
            Operation::Separate { database, .. } => {
                for (operation, (before, after)) in database.iter().zip(&steps(app, database, before)?).rev() {
                    self.back(app, operation, before, after)?;
                }
                return Ok(());
            }
            _ => {}
        }
        let Some(undone) = operation.undo(app, before) else {
            let message = "cannot be undone, as it does not say how; write a new migration that does what is wanted";
            return Err(Error::new(ErrorKind::Migration, message));
        };
        let mut state = after.clone();
        let mut schema = after.schema(self.dialect)?;
        for (position, operation) in undone.iter().enumerate() {
            // What is added again comes last, but was somewhere else.
            let to = match position + 1 == undone.len() {
                true => before.schema(self.dialect)?,
                false => {
                    state.apply(app, operation)?;
                    state.schema(self.dialect)?
                }
            };
            self.apply(app, operation, &schema, &to)?;
            schema = to;
        }
        Ok(())
    }

    /// What an operation does to the tables and to what keeps figures in them, between the models before and after it.
    fn apply(&mut self, app: &str, operation: &Operation, from: &Arc<Schema>, to: &Arc<Schema>) -> Result<()> {
        let mark = self.done.len();
        self.apply_to_tables(app, operation, from, to)?;
        match operation {
            // They say for themselves what they do.
            Operation::RunSql { .. } | Operation::Separate { .. } => Ok(()),
            _ => self.keep_figures(app, operation, (from, to), mark),
        }
    }

    fn apply_to_tables(
        &mut self,
        app: &str,
        operation: &Operation,
        from: &Arc<Schema>,
        to: &Arc<Schema>,
    ) -> Result<()> {
        let name_after = match operation {
            Operation::RunSql { .. } | Operation::Separate { .. } | Operation::AlterManaged { .. } => return Ok(()),
            Operation::RunRust { .. } | Operation::Populate(_) => {
                let (table, sql) = (String::new(), String::new());
                self.done.push(Change { operation: self.operation, table, sql, lookup: None });
                return Ok(());
            }
            Operation::RenameModel { to, .. } => to,
            _ => operation.model(),
        };
        let before = || Table::of(from, app, operation.model());
        let after = || Table::of(to, app, name_after);
        let table = if matches!(operation, Operation::DeleteModel { .. }) { before()? } else { after()? };
        if !table.is_ours() {
            return Ok(());
        }
        match operation {
            Operation::CreateModel(_) => self.create_table(table)?,
            Operation::DeleteModel { .. } => self.drop_table(table),
            Operation::AddField { field, fill, .. } => {
                let Some(id) = table.entry.field_id(&field.name) else { return Ok(()) };
                if let Some(between) = table.between(id) {
                    return self.create_table(between);
                }
                if let Some(column) = table.entry.column(id) {
                    self.add_column(before()?, table, column, filling(table, column, fill.as_ref())?)?;
                }
            }
            Operation::RemoveField { field, .. } => {
                let before = before()?;
                let Some(id) = before.entry.field_id(field) else { return Ok(()) };
                if let Some(between) = before.between(id) {
                    self.drop_table(between);
                } else if let Some(column) = before.entry.column(id) {
                    self.drop_column(before, table, column)?;
                }
            }
            Operation::AddIndex { index, .. } => {
                let sql = index_sql(table, index)?;
                self.now(table, sql);
            }
            Operation::AddIndexConcurrently { index, .. } => {
                let sql = index_sql(table, index)?;
                self.concurrently(table, sql)?;
            }
            Operation::RemoveIndex { name, .. } => {
                self.flush();
                self.now(table, drop_index_sql(name, self.dialect));
            }
            Operation::RemoveIndexConcurrently { name, .. } => {
                self.flush();
                self.concurrently(table, drop_index_sql(name, self.dialect))?;
            }
            Operation::RenameIndex { from, to, .. } => self.rename_index(table, from, to)?,
            Operation::AddConstraint { constraint, .. } => self.add_constraint(before()?, table, constraint)?,
            Operation::RemoveConstraint { name, .. } => {
                let before = before()?;
                let all = Constraint::all_of(&before.entry.definition);
                if let Some(constraint) = all.iter().find(|constraint| constraint.name() == name) {
                    self.drop_constraint(before, table, constraint)?;
                }
            }
            Operation::AddConstraintNotValid { constraint, .. } => {
                self.add_constraint_not_valid(before()?, table, constraint)?;
            }
            Operation::ValidateConstraint { name, .. } => self.validate_constraint(table, name),
            Operation::AlterUniqueTogether { .. } => self.alter_unique_together(before()?, table)?,
            Operation::AlterField { field, fill, .. } => {
                self.alter_field(before()?, table, &field.name, &field.name, fill.as_ref())?;
            }
            Operation::RenameField { from, to, .. } => self.alter_field(before()?, table, from, to, None)?,
            Operation::RenameModel { .. } => self.rename_model(before()?, table)?,
            Operation::AlterTable { .. } => self.alter_table(before()?, table),
            Operation::AlterTableComment { comment, .. } => {
                if self.dialect == Dialect::Postgres {
                    self.now(table, postgres::comment_sql(table, comment.as_deref()));
                }
            }
            Operation::AlterPrimaryKey { .. } => self.alter_primary_key(before()?, table)?,
            Operation::RunSql { .. } | Operation::Separate { .. } | Operation::AlterManaged { .. } => {}
            Operation::RunRust { .. } | Operation::Populate(_) => {}
        }
        Ok(())
    }

    /// Adds a statement to be run in its turn.
    fn now(&mut self, table: Table<'_>, sql: String) {
        self.push(table, sql, None);
    }

    /// Adds a statement about something that the database may know by another name than the statement says.
    fn named(&mut self, table: Table<'_>, sql: String, lookup: Lookup) {
        self.push(table, sql, Some(lookup));
    }

    fn push(&mut self, table: Table<'_>, sql: String, lookup: Option<Lookup>) {
        self.done.push(Change { operation: self.operation, table: table.name.to_owned(), sql, lookup });
    }

    /// Adds statements that somebody has written.
    fn written(&mut self, statements: &[Text]) {
        for sql in statements {
            let change = Change { operation: self.operation, table: String::new(), sql: sql.to_string(), lookup: None };
            self.done.push(change);
        }
    }

    /// Adds a statement to be run at the end of the migration.
    fn later(&mut self, table: Table<'_>, column: Option<&SchemaColumn>, refers_to: Option<&str>, sql: String) {
        let table = table.name.to_owned();
        self.deferred.push(Deferred {
            change: Change { operation: self.operation, table, sql, lookup: None },
            column: column.map(|column| column.name.clone()),
            refers_to: refers_to.map(str::to_owned),
        });
    }

    /// Has what waits done now, before something that it names changes. All tables that it is about are there between
    /// two operations.
    fn flush(&mut self) {
        let deferred = std::mem::take(&mut self.deferred);
        self.done.extend(deferred.into_iter().map(|it| it.change));
    }

    fn add_column(
        &mut self,
        before: Table<'_>,
        after: Table<'_>,
        column: &SchemaColumn,
        fill: Option<Value>,
    ) -> Result<()> {
        match self.dialect {
            Dialect::Sqlite => self.add_column_sqlite(before, after, column, fill),
            Dialect::Postgres => self.add_column_postgres(after, column, fill),
        }
    }

    fn drop_column(&mut self, before: Table<'_>, after: Table<'_>, column: &SchemaColumn) -> Result<()> {
        match self.dialect {
            Dialect::Sqlite => self.drop_column_sqlite(before, after, column)?,
            Dialect::Postgres => self.drop_column_postgres(before, column),
        }
        let gone = |it: &Deferred| it.change.table == before.name && it.column.as_ref() == Some(&column.name);
        self.deferred.retain(|it| !gone(it));
        Ok(())
    }
}

/// What rows that exist get in a new column: once for all of them, as in Django.
///
/// # Errors
/// That of a write, if it does not fit the column.
fn filling(table: Table<'_>, column: &SchemaColumn, fill: Option<&Value>) -> Result<Option<Value>> {
    let value = unchecked_filling(table.field(column), fill);
    value.map(|value| crate::query::check::admit(table.entry, column, value)).transpose()
}

fn unchecked_filling(field: &Field, fill: Option<&Value>) -> Option<Value> {
    use crate::model::FieldDefault;
    let constant = match &field.default {
        Some(FieldDefault::Value(value)) => Some(value),
        _ => None,
    };
    let given = fill.or(constant).cloned();
    if given.is_some() || field.generated.is_some() || !(field.auto_now || field.auto_now_add) {
        return given.filter(|value| !value.is_null());
    }
    let now = jiff::Timestamp::now();
    let civil = jiff::tz::Offset::UTC.to_datetime(now);
    match field.kind {
        Kind::Date => Some(Value::Date(civil.date())),
        Kind::Time => Some(Value::Time(civil.time())),
        _ => Some(Value::Timestamp(now)),
    }
}

/// A name in double quotes.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
