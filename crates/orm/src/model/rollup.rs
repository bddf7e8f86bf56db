//! Figures over related rows that the database keeps in a column: how many there are, sums, the latest, the earliest.

use std::borrow::Cow;
use std::collections::BTreeMap;

use nuages_structures::Graph;

use super::definition::Field;
use super::schema::{Column, Entry, FieldId, ModelId, Named, Schema};
use crate::error::{Error, ErrorKind, nearest};
use crate::field::Kind;
use crate::query::{Function, Node};
use crate::sql;
use crate::value::Value;

type Text = Cow<'static, str>;

/// A column that holds a figure over the rows of a relation, kept by triggers: true whoever writes those rows, and how.
///
/// ```
/// use nuages_orm::migrate::{Field, Kind, keyword};
/// use nuages_orm::model::Rollup;
///
/// let shown = Rollup::count("comments").only(keyword("is_public", true));
/// let field = Field::new("comment_count", Kind::Integer).rollup(shown);
/// assert!(!field.is_written());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Rollup {
    /// The relation: the way back of a foreign key, or a many-to-many relation from either side, whose rows are those of
    /// the model between.
    pub of: Text,
    /// What of its rows is kept.
    pub figure: Figure,
    /// The rows that count; all if `None`. Over fields of those rows alone. Rows that are marked as deleted never count.
    pub condition: Option<Node>,
}

/// What a [`Rollup`] keeps of the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Figure {
    /// How many there are.
    Count,
    /// The sum of a field; 0 where there are none.
    Sum(Text),
    /// The greatest value of a field; null where there are none.
    Latest(Text),
    /// The least value of a field; null where there are none.
    Earliest(Text),
}

impl Figure {
    /// The field that it is over.
    pub fn field(&self) -> Option<&Text> {
        match self {
            Figure::Count => None,
            Figure::Sum(field) | Figure::Latest(field) | Figure::Earliest(field) => Some(field),
        }
    }

    pub(crate) fn field_mut(&mut self) -> Option<&mut Text> {
        match self {
            Figure::Count => None,
            Figure::Sum(field) | Figure::Latest(field) | Figure::Earliest(field) => Some(field),
        }
    }

    fn is_extreme(&self) -> bool {
        matches!(self, Figure::Latest(_) | Figure::Earliest(_))
    }
}

impl Rollup {
    fn new(of: impl Into<Text>, figure: Figure) -> Self {
        Rollup { of: of.into(), figure, condition: None }
    }

    /// How many rows a relation has.
    pub fn count(of: impl Into<Text>) -> Self {
        Rollup::new(of, Figure::Count)
    }

    /// The sum of a field of a relation's rows.
    pub fn sum(of: impl Into<Text>, field: impl Into<Text>) -> Self {
        Rollup::new(of, Figure::Sum(field.into()))
    }

    /// The greatest value of a field of a relation's rows.
    pub fn latest(of: impl Into<Text>, field: impl Into<Text>) -> Self {
        Rollup::new(of, Figure::Latest(field.into()))
    }

    /// The least value of a field of a relation's rows.
    pub fn earliest(of: impl Into<Text>, field: impl Into<Text>) -> Self {
        Rollup::new(of, Figure::Earliest(field.into()))
    }

    /// Limits it to some rows.
    #[must_use]
    pub fn only(mut self, condition: Node) -> Self {
        self.condition = Some(condition);
        self
    }

    /// What it is over no rows, in a column of this kind.
    pub(crate) fn nothing(&self, kind: &Kind) -> Value {
        match (&self.figure, kind) {
            (Figure::Latest(_) | Figure::Earliest(_), _) => Value::Null,
            (_, Kind::Decimal { .. }) => Value::Decimal(0.into()),
            (_, Kind::Duration) => Value::Duration(crate::Duration::ZERO),
            _ => Value::Int(0),
        }
    }

    /// What it does, for people: "counts `comments`".
    pub(crate) fn verb(&self) -> String {
        match &self.figure {
            Figure::Count => format!("counts `{}`", self.of),
            Figure::Sum(field) => format!("sums `{}.{field}`", self.of),
            Figure::Latest(field) => format!("holds the latest `{}.{field}`", self.of),
            Figure::Earliest(field) => format!("holds the earliest `{}.{field}`", self.of),
        }
    }
}

impl Field {
    /// Has the database keep a figure over related rows in the column. Unless a default is given, it is what the figure
    /// is over no rows: 0, or null.
    #[must_use]
    pub fn rollup(mut self, rollup: Rollup) -> Self {
        if self.default.is_none() && self.db_default.is_none() && !rollup.figure.is_extreme() {
            self = self.clone().default(rollup.nothing(&self.kind));
        }
        self.rollup = Some(rollup);
        self
    }

    /// Whether a row's value is written to the column: it has one, and neither the database sees to it itself nor, of a
    /// blind index, the ORM.
    pub fn is_written(&self) -> bool {
        self.has_column() && self.keeper().is_none()
    }

    /// Whether the database sees to the column itself.
    pub(crate) fn is_kept_by_database(&self) -> bool {
        self.generated.is_some() || self.rollup.is_some()
    }

    /// Why the program may not write the column, as part of a sentence; `None` if it may.
    pub(crate) fn keeper(&self) -> Option<String> {
        match (&self.generated, &self.rollup, &self.blind_index_of) {
            (Some(_), ..) => Some("is computed by the database".to_owned()),
            (_, Some(rollup), _) => Some(format!("is kept by the database: it {}", rollup.verb())),
            (.., Some(of)) => Some(format!("is the blind index of `{of}`, which the ORM keeps")),
            _ => None,
        }
    }
}

/// A relation seen from the row that keeps a figure: the rows of `child` whose `by` holds that row's `key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Link {
    pub(crate) parent: ModelId,
    pub(crate) key: FieldId,
    /// The model with the rows, or the one between.
    pub(crate) child: ModelId,
    pub(crate) by: FieldId,
}

/// A rollup of a schema, connected.
#[derive(Debug, Clone)]
pub(crate) struct Kept<'a> {
    pub(crate) entry: &'a Entry,
    /// The column that holds it.
    pub(crate) column: &'a Column,
    pub(crate) rollup: &'a Rollup,
    pub(crate) link: Link,
    /// The column of the child that it is over; none for counts.
    pub(crate) over: Option<&'a Column>,
    /// The rows of the child that count.
    pub(crate) condition: Option<Node>,
}

impl Schema {
    /// The rollups of all models that can be kept, a proxy's not: in a past, the relation may not be there yet.
    pub(crate) fn rollups(&self) -> Vec<Kept<'_>> {
        let own = self.entries().iter().filter(|entry| entry.definition.proxy_for.is_none());
        own.flat_map(|entry| self.rollups_of(entry)).filter_map(Result::ok).collect()
    }

    /// The rollups of a model, each as it is connected, or what is wrong with it.
    pub(crate) fn rollups_of<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = Result<Kept<'a>, String>> {
        let columns = entry.columns.iter();
        columns.filter_map(move |column| {
            let rollup = entry.field(column.field).rollup.as_ref()?;
            Some(connect(self, entry, column, rollup))
        })
    }
}

fn connect<'a>(
    schema: &'a Schema,
    entry: &'a Entry,
    column: &'a Column,
    rollup: &'a Rollup,
) -> Result<Kept<'a>, String> {
    let (link, far) = link(schema, entry, rollup)?;
    let child = schema.entry(link.child);
    let over = rollup.figure.field().map(|name| over(child, name)).transpose()?;
    if let Some(over) = over {
        fits(&rollup.figure, column, child, over)?;
    } else if column.kind.integer_range().is_none() || column.null {
        return Err("a count is a whole number that is never null".to_owned());
    }
    if let Some(condition) = &rollup.condition {
        check_condition(schema, child, condition)?;
    }
    if let Some(far) = far.map(|far| schema.entry(far)).filter(|far| far.definition.deletion_mark().is_some()) {
        return Err(format!(
            "rows of {} are marked as deleted and hidden, which the pairs in {} do not say; go through a model of your own \
             with a mark, and count that by its way back",
            far.label, child.label
        ));
    }
    let alive = child.definition.deletion_mark().map(|mark| mark.alive());
    let condition = match (alive, rollup.condition.clone()) {
        (Some(alive), Some(condition)) => Some(alive.and(condition)),
        (alive, condition) => alive.or(condition),
    };
    Ok(Kept { entry, column, rollup, link, over, condition })
}

/// The relation that a rollup is over, and for a many-to-many relation the model on its other side.
fn link(schema: &Schema, entry: &Entry, rollup: &Rollup) -> Result<(Link, Option<ModelId>), String> {
    let by = |child: ModelId, by: FieldId, other: Option<FieldId>| {
        let (_, key) = schema.target(child, by).ok_or_else(|| "its relation leads nowhere".to_owned())?;
        let far = other.and_then(|other| schema.target(child, other)).map(|(far, _)| far);
        Ok((Link { parent: entry.id, key: key.field, child, by }, far))
    };
    match entry.named(&rollup.of) {
        Some(Named::Reverse { model, field }) => by(model, field, None),
        Some(Named::ReverseMany { model, field }) => {
            let between = schema.entry(model).many_to_many.get(&field);
            let between = between.ok_or_else(|| format!("`{}` has no model between", rollup.of))?;
            by(between.through, between.target, Some(between.source))
        }
        Some(Named::Field(field)) if !entry.field(field).has_column() => {
            let between = entry.many_to_many.get(&field);
            let between = between.ok_or_else(|| format!("`{}` has no model between", rollup.of))?;
            by(between.through, between.source, Some(between.target))
        }
        _ => {
            let is_relation = |name: &&str| match entry.named(name) {
                Some(Named::Reverse { .. } | Named::ReverseMany { .. }) => true,
                Some(Named::Field(field)) => !entry.field(field).has_column(),
                _ => false,
            };
            let known: Vec<&str> = entry.choices().into_iter().filter(is_relation).collect();
            Err(match known.is_empty() {
                true => format!("`{}` is no relation to several rows, and {} has none", rollup.of, entry.label),
                false => format!(
                    "`{}` is no relation to several rows: choices are {}{}",
                    rollup.of,
                    known.join(", "),
                    hint(&rollup.of, known.iter().copied())
                ),
            })
        }
    }
}

fn over<'a>(child: &'a Entry, name: &str) -> Result<&'a Column, String> {
    child.field_id(name).and_then(|id| child.column(id)).ok_or_else(|| {
        let known: Vec<&str> = child.columns.iter().map(|column| child.field(column.field).name.as_ref()).collect();
        let hint = hint(name, known.iter().copied());
        format!("{} has no column `{name}`: choices are {}{hint}", child.label, known.join(", "))
    })
}

fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// Looks whether a column can hold a figure over another.
fn fits(figure: &Figure, column: &Column, child: &Entry, over: &Column) -> Result<(), String> {
    let name = format!("{}.{}", child.label, child.field(over.field).name);
    let (kind, of) = (&column.kind, &over.kind);
    let is_relation = child.field(over.field).relation.is_some();
    let shown = if is_relation { "key" } else { of.class_name() };
    if let Figure::Sum(_) = figure {
        if *of == Kind::Float {
            return Err(format!(
                "{name} is a {shown}, whose sum depends on the order of the rows, so it cannot be kept; make it a decimal"
            ));
        }
        let is_summable = of.integer_range().is_some() || matches!(of, Kind::Decimal { .. } | Kind::Duration);
        if !is_summable || is_relation {
            return Err(format!("{name} is a {shown}; sums are of whole numbers, decimals and durations"));
        }
    } else {
        let is_ordered = of.integer_range().is_some()
            || matches!(
                of,
                Kind::Decimal { .. } | Kind::Float | Kind::Duration | Kind::Date | Kind::DateTime | Kind::Time
            );
        if !is_ordered || is_relation {
            return Err(format!("{name} is a {shown}; the latest and earliest are of dates, times and numbers"));
        }
        if !column.null {
            return Err("where there are no rows it is null: make its type an `Option`".to_owned());
        }
    }
    if let Figure::Sum(_) = figure
        && column.null
    {
        return Err("a sum is never null: of no rows it is 0".to_owned());
    }
    let holds = match (of, kind) {
        (Kind::Decimal { decimal_places: least, .. }, Kind::Decimal { decimal_places, .. }) => decimal_places >= least,
        (of, Kind::Decimal { .. }) => of.integer_range().is_some(),
        _ => match (of.integer_range(), kind.integer_range()) {
            // A sum that is too large is refused when it is.
            (Some(of), Some(kind)) => matches!(figure, Figure::Sum(_)) || (kind.0 <= of.0 && kind.1 >= of.1),
            _ => of == kind,
        },
    };
    let places = match of {
        Kind::Decimal { decimal_places, .. } => format!(" with {decimal_places} decimal places"),
        _ => String::new(),
    };
    match holds {
        true => Ok(()),
        false => Err(format!("its own {} does not hold a {shown}{places}, which {name} is", kind.class_name())),
    }
}

fn check_condition(schema: &Schema, child: &Entry, condition: &Node) -> Result<(), String> {
    if mentions_now(condition) {
        return Err(
            "a condition on the present time changes its answer without any row being written; compare with a \
                    field of the row"
                .to_owned(),
        );
    }
    match sql::inline(schema, child, condition) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("its condition on {}: {error}", child.label)),
    }
}

fn mentions_now(node: &Node) -> bool {
    let mut found = false;
    walk(node, &mut |node| found |= matches!(node, Node::Call(Function::Now, _)));
    found
}

/// The names of the fields that a condition over one table is about.
pub(crate) fn names_in(condition: &Node) -> Vec<Text> {
    let mut names: Vec<Text> = Vec::new();
    walk(condition, &mut |node| {
        if let Node::Path(path) = node
            && let Some(first) = path.first()
            && !names.contains(first)
        {
            names.push(first.clone());
        }
    });
    names
}

/// Visits each part of an expression over one table.
fn walk(node: &Node, visit: &mut dyn FnMut(&Node)) {
    visit(node);
    match node {
        Node::List(nodes) | Node::And(nodes) | Node::Or(nodes) | Node::Call(_, nodes) => {
            nodes.iter().for_each(|node| walk(node, visit));
        }
        Node::Lookup { left, right, .. } | Node::Binary(_, left, right) => {
            walk(left, visit);
            walk(right, visit);
        }
        Node::Not(inner) | Node::Cast(inner, _) => walk(inner, visit),
        Node::Case { whens, default } => {
            for (condition, result) in whens {
                walk(condition, visit);
                walk(result, visit);
            }
            default.iter().for_each(|default| walk(default, visit));
        }
        // Conditions over one table hold neither figures nor subqueries.
        _ => {}
    }
}

impl Entry {
    /// The columns that an expression over the table names.
    pub(crate) fn columns_in(&self, expression: &Node) -> Vec<&Column> {
        let named = |name: Text| match self.named(&name) {
            Some(Named::Field(field) | Named::Column(field)) => self.column(field),
            _ => None,
        };
        names_in(expression).into_iter().filter_map(named).collect()
    }
}

/// What is wrong with the rollups of models, a line each.
pub(super) fn problems(schema: &Schema) -> Vec<String> {
    let mut problems = Vec::new();
    for entry in schema.entries() {
        let columns = entry.columns.iter().filter(|column| entry.field(column.field).rollup.is_some());
        for (column, kept) in columns.zip(schema.rollups_of(entry)) {
            let field = entry.field(column.field);
            let here = format!("{}.{}", entry.label, field.name);
            let verb = field.rollup.as_ref().map(Rollup::verb).unwrap_or_default();
            if let Err(problem) = kept {
                problems.push(format!("{here}: {verb}, but {problem}"));
            }
            let is_key = entry.definition.primary_key.contains(&field.name);
            if is_key || field.generated.is_some() || field.auto_now || field.auto_now_add || field.unique {
                problems.push(format!("{here}: {verb}, so it can be neither key nor unique nor set otherwise"));
            }
        }
        problems.extend(unlike_its_proxy(schema, entry));
    }
    problems.extend(circles(schema));
    problems
}

/// A second model on a table must know what of it the database keeps.
fn unlike_its_proxy(schema: &Schema, proxy: &Entry) -> Option<String> {
    let of = schema.by_label(proxy.definition.proxy_for.as_deref()?).ok()?;
    let other = |field: &Field| of.definition.fields.iter().find(|known| known.name == field.name);
    let differs = |field: &&Field| other(field).is_some_and(|known| known.rollup != field.rollup);
    let field = proxy.definition.fields.iter().find(differs)?;
    Some(format!(
        "{}.{}: is a second model on the rows of {}, and must say alike what the database keeps in them",
        proxy.label, field.name, of.label
    ))
}

/// Rollups over one another without end.
fn circles(schema: &Schema) -> Vec<String> {
    let kept = schema.rollups();
    let mut numbers: BTreeMap<(ModelId, FieldId), usize> = BTreeMap::new();
    let mut number = |model: ModelId, field: FieldId| {
        let next = numbers.len();
        *numbers.entry((model, field)).or_insert(next)
    };
    let mut graph = Graph::new(0);
    for one in &kept {
        let child = schema.entry(one.link.child);
        let from = number(one.entry.id, one.column.field);
        let used = one.condition.iter().flat_map(|condition| child.columns_in(condition)).chain(one.over);
        for column in used {
            graph.add_edge(from, number(child.id, column.field));
        }
    }
    for entry in schema.entries() {
        for column in &entry.columns {
            let Some(generated) = &entry.field(column.field).generated else { continue };
            let from = number(entry.id, column.field);
            for used in entry.columns_in(&generated.expression) {
                graph.add_edge(from, number(entry.id, used.field));
            }
        }
    }
    let name = |vertex: usize| {
        let found = numbers.iter().find(|(_, number)| **number == vertex);
        found.map(|((model, field), _)| {
            let entry = schema.entry(*model);
            format!("{}.{}", entry.label, entry.field(*field).name)
        })
    };
    let circle = |cycle: &Vec<usize>| {
        let edges = cycle.iter().filter_map(|edge| graph.edges().get(*edge));
        let names: Vec<String> = edges.filter_map(|edge| name(edge.from)).collect();
        format!("{}: are kept by means of one another without end; leave one out", names.join(", "))
    };
    graph.cycles(1).iter().map(circle).collect()
}

impl Entry {
    /// The refusal of a value for a field that the database sees to itself.
    pub(crate) fn refuse_kept(&self, field: &Field) -> Option<Error> {
        let keeper = field.keeper()?;
        let refusal = Error::new(ErrorKind::Field, format!("{keeper}, and cannot be set; leave it out"));
        Some(refusal.in_model(&*self.label).in_field(field.name.to_string()))
    }
}
