//! Models as Rust source: structs with `#[derive(Model)]`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::models::{Inspected, InspectedModel};
use super::naming::identifier;
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::model::{
    DatabaseDefault, Deferrable, Entry, Field, FieldDefault, Index, ModelDef, OrderBy, Reference, Schema, Unique,
};
use crate::query::{Function, Lookup, Node, Operator};
use crate::value::Value;

/// Lines are broken before they are longer.
const WIDTH: usize = 120;

const HEADER: &str = "\
//! Written by `inspectdb`, from the tables of a database.
//!
//! What is not in the tables is not here: names for people, choices, orders, defaults that the program fills in,
//! `auto_now`, and what happens on deletion. Every key says `DoNothing`: the database refuses to let it dangle.
";

impl Inspected {
    /// The models as a Rust file, those of several apps in a module each. Compiled, they are these models.
    ///
    /// What they cannot say, and tables that no model can have, stand there as comments.
    ///
    /// # Errors
    /// None for what [`models`](super::models()) found; [`ErrorKind::Configuration`] if the models were changed since, and do
    /// not fit together any more.
    pub fn source(&self) -> Result<String> {
        let schema = Schema::new(&self.definitions(), self.dialect)?;
        let wanted: Vec<&InspectedModel> = self.models.iter().filter(|model| model.wanted).collect();
        let apps: BTreeSet<&str> = wanted.iter().map(|model| model.definition.app.as_ref()).collect();
        let mut printer = Printer {
            schema: &schema,
            modules: apps.len() > 1,
            printed: wanted.iter().map(|model| model.definition.label()).collect(),
            elsewhere: BTreeSet::new(),
        };
        let mut body = String::new();
        for app in &apps {
            let mut text = String::new();
            for model in wanted.iter().filter(|model| model.definition.app == *app) {
                text.push('\n');
                text.push_str(&printer.model(model)?);
            }
            let names = wanted.iter().map(|model| &model.definition).filter(|model| model.app == *app);
            text.push_str(&registration(names.map(|model| model.name.as_ref()), printer.width()));
            if printer.modules {
                let _ = writeln!(body, "\n/// The models of `{app}`.\npub mod {} {{", identifier(app));
                body.push_str("    use nuages::prelude::*;\n");
                for line in text.lines() {
                    body.push_str(if line.is_empty() { "" } else { "    " });
                    body.push_str(line);
                    body.push('\n');
                }
                body.push_str("}\n");
            } else {
                body.push_str(&text);
            }
        }
        let mut source = String::from(HEADER);
        if !printer.modules {
            source.push_str("\nuse nuages::prelude::*;\n");
        }
        for (name, label) in &printer.elsewhere {
            let _ = writeln!(source, "// `{name}` is the model {label}, which was not asked for: add a `use` for it.");
        }
        source.push_str(&body);
        for (table, reason) in &self.skipped {
            let _ = writeln!(source, "\n// No model for table `{table}`: {reason}.");
        }
        Ok(source)
    }
}

/// A function that gathers the models, for their app.
fn registration<'a>(names: impl Iterator<Item = &'a str>, width: usize) -> String {
    let calls: Vec<String> = names.map(|name| format!(".with::<{name}>()")).collect();
    let on_a_line = format!("    Models::new(){}\n", calls.concat());
    let body = if on_a_line.chars().count() <= width + 1 {
        on_a_line
    } else {
        format!("    Models::new()\n{}", calls.iter().map(|call| format!("        {call}\n")).collect::<String>())
    };
    format!("\n/// All of these, for `.models(…)` of the app.\npub fn models() -> Models {{\n{body}}}\n")
}

struct Printer<'a> {
    schema: &'a Schema,
    modules: bool,
    /// The labels of the models that are printed.
    printed: BTreeSet<String>,
    /// Models that are referred to and not printed: the name and the label.
    elsewhere: BTreeSet<(String, String)>,
}

impl Printer<'_> {
    /// What a line of a module may hold.
    fn width(&self) -> usize {
        if self.modules { WIDTH - 4 } else { WIDTH }
    }

    fn model(&mut self, model: &InspectedModel) -> Result<String> {
        let definition = &model.definition;
        let entry = self.schema.by_label(&definition.label())?;
        let mut text = format!("/// A row of `{}`.\n", model.table);
        if !model.remarks.is_empty() {
            text.push_str("//\n// Where the table differs from what the model says:\n");
        }
        for remark in &model.remarks {
            let _ = writeln!(text, "// - {}", remark.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        text.push_str("#[derive(Model, Debug, Clone, PartialEq)]\n");
        text.push_str(&attribute("model", &model_attributes(definition, entry)?, "", self.width()));
        let _ = writeln!(text, "pub struct {} {{", definition.name);
        for field in &definition.fields {
            if let Some(note) = self.note(field) {
                let _ = writeln!(text, "    // {note}");
            }
            let attributes = self.field_attributes(definition, field);
            if !attributes.is_empty() {
                text.push_str(&attribute("field", &attributes, "    ", self.width()));
            }
            let ty = self.field_type(definition, field);
            let name = identifier(&field.name);
            // As rustfmt would have it.
            let fits = name.chars().count() + ty.chars().count() + "    pub : ,".len() <= self.width();
            let _ = writeln!(text, "    pub {name}:{}{ty},", if fits { " " } else { "\n        " });
        }
        text.push_str("}\n");
        Ok(text)
    }

    /// What cannot be told from the table and needs a look.
    fn note(&self, field: &Field) -> Option<&'static str> {
        match &field.kind {
            Kind::Decimal { .. } if self.schema.dialect() == Dialect::Sqlite => {
                Some("SQLite does not keep the number of digits: set those that are meant.")
            }
            Kind::ManyToMany if field.relation.as_ref().is_some_and(|relation| relation.to == "self") => {
                Some("If it holds both ways, leave away `symmetrical` and the way back.")
            }
            _ => None,
        }
    }

    fn field_type(&mut self, model: &ModelDef, field: &Field) -> String {
        let base = match &field.relation {
            Some(relation) => {
                let wrapper = match field.kind {
                    Kind::OneToOne => "OneToOne",
                    Kind::ManyToMany => "ManyToMany",
                    _ => "ForeignKey",
                };
                let to = self.path(model, &relation.to);
                let key = relation.to_field.as_deref().and_then(|name| self.target_type(model, &relation.to, name));
                let key = key.map(|ty| format!(", {ty}")).unwrap_or_default();
                format!("{wrapper}<{to}{key}>")
            }
            None => rust_type(&field.kind).to_owned(),
        };
        if field.null { format!("Option<{base}>") } else { base }
    }

    /// The Rust type of another model's field.
    fn target_type(&self, model: &ModelDef, to: &str, field: &str) -> Option<&'static str> {
        let label = if to == "self" { model.label() } else { to.to_owned() };
        let entry = self.schema.by_label(&label).ok()?;
        let column = entry.column(entry.field_id(field)?)?;
        Some(rust_type(&column.kind))
    }

    /// How a model is named in another.
    fn path(&mut self, from: &ModelDef, label: &str) -> String {
        if label == "self" {
            return "Self".to_owned();
        }
        let (app, name) = label.split_once('.').unwrap_or(("", label));
        if !self.printed.contains(label) {
            self.elsewhere.insert((name.to_owned(), label.to_owned()));
            return name.to_owned();
        }
        if self.modules && app != from.app {
            return format!("super::{}::{name}", identifier(app));
        }
        name.to_owned()
    }

    fn field_attributes(&mut self, model: &ModelDef, field: &Field) -> Vec<String> {
        let mut list = Vec::new();
        let is_key = model.primary_key.len() == 1 && model.primary_key[0] == field.name;
        let by_name = is_key && field.name == "id" && field.kind.is_auto();
        if is_key && !by_name {
            list.push("primary_key".to_owned());
        }
        match &field.kind {
            Kind::SmallAuto | Kind::Auto | Kind::BigAuto if !by_name => list.push(format!("kind = {:?}", field.kind)),
            Kind::Char { max_length: None } => list.push("kind = Char".to_owned()),
            Kind::Decimal { max_digits, decimal_places } => {
                list.push(format!("max_digits = {max_digits}"));
                list.push(format!("decimal_places = {decimal_places}"));
            }
            kind => list.extend(kind.max_length().map(|length| format!("max_length = {length}"))),
        }
        if let Some(relation) = &field.relation {
            self.relation_attributes(model, field, relation, &mut list);
        }
        let automatic = Field::new("", field.kind.clone());
        if field.unique && !automatic.unique {
            list.push("unique".to_owned());
        }
        if field.has_column() && field.index != automatic.index {
            list.push(if field.index { "index" } else { "index = false" }.to_owned());
        }
        for (name, text) in [("column", &field.column), ("collation", &field.collation), ("comment", &field.comment)] {
            list.extend(text.as_ref().map(|text| format!("{name} = {text:?}")));
        }
        if let Some(FieldDefault::Value(value)) = &field.default {
            list.extend(literal(value, &field.kind).map(|code| format!("default = {code}")));
        }
        let entry = self.schema.by_label(&model.label()).ok();
        let column = entry.and_then(|entry| entry.column(entry.field_id(&field.name)?));
        match (&field.db_default, column) {
            (Some(DatabaseDefault::Value(value)), Some(column)) => {
                list.extend(literal(value, &column.kind).map(|code| format!("db_default = {code}")));
            }
            (Some(DatabaseDefault::Expression(node)), _) => {
                let printed = entry.and_then(|entry| expression(node, entry));
                list.extend(printed.map(|printed| format!("db_default = {}", printed.code)));
            }
            _ => {}
        }
        if let (Some(generated), Some(entry)) = (&field.generated, entry) {
            let name = if generated.stored { "generated" } else { "generated_virtual" };
            let ty = rust_type(&field.kind);
            let printed =
                expression(&generated.expression, entry).map(|printed| match rust_type(&printed.kind) == ty {
                    true => printed.code,
                    // The database computes it in one type and stores it in another.
                    false => format!("nuages::orm::expr::Expr::<_, {ty}>::from_node(({}).into_node())", printed.code),
                });
            list.extend(printed.map(|code| format!("{name} = |m| {code}")));
        }
        list
    }

    fn relation_attributes(&mut self, model: &ModelDef, field: &Field, relation: &Reference, list: &mut Vec<String>) {
        if field.has_column() {
            list.push(format!("on_delete = {:?}", relation.on_delete));
        }
        list.extend(relation.to_field.as_ref().map(|name| format!("to_field = {name:?}")));
        list.extend(relation.through.as_ref().map(|label| format!("through = {}", self.path(model, label))));
        list.extend(relation.table.as_ref().map(|table| format!("table = {table:?}")));
        if field.kind == Kind::ManyToMany && relation.to == "self" && !relation.symmetrical {
            list.push("symmetrical = false".to_owned());
        }
        list.extend(relation.related_name.as_ref().map(|name| format!("related_name = {name:?}")));
        if !relation.constraint {
            list.push("constraint = false".to_owned());
        }
    }
}

/// `#[name(…)]`, on one line or one line for each part.
fn attribute(name: &str, parts: &[String], indent: &str, width: usize) -> String {
    let line = format!("{indent}#[{name}({})]\n", parts.join(", "));
    if line.chars().count() <= width + 1 {
        return line;
    }
    let comma = if parts.len() > 1 { "," } else { "" };
    let lines: String = parts.iter().map(|part| format!("{indent}    {part}{comma}\n")).collect();
    format!("{indent}#[{name}(\n{lines}{indent})]\n")
}

fn model_attributes(model: &ModelDef, entry: &Entry) -> Result<Vec<String>> {
    let unsayable = |what: &str| {
        Error::new(ErrorKind::Configuration, format!("{}: {what} cannot be printed as Rust", model.label()))
    };
    let mut list = vec![format!("app = {:?}", model.app)];
    list.extend(model.table.as_ref().map(|table| format!("table = {table:?}")));
    list.extend(model.comment.as_ref().map(|comment| format!("comment = {comment:?}")));
    if !model.managed {
        list.push("managed = false".to_owned());
    }
    let names = |names: &[std::borrow::Cow<'static, str>]| {
        names.iter().map(|name| identifier(name)).collect::<Vec<_>>().join(", ")
    };
    if model.primary_key.len() > 1 {
        list.push(format!("primary_key = [{}]", names(&model.primary_key)));
    }
    if !model.unique_together.is_empty() {
        let groups: Vec<String> = model
            .unique_together
            .iter()
            .map(|group| format!("({}{})", names(group), if group.len() == 1 { "," } else { "" }))
            .collect();
        list.push(format!("unique_together = [{}]", groups.join(", ")));
    }
    for name in &model.constraint_order {
        if let Some(unique) = model.uniques.iter().find(|unique| unique.name == *name) {
            list.push(unique_code(unique, entry).ok_or_else(|| unsayable(name))?);
        }
        if let Some(check) = model.checks.iter().find(|check| check.name == *name) {
            let condition = expression(&check.condition, entry).ok_or_else(|| unsayable(name))?.code;
            list.push(format!("check(name = {name:?}, condition = |m| {condition})"));
        }
    }
    for index in &model.indexes {
        list.push(index_code(index, entry).ok_or_else(|| unsayable("an index"))?);
    }
    Ok(list)
}

fn unique_code(unique: &Unique, entry: &Entry) -> Option<String> {
    let mut parts = vec![format!("name = {:?}", unique.name)];
    match unique.expressions.as_slice() {
        [] => parts.push(fields(&unique.fields)),
        steps => parts.push(expressions(steps, entry)?),
    }
    condition_and_include(unique.condition.as_ref(), &unique.include, entry, &mut parts)?;
    match unique.deferrable {
        Some(Deferrable::Deferred) => parts.push("deferrable = deferred".to_owned()),
        Some(Deferrable::Immediate) => parts.push("deferrable = immediate".to_owned()),
        None => {}
    }
    parts.extend(unique.nulls_distinct.map(|distinct| format!("nulls_distinct = {distinct}")));
    Some(format!("unique({})", parts.join(", ")))
}

fn index_code(index: &Index, entry: &Entry) -> Option<String> {
    let mut parts = Vec::new();
    let steps: Option<Vec<String>> = index
        .expressions
        .iter()
        .map(|step| match &step.expression {
            Node::Path(names)
                if names.len() == 1 && entry.field_id(&names[0]).is_some() && step.nulls_first.is_none() =>
            {
                let minus = if step.descending { "-" } else { "" };
                Some(format!("{minus}{}", identifier(&names[0])))
            }
            _ => None,
        })
        .collect();
    match steps {
        Some(steps) => parts.push(format!("fields = [{}]", steps.join(", "))),
        None => parts.push(expressions(&index.expressions, entry)?),
    }
    parts.extend(index.name.as_ref().map(|name| format!("name = {name:?}")));
    condition_and_include(index.condition.as_ref(), &index.include, entry, &mut parts)?;
    Some(format!("index({})", parts.join(", ")))
}

fn fields(names: &[std::borrow::Cow<'static, str>]) -> String {
    format!("fields = [{}]", names.iter().map(|name| identifier(name)).collect::<Vec<_>>().join(", "))
}

fn expressions(steps: &[OrderBy], entry: &Entry) -> Option<String> {
    let steps: Vec<String> = steps
        .iter()
        .map(|step| {
            let printed = expression(&step.expression, entry)?;
            let code = if printed.is_operation { format!("({})", printed.code) } else { printed.code };
            Some(match (step.descending, step.nulls_first) {
                (false, None) => code,
                (false, Some(true)) => format!("{code}.asc().nulls_first()"),
                (false, Some(false)) => format!("{code}.asc().nulls_last()"),
                (true, None) => format!("{code}.desc()"),
                (true, Some(true)) => format!("{code}.desc().nulls_first()"),
                (true, Some(false)) => format!("{code}.desc().nulls_last()"),
            })
        })
        .collect::<Option<_>>()?;
    Some(match steps.as_slice() {
        [only] => format!("expressions = |m| {only}"),
        several => format!("expressions = |m| ({})", several.join(", ")),
    })
}

fn condition_and_include(
    condition: Option<&Node>,
    include: &[std::borrow::Cow<'static, str>],
    entry: &Entry,
    parts: &mut Vec<String>,
) -> Option<()> {
    if let Some(condition) = condition {
        parts.push(format!("condition = |m| {}", expression(condition, entry)?.code));
    }
    if !include.is_empty() {
        parts.push(fields(include).replacen("fields", "include", 1));
    }
    Some(())
}

/// An expression as Rust code over `m`, the model's fields.
pub(super) struct Printed {
    pub(super) code: String,
    pub(super) kind: Kind,
    pub(super) null: bool,
    /// Whether it needs parentheses among others.
    is_operation: bool,
}

impl Printed {
    fn plain(code: String, kind: Kind, null: bool) -> Self {
        Printed { code, kind, null, is_operation: false }
    }

    fn grouped(self) -> String {
        if self.is_operation { format!("({})", self.code) } else { self.code }
    }
}

/// Prints an expression; `None` where the typed expressions have no such, or the types of its parts would not fit.
pub(super) fn expression(node: &Node, entry: &Entry) -> Option<Printed> {
    match node {
        Node::Path(names) => {
            let [name] = names.as_slice() else { return None };
            // A foreign key by its own name is its column as well.
            let named = entry.columns.iter().find(|column| column.attname == *name);
            let column = named.or_else(|| entry.column(entry.field_id(name)?))?;
            Some(Printed::plain(format!("m.{}()", identifier(&column.attname)), column.kind.clone(), column.null))
        }
        Node::Lookup { left, lookup: Some(lookup), right } => comparison(left, *lookup, right, entry),
        Node::And(parts) => joined(parts, " & ", entry),
        Node::Or(parts) => joined(parts, " | ", entry),
        Node::Not(inner) => {
            let inner = expression(inner, entry)?;
            Some(Printed::plain(format!("!{}", inner.grouped()), Kind::Boolean, false))
        }
        Node::Binary(operator, left, right) => {
            let sign = match operator {
                Operator::Add => "+",
                Operator::Sub => "-",
                Operator::Mul => "*",
                Operator::Div => "/",
                _ => return None,
            };
            let left = expression(left, entry)?;
            ["i16", "i32", "i64", "u16", "u32", "u64", "f64", "Decimal", "BigDecimal"]
                .contains(&rust_type(&left.kind))
                .then_some(())?;
            let right = operand(right, &left.kind, entry)?;
            let (kind, null) = (left.kind.clone(), left.null || right.null);
            let code = format!("{} {sign} {}", left.grouped(), right.grouped());
            Some(Printed { code, kind, null, is_operation: true })
        }
        Node::Call(function, arguments) => call(function, arguments, entry),
        _ => None,
    }
}

fn joined(parts: &[Node], with: &str, entry: &Entry) -> Option<Printed> {
    let parts: Vec<String> =
        parts.iter().map(|part| expression(part, entry).map(Printed::grouped)).collect::<Option<_>>()?;
    Some(Printed { code: parts.join(with), kind: Kind::Boolean, null: false, is_operation: true })
}

fn call(function: &Function, arguments: &[Node], entry: &Entry) -> Option<Printed> {
    let Some(first) = arguments.first() else {
        return (*function == Function::Now).then(|| Printed::plain("now()".to_owned(), Kind::DateTime, false));
    };
    let first = expression(first, entry)?;
    let text = rust_type(&first.kind) == "String";
    let second = arguments.get(1).map(|second| operand(second, &first.kind, entry));
    let one = |name: &str| format!("{name}({})", first.code);
    match (function, second) {
        (Function::Lower, None) if text => Some(Printed::plain(one("lower"), Kind::Text, first.null)),
        (Function::Upper, None) if text => Some(Printed::plain(one("upper"), Kind::Text, first.null)),
        (Function::Length, None) if text => Some(Printed::plain(one("length"), Kind::Integer, first.null)),
        (Function::Abs, None) => Some(Printed::plain(one("abs"), first.kind, first.null)),
        (Function::Coalesce, Some(Some(second))) => {
            let code = format!("coalesce({}, {})", first.code, second.code);
            Some(Printed::plain(code, first.kind, second.null))
        }
        (Function::NullIf, Some(Some(second))) => {
            Some(Printed::plain(format!("nullif({}, {})", first.code, second.code), first.kind, true))
        }
        _ => None,
    }
}

fn comparison(left: &Node, lookup: Lookup, right: &Node, entry: &Entry) -> Option<Printed> {
    let left = expression(left, entry)?;
    let kind = left.kind.clone();
    let left = left.grouped();
    let truth = |code: String| Some(Printed::plain(code, Kind::Boolean, false));
    let method = match lookup {
        Lookup::Exact => "eq",
        Lookup::Gt => "gt",
        Lookup::Gte => "gte",
        Lookup::Lt => "lt",
        Lookup::Lte => "lte",
        Lookup::Contains => "contains",
        Lookup::StartsWith => "starts_with",
        Lookup::EndsWith => "ends_with",
        Lookup::Regex => "regex",
        Lookup::IRegex => "iregex",
        Lookup::IsNull => {
            return match right {
                Node::Value(Value::Bool(true), _) => truth(format!("{left}.is_null()")),
                Node::Value(Value::Bool(false), _) => truth(format!("{left}.is_not_null()")),
                _ => None,
            };
        }
        Lookup::In | Lookup::Range => {
            let Node::List(items) = right else { return None };
            let items: Vec<String> =
                items.iter().map(|item| operand(item, &kind, entry).map(|it| it.code)).collect::<Option<_>>()?;
            return match (lookup, items.as_slice()) {
                (Lookup::Range, [from, to]) => truth(format!("{left}.range({from}, {to})")),
                (Lookup::In, [_, ..]) => truth(format!("{left}.in_([{}])", items.join(", "))),
                _ => None,
            };
        }
        _ => return None,
    };
    truth(format!("{left}.{method}({})", operand(right, &kind, entry)?.code))
}

/// What stands beside an expression of a kind.
fn operand(node: &Node, kind: &Kind, entry: &Entry) -> Option<Printed> {
    if let Node::Value(value, _) = node {
        return literal(value, kind).map(|code| Printed::plain(code, kind.clone(), false));
    }
    expression(node, entry).filter(|found| rust_type(&found.kind) == rust_type(kind))
}

/// A value as Rust code, for a field of a kind; `None` for values that have no short form.
pub(super) fn literal(value: &Value, kind: &Kind) -> Option<String> {
    Some(match (value, rust_type(kind)) {
        (Value::Bool(truth), "bool") => truth.to_string(),
        (Value::Int(number), "i16" | "i32" | "i64" | "u16" | "u32" | "u64") => number.to_string(),
        (Value::Float(number), "f64") if number.is_finite() => format!("{number:?}"),
        (Value::Text(text), "String") => format!("{text:?}"),
        (Value::Decimal(number), "Decimal") => {
            let (digits, scale) = number.as_bigint_and_exponent();
            let digits = i64::try_from(digits).ok()?;
            format!("Decimal::new({digits}, {})", u32::try_from(scale).ok()?)
        }
        (Value::Decimal(number), "BigDecimal") => {
            format!("\"{}\".parse::<BigDecimal>().expect(\"a decimal\")", number.to_plain_string())
        }
        (Value::Date(date), "Date") => {
            format!("Date::constant({}, {}, {})", date.year(), date.month(), date.day())
        }
        (Value::Time(time), "Time") => format!("\"{time}\".parse::<Time>().expect(\"a time\")"),
        (Value::Timestamp(moment), "Timestamp") => format!("\"{moment}\".parse::<Timestamp>().expect(\"a moment\")"),
        (Value::Uuid(uuid), "Uuid") => format!("Uuid::from_u128(0x{:x})", uuid.as_u128()),
        _ => return None,
    })
}

/// The Rust type of a column of a kind.
pub(super) fn rust_type(kind: &Kind) -> &'static str {
    /// What a `Decimal` holds.
    const DIGITS: u16 = 28;
    match kind {
        Kind::SmallAuto | Kind::SmallInteger => "i16",
        Kind::Auto | Kind::Integer => "i32",
        Kind::BigAuto | Kind::BigInteger => "i64",
        Kind::PositiveSmallInteger => "u16",
        Kind::PositiveInteger => "u32",
        Kind::PositiveBigInteger => "u64",
        Kind::Boolean => "bool",
        Kind::Float => "f64",
        Kind::Decimal { max_digits, .. } if *max_digits <= DIGITS => "Decimal",
        Kind::Decimal { .. } => "BigDecimal",
        Kind::Binary => "Vec<u8>",
        Kind::Date => "Date",
        Kind::Time => "Time",
        Kind::DateTime => "Timestamp",
        Kind::Duration => "Duration",
        Kind::Json => "Json",
        Kind::Uuid => "Uuid",
        Kind::GenericIpAddress => "std::net::IpAddr",
        _ => "String",
    }
}
