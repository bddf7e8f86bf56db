//! Resolved expressions to text and parameters. Nothing else in the crate writes an expression's SQL.

use std::fmt::Write as _;

use super::literal;
use super::scope::Compiler;
use super::sealed;
use super::tree::{Arithmetic, Col, Ex, Figure, ScopeId, ValueId, Where};
use crate::engine::Dialect;
use crate::engine::json::float_text;
use crate::error::{Error, ErrorKind};
use crate::field::Kind;
use crate::model::SchemaColumn;
use crate::query::{AggregateFunction, Function, Operator};
use crate::value::Value;

/// Why an expression was not written.
#[derive(Debug)]
pub(super) enum Stop {
    /// It holds for no row (Django's `EmptyResultSet`).
    Empty,
    /// It holds for every row (Django's `FullResultSet`).
    Full,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

pub(super) type Written = Result<(), Stop>;

/// A bound parameter.
#[derive(Debug, Clone, PartialEq)]
enum Param {
    /// A value of the query.
    Value(ValueId),
    /// Several, as one list.
    List(Vec<ValueId>),
    /// A value that the writer made, and the type it is cast to.
    Made(Box<(Value, &'static str)>),
}

/// The parameters of a statement, in the order of their numbers.
pub(super) struct Params(Vec<Param>);

impl Params {
    /// The values to bind.
    pub(super) fn into_values(self, mut compiler: Compiler<'_>) -> Vec<Value> {
        // A value may be a parameter of its own and in a list too: what is on its own is taken when lists are made.
        let list = |param: &Param| match param {
            Param::List(ids) => Some(Value::List(ids.iter().map(|id| compiler.value(*id).clone()).collect())),
            _ => None,
        };
        let mut lists = self.0.iter().filter_map(list).collect::<Vec<Value>>().into_iter();
        let value = |param| match param {
            Param::List(_) => lists.next().unwrap_or(Value::Null),
            // No two parameters are the same value.
            Param::Value(id) => compiler.take_value(id),
            Param::Made(made) => made.0,
        };
        self.0.into_iter().map(value).collect()
    }
}

/// The statement so far.
pub(super) struct Out<'c, 'a> {
    pub(super) compiler: &'c Compiler<'a>,
    pub(super) dialect: Dialect,
    pub(super) sql: String,
    params: Vec<Param>,
    /// Values are written into the text, and columns without their table: for tables' definitions.
    pub(super) inline: bool,
    /// What columns stand within there: the name of a row, or nothing.
    pub(super) row: &'static str,
}

/// A place in the statement to return to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    sql: usize,
    params: usize,
}

impl<'c, 'a> Out<'c, 'a> {
    pub(super) fn new(compiler: &'c Compiler<'a>, inline: bool) -> Self {
        let capacity = if inline { 64 } else { 512 };
        Out {
            compiler,
            dialect: compiler.dialect,
            sql: String::with_capacity(capacity),
            params: Vec::with_capacity(compiler.value_count()),
            inline,
            row: "",
        }
    }

    /// The statement, and what its parameters stand for.
    pub(super) fn into_parts(self) -> (String, Params) {
        (self.sql, Params(self.params))
    }

    pub(super) fn push(&mut self, text: &str) {
        self.sql.push_str(text);
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.dialect == Dialect::Postgres
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { sql: self.sql.len(), params: self.params.len() }
    }

    pub(super) fn back_to(&mut self, mark: Mark) {
        self.sql.truncate(mark.sql);
        self.params.truncate(mark.params);
    }

    pub(super) fn since(&self, mark: Mark) -> &str {
        self.sql.get(mark.sql..).unwrap_or_default()
    }

    /// Puts another text in the place of what was written since a mark; the parameters stay.
    pub(super) fn rewrite(&mut self, mark: Mark, text: &str) {
        self.sql.truncate(mark.sql);
        self.sql.push_str(text);
    }

    /// A name in double quotes.
    pub(super) fn name(&mut self, name: &str) {
        push_name(&mut self.sql, name);
    }

    fn parameter(&mut self, param: Param) {
        let index = match self.params.iter().position(|known| *known == param) {
            Some(index) => index,
            None => {
                self.params.push(param);
                self.params.len() - 1
            }
        };
        self.sql.push(if self.is_postgres() { '$' } else { '?' });
        push_number(&mut self.sql, index + 1);
    }

    /// A value of the query, of the type that PostgreSQL infers.
    pub(super) fn param(&mut self, id: ValueId) {
        if self.inline {
            literal::write(&mut self.sql, self.compiler.value(id), self.dialect);
        } else {
            self.parameter(Param::Value(id));
        }
    }

    /// Several values of the query as one list (PostgreSQL).
    pub(super) fn list(&mut self, ids: &[ValueId]) {
        self.parameter(Param::List(ids.to_vec()));
    }

    /// A value that the writer made; equal ones share a parameter.
    pub(super) fn made(&mut self, value: Value, cast: &'static str) {
        if self.inline {
            literal::write(&mut self.sql, &value, self.dialect);
            return;
        }
        self.parameter(Param::Made(Box::new((value, cast))));
        if self.is_postgres() && !cast.is_empty() {
            self.sql.push_str("::");
            self.sql.push_str(cast);
        }
    }

    /// A value that stands alone, with its type on PostgreSQL, which has no neighbour to infer it from.
    pub(super) fn value(&mut self, id: ValueId) {
        let value = self.compiler.value(id);
        if value.is_null() {
            self.push("NULL");
        } else if self.inline || !self.is_postgres() {
            self.param(id);
        } else if let Value::Float(number) = value
            && number.is_finite()
        {
            // A float in the text of a statement is a numeric to PostgreSQL, so it is for Django.
            match float_text(*number).parse() {
                Ok(decimal) => self.made(Value::Decimal(decimal), "numeric"),
                Err(_) => self.made(value.clone(), "double precision"),
            }
        } else {
            let cast = postgres_type(value);
            self.param(id);
            if !cast.is_empty() {
                self.push("::");
                self.push(cast);
            }
        }
    }

    /// What a scope's table goes by.
    pub(super) fn alias(&mut self, scope: ScopeId, index: u32) {
        let state = self.compiler.scope(scope);
        let mut depth = 0;
        let mut parent = state.parent;
        while let Some(outer) = parent {
            depth += 1;
            parent = self.compiler.scope(outer).parent;
        }
        if depth > 0 {
            // Django's U0, V0, … as long as the alphabet lasts.
            let letter = char::from(b'U' + u8::try_from((depth - 1) % 6).unwrap_or(0));
            self.sql.push(letter);
            if depth > 6 {
                let _ = write!(self.sql, "{depth}_");
            }
            push_number(&mut self.sql, index as usize);
            return;
        }
        match state.aliases.get(index as usize) {
            Some(alias) if alias.number == 0 => self.push(&alias.entry.quoted),
            Some(alias) => {
                self.sql.push('T');
                push_number(&mut self.sql, alias.number as usize);
            }
            None => {}
        }
    }

    pub(super) fn column(&mut self, column: &Col<'a>) {
        if !self.inline {
            self.column_of(column.scope, column.alias.0, column.column);
            return;
        }
        if !self.row.is_empty() {
            self.push(self.row);
            self.sql.push('.');
        }
        self.push(&column.column.quoted);
    }

    /// A column of one of a scope's tables, by what the table goes by.
    pub(super) fn column_of(&mut self, scope: ScopeId, index: u32, column: &SchemaColumn) {
        let state = self.compiler.scope(scope);
        if state.parent.is_none() && state.aliases.get(index as usize).is_some_and(|alias| alias.number == 0) {
            self.push(&column.qualified);
            return;
        }
        self.alias(scope, index);
        self.sql.push('.');
        self.push(&column.quoted);
    }

    /// Writes an expression.
    pub(super) fn expression(&mut self, ex: &Ex<'a>) -> Written {
        if !self.is_postgres() && self.needs_numeric(ex) {
            self.push("(CAST(");
            self.plain(ex)?;
            self.push(" AS NUMERIC))");
            return Ok(());
        }
        self.plain(ex)
    }

    /// SQLite keeps no decimals: what it computes from them must be told to be a number, or it compares as text.
    fn needs_numeric(&self, ex: &Ex<'a>) -> bool {
        let computed = match ex {
            Ex::Value(..) | Ex::Call(..) | Ex::Aggregate(_) | Ex::Case(..) => true,
            Ex::Binary(.., how) => *how != Arithmetic::Duration,
            _ => false,
        };
        computed && matches!(self.compiler.kind(ex), Ok(Some(Kind::Decimal { .. })))
    }

    fn plain(&mut self, ex: &Ex<'a>) -> Written {
        match ex {
            _ if let Some((_, sealed)) = sealed::sealed(ex) => return Err(sealed::refused(sealed).into()),
            Ex::Column(column) => self.column(column),
            Ex::Value(id, _) => self.value(*id),
            Ex::Star => self.push("*"),
            Ex::Ref(name, _) => self.name(name),
            Ex::Binary(operator, left, right, how) => self.binary(*operator, left, right, *how)?,
            Ex::Call(function, arguments) => self.call(function, arguments)?,
            Ex::Key(..) => self.json_key(ex)?,
            Ex::Aggregate(figure) => self.figure(figure)?,
            Ex::Case(whens, default) => self.case(ex, whens, default.as_deref())?,
            Ex::Compare(compare) => self.compare(compare)?,
            Ex::Where(condition) => self.condition(condition)?,
            Ex::Exists(inner) => {
                let mark = self.mark();
                self.push("EXISTS(");
                match self.select(*inner, true) {
                    Ok(()) => self.push(")"),
                    Err(Stop::Empty) => {
                        self.back_to(mark);
                        self.truth(false);
                    }
                    Err(other) => return Err(other),
                }
            }
            Ex::Subquery(inner) => {
                let prepared = self.compiler.scope(*inner).prepared.as_ref();
                let mut columns = prepared.iter().flat_map(|prepared| &prepared.columns);
                if let Some((_, sealed)) = columns.find_map(|output| sealed::sealed(&output.expression)) {
                    return Err(sealed::refused(sealed).into());
                }
                self.push("(");
                self.select(*inner, true)?;
                self.push(")");
            }
            Ex::Cast(base, kind) => self.cast(base, kind)?,
            Ex::Row(columns) => self.plain_row(columns)?,
            Ex::Nothing => return Err(Stop::Empty),
        }
        Ok(())
    }

    /// A truth value as text: it comes from the query's shape, not from a user.
    pub(super) fn truth(&mut self, truth: bool) {
        self.push(match (self.is_postgres(), truth) {
            (true, true) => "true",
            (true, false) => "false",
            (false, true) => "1",
            (false, false) => "0",
        });
    }

    /// Writes an expression inside a function, with what it stands for where it matches no rows.
    pub(super) fn argument(&mut self, ex: &Ex<'a>) -> Written {
        let mark = self.mark();
        match self.expression(ex) {
            Err(Stop::Empty) => {
                self.back_to(mark);
                self.empty_value(ex)
            }
            Err(Stop::Full) => {
                self.back_to(mark);
                self.truth(true);
                Ok(())
            }
            other => other,
        }
    }

    pub(super) fn arguments(&mut self, arguments: &[Ex<'a>]) -> Written {
        for (place, argument) in arguments.iter().enumerate() {
            if place > 0 {
                self.push(", ");
            }
            self.argument(argument)?;
        }
        Ok(())
    }

    /// What an expression that needs rows is without any.
    pub(super) fn empty_value(&mut self, ex: &Ex<'a>) -> Written {
        match ex {
            Ex::Aggregate(figure) if figure.function == AggregateFunction::Count => self.push("0"),
            Ex::Aggregate(_) | Ex::Subquery(_) => self.push("NULL"),
            Ex::Exists(_) => self.truth(false),
            Ex::Value(id, _) => self.value(*id),
            Ex::Call(Function::Coalesce, arguments) => {
                for argument in arguments {
                    let mark = self.mark();
                    self.empty_value(argument)?;
                    if self.since(mark) != "NULL" {
                        return Ok(());
                    }
                    self.back_to(mark);
                }
                self.push("NULL");
            }
            _ => return Err(Stop::Empty),
        }
        Ok(())
    }

    /// Conditions joined, negated, or found to be always or never met.
    pub(super) fn condition(&mut self, condition: &Where<'a>) -> Written {
        let total = condition.children.len();
        let (mut full_needed, mut empty_needed) = if condition.any { (1, total) } else { (total, 1) };
        let decided = |holds: bool| if holds != condition.negated { Stop::Full } else { Stop::Empty };
        let start = self.mark();
        // Room for what stands in front, taken out again where nothing does.
        let open = if condition.negated { "NOT (" } else { "(" };
        self.push(open);
        let inside = self.mark();
        let mut written = 0;
        for child in &condition.children {
            let before = self.mark();
            if written > 0 {
                self.push(if condition.any { " OR " } else { " AND " });
            }
            match self.expression(child) {
                Ok(()) => written += 1,
                Err(Stop::Empty) => {
                    self.back_to(before);
                    empty_needed -= 1;
                }
                Err(Stop::Full) => {
                    self.back_to(before);
                    full_needed -= 1;
                }
                Err(failed) => return Err(failed),
            }
            if empty_needed == 0 {
                self.back_to(start);
                return Err(decided(false));
            }
            if full_needed == 0 {
                self.back_to(start);
                return Err(decided(true));
            }
        }
        if written == 0 {
            self.back_to(start);
            return Err(Stop::Full);
        }
        if !condition.negated && written == 1 {
            self.sql.replace_range(start.sql..inside.sql, "");
        } else {
            self.push(")");
        }
        Ok(())
    }

    fn binary(&mut self, operator: Operator, left: &Ex<'a>, right: &Ex<'a>, how: Arithmetic) -> Written {
        let sign = match operator {
            Operator::Add => "+",
            Operator::Sub => "-",
            Operator::Mul => "*",
            Operator::Div => "/",
            Operator::Mod => "%",
            Operator::Pow => "^",
        };
        match (how, self.dialect) {
            (Arithmetic::Duration, Dialect::Sqlite) => {
                if matches!(operator, Operator::Mod | Operator::Pow) {
                    return Err(Error::new(
                        ErrorKind::Database,
                        format!("durations have no operator {sign} on SQLite"),
                    )
                    .into());
                }
                self.push("(django_format_dtdelta('");
                self.push(sign);
                self.push("', ");
                self.expression(left)?;
                self.push(", ");
                self.expression(right)?;
                self.push("))");
            }
            (Arithmetic::Difference, Dialect::Sqlite) => {
                let time = matches!(self.compiler.kind(left)?, Some(Kind::Time));
                self.push(if time { "django_time_diff(" } else { "django_timestamp_diff(" });
                self.expression(left)?;
                self.push(", ");
                self.expression(right)?;
                self.push(")");
            }
            (Arithmetic::Difference, Dialect::Postgres) if matches!(self.compiler.kind(left)?, Some(Kind::Date)) => {
                self.push("(interval '1 day' * (");
                self.expression(left)?;
                self.push(" - ");
                self.expression(right)?;
                self.push("))");
            }
            (_, Dialect::Sqlite) if operator == Operator::Pow => {
                self.push("(POWER(");
                self.expression(left)?;
                self.push(",");
                self.expression(right)?;
                self.push("))");
            }
            _ => {
                self.push("(");
                self.expression(left)?;
                self.push(" ");
                self.push(sign);
                self.push(" ");
                self.expression(right)?;
                self.push(")");
            }
        }
        Ok(())
    }

    fn figure(&mut self, figure: &Figure<'a>) -> Written {
        let function = match figure.function {
            AggregateFunction::Count => "COUNT",
            AggregateFunction::Sum => "SUM",
            AggregateFunction::Avg => "AVG",
            AggregateFunction::Min => "MIN",
            AggregateFunction::Max => "MAX",
        };
        let sums = matches!(figure.function, AggregateFunction::Sum | AggregateFunction::Avg);
        if sums && !self.is_postgres() {
            let kind = self.compiler.kind(&figure.argument).ok().flatten();
            if matches!(kind, Some(Kind::Date | Kind::DateTime | Kind::Time)) {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "SQLite keeps dates and times as text, of which there is no sum or average",
                )
                .into());
            }
        }
        self.push(function);
        self.push("(");
        if figure.distinct {
            self.push("DISTINCT ");
        }
        self.argument(&figure.argument)?;
        self.push(")");
        if let Some(filter) = &figure.filter {
            let mark = self.mark();
            self.push(" FILTER (WHERE ");
            match self.expression(filter) {
                Ok(()) => self.push(")"),
                Err(Stop::Full) => self.back_to(mark),
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    fn case(&mut self, ex: &Ex<'a>, whens: &[(Ex<'a>, Ex<'a>)], default: Option<&Ex<'a>>) -> Written {
        let start = self.mark();
        let kind = self.compiler.kind(ex)?;
        // What PostgreSQL takes several texts for, unless it is told.
        let unify = match (self.dialect, &kind) {
            (Dialect::Postgres, Some(kind @ (Kind::GenericIpAddress | Kind::Time | Kind::Uuid))) => Some(kind),
            _ => None,
        };
        if unify.is_some() {
            self.push("CAST(");
        }
        self.push("CASE ");
        let mut default = default;
        let mut written = 0;
        for (condition, result) in whens {
            let before = self.mark();
            if written > 0 {
                self.push(" ");
            }
            self.push("WHEN ");
            match self.expression(condition) {
                Ok(()) => {
                    self.push(" THEN ");
                    match self.expression(result) {
                        Ok(()) => written += 1,
                        Err(Stop::Empty) => self.back_to(before),
                        Err(other) => return Err(other),
                    }
                }
                Err(Stop::Empty) => self.back_to(before),
                Err(Stop::Full) => {
                    self.back_to(before);
                    default = Some(result);
                    break;
                }
                Err(failed) => return Err(failed),
            }
        }
        if written == 0 {
            self.back_to(start);
            return match default {
                Some(default) => self.expression(default),
                None => {
                    self.push("NULL");
                    Ok(())
                }
            };
        }
        self.push(" ELSE ");
        match default {
            Some(default) => self.expression(default)?,
            None => self.push("NULL"),
        }
        self.push(" END");
        if let Some(kind) = unify {
            self.push(" AS ");
            let name = super::function::cast_type(kind, Dialect::Postgres);
            self.push(&name);
            self.push(")");
        }
        Ok(())
    }
}

/// The type a value is written with on PostgreSQL.
fn postgres_type(value: &Value) -> &'static str {
    match value {
        Value::Null | Value::List(_) | Value::Plain(_) => "",
        Value::Bool(_) => "boolean",
        Value::Int(number) if i32::try_from(*number).is_ok() => "integer",
        Value::Int(_) => "bigint",
        Value::Float(_) => "double precision",
        Value::Decimal(_) => "numeric",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytea",
        Value::Date(_) => "date",
        Value::Time(_) => "time",
        Value::Timestamp(_) => "timestamptz",
        Value::Duration(_) => "interval",
        Value::Uuid(_) => "uuid",
        Value::Ip(_) => "inet",
        Value::Json(_) => "jsonb",
    }
}

/// A name as [`push_name`] writes it.
pub(crate) fn quoted(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 2);
    push_name(&mut text, name);
    text
}

/// A name in double quotes; one that has them, as tables named by hand may, stays as it is.
pub(super) fn push_name(sql: &mut String, name: &str) {
    if name.len() > 1 && name.starts_with('"') && name.ends_with('"') {
        sql.push_str(name);
        return;
    }
    sql.push('"');
    for (place, part) in name.split('"').enumerate() {
        if place > 0 {
            sql.push_str("\"\"");
        }
        sql.push_str(part);
    }
    sql.push('"');
}

pub(super) fn push_number(sql: &mut String, number: usize) {
    if number > 9 {
        push_number(sql, number / 10);
    }
    sql.push(char::from(b'0' + (number % 10) as u8));
}
