//! Functions and casts, as each engine has them.

use std::borrow::Cow;

use super::tree::Ex;
use super::write::{Out, Stop, Written};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind};
use crate::field::Kind;
use crate::query::{Function, Part};
use crate::value::Value;

impl<'a> Out<'_, 'a> {
    pub(super) fn call(&mut self, function: &Function, arguments: &[Ex<'a>]) -> Written {
        let name = match (function, self.dialect) {
            (Function::Coalesce, _) => "COALESCE",
            (Function::Lower, _) => "LOWER",
            (Function::Upper, _) => "UPPER",
            (Function::Length, _) => "LENGTH",
            (Function::Abs, _) => "ABS",
            (Function::NullIf, _) => "NULLIF",
            (Function::Substr, Dialect::Sqlite) => "SUBSTR",
            (Function::Substr, Dialect::Postgres) => "SUBSTRING",
            (Function::Greatest, Dialect::Sqlite) => "MAX",
            (Function::Greatest, Dialect::Postgres) => "GREATEST",
            (Function::Least, Dialect::Sqlite) => "MIN",
            (Function::Least, Dialect::Postgres) => "LEAST",
            (Function::Now, Dialect::Sqlite) => {
                self.push("STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')");
                return Ok(());
            }
            (Function::Now, Dialect::Postgres) => {
                self.push("STATEMENT_TIMESTAMP()");
                return Ok(());
            }
            (Function::JsonLength, _) => return self.one(arguments, Self::json_length),
            (Function::JsonScalar, _) => return self.one(arguments, Self::json_scalar),
            (Function::JsonDocument, _) => return self.one(arguments, Self::json_document),
            (Function::Round, _) => return self.round(arguments),
            (Function::Concat, _) => return self.concat(arguments),
            (Function::Trunc(part), _) => return self.one(arguments, |out, base| out.trunc(*part, base)),
            (Function::Extract(part), _) => return self.one(arguments, |out, base| out.extract(*part, base)),
            (Function::Date, _) => return self.one(arguments, |out, base| out.cast_moment("date", base)),
            (Function::Time, _) => return self.one(arguments, |out, base| out.cast_moment("time", base)),
        };
        self.push(name);
        self.push("(");
        self.arguments(arguments)?;
        self.push(")");
        Ok(())
    }

    fn one(&mut self, arguments: &[Ex<'a>], write: impl FnOnce(&mut Self, &Ex<'a>) -> Written) -> Written {
        match arguments {
            [only] => write(self, only),
            _ => Err(Error::new(ErrorKind::Type, "this function takes one argument").into()),
        }
    }

    fn round(&mut self, arguments: &[Ex<'a>]) -> Written {
        let places = arguments.get(1);
        if let Some(Ex::Value(id, _)) = places
            && !self.is_postgres()
            && matches!(self.compiler.value(*id), Value::Int(places) if *places < 0)
        {
            return Err(Error::new(ErrorKind::Value, "SQLite rounds to no negative number of places").into());
        }
        self.push("ROUND(");
        if let Some(number) = arguments.first() {
            // PostgreSQL rounds floats to whole numbers only.
            if self.is_postgres() && self.compiler.kind(number)? == Some(Kind::Float) {
                self.push("(");
                self.argument(number)?;
                self.push(")::numeric(1000, 15)");
            } else {
                self.argument(number)?;
            }
        }
        self.push(", ");
        match places {
            Some(places) => self.argument(places)?,
            None => self.push("0"),
        }
        self.push(")");
        Ok(())
    }

    /// Null counts as empty; pairs from the right, as Django builds them.
    fn concat(&mut self, arguments: &[Ex<'a>]) -> Written {
        let Some((first, rest)) = arguments.split_first() else { return Ok(()) };
        if rest.is_empty() {
            return self.concat_part(first);
        }
        if self.is_postgres() {
            // A pair inside must be text, so its kind must be known.
            self.compiler.concat_kind(rest)?;
        }
        self.push("(COALESCE(");
        self.concat_part(first)?;
        self.push(", '') || COALESCE(");
        self.concat(rest)?;
        self.push(", ''))");
        Ok(())
    }

    fn concat_part(&mut self, part: &Ex<'a>) -> Written {
        if self.is_postgres() && !self.compiler.kind(part)?.is_none_or(|kind| kind.is_text()) {
            self.push("(");
            self.argument(part)?;
            self.push(")::text");
            return Ok(());
        }
        self.argument(part)
    }

    /// Cut to the start of a part. On PostgreSQL, `date_trunc` forgets the zone and turns dates into moments, so the
    /// type is put back.
    fn trunc(&mut self, part: Part, base: &Ex<'a>) -> Written {
        let kind = self.compiler.kind(base)?;
        match (self.dialect, kind) {
            (Dialect::Sqlite, Some(Kind::DateTime)) => {
                self.named(&["django_datetime_trunc('", part.name(), "', "], base, ", 'UTC', 'UTC')")
            }
            (Dialect::Sqlite, Some(Kind::Time)) => {
                self.named(&["django_time_trunc('", part.name(), "', "], base, ", NULL, NULL)")
            }
            (Dialect::Sqlite, _) => self.named(&["django_date_trunc('", part.name(), "', "], base, ", NULL, NULL)"),
            (Dialect::Postgres, Some(Kind::DateTime)) if self.inline => {
                self.named(&["DATE_TRUNC('", part.name(), "', "], base, " AT TIME ZONE 'UTC')")
            }
            (Dialect::Postgres, Some(Kind::DateTime)) => {
                self.named(&["(DATE_TRUNC('", part.name(), "', "], base, " AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')")
            }
            (Dialect::Postgres, Some(Kind::Time)) => self.named(&["DATE_TRUNC('", part.name(), "', "], base, ")::time"),
            (Dialect::Postgres, _) => {
                let end = if self.inline { ")" } else { ")::date" };
                self.named(&["DATE_TRUNC('", part.name(), "', "], base, end)
            }
        }
    }

    fn extract(&mut self, part: Part, base: &Ex<'a>) -> Written {
        let kind = self.compiler.kind(base)?;
        if self.dialect == Dialect::Sqlite {
            return match kind {
                Some(Kind::DateTime) => {
                    self.named(&["django_datetime_extract('", part.name(), "', "], base, ", 'UTC', 'UTC')")
                }
                Some(Kind::Time) => self.named(&["django_time_extract('", part.name(), "', "], base, ")"),
                Some(Kind::Duration) => Err(Error::new(
                    ErrorKind::Value,
                    "SQLite keeps durations as microseconds, of which no part can be extracted",
                )
                .into()),
                _ => self.named(&["django_date_extract('", part.name(), "', "], base, ")"),
            };
        }
        let zone = if kind == Some(Kind::DateTime) { " AT TIME ZONE 'UTC'" } else { "" };
        let (field, end) = match part {
            Part::WeekDay => ("DOW", ") + 1"),
            Part::IsoWeekDay => ("ISODOW", ")"),
            Part::IsoYear => ("ISOYEAR", ")"),
            Part::Second if kind != Some(Kind::Date) => {
                // Without the fraction.
                self.push("EXTRACT(SECOND FROM DATE_TRUNC('second', ");
                self.expression(base)?;
                self.push(zone);
                self.push("))");
                return Ok(());
            }
            Part::Year => ("YEAR", ")"),
            Part::Quarter => ("QUARTER", ")"),
            Part::Month => ("MONTH", ")"),
            Part::Week => ("WEEK", ")"),
            Part::Day => ("DAY", ")"),
            Part::Hour => ("HOUR", ")"),
            Part::Minute => ("MINUTE", ")"),
            Part::Second => ("SECOND", ")"),
        };
        // Brackets where an operator stands outside of the function.
        let sum = part == Part::WeekDay && !self.inline;
        self.push(if sum { "(EXTRACT(" } else { "EXTRACT(" });
        self.push(field);
        self.push(" FROM ");
        self.expression(base)?;
        self.push(zone);
        self.push(end);
        if sum {
            self.push(")");
        }
        Ok(())
    }

    fn cast_moment(&mut self, to: &str, base: &Ex<'a>) -> Written {
        match self.dialect {
            Dialect::Sqlite => self.named(&["django_datetime_cast_", to, "("], base, ", 'UTC', 'UTC')"),
            Dialect::Postgres => {
                let zone =
                    if self.compiler.kind(base)? == Some(Kind::DateTime) { " AT TIME ZONE 'UTC')::" } else { ")::" };
                self.named(&["("], base, zone)?;
                self.push(to);
                Ok(())
            }
        }
    }

    fn named(&mut self, before: &[&str], base: &Ex<'a>, after: &str) -> Written {
        for text in before {
            self.push(text);
        }
        self.expression(base)?;
        self.push(after);
        Ok(())
    }

    pub(super) fn cast(&mut self, base: &Ex<'a>, kind: &Kind) -> Written {
        let name = cast_type(kind, self.dialect);
        match self.dialect {
            Dialect::Postgres => {
                self.named(&["("], base, ")::")?;
                self.push(&name);
                Ok::<(), Stop>(())
            }
            Dialect::Sqlite => match kind {
                Kind::DateTime => self.named(&["strftime('%Y-%m-%d %H:%M:%f', "], base, ")"),
                Kind::Time => self.named(&["strftime('%H:%M:%f', "], base, ")"),
                Kind::Date => self.named(&["date("], base, ")"),
                _ => {
                    self.named(&["CAST("], base, " AS ")?;
                    self.push(&name);
                    self.push(")");
                    Ok(())
                }
            },
        }
    }
}

/// The type that a kind is cast to.
pub(super) fn cast_type(kind: &Kind, dialect: Dialect) -> Cow<'static, str> {
    let sqlite = dialect == Dialect::Sqlite;
    let varchar = |length: Option<u32>| match length {
        Some(length) => Cow::Owned(format!("varchar({length})")),
        None => Cow::Borrowed("varchar"),
    };
    Cow::Borrowed(match kind {
        Kind::SmallAuto | Kind::SmallInteger if !sqlite => "smallint",
        Kind::SmallInteger => "smallint",
        Kind::PositiveSmallInteger => {
            if sqlite {
                "smallint unsigned"
            } else {
                "smallint"
            }
        }
        Kind::SmallAuto | Kind::Auto | Kind::Integer => "integer",
        Kind::PositiveInteger => {
            if sqlite {
                "integer unsigned"
            } else {
                "integer"
            }
        }
        Kind::BigAuto if sqlite => "integer",
        Kind::BigAuto | Kind::BigInteger | Kind::ForeignKey | Kind::OneToOne | Kind::ManyToMany => "bigint",
        Kind::PositiveBigInteger => {
            if sqlite {
                "bigint unsigned"
            } else {
                "bigint"
            }
        }
        Kind::Boolean => {
            if sqlite {
                "bool"
            } else {
                "boolean"
            }
        }
        Kind::Float => {
            if sqlite {
                "real"
            } else {
                "double precision"
            }
        }
        Kind::Decimal { .. } if sqlite => "decimal",
        Kind::Decimal { max_digits: 0, .. } => "numeric",
        Kind::Decimal { max_digits, decimal_places } => {
            return Cow::Owned(format!("numeric({max_digits}, {decimal_places})"));
        }
        Kind::Text | Kind::Encrypted { .. } => "text",
        Kind::Binary => {
            if sqlite {
                "BLOB"
            } else {
                "bytea"
            }
        }
        Kind::Date => "date",
        Kind::Time => "time",
        Kind::DateTime => {
            if sqlite {
                "datetime"
            } else {
                "timestamp with time zone"
            }
        }
        Kind::Duration => {
            if sqlite {
                "bigint"
            } else {
                "interval"
            }
        }
        Kind::Json => {
            if sqlite {
                "text"
            } else {
                "jsonb"
            }
        }
        Kind::Uuid => {
            if sqlite {
                "char(32)"
            } else {
                "uuid"
            }
        }
        Kind::GenericIpAddress => {
            if sqlite {
                "char(39)"
            } else {
                "inet"
            }
        }
        text => return varchar(text.max_length()),
    })
}
