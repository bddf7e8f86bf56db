//! Names and functions to expressions over tables.

use super::joins::{Interrupted, Names};
use super::scope::{Compiler, Env};
use super::tree::{Arithmetic, Col, Ex, Figure, ScopeId};
use crate::error::{Error, ErrorKind, Result, nearest};
use crate::field::Kind;
use crate::json_schema::JsonSchema;
use crate::query::{AggregateFunction, Function, Lookup, Node, Operator, Part};
use crate::value::Value;

pub(super) fn field_error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Field, message)
}

impl<'a> Compiler<'a> {
    /// Resolves an expression in a scope.
    pub(super) fn resolve(&mut self, scope: ScopeId, node: &'a Node, env: &mut Env) -> Result<Ex<'a>> {
        Ok(match node {
            Node::Path(names) => self.reference(scope, Names::Query(names), env)?,
            Node::Outer(names) => self.outer_reference(scope, names)?,
            Node::Value(value, kind) => {
                let value = match kind {
                    Some(kind) => super::convert::prepare(kind, value.clone())?,
                    None => value.clone(),
                };
                Ex::Value(self.bind(value), kind.clone())
            }
            Node::List(_) => {
                return Err(Error::new(
                    ErrorKind::Type,
                    "a list of values stands only on the right of `in` and `range`",
                ));
            }
            Node::Lookup { .. } | Node::And(_) | Node::Or(_) | Node::Not(_) => self.condition(scope, node, env)?,
            Node::Binary(operator, left, right) => {
                let left = self.resolve(scope, left, env)?;
                let right = self.resolve(scope, right, env)?;
                self.binary(*operator, left, right)
            }
            Node::Call(function, arguments) => self.call(scope, function, arguments, env)?,
            Node::Aggregate(aggregate) => {
                // The rows that are aggregated are the same wherever a query names them.
                let reuse = env.reuse.take();
                let argument = match &aggregate.argument {
                    Some(argument) => self.resolve(scope, argument, env)?,
                    None => Ex::Star,
                };
                if aggregate.distinct && matches!(aggregate.function, AggregateFunction::Min | AggregateFunction::Max) {
                    return Err(Error::new(
                        ErrorKind::Type,
                        "min and max take no `distinct`: it changes nothing there",
                    ));
                }
                if !env.summarize && argument.has_aggregate() {
                    return Err(field_error(format!(
                        "cannot compute {:?} of an aggregate: aggregate it in a query around this one",
                        aggregate.function
                    )));
                }
                let filter = match &aggregate.filter {
                    Some(filter) => Some(self.condition(scope, filter, env)?),
                    None => None,
                };
                env.reuse = reuse;
                let function = aggregate.function;
                Ex::Aggregate(Box::new(Figure { function, argument, distinct: aggregate.distinct, filter }))
            }
            Node::Case { whens, default } => {
                let mut resolved = Vec::with_capacity(whens.len());
                for (condition, result) in whens {
                    if is_empty(condition) {
                        return Err(Error::new(ErrorKind::Value, "a case needs a condition, this one is empty"));
                    }
                    let condition = self.condition(scope, condition, env)?;
                    resolved.push((condition, self.resolve(scope, result, env)?));
                }
                let default = match default {
                    Some(default) => Some(Box::new(self.resolve(scope, default, env)?)),
                    None => None,
                };
                Ex::Case(resolved, default)
            }
            Node::Exists(query) => {
                let inner = self.subquery(scope, query, env)?;
                self.reduce_to_exists(inner)?;
                Ex::Exists(inner)
            }
            Node::Subquery(query) => Ex::Subquery(self.subquery(scope, query, env)?),
            Node::Cast(base, kind) => Ex::Cast(Box::new(self.resolve(scope, base, env)?), kind.clone()),
        })
    }

    /// A query inside this one.
    pub(super) fn subquery(
        &mut self,
        scope: ScopeId,
        query: &'a crate::query::Query,
        env: &mut Env,
    ) -> Result<ScopeId> {
        let shared = env.reuse.take();
        let before = std::mem::replace(&mut self.scope_mut(scope).outer_reuse, shared);
        let inner = self.replay(query, Some(scope));
        env.reuse = std::mem::replace(&mut self.scope_mut(scope).outer_reuse, before);
        inner
    }

    fn outer_reference(&mut self, scope: ScopeId, names: &'a [std::borrow::Cow<'static, str>]) -> Result<Ex<'a>> {
        let Some(parent) = self.scope(scope).parent else {
            return Err(Error::new(
                ErrorKind::Value,
                format!(
                    "`{}` refers to a query around this one, but there is none: use the query inside `exists` or \
                     `subquery`",
                    names.join("__")
                ),
            ));
        };
        let mut env = Env::expression();
        env.reuse = self.scope(parent).outer_reuse.clone();
        let mut resolved = self.reference(parent, Names::Query(names), &mut env)?;
        if self.scope(parent).outer_reuse.is_some() {
            self.scope_mut(parent).outer_reuse = env.reuse;
        }
        if names.len() > 1 {
            mark_multivalued(&mut resolved);
        }
        Ok(resolved)
    }

    /// What a path stands for: an annotation, or a column reached over relations (Django's `resolve_ref`).
    pub(super) fn reference(&mut self, scope: ScopeId, names: Names<'_, 'a>, env: &mut Env) -> Result<Ex<'a>> {
        if let Some((mut resolved, used)) = self.annotation(scope, names, env)? {
            for name in names.iter().skip(used) {
                resolved = self.transform(resolved, name)?;
            }
            return Ok(resolved);
        }
        let walk = match self.walk(self.scope(scope).start(), names, true) {
            Ok(walk) => walk,
            Err(Interrupted::Failed(error)) => return Err(self.with_annotations(scope, error, names)),
            Err(Interrupted::Many { .. }) => return Err(field_error("a relation to many rows is not allowed here")),
        };
        if !env.joins && walk.hops.len() > 1 {
            return Err(joined());
        }
        let reached = self.reach(scope, &walk, env.reuse.as_ref());
        if !env.joins && reached.joined {
            return Err(joined());
        }
        if let Some(reuse) = &mut env.reuse {
            reuse.add(&reached.joins);
        }
        let mut resolved = Ex::Column(self.column(scope, reached.alias, reached.entry, reached.column, false));
        for (position, name) in names.iter().enumerate().skip(walk.used) {
            resolved = match self.transform(resolved, name) {
                Ok(resolved) => resolved,
                // After a relation, the name was meant as a field of the other model.
                Err(_) if walk.related && position == walk.used => return Err(walk.entry.unknown(name)),
                Err(error) => return Err(error),
            };
        }
        Ok(resolved)
    }

    /// The annotation that the first names are, and how many of them.
    pub(super) fn annotation(
        &self,
        scope: ScopeId,
        names: Names<'_, 'a>,
        env: &Env,
    ) -> Result<Option<(Ex<'a>, usize)>> {
        let state = self.scope(scope);
        for annotation in state.annotations.iter().filter(|_| state.origin.is_none()) {
            let Some(used) = names.prefix_named(&annotation.name) else { continue };
            if !env.summarize {
                return Ok(Some((annotation.expression.clone(), used)));
            }
            if !annotation.selected {
                return Err(field_error(format!(
                    "cannot aggregate over `{}`, which is no column of the result",
                    annotation.name
                )));
            }
            let source = Box::new(annotation.expression.clone());
            return Ok(Some((Ex::Ref(annotation.name.clone(), source), used)));
        }
        Ok(None)
    }

    /// Adds the annotations to the names that an error lists.
    pub(super) fn with_annotations(&self, scope: ScopeId, error: Error, names: Names<'_, 'a>) -> Error {
        let annotations = &self.scope(scope).annotations;
        let first = names.get(0).unwrap_or_default();
        let model = self.scope(scope).start();
        if annotations.is_empty() || model.named(first).is_some() {
            return error;
        }
        let mut choices = model.choices();
        choices.extend(annotations.iter().map(|annotation| annotation.name.as_str()));
        choices.sort_unstable();
        let hint = nearest(first, choices.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
        field_error(format!(
            "unknown field `{first}` of {}: choices are {}{}",
            model.label,
            choices.join(", "),
            hint.unwrap_or_default()
        ))
    }

    /// The error for a name after a relation that is neither a field of the other model nor one of the few lookups that
    /// a relation has.
    pub(super) fn no_such_name_after(&self, relation: &Col<'a>, name: &str) -> Error {
        if name.parse::<Lookup>().is_ok() {
            return field_error(format!(
                "relation `{}` has no lookup `{name}`: choices are exact, gt, gte, in, isnull, lt, lte",
                relation.column.name
            ));
        }
        match self.schema.target(relation.entry.id, relation.column.field) {
            Some((model, _)) => self.schema.entry(model).unknown(name),
            None => relation.entry.unknown(name),
        }
    }

    /// Applies a transform by name: a JSON key, or a part of a date.
    ///
    /// # Errors
    /// [`ErrorKind::Field`] if what it is applied to has no such transform or lookup.
    pub(super) fn transform(&self, base: Ex<'a>, name: &'a str) -> Result<Ex<'a>> {
        if let Ex::Column(column) = &base
            && column.related
        {
            return Err(self.no_such_name_after(column, name));
        }
        let kind = self.kind(&base)?.ok_or_else(unknown_kind)?;
        if kind == Kind::Json {
            return Ok(Ex::Key(Box::new(base), name, false));
        }
        match transform_of(&kind, name) {
            Some(function) => Ok(Ex::Call(function, vec![base])),
            None => Err(unsupported(&kind, name)),
        }
    }

    fn binary(&self, operator: Operator, left: Ex<'a>, right: Ex<'a>) -> Ex<'a> {
        let kind = |ex: &Ex<'a>| self.kind(ex).ok().flatten();
        let (a, b) = (kind(&left), kind(&right));
        let duration = |kind: &Option<Kind>| matches!(kind, Some(Kind::Duration));
        let how = if duration(&a) != duration(&b) {
            Arithmetic::Duration
        } else if operator == Operator::Sub && matches!(a, Some(Kind::Date | Kind::DateTime | Kind::Time)) && a == b {
            Arithmetic::Difference
        } else {
            Arithmetic::Plain
        };
        Ex::Binary(operator, Box::new(left), Box::new(right), how)
    }

    fn call(&mut self, scope: ScopeId, function: &Function, arguments: &'a [Node], env: &mut Env) -> Result<Ex<'a>> {
        let allowed = match function {
            Function::Coalesce | Function::Concat | Function::Greatest | Function::Least => 2..=usize::MAX,
            Function::Substr => 2..=3,
            Function::Round => 1..=2,
            Function::NullIf => 2..=2,
            Function::Now => 0..=0,
            _ => 1..=1,
        };
        if !allowed.contains(&arguments.len()) {
            let fixed = matches!(function, Function::Substr | Function::NullIf | Function::Now) || *allowed.end() == 1;
            let kind = if fixed { ErrorKind::Type } else { ErrorKind::Value };
            return Err(Error::new(
                kind,
                format!("{function:?} takes at least {} arguments, got {}", allowed.start(), arguments.len()),
            ));
        }
        if let (Function::Substr, Some(Node::Value(Value::Int(position), _))) = (function, arguments.get(1))
            && *position < 1
        {
            return Err(Error::new(ErrorKind::Value, "Substr counts characters from 1"));
        }
        let mut resolved = Vec::with_capacity(arguments.len().max(1));
        for argument in arguments {
            resolved.push(self.resolve(scope, argument, env)?);
        }
        if let (Function::Trunc(part), [argument]) = (function, resolved.as_slice()) {
            self.check_trunc(*part, argument)?;
        }
        if let (Function::Extract(part), [argument]) = (function, resolved.as_slice()) {
            self.check_extract(*part, argument)?;
        }
        if let (Function::Date | Function::Time, [argument]) = (function, resolved.as_slice()) {
            match (function, self.kind(argument)?) {
                (_, Some(Kind::DateTime)) | (Function::Date, Some(Kind::Date)) | (Function::Time, Some(Kind::Time)) => {
                }
                (_, Some(Kind::Date | Kind::Time)) => {
                    return Err(Error::new(ErrorKind::Value, format!("{function:?} needs a date and time")));
                }
                _ => return Err(Error::new(ErrorKind::Type, format!("{function:?} needs a date and time"))),
            }
        }
        if let (Function::JsonLength | Function::JsonScalar | Function::JsonDocument, [argument]) =
            (function, resolved.as_slice())
            && self.kind(argument)? != Some(Kind::Json)
        {
            return Err(Error::new(ErrorKind::Type, format!("{function:?} needs a JSON document")));
        }
        Ok(Ex::Call(function.clone(), resolved))
    }

    fn check_trunc(&self, part: Part, argument: &Ex<'a>) -> Result<()> {
        let clock = matches!(part, Part::Hour | Part::Minute | Part::Second);
        let calendar = matches!(part, Part::Year | Part::Quarter | Part::Month | Part::Week | Part::Day);
        match self.kind(argument)?.ok_or_else(unknown_kind)? {
            Kind::DateTime if clock || calendar => Ok(()),
            Kind::Date if calendar => Ok(()),
            Kind::Time if clock => Ok(()),
            Kind::Date | Kind::Time | Kind::DateTime => {
                Err(Error::new(ErrorKind::Value, format!("cannot truncate this to its {}", part.name())))
            }
            other => Err(Error::new(
                ErrorKind::Type,
                format!("cannot truncate a {} to its {}: it has no date or time", other.class_name(), part.name()),
            )),
        }
    }

    fn check_extract(&self, part: Part, argument: &Ex<'a>) -> Result<()> {
        let clock = matches!(part, Part::Hour | Part::Minute | Part::Second);
        let fits = match self.kind(argument)? {
            None | Some(Kind::DateTime | Kind::Time) => true,
            Some(Kind::Date) => !clock,
            Some(Kind::Duration) => clock || part == Part::Day,
            Some(_) => false,
        };
        if fits {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Value, format!("cannot extract the {} from this: it has none", part.name())))
    }

    /// What kind of value an expression gives; `None` where nothing tells (Django's `output_field`).
    ///
    /// # Errors
    /// [`ErrorKind::Field`] where kinds are mixed that Django does not mix.
    pub(super) fn kind(&self, ex: &Ex<'a>) -> Result<Option<Kind>> {
        Ok(match ex {
            Ex::Column(column) => Some(column.kind.clone()),
            Ex::Value(id, kind) => kind.clone().or_else(|| kind_of_value(self.value(*id))),
            Ex::Star | Ex::Row(_) => None,
            Ex::Ref(_, source) => self.kind(source)?,
            Ex::Binary(operator, left, right, how) => match how {
                Arithmetic::Difference => Some(Kind::Duration),
                _ => {
                    let (a, b) = (self.kind(left)?, self.kind(right)?);
                    match combined(*operator, a.as_ref(), b.as_ref()) {
                        Some(kind) => Some(kind),
                        None => {
                            let name = |kind: &Option<Kind>| kind.as_ref().map_or("unknown", Kind::class_name);
                            return Err(field_error(format!(
                                "cannot tell the type of {operator:?} of {} and {}: turn one into the other with `cast`",
                                name(&a),
                                name(&b)
                            )));
                        }
                    }
                }
            },
            Ex::Call(function, arguments) => match function {
                Function::Length | Function::Extract(_) | Function::JsonLength => Some(Kind::Integer),
                Function::JsonScalar => Some(Kind::Text),
                Function::JsonDocument => Some(Kind::Json),
                Function::Substr => Some(Kind::Char { max_length: None }),
                Function::Now => Some(Kind::DateTime),
                Function::Date => Some(Kind::Date),
                Function::Time => Some(Kind::Time),
                Function::Round | Function::Trunc(_) => match arguments.first() {
                    Some(first) => self.kind(first)?,
                    None => None,
                },
                Function::Concat => self.concat_kind(arguments)?,
                _ => self.common_kind(&mut arguments.iter())?,
            },
            Ex::Key(_, _, text) => Some(if *text { Kind::Text } else { Kind::Json }),
            Ex::Aggregate(figure) => match figure.function {
                AggregateFunction::Count => Some(Kind::Integer),
                AggregateFunction::Avg => match self.kind(&figure.argument)? {
                    Some(kind) if kind.integer_range().is_some() => Some(Kind::Float),
                    Some(Kind::Decimal { .. }) => Some(Kind::Decimal { max_digits: 0, decimal_places: 0 }),
                    other => other,
                },
                _ => self.kind(&figure.argument)?,
            },
            Ex::Case(whens, default) => {
                self.common_kind(&mut whens.iter().map(|(_, result)| result).chain(default.as_deref()))?
            }
            Ex::Compare(_) | Ex::Where(_) | Ex::Exists(_) | Ex::Nothing => Some(Kind::Boolean),
            Ex::Subquery(inner) => self.output_kind(*inner)?,
            Ex::Cast(_, kind) => Some(kind.clone()),
        })
    }

    /// The schema of the documents that an expression gives, if those have versions: that of the field whose documents it
    /// gives, one like another.
    pub(super) fn versioned(&self, ex: &Ex<'a>) -> Option<&'a JsonSchema> {
        let with_version = |schema: &&JsonSchema| schema.current_version().is_some();
        match ex {
            Ex::Column(column) => column.entry.field(column.column.field).schema.as_ref().filter(with_version),
            Ex::Ref(_, source) => self.versioned(source),
            Ex::Subquery(inner) => self.versioned(self.output(*inner)?),
            Ex::Call(Function::Coalesce | Function::NullIf, arguments) => self.common_versioned(&mut arguments.iter()),
            Ex::Case(whens, default) => {
                self.common_versioned(&mut whens.iter().map(|(_, result)| result).chain(default.as_deref()))
            }
            _ => None,
        }
    }

    /// The schema that all of several expressions share which are no plain values.
    fn common_versioned(&self, sources: &mut dyn Iterator<Item = &Ex<'a>>) -> Option<&'a JsonSchema> {
        let mut sources =
            sources.filter(|source| !matches!(source, Ex::Value(..))).map(|source| self.versioned(source));
        let first = sources.next()??;
        sources.all(|other| other.is_some_and(|other| std::ptr::eq(other, first))).then_some(first)
    }

    /// The kind of the only column of a query.
    fn output_kind(&self, scope: ScopeId) -> Result<Option<Kind>> {
        self.output(scope).map_or(Ok(None), |only| self.kind(only))
    }

    /// The only column of a query.
    fn output(&self, scope: ScopeId) -> Option<&Ex<'a>> {
        let scope = self.scope(scope);
        if let super::scope::Columns::Listed(columns) = &scope.columns
            && let [(_, only)] = columns.as_slice()
        {
            return Some(only);
        }
        let mut annotations = scope.annotations.iter().filter(|annotation| annotation.selected);
        match (annotations.next(), annotations.next()) {
            (Some(only), None) => Some(&only.expression),
            _ => None,
        }
    }

    /// The kind that several expressions share. A value whose kind was said gives way to the others.
    fn common_kind(&self, sources: &mut dyn Iterator<Item = &Ex<'a>>) -> Result<Option<Kind>> {
        let mut first: Option<Kind> = None;
        let mut said: Option<Kind> = None;
        for source in sources {
            let Some(kind) = self.kind(source)? else { continue };
            if matches!(source, Ex::Value(_, Some(_))) {
                said.get_or_insert(kind);
                continue;
            }
            match &first {
                None => first = Some(kind),
                Some(first) if is_a(first, &kind) => {}
                Some(first) => return Err(mixed(first, &kind)),
            }
        }
        Ok(first.or(said))
    }

    /// The kind of a text put together from pairs, the last two first (Django's `ConcatPair`).
    pub(super) fn concat_kind(&self, arguments: &[Ex<'a>]) -> Result<Option<Kind>> {
        let Some((first, rest)) = arguments.split_first() else { return Ok(None) };
        let first_kind = self.kind(first)?;
        if rest.is_empty() {
            return Ok(first_kind);
        }
        let rest_kind = self.concat_kind(rest)?;
        let said = |ex: &Ex<'a>| matches!(ex, Ex::Value(_, Some(_)));
        match (first_kind, rest_kind) {
            (Some(one), None) | (None, Some(one)) => Ok(Some(one)),
            (None, None) => Ok(None),
            (Some(_), Some(rest_kind)) if said(first) => Ok(Some(rest_kind)),
            (Some(first_kind), Some(rest_kind)) => {
                if is_a(&first_kind, &rest_kind) || matches!(rest, [last] if said(last)) {
                    Ok(Some(first_kind))
                } else {
                    Err(mixed(&first_kind, &rest_kind))
                }
            }
        }
    }
}

fn mixed(first: &Kind, other: &Kind) -> Error {
    field_error(format!(
        "cannot mix {} and {}: turn one into the other with `cast`",
        first.class_name(),
        other.class_name()
    ))
}

fn joined() -> Error {
    field_error("a path to another model's fields is not allowed here: only fields of the model itself")
}

pub(super) fn unknown_kind() -> Error {
    field_error("cannot tell the type of this expression: say it with `cast`")
}

/// The error for a name that is neither transform nor lookup of a kind.
pub(super) fn unsupported(kind: &Kind, name: &str) -> Error {
    let mut choices: Vec<&str> =
        Lookup::ALL.iter().filter(|l| super::lookup::has(kind, **l)).map(|l| l.name()).collect();
    const PARTS: [Part; 11] = [
        Part::Year,
        Part::IsoYear,
        Part::Quarter,
        Part::Month,
        Part::Week,
        Part::Day,
        Part::WeekDay,
        Part::IsoWeekDay,
        Part::Hour,
        Part::Minute,
        Part::Second,
    ];
    let parts = PARTS.into_iter().map(Part::name).chain(["date", "time"]);
    choices.extend(parts.filter(|part| transform_of(kind, part).is_some()));
    let hint = nearest(name, choices.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
    field_error(format!(
        "unknown lookup `{name}` for {}: choices are {}{}",
        kind.class_name(),
        choices.join(", "),
        hint.unwrap_or_default()
    ))
}

/// The transforms that fields of a kind have by name.
fn transform_of(kind: &Kind, name: &str) -> Option<Function> {
    let calendar = matches!(kind, Kind::Date | Kind::DateTime);
    let clock = matches!(kind, Kind::Time | Kind::DateTime);
    let part = match name {
        "year" if calendar => Part::Year,
        "iso_year" if calendar => Part::IsoYear,
        "quarter" if calendar => Part::Quarter,
        "month" if calendar => Part::Month,
        "week" if calendar => Part::Week,
        "day" if calendar => Part::Day,
        "week_day" if calendar => Part::WeekDay,
        "iso_week_day" if calendar => Part::IsoWeekDay,
        "hour" if clock => Part::Hour,
        "minute" if clock => Part::Minute,
        "second" if clock => Part::Second,
        "date" if *kind == Kind::DateTime => return Some(Function::Date),
        "time" if *kind == Kind::DateTime => return Some(Function::Time),
        _ => return None,
    };
    Some(Function::Extract(part))
}

fn is_empty(condition: &Node) -> bool {
    match condition {
        Node::And(children) | Node::Or(children) => children.is_empty(),
        Node::Not(inner) => is_empty(inner),
        _ => false,
    }
}

fn mark_multivalued(ex: &mut Ex<'_>) {
    match ex {
        Ex::Column(column) => column.multivalued = true,
        other => other.children_mut(&mut mark_multivalued),
    }
}

/// The kind of a bare value, as Django's `Value` infers it.
pub(super) fn kind_of_value(value: &Value) -> Option<Kind> {
    Some(match value {
        Value::Text(_) => Kind::Char { max_length: None },
        Value::Bool(_) => Kind::Boolean,
        Value::Int(_) => Kind::Integer,
        Value::Float(_) => Kind::Float,
        Value::Decimal(_) => Kind::Decimal { max_digits: 0, decimal_places: 0 },
        Value::Bytes(_) => Kind::Binary,
        Value::Date(_) => Kind::Date,
        Value::Time(_) => Kind::Time,
        Value::Timestamp(_) => Kind::DateTime,
        Value::Duration(_) => Kind::Duration,
        Value::Uuid(_) => Kind::Uuid,
        Value::Ip(_) => Kind::GenericIpAddress,
        Value::Json(_) | Value::Null | Value::List(_) | Value::Plain(_) => return None,
    })
}

/// Whether Django's field class of one kind is that of the other, or derives from it.
pub(super) fn is_a(kind: &Kind, of: &Kind) -> bool {
    use Kind::*;
    let mut class = kind.class_name();
    loop {
        if class == of.class_name() {
            return true;
        }
        class = match class {
            "BigAutoField" | "PositiveBigIntegerField" => BigInteger.class_name(),
            "SmallAutoField" | "PositiveSmallIntegerField" => SmallInteger.class_name(),
            "AutoField" | "BigIntegerField" | "SmallIntegerField" | "PositiveIntegerField" => Integer.class_name(),
            "EmailField" | "URLField" | "SlugField" => Char { max_length: None }.class_name(),
            "ImageField" => File { max_length: 0 }.class_name(),
            "DateTimeField" => Date.class_name(),
            "OneToOneField" => ForeignKey.class_name(),
            _ => return false,
        };
    }
}

/// The kind of an operation on two others (Django's table of combinable fields), if they go together.
fn combined(operator: Operator, left: Option<&Kind>, right: Option<&Kind>) -> Option<Kind> {
    use Operator::*;
    const DECIMAL: Kind = Kind::Decimal { max_digits: 0, decimal_places: 0 };
    let number = |kind: &Kind| -> Option<u8> {
        match kind {
            kind if kind.integer_range().is_some() => Some(0),
            Kind::Float => Some(1),
            Kind::Decimal { .. } => Some(2),
            _ => None,
        }
    };
    let named = |rank: u8| match rank {
        0 => Kind::Integer,
        1 => Kind::Float,
        _ => DECIMAL,
    };
    match (left, right) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => number(one).map(named),
        (Some(left), Some(right)) => {
            if let (Some(a), Some(b)) = (number(left), number(right)) {
                let positive = |kind: &Kind| *kind == Kind::PositiveInteger;
                return match (a, b) {
                    (0, 0) if operator != Sub && positive(left) && positive(right) => Some(Kind::PositiveInteger),
                    (a, b) if a == b => Some(named(a)),
                    (0, other) | (other, 0) if operator != Pow => Some(named(other)),
                    _ => None,
                };
            }
            let date = |kind: &Kind| matches!(kind, Kind::Date | Kind::DateTime);
            match (operator, left, right) {
                (Add | Sub, Kind::Duration, Kind::Duration) => Some(Kind::Duration),
                (Add | Sub, left, Kind::Duration) if date(left) => Some(Kind::DateTime),
                (Add, Kind::Duration, right) if date(right) => Some(Kind::DateTime),
                (Add | Sub, Kind::Time, Kind::Duration) | (Add, Kind::Duration, Kind::Time) => Some(Kind::Time),
                (Sub, left, right) if date(left) && date(right) => Some(Kind::Duration),
                (Sub, Kind::Time, Kind::Time) => Some(Kind::Duration),
                _ => None,
            }
        }
    }
}
