//! From tables to the models that would make them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::conditions::Conditions;
use super::expression::Sql;
use super::{Catalogue, Column, ConstraintKind, Index, Table, compare, naming, statement};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result, nearest};
use crate::field::Kind;
use crate::migrate::names;
use crate::model::{
    Check, Field, Generated, Index as ModelIndex, ModelDef, Models, OnDelete, OrderBy, Reference, Schema, Unique,
};
use crate::query::Node;

type Text = Cow<'static, str>;

/// The tables in which migrations are recorded, which are no models'.
const RECORDS: [&str; 5] =
    ["django_migrations", "nuages_migrations", "nuages_batches", "nuages_batch_ranges", "nuages_counting"];

/// Which tables to find models for, and how to name them.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only these tables; all if there are none.
    pub tables: Vec<String>,
    /// The labels of the apps that are known: a table `<label>_<model>` belongs to the app.
    pub apps: BTreeSet<String>,
    /// The app of all other tables.
    pub app: Option<String>,
}

/// Models found for the tables of a database.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// The models, by app and table.
    pub models: Vec<InspectedModel>,
    /// Tables that no model can have, each with the reason.
    pub skipped: Vec<(String, String)>,
    pub(super) dialect: Dialect,
}

/// A model found for a table.
#[derive(Debug, Clone)]
pub struct InspectedModel {
    /// The model; [`managed`](ModelDef::managed) unless columns of the table had to be left out.
    pub definition: ModelDef,
    /// The table.
    pub table: String,
    /// Whether the table was asked for. Others are there for the relations to them.
    pub wanted: bool,
    /// Where the table differs from what the model would make, a sentence each; nothing on tables that Django made.
    pub remarks: Vec<String>,
}

impl Inspected {
    /// The models as data, those included that others refer to.
    pub fn definitions(&self) -> Models {
        let definitions = self.models.iter().map(|model| model.definition.clone());
        definitions.fold(Models::new(), Models::with_definition)
    }
}

/// Finds the models for tables.
///
/// What Django names itself is recognised by name: fields' own indexes and unique constraints, `unique_together`, checks
/// of positive numbers, tables between for many-to-many relations. Deletion rules are not in the database: every key is
/// [`DoNothing`](OnDelete::DoNothing), so that the database refuses.
///
/// # Errors
/// [`ErrorKind::Configuration`] for a table that is not there, or of which no app is known.
pub fn models(catalogue: &Catalogue, options: &Options) -> Result<Inspected> {
    for name in &options.tables {
        if catalogue.table(name).is_none() {
            let hint = nearest(name, catalogue.tables.iter().map(|table| table.name.as_str()));
            let hint = hint.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(Error::new(ErrorKind::Configuration, format!("there is no table `{name}`{hint}")));
        }
    }
    let mut finder = Finder { catalogue, drafts: BTreeMap::new(), skipped: Vec::new() };
    finder.name(options)?;
    finder.find_tables_between();
    finder.declare();
    finder.relate(&options.tables);
    finder.finish(options)
}

struct Finder<'a> {
    catalogue: &'a Catalogue,
    /// By table.
    drafts: BTreeMap<&'a str, Draft<'a>>,
    skipped: Vec<(String, String)>,
}

struct Draft<'a> {
    table: &'a Table,
    app: String,
    name: String,
    between: Option<Between<'a>>,
    definition: ModelDef,
    /// Columns that no field can be.
    left_out: Vec<&'a Column>,
}

/// The many-to-many relation that a table is for.
#[derive(Debug, Clone)]
struct Between<'a> {
    owner: &'a str,
    target: &'a str,
    /// Whether Django would make the very table for a field without a model between.
    automatic: bool,
}

impl<'a> Finder<'a> {
    fn dialect(&self) -> Dialect {
        self.catalogue.dialect
    }

    /// Gives each table that can have one a model's name.
    fn name(&mut self, options: &Options) -> Result<()> {
        let mut taken: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for table in &self.catalogue.tables {
            if RECORDS.contains(&table.name.as_str()) {
                continue;
            }
            let wanted = options.tables.is_empty() || options.tables.contains(&table.name);
            let (app, name) = match naming::model(&table.name, &options.apps, options.app.as_deref()) {
                Ok(found) => found,
                Err(error) if wanted => return Err(error),
                Err(_) => continue,
            };
            let unsayable = table
                .primary_key
                .iter()
                .find(|key| table.column(key).is_none_or(|column| kind(table, column, self.catalogue).is_none()));
            if table.primary_key.is_empty() || unsayable.is_some() {
                let reason = match unsayable.and_then(|key| table.column(key)) {
                    Some(key) => format!("its primary key `{}` is of type {}, which no field has", key.name, key.kind),
                    None => "it has no primary key, which a model needs".to_owned(),
                };
                if wanted {
                    self.skipped.push((table.name.clone(), reason));
                }
                continue;
            }
            let names = taken.entry(app.clone()).or_default();
            let name = naming::free(&name, names);
            names.insert(name.clone());
            let mut definition = ModelDef::new(app.clone(), name.clone());
            if names::table(&app, &name, self.dialect()) != table.name {
                definition.table = Some(Cow::Owned(table.name.clone()));
            }
            let draft = Draft { table, app, name, between: None, definition, left_out: Vec::new() };
            self.drafts.insert(&table.name, draft);
        }
        Ok(())
    }

    /// The table and column that a column refers to, if a key of that column alone does and both have models.
    fn target(&self, table: &Table, column: &str) -> Option<(&Draft<'a>, String)> {
        let (to, to_column) = key_of(table, column)?;
        let draft = self.drafts.get(to)?;
        let to_column = match to_column {
            Some(column) => column.to_owned(),
            None => draft.table.primary_key.first()?.clone(),
        };
        let other = draft.table.column(&to_column)?;
        let is_key = draft.table.primary_key == [to_column.clone()];
        if !is_key && !self.is_unique(draft.table, &to_column) {
            return None;
        }
        // A key has the type of what it refers to; SQLite stores numbers of all sizes alike.
        let here = table.column(column)?;
        let same = here.kind == other.kind
            || (self.dialect() == Dialect::Sqlite && is_auto(draft.table, other, Dialect::Sqlite));
        same.then_some((draft, to_column))
    }

    /// Whether the field's own `unique` says it.
    fn is_unique(&self, table: &Table, column: &str) -> bool {
        let names = [
            statement::automatic_name(&table.name, column, "key"),
            names::index(&table.name, &[column], "_uniq", self.dialect()),
        ];
        let found = table.constraints.iter().any(|constraint| {
            matches!(&constraint.kind, ConstraintKind::Unique { columns, nulls_distinct: None, deferrable: None }
                if columns.len() == 1 && columns[0] == column)
                && constraint.name.as_ref().is_none_or(|name| names.contains(name))
        });
        found && (self.has_pattern_index(table, column) || self.is_referred_to(table, column))
    }

    fn is_referred_to(&self, table: &Table, column: &str) -> bool {
        self.catalogue.tables.iter().any(|other| {
            other.constraints.iter().any(|constraint| {
                matches!(&constraint.kind, ConstraintKind::ForeignKey { table: to, to: columns, .. }
                    if *to == table.name && columns.len() == 1 && columns[0] == column)
            })
        })
    }

    /// Whether the field's own `index` says it.
    fn is_indexed(&self, table: &Table, column: &str) -> bool {
        let name = names::index(&table.name, &[column], "", self.dialect());
        let index = table.indexes.iter().find(|index| index.name == name);
        index.is_some_and(|index| is_single(index, column)) && self.has_pattern_index(table, column)
    }

    /// Whether an indexed column has the second index that PostgreSQL needs for `LIKE`, if it is of a type that does.
    fn has_pattern_index(&self, table: &Table, column: &str) -> bool {
        let text = table.column(column).is_some_and(|column| is_text(&column.kind));
        self.dialect() == Dialect::Sqlite
            || !text
            || table.indexes.iter().any(|index| self.is_pattern(table, index, column))
    }

    fn is_pattern(&self, table: &Table, index: &Index, column: &str) -> bool {
        index.name == names::index(&table.name, &[column], "_like", self.dialect())
    }

    /// Finds the tables that are for many-to-many relations: a key, and two keys to others that are unique together.
    fn find_tables_between(&mut self) {
        let mut found = Vec::new();
        for draft in self.drafts.values() {
            let table = draft.table;
            let ([key], [first, second, third]) = (table.primary_key.as_slice(), table.columns.as_slice()) else {
                continue;
            };
            let keys: Vec<&Column> = [first, second, third].into_iter().filter(|column| column.name != *key).collect();
            let [source, target] = keys.as_slice() else { continue };
            let columns = [source.name.as_str(), target.name.as_str()];
            let unique = unique_groups(table).any(|group| group == columns);
            let is_numbered = table.column(key).is_some_and(|key| is_auto(table, key, self.dialect()));
            let ends = (self.target(table, columns[0]), self.target(table, columns[1]));
            let ((Some((owner, owner_key)), Some((other, other_key))), true, true) = (ends, unique, is_numbered) else {
                continue;
            };
            if source.null || target.null || self.is_used(table) {
                continue;
            }
            let (here, there) = (owner.name.to_lowercase(), other.name.to_lowercase());
            let expected = if owner.table.name == other.table.name {
                [format!("from_{here}_id"), format!("to_{here}_id")]
            } else {
                [format!("{here}_id"), format!("{there}_id")]
            };
            let together = names::index(&table.name, &columns, "_uniq", self.dialect());
            let automatic = first.name == "id"
                && first.name == *key
                && kind(table, first, self.catalogue) == Some(Kind::BigAuto)
                && owner.table.primary_key == [owner_key]
                && other.table.primary_key == [other_key]
                && columns == [expected[0].as_str(), expected[1].as_str()]
                && columns.iter().all(|column| self.is_indexed(table, column))
                && (table.constraints.iter().any(|it| it.name.as_deref() == Some(&together))
                    || table.indexes.iter().any(|it| it.name == together));
            let named_after = table.name.starts_with(&format!("{}_", owner.table.name));
            if automatic || named_after {
                let between = Between { owner: &owner.table.name, target: &other.table.name, automatic };
                found.push((table.name.as_str(), between));
            }
        }
        for (table, between) in found {
            if let Some(draft) = self.drafts.get_mut(table) {
                draft.between = Some(between);
            }
        }
    }

    /// Whether another table refers to it.
    fn is_used(&self, table: &Table) -> bool {
        self.catalogue.tables.iter().any(|other| {
            other.constraints.iter().any(
                |constraint| matches!(&constraint.kind, ConstraintKind::ForeignKey { table: to, .. } if *to == table.name),
            )
        })
    }

    /// Declares the fields that have columns.
    fn declare(&mut self) {
        let mut declared = Vec::new();
        for (name, draft) in &self.drafts {
            declared.push((*name, self.fields(draft)));
        }
        for (name, (fields, left_out)) in declared {
            if let Some(draft) = self.drafts.get_mut(name) {
                let keys = draft.table.primary_key.iter();
                let named = |column: &String| fields.iter().find(|field| field.column_name() == *column);
                draft.definition.primary_key = keys.filter_map(named).map(|field| field.name.clone()).collect();
                draft.definition.comment = draft.table.comment.clone().map(Cow::Owned);
                draft.definition.fields = fields;
                draft.left_out = left_out;
            }
        }
    }

    fn fields(&self, draft: &Draft<'a>) -> (Vec<Field>, Vec<&'a Column>) {
        let table = draft.table;
        let columns: BTreeSet<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let (mut taken, mut fields, mut left_out) = (BTreeSet::new(), Vec::new(), Vec::new());
        for column in &table.columns {
            let is_key = table.primary_key == [column.name.clone()];
            let unique = self.is_unique(table, &column.name);
            let mut field = match self.target(table, &column.name) {
                Some((to, to_column)) => {
                    let stem =
                        column.name.strip_suffix("_id").filter(|stem| !columns.contains(stem) && !stem.is_empty());
                    let name = naming::field(stem.unwrap_or(&column.name), &taken);
                    let label =
                        if to.table.name == table.name { "self".to_owned() } else { format!("{}.{}", to.app, to.name) };
                    let mut reference = Reference::new(label, OnDelete::DoNothing);
                    if to.table.primary_key != [to_column.clone()] {
                        // The other's fields may not be declared yet, but are named alike.
                        reference.to_field = Some(Cow::Owned(self.field_name(to, &to_column)));
                    }
                    let field = if is_key || unique {
                        Field::one_to_one(name, reference)
                    } else {
                        Field::foreign_key(name, reference).index(self.is_indexed(table, &column.name))
                    };
                    // Django leaves a key's own uniqueness to the primary key.
                    field.unique(true).unique(is_key || unique)
                }
                None => {
                    let Some(kind) = kind(table, column, self.catalogue) else {
                        left_out.push(column);
                        continue;
                    };
                    Field::new(naming::field(&column.name, &taken), kind)
                        .unique(unique)
                        .index(self.is_indexed(table, &column.name) && !unique && !is_key)
                }
            };
            taken.insert(field.name.to_string());
            field.null = column.null && !table.primary_key.contains(&column.name);
            if field.column_name() != column.name {
                field.column = Some(Cow::Owned(column.name.clone()));
            }
            if field.relation.is_none() {
                field.collation = column.collation.clone().map(Cow::Owned);
            }
            field.comment = column.comment.clone().map(Cow::Owned);
            fields.push(field);
        }
        (fields, left_out)
    }

    /// The name that a column's field has, which is no key to another model.
    fn field_name(&self, draft: &Draft<'a>, column: &str) -> String {
        let mut taken = BTreeSet::new();
        for known in &draft.table.columns {
            let name = naming::field(&known.name, &taken);
            if known.name == column {
                return name;
            }
            taken.insert(name);
        }
        column.to_owned()
    }

    /// Declares the many-to-many relations, and names the ways back that would clash.
    fn relate(&mut self, asked: &[String]) {
        let between: Vec<(&'a str, Between<'a>, String)> = self
            .drafts
            .values()
            .filter_map(|draft| Some((draft.table.name.as_str(), draft.between.clone()?, draft.definition.label())))
            .collect();
        for (table, between, through) in between {
            let target = self.drafts.get(between.target).map(|draft| draft.definition.label());
            let (Some(to), Some(owner)) = (target, self.drafts.get_mut(between.owner)) else { continue };
            let taken: BTreeSet<String> = owner.definition.fields.iter().map(|field| field.name.to_string()).collect();
            let prefix = format!("{}_", between.owner);
            let stem = table.strip_prefix(&prefix).or_else(|| table.strip_prefix(&format!("{}_", owner.app)));
            let name = naming::field(stem.unwrap_or(table), &taken);
            let label = if between.owner == between.target { "self".to_owned() } else { to };
            let mut reference = Reference::new(label, OnDelete::Cascade);
            if !between.automatic {
                reference.through = Some(Cow::Owned(through));
            } else if names::shorten(&format!("{prefix}{name}"), self.catalogue.dialect) != table {
                reference.table = Some(Cow::Owned(table.to_owned()));
            }
            if between.automatic && asked.iter().any(|name| name == table) {
                let reason =
                    format!("it is that of the many-to-many relation `{}` of {}", name, owner.definition.label());
                self.skipped.push((table.to_owned(), reason));
            }
            owner.definition.fields.push(Field::many_to_many(name, reference));
        }
        self.drafts.retain(|_, draft| draft.between.as_ref().is_none_or(|between| !between.automatic));
        self.name_ways_back();
    }

    fn name_ways_back(&mut self) {
        let mut taken: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for draft in self.drafts.values() {
            let names = taken.entry(draft.definition.label()).or_default();
            names.insert("pk".to_owned());
            for field in &draft.definition.fields {
                names.insert(field.name.to_string());
                names.insert(format!("{}_id", field.name));
            }
        }
        for draft in self.drafts.values_mut() {
            let (label, model) = (draft.definition.label(), draft.definition.name.to_lowercase());
            for field in &mut draft.definition.fields {
                let Some(relation) = &mut field.relation else { continue };
                let to = if relation.to == "self" { label.as_str() } else { relation.to.as_ref() };
                let names = taken.entry(to.to_owned()).or_default();
                if names.insert(model.clone()) {
                    continue;
                }
                let mut name = format!("{model}_{}_set", field.name);
                while !names.insert(name.clone()) {
                    name.push_str("_2");
                }
                relation.related_name = Some(Cow::Owned(name));
            }
        }
    }

    /// Adds what needs the models connected (conditions and the like), then looks where tables and models differ.
    fn finish(self, options: &Options) -> Result<Inspected> {
        let dialect = self.dialect();
        let all = |drafts: &BTreeMap<&str, Draft<'_>>| {
            let definitions = drafts.values().map(|draft| draft.definition.clone());
            definitions.fold(Models::new(), Models::with_definition)
        };
        let schema = Schema::new(&all(&self.drafts), dialect)?;
        let mut finished = BTreeMap::new();
        for draft in self.drafts.values() {
            let conditions = Conditions::new(&schema, &draft.definition)?;
            finished.insert(draft.table.name.as_str(), self.constrained(draft, &conditions));
        }
        let mut models: Vec<InspectedModel> = self
            .drafts
            .into_values()
            .map(|draft| InspectedModel {
                definition: finished.remove(draft.table.name.as_str()).unwrap_or(draft.definition),
                table: draft.table.name.clone(),
                wanted: options.tables.is_empty() || options.tables.contains(&draft.table.name),
                remarks: draft.left_out.iter().map(|column| left_out(column)).collect(),
            })
            .collect();
        models.sort_by(|a, b| (&a.definition.app, &a.table).cmp(&(&b.definition.app, &b.table)));
        let definitions = models.iter().map(|model| model.definition.clone());
        let expected = compare::expected(&definitions.fold(Models::new(), Models::with_definition), dialect)?;
        for model in &mut models {
            if let (Some(actual), Some(expected)) = (self.catalogue.table(&model.table), expected.table(&model.table)) {
                let left_out = !model.remarks.is_empty();
                model.remarks.extend(compare::differences(actual, expected, dialect));
                // Migrations must leave alone what they would lose.
                model.definition.managed = !left_out;
            }
        }
        Ok(Inspected { models, skipped: self.skipped, dialect })
    }

    /// The model with its constraints and indexes.
    fn constrained(&self, draft: &Draft<'a>, conditions: &Conditions<'_>) -> ModelDef {
        let table = draft.table;
        let mut model = draft.definition.clone();
        for field in &mut model.fields {
            let Some(column) = table.column(&field.column_name()).filter(|_| field.has_column()) else { continue };
            if let Some(default) = &column.default {
                field.db_default = conditions.default(&column.name, default);
            }
            if let Some((expression, stored)) = &column.generated
                && let Some((node, null)) = conditions.generated(expression)
            {
                field.generated = Some(Generated { expression: node, stored: *stored });
                field.null = null;
            }
        }
        let field_of = |column: &String| -> Option<Text> {
            let field = model.fields.iter().find(|field| field.has_column() && field.column_name() == *column);
            field.map(|field| field.name.clone())
        };
        let fields_of = |columns: &[String]| columns.iter().map(field_of).collect::<Option<Vec<Text>>>();
        let mut together = Vec::new();
        let mut uniques = Vec::new();
        let mut checks = Vec::new();
        let mut order = Vec::new();
        for constraint in &table.constraints {
            match &constraint.kind {
                ConstraintKind::Unique { columns, nulls_distinct, deferrable } => {
                    let Some(fields) = fields_of(columns) else { continue };
                    let borrowed: Vec<&str> = columns.iter().map(String::as_str).collect();
                    let digest = names::index(&table.name, &borrowed, "_uniq", self.dialect());
                    let plain = nulls_distinct.is_none() && deferrable.is_none();
                    match &constraint.name {
                        _ if plain && columns.len() == 1 && self.is_unique(table, &columns[0]) => {}
                        Some(name) if !(plain && *name == digest) => {
                            let mut unique = Unique::new(name.clone(), []);
                            unique.fields = fields;
                            unique.deferrable = *deferrable;
                            unique.nulls_distinct = *nulls_distinct;
                            order.push(unique.name.clone());
                            uniques.push(unique);
                        }
                        _ => together.push(fields),
                    }
                }
                ConstraintKind::Check(condition) => {
                    if let Some(name) = &constraint.name
                        && !is_automatic_check(table, constraint.name.as_deref(), condition.tree.as_ref())
                        && let Some(node) = conditions.condition(condition)
                    {
                        let check = Check::new(name.clone(), node);
                        order.push(check.name.clone());
                        checks.push(check);
                    }
                }
                ConstraintKind::ForeignKey { .. } => {}
            }
        }
        let mut indexes = Vec::new();
        for index in &table.indexes {
            if index.method != "btree" || !index.keys.iter().all(super::IndexKey::is_plain) {
                continue;
            }
            let columns: Option<Vec<&str>> = index.keys.iter().map(super::IndexKey::column).collect();
            let ascending = index.keys.iter().all(|key| !key.descending && key.nulls_first.is_none());
            let is_bare = index.condition.is_none() && index.include.is_empty();
            if let (Some([column]), false, true) = (columns.as_deref(), index.unique, is_bare)
                && is_single(index, column)
                && self.is_indexed(table, column)
                && index.name == names::index(&table.name, &[column], "", self.dialect())
            {
                continue;
            }
            if let (Some(columns), true, true, true) = (&columns, index.unique, is_bare, ascending)
                && self.dialect() == Dialect::Sqlite
                && index.name == names::index(&table.name, columns, "_uniq", self.dialect())
                && let Some(fields) = fields_of(&columns.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
            {
                together.push(fields);
                continue;
            }
            let condition = match &index.condition {
                Some(condition) => match conditions.condition(condition) {
                    Some(node) => Some(node),
                    None => continue,
                },
                None => None,
            };
            let Some(include) = fields_of(&index.include) else { continue };
            let steps: Option<Vec<OrderBy>> = index
                .keys
                .iter()
                .map(|key| {
                    let expression = match key.column() {
                        // By the field's name, unless the step stands among expressions.
                        Some(column) if columns.is_some() && !index.unique => {
                            Node::Path(vec![field_of(&column.to_owned())?])
                        }
                        _ => conditions.step(&key.expression)?,
                    };
                    Some(OrderBy { expression, descending: key.descending, nulls_first: key.nulls_first })
                })
                .collect();
            let Some(steps) = steps else { continue };
            if index.unique {
                let mut unique = Unique::new(index.name.clone(), []);
                match columns {
                    Some(columns) if !is_bare && ascending => {
                        let columns: Vec<String> = columns.into_iter().map(str::to_owned).collect();
                        let Some(fields) = fields_of(&columns) else { continue };
                        unique.fields = fields;
                    }
                    _ => unique.expressions = steps,
                }
                unique.condition = condition;
                unique.include = include;
                unique.nulls_distinct = index.nulls_distinct;
                order.push(unique.name.clone());
                uniques.push(unique);
                continue;
            }
            let mut found = ModelIndex::new(steps);
            found.condition = condition;
            found.include = include;
            let marked: Option<Vec<(&str, bool)>> =
                index.keys.iter().map(|key| key.column().map(|name| (name, key.descending))).collect();
            let table_name = match &model.table {
                Some(table) => table.to_string(),
                None => names::table(&model.app, &model.name, Dialect::Postgres),
            };
            let says_nulls = index.keys.iter().any(|key| key.nulls_first.is_some());
            let automatic =
                is_bare && !says_nulls && marked.is_some_and(|it| names::meta_index(&table_name, &it) == index.name);
            if !automatic {
                found.name = Some(Cow::Owned(index.name.clone()));
            }
            indexes.push(found);
        }
        model.unique_together = together;
        model.uniques = uniques;
        model.checks = checks;
        model.constraint_order = order;
        model.indexes = indexes;
        model
    }
}

fn left_out(column: &Column) -> String {
    let needed = !column.null && column.default.is_none() && column.numbering.is_none() && column.generated.is_none();
    format!(
        "column `{}` is of type {}, which no field has: it is left out, and migrations leave the table alone{}",
        column.name,
        column.kind,
        if needed { "; it may not be null, so rows cannot be added through the model" } else { "" }
    )
}

/// The table and column that a key of one column refers to.
fn key_of<'t>(table: &'t Table, column: &str) -> Option<(&'t str, Option<&'t str>)> {
    table.constraints.iter().find_map(|constraint| match &constraint.kind {
        ConstraintKind::ForeignKey { columns, table, to, .. } if columns.len() == 1 && columns[0] == column => {
            Some((table.as_str(), to.first().map(String::as_str)))
        }
        _ => None,
    })
}

fn unique_groups(table: &Table) -> impl Iterator<Item = Vec<&str>> {
    let constraints = table.constraints.iter().filter_map(|constraint| match &constraint.kind {
        ConstraintKind::Unique { columns, .. } => Some(columns.iter().map(String::as_str).collect()),
        _ => None,
    });
    let indexes = table.indexes.iter().filter(|index| index.unique && index.condition.is_none());
    constraints.chain(indexes.filter_map(|index| index.keys.iter().map(super::IndexKey::column).collect()))
}

fn is_single(index: &Index, column: &str) -> bool {
    let [key] = index.keys.as_slice() else { return false };
    !index.unique
        && key.column() == Some(column)
        && !key.descending
        && key.nulls_first.is_none()
        && index.condition.is_none()
        && index.include.is_empty()
        && index.method == "btree"
}

fn is_text(kind: &str) -> bool {
    kind.starts_with("character varying") || kind == "text"
}

/// Whether the database numbers the rows by the column.
fn is_auto(table: &Table, column: &Column, dialect: Dialect) -> bool {
    let is_row_id = dialect == Dialect::Sqlite
        && column.kind == "integer"
        && table.primary_key == [column.name.clone()]
        && table.options.iter().all(|option| option != "WITHOUT ROWID");
    column.numbering.is_some() || (is_row_id && key_of(table, &column.name).is_none())
}

fn is_automatic_check(table: &Table, name: Option<&str>, condition: Option<&Sql>) -> bool {
    table.columns.iter().any(|column| {
        (is_positive(column, condition) || is_json(column, condition))
            && name.is_none_or(|name| name == statement::automatic_name(&table.name, &column.name, "check"))
    })
}

fn is_positive(column: &Column, condition: Option<&Sql>) -> bool {
    matches!(condition, Some(Sql::Binary(operator, left, right)) if operator == ">="
        && **left == Sql::Column(column.name.clone()) && **right == Sql::Number("0".to_owned()))
}

fn is_json(column: &Column, condition: Option<&Sql>) -> bool {
    let of = Sql::Column(column.name.clone());
    matches!(condition, Some(Sql::Any(either)) if matches!(either.as_slice(),
        [Sql::Call(function, arguments), Sql::IsNull(null)]
            if function == "json_valid" && arguments.as_slice() == [of.clone()] && **null == of))
}

/// The kind of field whose column it is; the nearest one where none is exact, and `None` where none would do.
fn kind(table: &Table, column: &Column, catalogue: &Catalogue) -> Option<Kind> {
    let checked = |is: fn(&Column, Option<&Sql>) -> bool| {
        table.constraints.iter().any(|constraint| match &constraint.kind {
            ConstraintKind::Check(condition) => {
                is(column, condition.tree.as_ref())
                    && constraint
                        .name
                        .as_ref()
                        .is_none_or(|name| *name == statement::automatic_name(&table.name, &column.name, "check"))
            }
            _ => false,
        })
    };
    let (base, sizes) = split(&column.kind);
    let size = |place: usize| sizes.get(place).copied();
    let positive = checked(is_positive);
    let whole = |small: bool, big: bool| match (positive, small, big) {
        (true, true, _) => Kind::PositiveSmallInteger,
        (true, _, true) => Kind::PositiveBigInteger,
        (true, ..) => Kind::PositiveInteger,
        (_, true, _) => Kind::SmallInteger,
        (_, _, true) => Kind::BigInteger,
        _ => Kind::Integer,
    };
    let decimal = |digits: u16, places: u16| Kind::Decimal {
        max_digits: size(0).and_then(|size| u16::try_from(size).ok()).unwrap_or(digits),
        decimal_places: size(1)
            .map_or(if size(0).is_some() { 0 } else { places }, |size| u16::try_from(size).unwrap_or(places)),
    };
    if is_auto(table, column, catalogue.dialect) {
        return Some(match (catalogue.dialect, base.as_str()) {
            (Dialect::Postgres, "smallint") => Kind::SmallAuto,
            (Dialect::Postgres, "integer") => Kind::Auto,
            (Dialect::Postgres, _) => Kind::BigAuto,
            (Dialect::Sqlite, _) => numbered_kind(table, column, catalogue),
        });
    }
    Some(match (catalogue.dialect, base.as_str()) {
        (_, "smallint") | (Dialect::Sqlite, "smallint unsigned") => whole(true, false),
        (_, "integer") | (Dialect::Sqlite, "integer unsigned") => whole(false, false),
        (_, "bigint") | (Dialect::Sqlite, "bigint unsigned") => whole(false, true),
        (_, "boolean") | (Dialect::Sqlite, "bool") => Kind::Boolean,
        (_, "double precision" | "real") => Kind::Float,
        (Dialect::Postgres, "numeric") => decimal(60, 30),
        // SQLite does not say how many digits.
        (Dialect::Sqlite, "decimal" | "numeric") => decimal(30, 10),
        (_, "character varying" | "varchar") => Kind::Char { max_length: size(0) },
        (_, "date") => Kind::Date,
        (Dialect::Sqlite, "text") if checked(is_json) => Kind::Json,
        (_, "text") => Kind::Text,
        (Dialect::Sqlite, "char") if size(0) == Some(32) => Kind::Uuid,
        (Dialect::Sqlite, "char") if size(0) == Some(39) => Kind::GenericIpAddress,
        (Dialect::Sqlite, "datetime") => Kind::DateTime,
        (Dialect::Sqlite, "time") => Kind::Time,
        (Dialect::Postgres, "character") => Kind::Char { max_length: size(0) },
        (Dialect::Postgres, "bytea") => Kind::Binary,
        (Dialect::Postgres, "time without time zone") => Kind::Time,
        (Dialect::Postgres, "timestamp with time zone" | "timestamp without time zone") => Kind::DateTime,
        (Dialect::Postgres, "interval") => Kind::Duration,
        (Dialect::Postgres, "json" | "jsonb") => Kind::Json,
        (Dialect::Postgres, "uuid") => Kind::Uuid,
        (Dialect::Postgres, "inet") => Kind::GenericIpAddress,
        (Dialect::Postgres, _) => return None,
        // By SQLite's rules of affinity (https://www.sqlite.org/datatype3.html).
        (Dialect::Sqlite, other) if other.contains("int") => whole(false, true),
        (Dialect::Sqlite, other) if other.contains("char") => Kind::Char { max_length: size(0) },
        (Dialect::Sqlite, other) if other.contains("clob") || other.contains("text") => Kind::Text,
        (Dialect::Sqlite, other) if other.contains("blob") => Kind::Binary,
        (Dialect::Sqlite, other) if ["real", "floa", "doub"].iter().any(|part| other.contains(part)) => Kind::Float,
        (Dialect::Sqlite, other) if other.starts_with("timestamp") => Kind::DateTime,
        (Dialect::Sqlite, _) => return None,
    })
}

/// The kind of a number that SQLite gives: the keys to it say how wide Django takes it for.
fn numbered_kind(table: &Table, column: &Column, catalogue: &Catalogue) -> Kind {
    for other in &catalogue.tables {
        for constraint in &other.constraints {
            let ConstraintKind::ForeignKey { columns, table: to, to: to_columns, .. } = &constraint.kind else {
                continue;
            };
            if *to != table.name || to_columns.first().is_some_and(|name| *name != column.name) {
                continue;
            }
            match columns.first().and_then(|name| other.column(name)).map(|column| column.kind.as_str()) {
                Some("integer") => return Kind::Auto,
                Some("smallint") => return Kind::SmallAuto,
                _ => {}
            }
        }
    }
    Kind::BigAuto
}

/// A type's name, and its sizes.
fn split(kind: &str) -> (String, Vec<u32>) {
    let Some((before, rest)) = kind.split_once('(') else { return (kind.to_owned(), Vec::new()) };
    let (sizes, after) = rest.split_once(')').unwrap_or((rest, ""));
    let sizes = sizes.split(',').filter_map(|size| size.trim().parse().ok()).collect();
    (format!("{}{after}", before.trim_end()), sizes)
}
