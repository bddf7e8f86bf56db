//! Asking the database, in Django's notation.

use std::io::{Read, Write};

use nuages_orm::query::spec;
use nuages_orm::{Db, Models, Statement};
use serde_json::{Map, Value, json};

use super::{say, table, with_made_site};
use crate::error::{Error, Result};
use crate::project::Project;
use crate::routing::{DEFAULT, ModelName};
use crate::settings::Settings;
use crate::site::Site;

/// Show rows of a model, without any chance to change them
///
/// Paths and lookups are Django's: --filter author__name__icontains=ada. Values of in and range are divided by commas;
/// true, false and null are no text; F(path) is another column of the row; after := stands JSON: --filter
/// 'name:="true"'.
#[derive(Debug, clap::Args)]
pub(crate) struct Query {
    /// The model, as app.Model
    #[arg(required_unless_present = "spec")]
    model: Option<String>,
    /// All rows, those too that the model's default manager hides, such as deleted ones
    #[arg(long)]
    all: bool,
    /// The rows that this manager of the model shows
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    manager: Option<String>,
    /// Only rows for which this holds, as LOOKUP=VALUE; all of several, and annotations count as fields
    #[arg(long, value_name = "LOOKUP=VALUE")]
    filter: Vec<String>,
    /// Only rows for which this does not hold
    #[arg(long, value_name = "LOOKUP=VALUE")]
    exclude: Vec<String>,
    /// A further column, as NAME=count|sum|avg|min|max:PATH. With --values that do not name it, rows with the same
    /// values become one
    #[arg(long, value_name = "NAME=FIGURE:PATH")]
    annotate: Vec<String>,
    /// The order, as paths; -PATH for the greatest first
    #[arg(long, value_name = "PATHS", value_delimiter = ',', allow_hyphen_values = true)]
    order_by: Vec<String>,
    /// The columns, as paths; all columns of the model if not given
    #[arg(long, value_name = "PATHS", value_delimiter = ',')]
    values: Vec<String>,
    /// No two rows alike
    #[arg(long)]
    distinct: bool,
    /// At most this many rows
    #[arg(long, value_name = "ROWS")]
    limit: Option<u64>,
    /// Pass over this many rows
    #[arg(long, value_name = "ROWS")]
    offset: Option<u64>,
    /// Write a JSON array of objects
    #[arg(long, group = "form")]
    json: bool,
    /// Write CSV (RFC 4180)
    #[arg(long, group = "form")]
    csv: bool,
    /// Write the number of rows alone
    #[arg(long, group = "form")]
    count: bool,
    /// Write the SQL, and do not run it
    #[arg(long, group = "form")]
    sql: bool,
    /// Write how the database would go about it
    #[arg(long, group = "form")]
    explain: bool,
    /// The database, by the name in DATABASE_URL_<NAME>, if it is not that which the model is read from
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// Read a JSON array of queries from a file, or from stdin for `-`, and write the array of answers
    #[arg(long, value_name = "FILE", exclusive = true)]
    spec: Option<String>,
}

impl Query {
    pub(crate) async fn run(self, project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
        if let Some(file) = &self.spec {
            let specs = read_specs(file)?;
            return with_made_site(project, settings, async |site| answer(project, site, &specs, out).await).await;
        }
        let (spec, columns) = self.spec(&project.models())?;
        let text = with_made_site(project, settings, async |site| {
            let model = self.model.as_deref().unwrap_or_default();
            let database = self.database.clone().unwrap_or_else(|| read_from(project, model));
            site.db_named(&database)?
                .transaction()
                .read_only()
                .run(async |db| self.answer(db, &spec, &columns).await)
                .await
        })
        .await?;
        say(out, format_args!("{text}"))
    }

    async fn answer(&self, db: &Db, spec: &Value, columns: &[String]) -> Result<String> {
        if self.sql {
            return Ok(match spec::statement(db, spec)? {
                Some(statement) => sql_text(&statement),
                None => "-- No row can match: the database is not asked.\n".to_owned(),
            });
        }
        if self.explain {
            return Ok(spec::explain(db, spec).await?.into_iter().map(|line| line + "\n").collect());
        }
        let rows = match spec::try_answer(db, spec).await? {
            Value::Array(rows) => rows,
            number => return Ok(format!("{number}\n")),
        };
        let cells = |row| match row {
            Value::Array(cells) => cells,
            other => vec![other],
        };
        let rows: Vec<Vec<Value>> = rows.into_iter().map(cells).collect();
        Ok(match (self.json, self.csv) {
            (true, _) => table::json(columns, &rows),
            (_, true) => table::csv(columns, &rows),
            _ => table::text(columns, &rows),
        })
    }

    /// The query as a spec, and the names of its columns.
    fn spec(&self, models: &Models) -> Result<(Value, Vec<String>)> {
        let annotations: Vec<(&str, &str, &str)> =
            self.annotate.iter().map(|text| annotation(text)).collect::<Result<_>>()?;
        let is_annotation = |name: &str| annotations.iter().any(|(annotation, ..)| *annotation == name);
        let names_annotation = |lookup: &str| is_annotation(lookup.split("__").next().unwrap_or_default());

        let mut spec = Map::new();
        let model = self.model.as_deref().unwrap_or_default();
        spec.insert("model".to_owned(), json!(model));
        if self.all {
            spec.insert("all".to_owned(), json!(true));
        }
        if let Some(manager) = &self.manager {
            spec.insert("manager".to_owned(), json!(manager));
        }
        // What is about an annotation can only be asked after it was made.
        let (having, filter): (Vec<_>, Vec<_>) =
            pairs(&self.filter)?.into_iter().partition(|(lookup, _)| names_annotation(lookup));
        for (name, conditions) in [("filter", filter), ("having", having)] {
            if !conditions.is_empty() {
                spec.insert(name.to_owned(), all(conditions));
            }
        }
        let exclude = pairs(&self.exclude)?;
        if !exclude.is_empty() {
            spec.insert("exclude".to_owned(), all(exclude));
        }
        let figures = annotations
            .iter()
            .map(|(name, function, path)| ((*name).to_owned(), json!({"fn": function, "path": path})));
        spec.insert("annotate".to_owned(), Value::Object(figures.collect()));

        let mut columns = self.values.clone();
        let grouped = !columns.is_empty() && !annotations.is_empty() && !columns.iter().any(|name| is_annotation(name));
        if columns.is_empty() {
            columns = columns_of(models, model);
        }
        if grouped {
            spec.insert("group_by".to_owned(), json!(columns));
        }
        if grouped || self.values.is_empty() {
            columns.extend(annotations.iter().map(|(name, ..)| (*name).to_owned()));
        }
        spec.insert("values".to_owned(), json!(columns));
        if !self.order_by.is_empty() {
            spec.insert("order_by".to_owned(), json!(self.order_by));
        }
        for (name, asked) in [("distinct", self.distinct), ("count", self.count)] {
            if asked {
                spec.insert(name.to_owned(), json!(true));
            }
        }
        for (name, rows) in [("limit", self.limit), ("offset", self.offset)] {
            if let Some(rows) = rows {
                spec.insert(name.to_owned(), json!(rows));
            }
        }
        Ok((Value::Object(spec), columns))
    }
}

/// The columns of a model in the order of its definition, by Django's `attname`; none if there is no such model, of
/// which the ORM then tells.
fn columns_of(models: &Models, model: &str) -> Vec<String> {
    let definition = models.definitions().find(|definition| definition.label().eq_ignore_ascii_case(model));
    let fields = definition.iter().flat_map(|definition| &definition.fields).filter(|field| field.has_column());
    fields.map(|field| format!("{}{}", field.name, if field.relation.is_some() { "_id" } else { "" })).collect()
}

fn annotation(text: &str) -> Result<(&str, &str, &str)> {
    let parts = text.split_once('=').and_then(|(name, figure)| {
        let (function, path) = figure.split_once(':')?;
        Some((name, function, path))
    });
    parts.filter(|(name, function, _)| !name.is_empty() && spec::aggregate_function(function).is_some()).ok_or_else(
        || {
            Error::Command(format!(
                "--annotate {text}: write NAME=FIGURE:PATH, where FIGURE is count, sum, avg, min or max"
            ))
        },
    )
}

/// Conditions as lookup and value. After `:=`, the value is JSON; otherwise a word or a list of them, or text, which the
/// ORM reads as what the field holds.
fn pairs(texts: &[String]) -> Result<Vec<(&str, Value)>> {
    let wrong = |text: &str, why: &str| Error::Command(format!("`{text}`: {why}"));
    texts
        .iter()
        .map(|text| {
            let (lookup, value) = text
                .split_once('=')
                .filter(|(lookup, _)| !lookup.is_empty())
                .ok_or_else(|| wrong(text, "write LOOKUP=VALUE, such as id__gt=10"))?;
            if let Some(lookup) = lookup.strip_suffix(':') {
                let value = serde_json::from_str(value).map_err(|error| wrong(text, &format!("no JSON: {error}")))?;
                return Ok((lookup, value));
            }
            if let Some(path) = value.strip_prefix("F(").and_then(|rest| rest.strip_suffix(')')) {
                return Ok((lookup, json!({ "f": path })));
            }
            let list = || value.split(',').filter(|part| !part.is_empty()).map(word).collect();
            let value = match lookup.rsplit("__").next() {
                Some("in" | "range" | "has_keys" | "has_any_keys") => Value::Array(list()),
                _ => word(value),
            };
            Ok((lookup, value))
        })
        .collect()
}

/// A value of a condition.
fn word(text: &str) -> Value {
    match text {
        "true" | "True" => json!(true),
        "false" | "False" => json!(false),
        "null" | "None" => Value::Null,
        other => json!(other),
    }
}

/// All conditions; a lookup may stand there twice.
fn all(conditions: Vec<(&str, Value)>) -> Value {
    json!({ "and": conditions.into_iter().map(|(lookup, value)| json!({ lookup: value })).collect::<Vec<_>>() })
}

/// A statement, and below it the values of its parameters.
fn sql_text(statement: &Statement) -> String {
    let values = statement.params.iter().enumerate();
    let values = values.map(|(index, value)| format!("-- {}: {}\n", index + 1, spec::plain(value)));
    format!("{};\n{}", statement.sql, values.collect::<String>())
}

fn read_specs(file: &str) -> Result<Vec<Value>> {
    let mut text = String::new();
    let read = match file {
        "-" => std::io::stdin().read_to_string(&mut text).map(drop),
        path => std::fs::read_to_string(path).map(|read| text = read),
    };
    read.map_err(|error| Error::Command(format!("--spec {file}: {error}")))?;
    serde_json::from_str(&text).map_err(|error| Error::Command(format!("--spec {file} is no JSON array: {error}")))
}

/// The database that a model is read from.
fn read_from(project: &Project, label: &str) -> String {
    let models = project.models();
    let found = models.definitions().find(|model| model.label().eq_ignore_ascii_case(label));
    found.map_or_else(|| DEFAULT.to_owned(), |model| project.routing().for_read(ModelName::of(model)))
}

/// Writes the array of answers, each as soon as it is there.
async fn answer(project: &Project, site: &Site, specs: &[Value], out: &mut (dyn Write + Send)) -> Result<()> {
    say(out, format_args!("["))?;
    for (index, spec) in specs.iter().enumerate() {
        let model = spec.get("model").and_then(Value::as_str).unwrap_or_default();
        let db = site.db_named(&read_from(project, model))?;
        // A refused statement ends its transaction: one for each spec.
        let answer = match db.transaction().read_only().run(async |db| spec::try_answer(db, spec).await).await {
            Err(error) if error.is_unavailable() => return Err(error.into()),
            Err(error) => spec::refusal(&error),
            Ok(answer) => answer,
        };
        say(out, format_args!("{}{answer}", if index > 0 { ", " } else { "" }))?;
    }
    say(out, format_args!("]\n"))
}
