//! Comparisons to text: each lookup as each engine has it.

use jiff::civil::{Date, ISOWeekDate, Weekday};

use super::convert;
use super::tree::{Compare, Ex, Right, ValueId};
use super::write::{Out, Stop, Written};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind};
use crate::field::Kind;
use crate::query::{Function, Lookup, Part};
use crate::value::Value;

/// Parameters in an `IN` on SQLite before they travel as one JSON array; the engine takes 32,766.
const MAX_IN_PARAMETERS: usize = 30_000;

impl<'a> Out<'_, 'a> {
    pub(super) fn compare(&mut self, compare: &Compare<'a>) -> Written {
        use Lookup::*;
        let Compare { lookup, left, right } = compare;
        match (lookup, right) {
            (_, Right::Beyond { always }) => return Err(if *always { Stop::Full } else { Stop::Empty }),
            (IsNull, Right::Bool(wanted)) => return self.is_null(left, *wanted),
            (_, Right::Bool(wanted)) => {
                if !wanted {
                    self.push("NOT ");
                }
                return self.left(left);
            }
            (HasKey | HasKeys | HasAnyKeys, Right::Keys(keys)) => return self.json_has(*lookup, left, keys),
            (Contains | ContainedBy, _) if self.compiler.kind(left)? == Some(Kind::Json) => {
                return self.json_contains(compare);
            }
            (Exact | Gt | Gte | Lt | Lte, Right::Value(id)) => {
                if let Ex::Call(Function::Extract(part @ (Part::Year | Part::IsoYear)), arguments) = left
                    && let ([base], Value::Int(year)) = (arguments.as_slice(), self.compiler.value(*id))
                {
                    return self.in_year(*lookup, *part, base, *year);
                }
            }
            _ => {}
        }
        match lookup {
            Exact | Gt | Gte | Lt | Lte => {
                let operator = match lookup {
                    Gt => " > ",
                    Gte => " >= ",
                    Lt => " < ",
                    Lte => " <= ",
                    _ => " = ",
                };
                if let (Ex::Row(columns), Right::Values(ids)) = (left, right) {
                    return self.rows(columns, operator, ids);
                }
                self.left(left)?;
                self.push(operator);
                self.operand(*lookup, left, right)
            }
            In => self.one_of(left, right),
            Range => {
                let mark = self.mark();
                self.left(left)?;
                self.push(" BETWEEN ");
                match right {
                    Right::Values(ids) => {
                        if let [from, to] = ids.as_slice() {
                            self.bound(left, *from)?;
                            self.push(" AND ");
                            self.bound(left, *to)?;
                        }
                    }
                    Right::Mixed(items) => {
                        if let [from, to] = items.as_slice() {
                            self.expression(from)?;
                            self.push(" AND ");
                            self.expression(to)?;
                        }
                    }
                    _ => {
                        self.back_to(mark);
                        return Err(Error::new(ErrorKind::Type, "`range` needs two values").into());
                    }
                }
                Ok(())
            }
            _ => self.text_lookup(*lookup, left, right),
        }
    }

    /// Several columns and as many values, which an index on the columns serves.
    fn rows(&mut self, columns: &[Ex<'a>], operator: &str, ids: &[ValueId]) -> Written {
        self.plain_row(columns)?;
        self.push(operator);
        self.push("(");
        for (place, (column, id)) in columns.iter().zip(ids).enumerate() {
            if place > 0 {
                self.push(", ");
            }
            self.bound(column, *id)?;
        }
        self.push(")");
        Ok(())
    }

    pub(super) fn plain_row(&mut self, columns: &[Ex<'a>]) -> Written {
        self.push("(");
        for (place, column) in columns.iter().enumerate() {
            if place > 0 {
                self.push(", ");
            }
            self.expression(column)?;
        }
        self.push(")");
        Ok(())
    }

    /// The left side; a comparison in brackets.
    fn left(&mut self, left: &Ex<'a>) -> Written {
        if matches!(left, Ex::Compare(_)) {
            self.push("(");
            self.expression(left)?;
            self.push(")");
            return Ok(());
        }
        self.expression(left)
    }

    /// An expression on the right side: in brackets unless it has its own.
    pub(super) fn bracketed(&mut self, ex: &Ex<'a>) -> Written {
        let mark = self.mark();
        self.expression(ex)?;
        if !self.since(mark).starts_with('(') && !matches!(ex, Ex::Value(..)) {
            let text = format!("({})", self.since(mark));
            self.rewrite(mark, &text);
        }
        Ok(())
    }

    fn is_null(&mut self, left: &Ex<'a>, wanted: bool) -> Written {
        if let Ex::Value(id, _) = left {
            return Err(if self.compiler.value(*id).is_null() == wanted { Stop::Full } else { Stop::Empty });
        }
        if !self.is_postgres() && matches!(left, Ex::Key(_, _, false)) {
            return self.json_is_null(left, wanted);
        }
        if !self.sealed_column(left) {
            self.left(left)?;
        }
        self.push(if wanted { " IS NULL" } else { " IS NOT NULL" });
        Ok(())
    }

    fn operand(&mut self, lookup: Lookup, left: &Ex<'a>, right: &Right<'a>) -> Written {
        match right {
            Right::Value(id) => {
                if !self.is_postgres() && matches!(left, Ex::Key(..)) {
                    if lookup == Lookup::Exact {
                        self.json_operand(*id);
                    } else {
                        self.json_bare(*id);
                    }
                } else {
                    self.bound(left, *id)?;
                }
                Ok(())
            }
            Right::Expression(ex) => self.bracketed(ex),
            _ => Err(Error::new(ErrorKind::Type, "one value was expected on the right").into()),
        }
    }

    /// A value beside a left side that tells its type, unless it is too great for that type.
    fn bound(&mut self, left: &Ex<'a>, id: ValueId) -> Written {
        let value = self.compiler.value(id);
        if value.is_null() {
            self.push("NULL");
            return Ok(());
        }
        self.param(id);
        if self.is_postgres() && !self.inline {
            let range = self.compiler.kind(left)?.and_then(|kind| kind.integer_range());
            match (value, range) {
                (Value::Int(number), Some((least, greatest))) if *number < least || *number > greatest => {
                    self.push("::bigint");
                }
                (Value::Decimal(_), Some(_)) => self.push("::numeric"),
                _ => {}
            }
        }
        Ok(())
    }

    fn one_of(&mut self, left: &Ex<'a>, right: &Right<'a>) -> Written {
        match right {
            Right::Values(ids) if ids.is_empty() => Err(Stop::Empty),
            Right::Values(ids) if self.is_postgres() && !self.inline => {
                self.left(left)?;
                self.push(" = ANY(");
                self.list(ids);
                self.push(")");
                Ok(())
            }
            Right::Values(ids) => {
                self.left(left)?;
                self.push(" IN (");
                let json = matches!(left, Ex::Key(..)) && !self.is_postgres();
                if ids.len() > MAX_IN_PARAMETERS && !self.inline && !json {
                    let items = ids.iter().map(|id| stored(self.compiler.value(*id))).collect();
                    self.push("SELECT value FROM json_each(");
                    self.made(Value::Text(serde_json::Value::Array(items).to_string()), "");
                    self.push("))");
                    return Ok(());
                }
                for (place, id) in ids.iter().enumerate() {
                    if place > 0 {
                        self.push(", ");
                    }
                    if json {
                        self.json_operand(*id);
                    } else {
                        self.param(*id);
                    }
                }
                self.push(")");
                Ok(())
            }
            Right::Mixed(items) => {
                self.left(left)?;
                self.push(" IN (");
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        self.push(", ");
                    }
                    self.expression(item)?;
                }
                self.push(")");
                Ok(())
            }
            Right::Expression(ex) => {
                self.left(left)?;
                self.push(" IN ");
                self.bracketed(ex)
            }
            _ => Err(Error::new(ErrorKind::Type, "`in` needs a list of values").into()),
        }
    }

    /// Lookups that look into text. Other kinds are read as text on PostgreSQL, as SQLite reads them anyway.
    fn text_lookup(&mut self, lookup: Lookup, left: &Ex<'a>, right: &Right<'a>) -> Written {
        use Lookup::*;
        let ignores_case = matches!(lookup, IExact | IContains | IStartsWith | IEndsWith);
        let kind = self.compiler.kind(left)?;
        if self.is_postgres() {
            if ignores_case {
                self.push("UPPER(");
            }
            let address = kind == Some(Kind::GenericIpAddress);
            if address {
                self.push("HOST(");
            }
            self.left(left)?;
            self.push(if address { ")" } else { "::text" });
            if ignores_case {
                self.push(")");
            }
        } else {
            self.left(left)?;
        }
        let uuid = kind == Some(Kind::Uuid) && !self.is_postgres() && !matches!(lookup, Regex | IRegex);
        match right {
            Right::Value(id) => {
                let operator = match (lookup, self.dialect) {
                    (IExact, Dialect::Postgres) => " = UPPER(",
                    (Regex, Dialect::Postgres) => " ~ ",
                    (IRegex, Dialect::Postgres) => " ~* ",
                    (_, Dialect::Postgres) if ignores_case => " LIKE UPPER(",
                    (Regex, Dialect::Sqlite) => " REGEXP ",
                    (IRegex, Dialect::Sqlite) => " REGEXP '(?i)' || ",
                    _ => " LIKE ",
                };
                self.push(operator);
                if uuid && let Value::Text(text) = self.compiler.value(*id) {
                    self.made(Value::Text(text.replace('-', "")), "");
                } else {
                    self.param(*id);
                }
                if self.is_postgres() && ignores_case {
                    self.push(")");
                }
                if !self.is_postgres() && !matches!(lookup, Regex | IRegex) {
                    self.push(r" ESCAPE '\'");
                }
                Ok(())
            }
            Right::Expression(ex) => self.text_operand(lookup, ex),
            _ => Err(Error::new(ErrorKind::Type, format!("`{lookup}` needs a text")).into()),
        }
    }

    /// An expression to look for, its wildcards escaped by the database.
    fn text_operand(&mut self, lookup: Lookup, ex: &Ex<'a>) -> Written {
        use Lookup::*;
        match (lookup, self.dialect) {
            (IExact, Dialect::Postgres) => {
                self.push(" = UPPER(");
                self.bracketed(ex)?;
                self.push(")");
                return Ok(());
            }
            (IExact, Dialect::Sqlite) => {
                self.push(" LIKE ");
                self.bracketed(ex)?;
                self.push(r" ESCAPE '\'");
                return Ok(());
            }
            (Regex | IRegex, dialect) => {
                self.push(match (lookup, dialect) {
                    (Regex, Dialect::Postgres) => " ~ ",
                    (_, Dialect::Postgres) => " ~* ",
                    (Regex, Dialect::Sqlite) => " REGEXP ",
                    (_, Dialect::Sqlite) => " REGEXP '(?i)' || ",
                });
                return self.bracketed(ex);
            }
            _ => {}
        }
        let ignores_case = matches!(lookup, IContains | IStartsWith | IEndsWith);
        let (before, after) = match lookup {
            Contains | IContains => ("'%' || ", " || '%'"),
            StartsWith | IStartsWith => ("", " || '%'"),
            _ => ("'%' || ", ""),
        };
        self.push(" LIKE ");
        self.push(before);
        if ignores_case {
            self.push("UPPER(");
        }
        self.push("REPLACE(REPLACE(REPLACE(");
        self.bracketed(ex)?;
        self.push(if self.is_postgres() {
            r", E'\\', E'\\\\'), E'%', E'\\%'), E'_', E'\\_')"
        } else {
            r", '\', '\\'), '%', '\%'), '_', '\_')"
        });
        if ignores_case {
            self.push(")");
        }
        self.push(after);
        if !self.is_postgres() {
            self.push(r" ESCAPE '\'");
        }
        Ok(())
    }

    /// A year as the range of its moments, which an index serves.
    fn in_year(&mut self, lookup: Lookup, part: Part, base: &Ex<'a>, year: i64) -> Written {
        let out_of_range = || Error::new(ErrorKind::Value, format!("year {year} is out of range"));
        let year = i16::try_from(year).map_err(|_| out_of_range())?;
        let (first, last) = if part == Part::IsoYear {
            let monday = |year| ISOWeekDate::new(year, 1, Weekday::Monday).map(Date::from);
            let next = monday(year + 1).and_then(Date::yesterday);
            (monday(year).map_err(|_| out_of_range())?, next.map_err(|_| out_of_range())?)
        } else {
            let day = |month, day| Date::new(year, month, day).map_err(|_| out_of_range());
            (day(1, 1)?, day(12, 31)?)
        };
        let (first, last, cast) = if self.compiler.kind(base)? == Some(Kind::DateTime) {
            let start = convert::utc(first.at(0, 0, 0, 0)).ok_or_else(out_of_range)?;
            let end = convert::utc(last.at(23, 59, 59, 999_999_000)).ok_or_else(out_of_range)?;
            (Value::Timestamp(start), Value::Timestamp(end), "timestamptz")
        } else {
            (Value::Date(first), Value::Date(last), "date")
        };
        self.left(base)?;
        match lookup {
            Lookup::Gt => {
                self.push(" > ");
                self.made(last, cast);
            }
            Lookup::Gte => {
                self.push(" >= ");
                self.made(first, cast);
            }
            Lookup::Lt => {
                self.push(" < ");
                self.made(first, cast);
            }
            Lookup::Lte => {
                self.push(" <= ");
                self.made(last, cast);
            }
            _ => {
                self.push(" BETWEEN ");
                self.made(first, cast);
                self.push(" AND ");
                self.made(last, cast);
            }
        }
        Ok(())
    }
}

/// A value as SQLite stores it, in JSON.
fn stored(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(truth) => u8::from(*truth).into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Duration(duration) => i64::try_from(duration.as_micros()).unwrap_or(i64::MAX).into(),
        Value::Uuid(uuid) => uuid.simple().to_string().into(),
        other => {
            let mut text = String::new();
            super::literal::write(&mut text, other, Dialect::Sqlite);
            let bare = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(&text);
            bare.replace("''", "'").into()
        }
    }
}
