//! Migrations as Rust source: one file each, and the `mod.rs` that lists them.

mod layout;

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use layout::Code;

use super::data::{BATCH, Populate};
use super::operation::{Constraint, Migration, Operation};
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::json_schema::JsonSchema;
use crate::model::{
    Check, DatabaseDefault, Deferrable, Field, FieldDefault, Figure, Index, ModelDef, OnDelete, OrderBy, Reference,
    Rollup, Unique,
};
use crate::query::{Function, Node};
use crate::value::Value;

type Text = Cow<'static, str>;

impl Migration {
    /// The migration as a Rust file that holds `fn migration() -> Migration`.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if a condition holds what no constraint or index can, such as a subquery.
    pub fn source(&self) -> Result<String> {
        self.source_with("Written by `makemigrations`.", &mut |_| None)
    }

    /// As [`source`](Self::source), with the first line of its docs, and where to find operations that cannot be
    /// written down, since they hold functions: an expression for each.
    pub(super) fn source_with(
        &self,
        docs: &str,
        elsewhere: &mut dyn FnMut(&Operation) -> Option<String>,
    ) -> Result<String> {
        let texts = |(app, name): &(Text, Text)| vec![Code::text(app), Code::text(name)];
        let mut code = Code::call("Migration::new", vec![Code::text(&self.app), Code::text(&self.name)]);
        for parent in &self.dependencies {
            code = code.then("after", texts(parent));
        }
        for replaced in &self.replaces {
            code = code.then("replaces", texts(replaced));
        }
        if !self.atomic {
            code = code.then("not_atomic", Vec::new());
        }
        for step in &self.operations {
            code = operation(code, step, elsewhere)
                .map_err(|error| Error::new(ErrorKind::Migration, format!("{}: {error}", step.describe())))?;
        }
        let mut source = format!(
            "//! {docs}\n\nuse nuages::migrate::*;\n\n/// What it does.\npub(super) fn migration() -> Migration {{\n    "
        );
        code.lay_out(4, 0, &mut source);
        source.push_str("\n}\n");
        Ok(source)
    }

    /// Writes the migration into an app's folder of migrations, which is made if need be, and lists it in the folder's
    /// `mod.rs`. The file's path; both are formatted by `rustfmt`, where there is one.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if the file is there already, or the folder cannot be written to.
    pub fn write(&self, folder: &Path) -> Result<PathBuf> {
        self.put(folder, &self.source()?)
    }

    /// Writes its source into a folder.
    pub(super) fn put(&self, folder: &Path, source: &str) -> Result<PathBuf> {
        let path = folder.join(format!("m{}.rs", self.name));
        if path.exists() {
            let message = format!("{} is there already; remove it, or give the migration another name", path.display());
            return Err(Error::new(ErrorKind::Migration, message));
        }
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
        put(&path, source)?;
        let list = folder.join("mod.rs");
        put(&list, &listing(folder)?)?;
        format_files(&[&path, &list]);
        Ok(path)
    }
}

/// The source of `mod.rs`: each file of migrations, in order of their numbers.
fn listing(folder: &Path) -> Result<String> {
    let mut modules = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unwritable(folder, error))? {
        let name = entry.map_err(|error| unwritable(folder, error))?.file_name().to_string_lossy().into_owned();
        if let Some(module) = name.strip_suffix(".rs")
            && module.starts_with('m')
            && module.chars().nth(1).is_some_and(|second| second.is_ascii_digit())
        {
            modules.push(module.to_owned());
        }
    }
    modules.sort();
    let mut source = String::from("//! The app's migrations. Rewritten by `makemigrations`.\n\n");
    for module in &modules {
        source.push_str(&format!("mod {module};\n"));
    }
    source.push_str(
        "\nuse nuages::migrate::Migration;\n\n/// All of them, oldest first.\npub fn all() -> Vec<Migration> {\n    ",
    );
    let calls = modules.iter().map(|module| Code::plain(format!("{module}::migration()"))).collect();
    Code::vec(calls).lay_out(4, 0, &mut source);
    source.push_str("\n}\n");
    Ok(source)
}

/// Writes a file as a whole or not at all.
fn put(path: &Path, source: &str) -> Result<()> {
    let draft = path.with_extension("rs.new");
    fs::write(&draft, source).and_then(|()| fs::rename(&draft, path)).map_err(|error| unwritable(path, error))
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Migration, format!("{} cannot be written: {error}", path.display())).with_source(error)
}

/// Lets the project's own style have the last word; the files are fine without.
fn format_files(paths: &[&Path]) {
    let rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config", "skip_children=true"])
        .args(paths)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if let Err(error) = rustfmt {
        tracing::debug!(%error, "rustfmt could not be run");
    }
}

/// Operations as a function that adds them to a migration.
fn closure(name: &str, operations: &[Operation], elsewhere: Elsewhere<'_>) -> Result<Code> {
    let mut code = Code::plain(format!("|{name}| {name}"));
    for step in operations {
        code = operation(code, step, elsewhere)?;
    }
    Ok(code)
}

fn operation(code: Code, operation: &Operation, elsewhere: Elsewhere<'_>) -> Result<Code> {
    let model = |model: &str| Code::text(model);
    Ok(match operation {
        Operation::CreateModel(definition) => code.then("create_model", vec![definition_code(definition)?]),
        Operation::DeleteModel { model: name } => code.then("delete_model", vec![model(name)]),
        Operation::AddField { model: name, field, fill: None } => {
            code.then("add_field", vec![model(name), field_code(field)?])
        }
        Operation::AddField { model: name, field, fill: Some(fill) } => {
            code.then("add_field_filled", vec![model(name), field_code(field)?, value(fill)?])
        }
        Operation::RemoveField { model: name, field } => {
            code.then("remove_field", vec![model(name), Code::text(field)])
        }
        Operation::AddIndex { model: name, index } => code.then("add_index", vec![model(name), index_code(index)?]),
        Operation::RemoveIndex { model: on, name } => code.then("remove_index", vec![model(on), Code::text(name)]),
        Operation::AddConstraint { model: name, constraint } => {
            let constraint = match constraint {
                Constraint::Unique(unique) => unique_code(unique)?,
                Constraint::Check(check) => check_code(check)?,
            };
            code.then("add_constraint", vec![model(name), constraint])
        }
        Operation::RemoveConstraint { model: on, name } => {
            code.then("remove_constraint", vec![model(on), Code::text(name)])
        }
        Operation::AlterUniqueTogether { model: name, groups } => {
            let groups = groups.iter().map(|group| Code::Call("&[".to_owned(), texts(group), ']')).collect();
            code.then("alter_unique_together", vec![model(name), Code::array(groups)])
        }
        Operation::AlterField { model: name, field, fill: None } => {
            code.then("alter_field", vec![model(name), field_code(field)?])
        }
        Operation::AlterField { model: name, field, fill: Some(fill) } => {
            code.then("alter_field_filled", vec![model(name), field_code(field)?, value(fill)?])
        }
        Operation::RenameField { model: name, from, to } => {
            code.then("rename_field", vec![model(name), Code::text(from), Code::text(to)])
        }
        Operation::RenameModel { from, to } => code.then("rename_model", vec![model(from), model(to)]),
        Operation::AlterTable { model: name, table } => code.then("alter_table", vec![model(name), option(table)]),
        Operation::AlterTableComment { model: name, comment } => {
            code.then("alter_table_comment", vec![model(name), option(comment)])
        }
        Operation::AlterManaged { model: name, managed } => {
            code.then("alter_managed", vec![model(name), Code::plain(managed.to_string())])
        }
        Operation::AlterPrimaryKey { model: name, fields } => {
            code.then("alter_primary_key", vec![model(name), Code::array(texts(fields))])
        }
        Operation::RenameIndex { model: name, from, to } => {
            code.then("rename_index", vec![model(name), Code::text(from), Code::text(to)])
        }
        Operation::AddIndexConcurrently { model: name, index } => {
            code.then("add_index_concurrently", vec![model(name), index_code(index)?])
        }
        Operation::RemoveIndexConcurrently { model: on, name } => {
            code.then("remove_index_concurrently", vec![model(on), Code::text(name)])
        }
        Operation::AddConstraintNotValid { model: name, constraint } => {
            code.then("add_constraint_not_valid", vec![model(name), check_code(constraint)?])
        }
        Operation::ValidateConstraint { model: on, name } => {
            code.then("validate_constraint", vec![model(on), Code::text(name)])
        }
        Operation::RunSql { forward, backward, state, about } => {
            let code = match backward {
                Some(backward) => code.then("run_sql", vec![Code::array(texts(forward)), Code::array(texts(backward))]),
                None => code.then("run_sql_one_way", vec![Code::array(texts(forward))]),
            };
            let code = match state.as_slice() {
                [] => code,
                state => code.then("meaning", vec![closure("models", state, elsewhere)?]),
            };
            match about {
                Some(about) => code.then("about", vec![model(about)]),
                None => code,
            }
        }
        Operation::Separate { database, state } => {
            let (tables, models) = (closure("tables", database, elsewhere)?, closure("models", state, elsewhere)?);
            code.then("separate", vec![tables, models])
        }
        Operation::RunRust { .. } => match elsewhere(operation) {
            Some(place) => code.then("operation", vec![Code::plain(place)]),
            None => {
                let message = "holds a function, which is written by hand: copy it to where it belongs";
                return Err(Error::new(ErrorKind::Migration, message));
            }
        },
        Operation::Populate(populate) => code.then("populate", vec![populate_code(populate)?]),
    })
}

fn populate_code(populate: &Populate) -> Result<Code> {
    let to = |expression: &Node| match expression {
        Node::Value(constant, None) => operand(constant),
        other => node(other),
    };
    let mut code = Code::call("Populate::new", vec![Code::text(&populate.model)]);
    for (field, expression) in &populate.set {
        code = code.then("set", vec![Code::text(field), to(expression)?]);
    }
    if let Some(condition) = &populate.only {
        code = code.then("only", vec![node(condition)?]);
    }
    match populate.back.as_deref() {
        None => {}
        Some([]) => code = code.then("nothing_to_undo", Vec::new()),
        Some(back) => {
            for (field, expression) in back {
                code = code.then("back", vec![Code::text(field), to(expression)?]);
            }
        }
    }
    if populate.batch != BATCH {
        code = code.then("batch", vec![Code::plain(populate.batch.to_string())]);
    }
    Ok(code)
}

/// Where to find an operation that cannot be written down, as an expression.
type Elsewhere<'a> = &'a mut dyn FnMut(&Operation) -> Option<String>;

fn option(text: &Option<Text>) -> Code {
    match text {
        Some(text) => Code::call("Some", vec![Code::text(text)]),
        None => Code::plain("None"),
    }
}

fn check_code(check: &Check) -> Result<Code> {
    Ok(Code::call("Check::new", vec![Code::text(&check.name), node(&check.condition)?]))
}

fn definition_code(model: &ModelDef) -> Result<Code> {
    let mut code = Code::call("ModelDef::new", vec![Code::text(&model.app), Code::text(&model.name)]);
    if let Some(table) = &model.table {
        code = code.then("table", vec![Code::text(table)]);
    }
    if let Some(of) = &model.proxy_for {
        code = code.then("proxy_for", vec![Code::text(of)]);
    }
    if !model.managed {
        code = code.then("managed", vec![Code::plain("false")]);
    }
    if let Some(comment) = &model.comment {
        code = code.then("comment", vec![Code::text(comment)]);
    }
    for field in &model.fields {
        code = code.then("field", vec![field_code(field)?]);
    }
    for key in &model.primary_key {
        code = code.then("primary_key", vec![Code::text(key)]);
    }
    for group in &model.unique_together {
        code = code.then("unique_together", vec![Code::array(texts(group))]);
    }
    for constraint in Constraint::all_of(model) {
        code = match constraint {
            Constraint::Unique(unique) => code.then("unique", vec![unique_code(&unique)?]),
            Constraint::Check(Check { name, condition }) => {
                code.then("check", vec![Code::text(&name), node(&condition)?])
            }
        };
    }
    for index in &model.indexes {
        code = code.then("index", vec![index_code(index)?]);
    }
    Ok(code)
}

fn field_code(field: &Field) -> Result<Code> {
    let name = Code::text(&field.name);
    let (mut code, bare) = match (&field.relation, &field.kind) {
        (Some(relation), Kind::ForeignKey) => (
            Code::call("Field::foreign_key", vec![name, reference(relation)]),
            Field::foreign_key(field.name.clone(), relation.clone()),
        ),
        (Some(relation), Kind::OneToOne) => (
            Code::call("Field::one_to_one", vec![name, reference(relation)]),
            Field::one_to_one(field.name.clone(), relation.clone()),
        ),
        (Some(relation), _) => (
            Code::call("Field::many_to_many", vec![name, reference(relation)]),
            Field::many_to_many(field.name.clone(), relation.clone()),
        ),
        (None, _) if let Some(of) = &field.blind_index_of => (
            Code::call("Field::blind_index", vec![name, Code::text(of)]),
            Field::blind_index(field.name.clone(), of.clone()),
        ),
        (None, kind) => (
            Code::call("Field::new", vec![name, Code::plain(kind_text(kind))]),
            Field::new(field.name.clone(), kind.clone()),
        ),
    };
    if let Some(column) = &field.column {
        code = code.then("column", vec![Code::text(column)]);
    }
    let switches = [
        ("null", field.null, bare.null),
        ("unique", field.unique, bare.unique),
        ("index", field.index, bare.index),
        ("auto_now", field.auto_now, bare.auto_now),
        ("auto_now_add", field.auto_now_add, bare.auto_now_add),
    ];
    for (name, on, usual) in switches {
        if on != usual {
            code = code.then(name, vec![Code::plain(on.to_string())]);
        }
    }
    let comes_of_itself = |default: &Value| field.rollup.as_ref().is_some_and(|it| it.nothing(&field.kind) == *default);
    if let Some(FieldDefault::Value(default)) = &field.default
        && (!comes_of_itself(default) || field.db_default.is_some())
    {
        code = code.then("default", vec![value(default)?]);
    }
    if let Some(default) = &field.db_default {
        let default = match default {
            DatabaseDefault::Value(constant) => Code::call("DatabaseDefault::Value", vec![value(constant)?]),
            DatabaseDefault::Expression(expression) => {
                Code::call("DatabaseDefault::Expression", vec![node(expression)?])
            }
        };
        code = code.then("db_default", vec![default]);
    }
    if let Some(generated) = &field.generated {
        let constructor = if generated.stored { "Generated::stored" } else { "Generated::computed" };
        code = code.then("generated", vec![Code::call(constructor, vec![node(&generated.expression)?])]);
    }
    if let Some(rollup) = &field.rollup {
        code = code.then("rollup", vec![rollup_code(rollup)?]);
    }
    if let Some(place) = &field.sealed_for {
        code = code.then("sealed_for", vec![Code::text(place)]);
    }
    if let Some(from) = &field.slug_from {
        code = code.then("slug_from", vec![Code::text(from)]);
        if field.slug_unicode {
            code = code.then("slug_unicode", vec![Code::plain("true")]);
        }
    }
    if let Some(collation) = &field.collation {
        code = code.then("collation", vec![Code::text(collation)]);
    }
    if let Some(comment) = &field.comment {
        code = code.then("comment", vec![Code::text(comment)]);
    }
    if let Some(schema) = &field.schema {
        code = code.then("schema", vec![json_schema(schema)]);
    }
    Ok(code)
}

/// A schema as people would write it: on a line if it is short, else a line for each member.
fn json_schema(schema: &JsonSchema) -> Code {
    const SHORT: usize = 80;
    let text = match serde_json::from_str::<serde_json::Value>(schema.text()) {
        Ok(document) => {
            Some(document.to_string()).filter(|line| line.len() <= SHORT).unwrap_or(format!("{document:#}"))
        }
        Err(_) => schema.text().to_owned(),
    };
    let code = Code::call("JsonSchema::new", vec![Code::raw_text(&text)]);
    match schema.current_version() {
        Some((number, key)) => code.then("version", vec![Code::plain(number.to_string()), Code::text(key)]),
        None => code,
    }
}

fn rollup_code(rollup: &Rollup) -> Result<Code> {
    let of = Code::text(&rollup.of);
    let code = match &rollup.figure {
        Figure::Count => Code::call("Rollup::count", vec![of]),
        Figure::Sum(field) => Code::call("Rollup::sum", vec![of, Code::text(field)]),
        Figure::Latest(field) => Code::call("Rollup::latest", vec![of, Code::text(field)]),
        Figure::Earliest(field) => Code::call("Rollup::earliest", vec![of, Code::text(field)]),
    };
    match &rollup.condition {
        Some(condition) => Ok(code.then("only", vec![node(condition)?])),
        None => Ok(code),
    }
}

fn reference(relation: &Reference) -> Code {
    let on_delete = match &relation.on_delete {
        OnDelete::Cascade => "Cascade",
        OnDelete::Protect => "Protect",
        OnDelete::Restrict => "Restrict",
        OnDelete::SetNull => "SetNull",
        OnDelete::SetDefault => "SetDefault",
        OnDelete::Set(..) | OnDelete::DoNothing => "DoNothing",
    };
    let on_delete = Code::plain(format!("OnDelete::{on_delete}"));
    let mut code = Code::call("Reference::new", vec![Code::text(&relation.to), on_delete]);
    let mut set = |name: &'static str, given: &Option<Text>| {
        if let Some(given) = given {
            code = code.clone().then(name, vec![Code::text(given)]);
        }
    };
    set("to_field", &relation.to_field);
    set("related_name", &relation.related_name);
    set("through", &relation.through);
    set("table", &relation.table);
    if let Some((here, there)) = &relation.through_fields {
        code = code.then("through_fields", vec![Code::text(here), Code::text(there)]);
    }
    if !relation.constraint {
        code = code.then("constraint", vec![Code::plain("false")]);
    }
    if relation.symmetrical {
        code = code.then("symmetrical", vec![Code::plain("true")]);
    }
    code
}

fn unique_code(unique: &Unique) -> Result<Code> {
    let name = Code::text(&unique.name);
    let mut code = if unique.expressions.is_empty() {
        Code::call("Unique::new", vec![name, Code::array(texts(&unique.fields))])
    } else {
        Code::call("Unique::over", vec![name, steps(&unique.expressions)?])
    };
    if let Some(condition) = &unique.condition {
        code = code.then("condition", vec![node(condition)?]);
    }
    if !unique.include.is_empty() {
        code = code.then("include", vec![Code::array(texts(&unique.include))]);
    }
    if let Some(deferrable) = unique.deferrable {
        let when = match deferrable {
            Deferrable::Deferred => "Deferrable::Deferred",
            Deferrable::Immediate => "Deferrable::Immediate",
        };
        code = code.then("deferrable", vec![Code::plain(when)]);
    }
    if let Some(distinct) = unique.nulls_distinct {
        code = code.then("nulls_distinct", vec![Code::plain(distinct.to_string())]);
    }
    Ok(code)
}

fn index_code(index: &Index) -> Result<Code> {
    let mut code = Code::call("Index::new", vec![steps(&index.expressions)?]);
    if let Some(name) = &index.name {
        code = code.then("name", vec![Code::text(name)]);
    }
    if let Some(condition) = &index.condition {
        code = code.then("condition", vec![node(condition)?]);
    }
    if !index.include.is_empty() {
        code = code.then("include", vec![Code::array(texts(&index.include))]);
    }
    Ok(code)
}

fn steps(steps: &[OrderBy]) -> Result<Code> {
    let step = |step: &OrderBy| {
        let direction = if step.descending { "OrderBy::desc" } else { "OrderBy::asc" };
        let code = Code::call(direction, vec![node(&step.expression)?]);
        Ok(match step.nulls_first {
            Some(true) => code.then("nulls_first", Vec::new()),
            Some(false) => code.then("nulls_last", Vec::new()),
            None => code,
        })
    };
    steps.iter().map(step).collect::<Result<_>>().map(Code::vec)
}

fn texts(names: &[Text]) -> Vec<Code> {
    names.iter().map(|name| Code::text(name)).collect()
}

/// A kind as its variant: the debug form is Rust.
fn kind_text(kind: &Kind) -> String {
    match kind {
        Kind::Encrypted { sealing, holds } => {
            format!("Kind::Encrypted {{ sealing: Sealing::{sealing:?}, holds: &{} }}", kind_text(holds))
        }
        kind => format!("Kind::{kind:?}"),
    }
}

fn value(value: &Value) -> Result<Code> {
    let parsed = |function: &str, text: String| Code::call(function, vec![Code::text(&text)]);
    Ok(match value {
        Value::Null => Code::plain("Value::Null"),
        Value::Bool(on) => Code::plain(format!("Value::Bool({on})")),
        Value::Int(number) => Code::plain(format!("Value::Int({number})")),
        Value::Float(number) => match number.is_finite() {
            true => Code::plain(format!("Value::Float({number:?})")),
            false => return Err(Error::new(ErrorKind::Migration, format!("{number} is no constant of a column"))),
        },
        Value::Text(text) => Code::plain(format!("Value::Text({text:?}.into())")),
        Value::Decimal(number) => parsed("decimal", number.to_plain_string()),
        Value::Bytes(bytes) => parsed("bytes", bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        Value::Date(date) => parsed("date", date.to_string()),
        Value::Time(time) => parsed("time", time.to_string()),
        Value::Timestamp(moment) => parsed("timestamp", moment.to_string()),
        Value::Duration(length) => parsed("duration", length.to_string()),
        Value::Uuid(uuid) => parsed("uuid", uuid.to_string()),
        Value::Ip(address) => parsed("ip", address.to_string()),
        Value::Json(document) => parsed("json", document.to_string()),
        Value::List(_) => return Err(Error::new(ErrorKind::Migration, "a list is no constant of a column")),
        Value::Plain(_) => {
            let text = "what is to be encrypted does not belong into a file of migrations, where all can read it";
            return Err(Error::new(ErrorKind::Migration, text));
        }
    })
}

fn node(expression: &Node) -> Result<Code> {
    let nodes = |nodes: &[Node]| nodes.iter().map(node).collect::<Result<Vec<_>>>();
    let array = |items: &[Node]| nodes(items).map(Code::array);
    Ok(match expression {
        Node::Path(names) => {
            let path = names.join("__");
            if Node::path(&path) == *expression {
                Code::call("field", vec![Code::text(&path)])
            } else {
                let names = names.iter().map(|name| Code::plain(format!("{name:?}.into()"))).collect();
                Code::call("Node::Path", vec![Code::vec(names)])
            }
        }
        Node::Value(constant, None) => Code::call("value", vec![operand(constant)?]),
        Node::Value(constant, Some(kind)) => {
            let kind = Code::plain(format!("Some({})", kind_text(kind)));
            Code::call("Node::Value", vec![value(constant)?, kind])
        }
        Node::List(items) => Code::call("list", vec![array(items)?]),
        Node::Lookup { left, lookup, right } => {
            let right = match &**right {
                Node::Value(constant, None) => operand(constant)?,
                other => node(other)?,
            };
            match (&**left, lookup) {
                (Node::Path(names), None) if Node::path(&names.join("__")) == **left => {
                    Code::call("keyword", vec![Code::text(&names.join("__")), right])
                }
                (left, Some(lookup)) => {
                    let lookup = Code::plain(format!("Lookup::{lookup:?}"));
                    Code::call("compare", vec![node(left)?, lookup, right])
                }
                (_, None) => return Err(misplaced("a comparison that does not say how it compares")),
            }
        }
        Node::And(conditions) => Code::call("all", vec![array(conditions)?]),
        Node::Or(conditions) => Code::call("any", vec![array(conditions)?]),
        Node::Not(condition) => Code::call("not", vec![node(condition)?]),
        Node::Binary(operator, left, right) => {
            let operator = Code::plain(format!("Operator::{operator:?}"));
            Code::call("arithmetic", vec![node(left)?, operator, node(right)?])
        }
        Node::Call(function, arguments) => {
            let name = match function {
                Function::Trunc(part) => format!("Function::Trunc(Part::{part:?})"),
                Function::Extract(part) => format!("Function::Extract(Part::{part:?})"),
                plain => format!("Function::{plain:?}"),
            };
            Code::call("call", vec![Code::plain(name), array(arguments)?])
        }
        Node::Case { whens, default } => {
            let mut pairs = Vec::new();
            for (condition, result) in whens {
                pairs.push(Code::call("", vec![node(condition)?, node(result)?]));
            }
            let default = match default {
                Some(default) => Code::call("Some", vec![node(default)?]),
                None => Code::plain("None"),
            };
            Code::call("case", vec![Code::array(pairs), default])
        }
        Node::Cast(inner, kind) => Code::call("cast", vec![node(inner)?, Code::plain(kind_text(kind))]),
        Node::Outer(_) => return Err(misplaced("a reference to an outer query")),
        Node::Aggregate(_) => return Err(misplaced("an aggregate")),
        Node::Exists(_) | Node::Subquery(_) => return Err(misplaced("a subquery")),
    })
}

/// A value where an expression is wanted: the simplest as they are.
fn operand(constant: &Value) -> Result<Code> {
    Ok(match constant {
        Value::Bool(on) => Code::plain(on.to_string()),
        Value::Int(number) => Code::plain(number.to_string()),
        Value::Text(text) => Code::text(text),
        other => value(other)?,
    })
}

fn misplaced(what: &str) -> Error {
    Error::new(ErrorKind::Migration, format!("{what} cannot be part of a table's definition"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected source, as the function that it is. The test fails unless what is written is what this file says.
    mod expected {
        use crate as nuages;
        include!("write/expected.rs");
    }

    #[test]
    fn the_source_is_rust_that_gives_the_same_migration() {
        let migration = expected::migration();
        let source = migration.source().expect("source");
        let file = include_str!("write/expected.rs");
        assert_eq!(source.split_once("\nuse ").map(|it| it.1), file.split_once("\nuse ").map(|it| it.1), "{source}");
    }

    #[test]
    fn files_are_listed_in_order_and_never_overwritten() {
        let folder = std::env::temp_dir().join(format!("nuages-migrations-{}", std::process::id()));
        let first = Migration::new("shop", "0001_initial").delete_model("Gone");
        let second = Migration::new("shop", "0002_more").after("shop", "0001_initial").delete_model("Gone");
        second.write(&folder).expect("written");
        first.write(&folder).expect("written");
        let list = fs::read_to_string(folder.join("mod.rs")).expect("listed");
        assert!(list.contains("mod m0001_initial;\nmod m0002_more;\n"), "{list}");
        assert!(list.contains("vec![m0001_initial::migration(), m0002_more::migration()]"), "{list}");
        let again = first.write(&folder).expect_err("is refused").to_string();
        assert!(again.contains("m0001_initial.rs is there already"), "{again}");
        fs::remove_dir_all(&folder).expect("removed");
    }
}
