//! The statements that an operation comes down to: those of Django's schema editors, in their order
//! (`django/db/backends/{base,sqlite3,postgresql}/schema.py`).

mod column;
mod postgres;
mod sqlite;

use std::borrow::Cow;
use std::sync::Arc;

use super::names;
use super::operation::{Constraint, Migration, Operation};
use super::state::State;
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result, nearest};
use crate::field::Kind;
use crate::model::{
    Check, DatabaseDefault, Deferrable, Entry, Field, FieldId, Index, OrderBy, Schema, SchemaColumn, Unique,
};
use crate::query::Node;
use crate::sql;
use crate::value::Value;

type Text = Cow<'static, str>;

/// A statement, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Which of the migration's operations it belongs to.
    pub(crate) operation: usize,
    /// The table that it makes or changes.
    pub(crate) table: String,
    pub(crate) sql: String,
}

/// The statements of a migration, and the state after it.
///
/// # Errors
/// An operation that does not fit the state before, or that the engine cannot do; the message names the operation.
pub(crate) fn changes(migration: &Migration, before: &State, dialect: Dialect) -> Result<(Vec<Change>, State)> {
    let mut editor = Editor { dialect, operation: 0, done: Vec::new(), deferred: Vec::new() };
    let mut state = before.clone();
    let mut from = before.schema(dialect)?;
    for (position, operation) in migration.operations.iter().enumerate() {
        editor.operation = position;
        let to = state.apply(&migration.app, operation).and_then(|()| state.schema(dialect));
        let to = to.map_err(|error| in_operation(operation, error))?;
        editor.apply(&migration.app, operation, &from, &to).map_err(|error| in_operation(operation, error))?;
        from = to;
    }
    let deferred = std::mem::take(&mut editor.deferred);
    editor.done.extend(deferred.into_iter().map(|it| it.change));
    Ok((editor.done, state))
}

fn in_operation(operation: &Operation, error: Error) -> Error {
    Error::new(ErrorKind::Migration, format!("{}: {error}", operation.describe()))
}

/// Collects the statements of one migration.
struct Editor {
    dialect: Dialect,
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

    /// The column of a field, by the field's name.
    fn column(&self, field: &str) -> Result<&'a SchemaColumn> {
        let column = self.entry.field_id(field).and_then(|id| self.entry.column(id));
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
    fn apply(&mut self, app: &str, operation: &Operation, from: &Arc<Schema>, to: &Arc<Schema>) -> Result<()> {
        let before = || Table::of(from, app, operation.model());
        let after = || Table::of(to, app, operation.model());
        let table = if matches!(operation, Operation::DeleteModel { .. }) { before()? } else { after()? };
        if !table.is_ours() {
            return Ok(());
        }
        match operation {
            Operation::CreateModel(_) => self.create_table(table),
            Operation::DeleteModel { .. } => {
                self.drop_table(table);
                Ok(())
            }
            Operation::AddField { field, fill, .. } => {
                let Some(id) = table.entry.field_id(&field.name) else { return Ok(()) };
                if let Some(between) = table.between(id) {
                    return self.create_table(between);
                }
                match table.entry.column(id) {
                    Some(column) => self.add_column(before()?, table, column, filling(field, fill.as_ref())),
                    None => Ok(()),
                }
            }
            Operation::RemoveField { field, .. } => {
                let before = before()?;
                let Some(id) = before.entry.field_id(field) else { return Ok(()) };
                if let Some(between) = before.between(id) {
                    self.drop_table(between);
                    return Ok(());
                }
                match before.entry.column(id) {
                    Some(column) => self.drop_column(before, table, column),
                    None => Ok(()),
                }
            }
            Operation::AddIndex { index, .. } => {
                let sql = index_sql(table, index)?;
                self.now(table, sql);
                Ok(())
            }
            Operation::RemoveIndex { name, .. } => {
                let sql = drop_index_sql(name, self.dialect);
                self.now(table, sql);
                Ok(())
            }
            Operation::AddConstraint { constraint, .. } => self.add_constraint(before()?, table, constraint),
            Operation::RemoveConstraint { name, .. } => {
                let before = before()?;
                let all = Constraint::all_of(&before.entry.definition);
                match all.iter().find(|constraint| constraint.name() == name) {
                    Some(constraint) => self.drop_constraint(before, table, constraint),
                    None => Ok(()),
                }
            }
            Operation::AlterUniqueTogether { groups, .. } => {
                let before = before()?;
                let old = &before.entry.definition.unique_together;
                for group in old.iter().filter(|group| !groups.contains(group)) {
                    let sql = drop_together_sql(before, group)?;
                    self.now(before, sql);
                }
                for group in groups.iter().filter(|group| !old.contains(group)) {
                    let sql = together_sql(table, group)?;
                    self.now(table, sql);
                }
                Ok(())
            }
            _ => Err(Error::new(ErrorKind::Migration, "cannot be applied yet")),
        }
    }

    /// Adds a statement to be run in its turn.
    fn now(&mut self, table: Table<'_>, sql: String) {
        self.done.push(Change { operation: self.operation, table: table.name.to_owned(), sql });
    }

    /// Adds a statement to be run at the end of the migration.
    fn later(&mut self, table: Table<'_>, column: Option<&SchemaColumn>, refers_to: Option<&str>, sql: String) {
        self.deferred.push(Deferred {
            change: Change { operation: self.operation, table: table.name.to_owned(), sql },
            column: column.map(|column| column.name.clone()),
            refers_to: refers_to.map(str::to_owned),
        });
    }

    /// `CREATE TABLE`, comments, and the tables between right after; keys and indexes wait.
    fn create_table(&mut self, table: Table<'_>) -> Result<()> {
        for group in &table.entry.definition.unique_together {
            let sql = together_sql(table, group)?;
            self.later(table, None, None, sql);
        }
        let mut parts = Vec::new();
        for column in &table.entry.columns {
            parts.push(column::definition(table, column, None)?);
            if self.dialect == Dialect::Postgres
                && let Some((to, _)) = table.enforced(column)
            {
                let sql = postgres::add_key_sql(table, column);
                self.later(table, Some(column), Some(to), sql);
            }
        }
        let with_literals = self.dialect == Dialect::Postgres
            && table.entry.columns.iter().any(|column| has_literal(table.field(column)));
        for constraint in Constraint::all_of(&table.entry.definition) {
            // As in Django, which cannot have parameters and constraints in one statement.
            if with_literals {
                if let Some(sql) = add_constraint_sql(table, &constraint)? {
                    self.later(table, None, None, sql);
                }
                continue;
            }
            match &constraint {
                Constraint::Check(check) => parts.push(check_sql(table, check)?),
                Constraint::Unique(unique) if !is_supported(unique, self.dialect) => {}
                Constraint::Unique(unique) if stands_apart(unique) => {
                    let sql = unique_sql(table, unique)?;
                    self.later(table, None, None, sql);
                }
                Constraint::Unique(unique) => {
                    let columns = list(&table.columns(&unique.fields)?);
                    let name = quote(&unique.name);
                    parts.push(format!("CONSTRAINT {name} UNIQUE ({columns}){}", deferrable_sql(unique.deferrable)));
                }
            }
        }
        if table.entry.primary_key.len() > 1 {
            let keys = table.entry.primary_key.iter().filter_map(|position| table.entry.columns.get(*position));
            parts.push(format!("PRIMARY KEY ({})", list(&keys.map(|key| key.name.as_str()).collect::<Vec<_>>())));
        }
        self.now(table, format!("CREATE TABLE {} ({})", quote(table.name), parts.join(", ")));
        if self.dialect == Dialect::Postgres {
            self.comment(table);
        }
        self.index_fields(table)?;
        for between in table.all_between() {
            // A rebuilt table keeps those it has.
            if table.name == table.entry.table {
                self.create_table(between)?;
            }
        }
        Ok(())
    }

    /// The indexes of single fields, then those of the model.
    fn index_fields(&mut self, table: Table<'_>) -> Result<()> {
        for column in &table.entry.columns {
            self.index_field(table, column);
        }
        for index in &table.entry.definition.indexes {
            let sql = index_sql(table, index)?;
            self.later(table, None, None, sql);
        }
        Ok(())
    }

    fn index_field(&mut self, table: Table<'_>, column: &SchemaColumn) {
        let field = table.field(column);
        let is_key = table.entry.single_key().is_some_and(|key| key.field == column.field);
        let indexed = |suffix: &str, class: &str| {
            let name = names::index(&table.entry.table, &[&column.name], suffix, table.dialect());
            format!("CREATE INDEX {} ON {} ({}{class})", quote(&name), quote(table.name), quote(&column.name))
        };
        if field.index && !field.unique && !is_key {
            self.later(table, Some(column), None, indexed("", ""));
        }
        if self.dialect == Dialect::Postgres
            && (field.index || field.unique || is_key)
            && let Some(class) = postgres::pattern_class(table, column)
        {
            self.later(table, Some(column), None, indexed("_like", class));
        }
    }

    fn drop_table(&mut self, table: Table<'_>) {
        for between in table.all_between() {
            self.drop_table(between);
        }
        let cascade = if self.dialect == Dialect::Postgres { " CASCADE" } else { "" };
        self.now(table, format!("DROP TABLE {}{cascade}", quote(table.name)));
        self.forget(table.name);
    }

    /// Drops the statements that wait and have to do with a table that is gone.
    fn forget(&mut self, name: &str) {
        self.deferred.retain(|it| it.change.table != name && it.refers_to.as_deref() != Some(name));
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

    fn add_constraint(&mut self, before: Table<'_>, after: Table<'_>, constraint: &Constraint) -> Result<()> {
        if self.dialect == Dialect::Sqlite && !is_index(constraint) {
            return match constraint {
                Constraint::Unique(unique) if !is_supported(unique, self.dialect) => Ok(()),
                _ => self.rebuild(before, after, None),
            };
        }
        if let Some(sql) = add_constraint_sql(after, constraint)? {
            self.now(after, sql);
        }
        Ok(())
    }

    fn drop_constraint(&mut self, before: Table<'_>, after: Table<'_>, constraint: &Constraint) -> Result<()> {
        let name = constraint.name();
        if matches!(constraint, Constraint::Unique(unique) if !is_supported(unique, self.dialect)) {
            return Ok(());
        }
        // One that still waits to be made need not be.
        let quoted = quote(name);
        let waiting = self.deferred.len();
        self.deferred.retain(|it| {
            let makes = [format!("ADD CONSTRAINT {quoted} "), format!("CREATE UNIQUE INDEX {quoted} ")];
            it.change.table != before.name || !makes.iter().any(|start| it.change.sql.contains(start.as_str()))
        });
        if self.deferred.len() < waiting {
            return Ok(());
        }
        if is_index(constraint) {
            let sql = drop_index_sql(name, self.dialect);
            self.now(after, sql);
            return Ok(());
        }
        match self.dialect {
            Dialect::Sqlite => self.rebuild(before, after, None),
            Dialect::Postgres => {
                let sql = format!("ALTER TABLE {} DROP CONSTRAINT {quoted}", quote(after.name));
                self.now(after, sql);
                Ok(())
            }
        }
    }
}

/// What rows that exist get in a new column: once for all of them, as in Django.
fn filling(field: &Field, fill: Option<&Value>) -> Option<Value> {
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

/// Whether Django binds a value in the column's definition, where it can.
fn has_literal(field: &Field) -> bool {
    let in_default = match &field.db_default {
        Some(DatabaseDefault::Value(value)) => !value.is_null(),
        Some(DatabaseDefault::Expression(node)) => has_value(node),
        None => false,
    };
    in_default || field.generated.as_ref().is_some_and(|generated| has_value(&generated.expression))
}

fn has_value(node: &Node) -> bool {
    match node {
        Node::Value(value, _) => !value.is_null(),
        Node::List(nodes) | Node::And(nodes) | Node::Or(nodes) | Node::Call(_, nodes) => nodes.iter().any(has_value),
        Node::Lookup { left, right, .. } | Node::Binary(_, left, right) => has_value(left) || has_value(right),
        Node::Not(inner) | Node::Cast(inner, _) => has_value(inner),
        Node::Case { whens, default } => {
            whens.iter().any(|(condition, result)| has_value(condition) || has_value(result))
                || default.as_deref().is_some_and(has_value)
        }
        _ => false,
    }
}

/// Whether the engine has such a unique constraint; Django leaves it out where it does not.
fn is_supported(unique: &Unique, dialect: Dialect) -> bool {
    dialect != Dialect::Sqlite
        || (unique.include.is_empty() && unique.deferrable.is_none() && unique.nulls_distinct.is_none())
}

/// Whether it is made by a statement of its own after the table.
fn stands_apart(unique: &Unique) -> bool {
    is_unique_index(unique) || unique.nulls_distinct.is_some()
}

/// Whether it is a unique index rather than a constraint.
fn is_unique_index(unique: &Unique) -> bool {
    unique.condition.is_some() || !unique.expressions.is_empty() || !unique.include.is_empty()
}

fn is_index(constraint: &Constraint) -> bool {
    matches!(constraint, Constraint::Unique(unique) if is_unique_index(unique))
}

/// The statement that adds a constraint to a table that is there; `None` if the engine does not have it.
fn add_constraint_sql(table: Table<'_>, constraint: &Constraint) -> Result<Option<String>> {
    match constraint {
        Constraint::Unique(unique) if !is_supported(unique, table.dialect()) => Ok(None),
        Constraint::Unique(unique) => unique_sql(table, unique).map(Some),
        Constraint::Check(check) => {
            Ok(Some(format!("ALTER TABLE {} ADD {}", quote(table.name), check_sql(table, check)?)))
        }
    }
}

fn check_sql(table: Table<'_>, check: &Check) -> Result<String> {
    Ok(format!("CONSTRAINT {} CHECK ({})", quote(&check.name), table.inline(&check.condition)?))
}

fn unique_sql(table: Table<'_>, unique: &Unique) -> Result<String> {
    let (name, on) = (quote(&unique.name), quote(table.name));
    let nulls = match unique.nulls_distinct {
        None => "",
        Some(true) => " NULLS DISTINCT",
        Some(false) => " NULLS NOT DISTINCT",
    };
    if !is_unique_index(unique) {
        let columns = list(&table.columns(&unique.fields)?);
        let when = deferrable_sql(unique.deferrable);
        return Ok(format!("ALTER TABLE {on} ADD CONSTRAINT {name} UNIQUE{nulls} ({columns}){when}"));
    }
    let keys = match unique.expressions.as_slice() {
        [] => list(&table.columns(&unique.fields)?),
        steps => steps_sql(table, steps)?,
    };
    let include = include_sql(table, &unique.include)?;
    let condition = condition_sql(table, unique.condition.as_ref())?;
    Ok(format!("CREATE UNIQUE INDEX {name} ON {on} ({keys}){include}{nulls}{condition}"))
}

fn deferrable_sql(deferrable: Option<Deferrable>) -> &'static str {
    match deferrable {
        None => "",
        Some(Deferrable::Deferred) => " DEFERRABLE INITIALLY DEFERRED",
        Some(Deferrable::Immediate) => " DEFERRABLE INITIALLY IMMEDIATE",
    }
}

fn index_sql(table: Table<'_>, index: &Index) -> Result<String> {
    let Some(name) = &index.name else {
        let message = format!("an index of {} has no name; give it one with `.name(…)`", table.entry.label);
        return Err(Error::new(ErrorKind::Migration, message));
    };
    let keys = steps_sql(table, &index.expressions)?;
    let include = match table.dialect() {
        Dialect::Sqlite => String::new(),
        Dialect::Postgres => include_sql(table, &index.include)?,
    };
    let condition = condition_sql(table, index.condition.as_ref())?;
    Ok(format!("CREATE INDEX {} ON {} ({keys}){include}{condition}", quote(name), quote(table.name)))
}

fn drop_index_sql(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => format!("DROP INDEX {}", quote(name)),
        Dialect::Postgres => format!("DROP INDEX IF EXISTS {}", quote(name)),
    }
}

/// The columns and expressions of an index; expressions in parentheses, as both engines want them.
fn steps_sql(table: Table<'_>, steps: &[OrderBy]) -> Result<String> {
    let mut parts = Vec::new();
    for step in steps {
        let mut part = match &step.expression {
            Node::Path(names) if names.len() == 1 => quote(&table.column(&names.concat())?.name),
            expression => format!("({})", table.inline(expression)?),
        };
        if step.descending {
            part.push_str(" DESC");
        }
        parts.push(part);
    }
    Ok(parts.join(", "))
}

fn include_sql(table: Table<'_>, fields: &[Text]) -> Result<String> {
    match fields {
        [] => Ok(String::new()),
        fields => Ok(format!(" INCLUDE ({})", list(&table.columns(fields)?))),
    }
}

fn condition_sql(table: Table<'_>, condition: Option<&Node>) -> Result<String> {
    condition.map_or(Ok(String::new()), |condition| Ok(format!(" WHERE {}", table.inline(condition)?)))
}

fn together_name(table: Table<'_>, group: &[Text]) -> Result<String> {
    Ok(names::index(&table.entry.table, &table.columns(group)?, "_uniq", table.dialect()))
}

fn together_sql(table: Table<'_>, group: &[Text]) -> Result<String> {
    let (name, on) = (quote(&together_name(table, group)?), quote(table.name));
    let columns = list(&table.columns(group)?);
    Ok(match table.dialect() {
        Dialect::Sqlite => format!("CREATE UNIQUE INDEX {name} ON {on} ({columns})"),
        Dialect::Postgres => format!("ALTER TABLE {on} ADD CONSTRAINT {name} UNIQUE ({columns})"),
    })
}

fn drop_together_sql(table: Table<'_>, group: &[Text]) -> Result<String> {
    let name = together_name(table, group)?;
    Ok(match table.dialect() {
        Dialect::Sqlite => drop_index_sql(&name, Dialect::Sqlite),
        Dialect::Postgres => format!("ALTER TABLE {} DROP CONSTRAINT {}", quote(table.name), quote(&name)),
    })
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
