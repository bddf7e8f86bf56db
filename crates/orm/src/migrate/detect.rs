//! What has to be done for the tables to be those of the models.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::graph::{Graph, Key};
use super::operation::{Constraint, Migration, Operation};
use super::optimize::optimize;
use super::state::State;
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::model::{Field, FieldDefault, Index, ModelDef, Models};
use crate::query::Node;
use crate::value::Value;

type Text = Cow<'static, str>;

/// The migrations that are missing from the history: those that lead from its last state to the models.
///
/// Only what reaches the database counts: labels, choices, defaults of the program, ways back and what happens on
/// deletion can change without a migration. As in Django, an app's first migration is `0001_initial`, a later one is
/// named after what it does; an app gets more than one where two apps refer to each other in a circle.
///
/// # Errors
/// [`ErrorKind::Migration`], with every problem on a line: a change that migrations cannot express yet (a field or
/// table altered or renamed), a new field that would be null in rows that exist, a history that does not fit together.
pub fn detect(models: &Models, history: &[Migration]) -> Result<Vec<Migration>> {
    let graph = Graph::new(history.to_vec())?;
    let before = graph.state()?;
    let after = State::of(models)?;
    let mut detector =
        Detector { before: &before, after: &after, models, planned: BTreeMap::new(), problems: Vec::new() };
    detector.compare();
    if !detector.problems.is_empty() {
        return Err(Error::new(ErrorKind::Migration, detector.problems.join("\n")));
    }
    let planned = detector.planned.into_iter().map(|(app, planned)| (app, sorted(planned))).collect();
    let chopped = chop(planned, &graph)?;
    Ok(named(chopped))
}

/// An operation, and what must have been done before.
struct Planned {
    operation: Operation,
    needs: Vec<Need>,
}

/// Something that another operation does: about a model, or about a field of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Need {
    app: String,
    model: String,
    field: Option<String>,
    done: Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Done {
    Made,
    Gone,
    /// The indexes, constraints and groups of unique fields that may hold the field are changed.
    Released,
}

impl Need {
    /// The model is there.
    fn model(label: &str, own: &ModelDef) -> Need {
        let (app, model) = match label.split_once('.') {
            Some((app, model)) => (app, model),
            None => (own.app.as_ref(), own.name.as_ref()),
        };
        Need { app: app.to_owned(), model: model.to_owned(), field: None, done: Done::Made }
    }

    fn field(own: &ModelDef, field: &str, done: Done) -> Need {
        let field = Some(field.to_owned());
        Need { app: own.app.to_string(), model: own.name.to_string(), field, done }
    }

    fn is_met_by(&self, operation: &Operation) -> bool {
        if operation.model() != self.model {
            return false;
        }
        match (self.done, &self.field, operation) {
            (Done::Made, None, Operation::CreateModel(_)) => true,
            (Done::Made, Some(name), Operation::CreateModel(made)) => made.fields.iter().any(|it| it.name == *name),
            (Done::Made, Some(name), Operation::AddField { field, .. }) => field.name == *name,
            (Done::Gone, None, Operation::DeleteModel { .. }) => true,
            (Done::Gone, Some(name), Operation::RemoveField { field, .. }) => field == name,
            (
                Done::Released,
                _,
                Operation::AlterUniqueTogether { .. }
                | Operation::RemoveIndex { .. }
                | Operation::RemoveConstraint { .. },
            ) => true,
            _ => false,
        }
    }
}

struct Detector<'a> {
    before: &'a State,
    after: &'a State,
    /// The models with the functions that a state leaves out.
    models: &'a Models,
    planned: BTreeMap<String, Vec<Planned>>,
    problems: Vec<String>,
}

impl Detector<'_> {
    fn compare(&mut self) {
        let (before, after) = (self.before, self.after);
        let by_name = |model: &&ModelDef| (model.app.clone(), model.name.to_lowercase());
        let mut gone: Vec<&ModelDef> =
            before.models().iter().filter(|model| after.model(&model.app, &model.name).is_none()).collect();
        let mut new: Vec<&ModelDef> =
            after.models().iter().filter(|model| before.model(&model.app, &model.name).is_none()).collect();
        let mut kept: Vec<(&ModelDef, &ModelDef)> =
            after.models().iter().filter_map(|now| Some((before.model(&now.app, &now.name)?, now))).collect();
        gone.sort_by_key(by_name);
        new.sort_by_key(by_name);
        kept.sort_by_key(|(_, now)| by_name(now));

        self.suspect_renamed_models(&gone, &new);
        let is_proxy = |model: &&&ModelDef| model.proxy_for.is_some();
        for model in gone.iter().filter(|model| !is_proxy(model)) {
            self.delete_model(model);
        }
        for managed in [true, false] {
            for model in new.iter().rev().filter(|model| !is_proxy(model) && model.managed == managed) {
                self.create_model(model);
            }
        }
        for model in gone.iter().filter(is_proxy) {
            self.plan(&model.app, Operation::DeleteModel { model: model.name.clone() }, Vec::new());
        }
        for model in new.iter().filter(is_proxy) {
            let needs = model.proxy_for.iter().map(|of| Need::model(of, model)).collect();
            self.plan(&model.app, Operation::CreateModel((*model).clone()), needs);
        }
        kept.retain(|(was, now)| self.compare_tables(was, now));
        self.compare_parts(&kept);
    }

    fn plan(&mut self, app: &str, operation: Operation, needs: Vec<Need>) {
        self.planned.entry(app.to_owned()).or_default().push(Planned { operation, needs });
    }

    /// A model that goes while one comes with the same fields has rather been renamed: dropping its table would lose
    /// the rows.
    fn suspect_renamed_models(&mut self, gone: &[&ModelDef], new: &[&ModelDef]) {
        for was in gone.iter().filter(|model| model.managed && model.proxy_for.is_none()) {
            let alike = |now: &&&ModelDef| {
                now.app == was.app
                    && now.managed
                    && now.proxy_for.is_none()
                    && now.fields.len() == was.fields.len()
                    && now.fields.iter().all(|field| {
                        was.fields.iter().any(|old| old.name == field.name && difference(old, field, was).is_none())
                    })
            };
            if let Some(now) = new.iter().find(alike) {
                self.problems.push(format!(
                    "{} looks like {} renamed, and renaming cannot be written yet: keep the old name, or set `table` to \
                     the old table and edit the name in the migration that made it; if they are different models, \
                     remove the one first, run makemigrations, then add the other",
                    now.label(),
                    was.label()
                ));
            }
        }
    }

    /// Plans the end of a model: its relations first, so that models which refer to each other can go.
    fn delete_model(&mut self, model: &ModelDef) {
        if !model.unique_together.is_empty() {
            let none = Operation::AlterUniqueTogether { model: model.name.clone(), groups: Vec::new() };
            self.plan(&model.app, none, Vec::new());
        }
        let mut needs = Vec::new();
        let mut relations: Vec<&Field> = model.fields.iter().filter(|field| field.relation.is_some()).collect();
        relations.sort_by(|a, b| a.name.cmp(&b.name));
        relations.retain(|field| !model.primary_key.contains(&field.name));
        for index in model.indexes.iter().filter(|it| relations.iter().any(|field| index_uses(it, &field.name))) {
            let Some(name) = index.name.clone() else { continue };
            self.plan(&model.app, Operation::RemoveIndex { model: model.name.clone(), name }, Vec::new());
        }
        for constraint in Constraint::all_of(model) {
            if relations.iter().any(|field| constraint_uses(&constraint, &field.name)) {
                let name = constraint.name().clone();
                self.plan(&model.app, Operation::RemoveConstraint { model: model.name.clone(), name }, Vec::new());
            }
        }
        for field in relations {
            let removal = Operation::RemoveField { model: model.name.clone(), field: field.name.clone() };
            self.plan(&model.app, removal, vec![Need::field(model, &field.name, Done::Released)]);
            needs.push(Need::field(model, &field.name, Done::Gone));
        }
        for other in self.before.models() {
            for field in &other.fields {
                let Some(relation) = &field.relation else { continue };
                let through = relation.through.as_deref().is_some_and(|through| through == model.label());
                if other.label() == model.label() || (relation.to != model.label() && !through) {
                    continue;
                }
                needs.push(if other.primary_key.contains(&field.name) {
                    Need { done: Done::Gone, ..Need::model(&other.label(), other) }
                } else {
                    Need::field(other, &field.name, Done::Gone)
                });
            }
            if other.proxy_for.as_deref() == Some(&model.label()) {
                needs.push(Need { done: Done::Gone, ..Need::model(&other.label(), other) });
            }
        }
        self.plan(&model.app, Operation::DeleteModel { model: model.name.clone() }, needs);
    }

    /// Plans a new model, and each relation, index and constraint on its own: what can be is put together again by
    /// [`optimize`].
    fn create_model(&mut self, model: &ModelDef) {
        let mut bare = model.clone();
        let deferred = |field: &Field| field.relation.is_some() && !model.primary_key.contains(&field.name);
        let mut relations: Vec<Field> = Vec::new();
        let mut needs = vec![Need { done: Done::Gone, ..Need::model(&model.label(), model) }];
        if model.managed {
            relations = model.fields.iter().filter(|field| deferred(field)).cloned().collect();
            bare.fields.retain(|field| !deferred(field));
            bare.indexes.clear();
            bare.uniques.clear();
            bare.checks.clear();
            bare.constraint_order.clear();
            bare.unique_together.clear();
        }
        let own = Need::model(&model.label(), model);
        needs.extend(bare.fields.iter().flat_map(|field| needs_of(field, model)).filter(|need| *need != own));
        let creation = Planned { operation: Operation::CreateModel(bare), needs };
        self.planned.entry(model.app.to_string()).or_default().insert(0, creation);
        if !model.managed {
            return;
        }
        relations.sort_by(|a, b| a.name.cmp(&b.name));
        let mut all_made: Vec<Need> =
            relations.iter().map(|field| Need::field(model, &field.name, Done::Made)).collect();
        all_made.push(Need::model(&model.label(), model));
        for field in relations {
            let mut needs = needs_of(&field, model);
            needs.push(Need::model(&model.label(), model));
            needs.sort();
            needs.dedup();
            let addition = Operation::AddField { model: model.name.clone(), field: Box::new(field), fill: None };
            self.plan(&model.app, addition, needs);
        }
        for index in &model.indexes {
            let addition = Operation::AddIndex { model: model.name.clone(), index: index.clone() };
            self.plan(&model.app, addition, all_made.clone());
        }
        for constraint in Constraint::all_of(model) {
            let addition = Operation::AddConstraint { model: model.name.clone(), constraint };
            self.plan(&model.app, addition, all_made.clone());
        }
        if !model.unique_together.is_empty() {
            let groups = model.unique_together.clone();
            let alteration = Operation::AlterUniqueTogether { model: model.name.clone(), groups };
            self.plan(&model.app, alteration, all_made);
        }
    }

    /// Notes what of the table itself has changed, which cannot be expressed; says whether to look at its parts.
    fn compare_tables(&mut self, was: &ModelDef, now: &ModelDef) -> bool {
        let changes = [
            ("table", was.table != now.table),
            ("primary key", was.primary_key != now.primary_key && now.proxy_for.is_none()),
            ("comment", was.comment != now.comment),
            ("managed", was.managed != now.managed),
            ("proxy", was.proxy_for != now.proxy_for),
        ];
        for (what, _) in changes.iter().filter(|(_, changed)| *changed) {
            self.problems.push(format!(
                "{}: its {what} has changed, which migrations cannot express yet; undo the change, or alter the table \
                 by hand and edit the migration that made it to match",
                now.label()
            ));
        }
        now.managed && now.proxy_for.is_none()
    }

    fn compare_parts(&mut self, kept: &[(&ModelDef, &ModelDef)]) {
        for (was, now) in kept {
            let gone = missing(&Constraint::all_of(was), &Constraint::all_of(now));
            for constraint in gone {
                let name = constraint.name().clone();
                self.plan(&now.app, Operation::RemoveConstraint { model: now.name.clone(), name }, Vec::new());
            }
        }
        for (was, now) in kept {
            for index in missing(&was.indexes, &now.indexes) {
                let Some(name) = index.name else { continue };
                self.plan(&now.app, Operation::RemoveIndex { model: now.name.clone(), name }, Vec::new());
            }
        }
        for (was, now) in kept {
            let lasting = lasting_groups(was, now);
            if lasting.len() != was.unique_together.len() {
                let alteration = Operation::AlterUniqueTogether { model: now.name.clone(), groups: lasting };
                self.plan(&now.app, alteration, Vec::new());
            }
        }
        for (was, now) in kept {
            self.compare_fields(was, now);
        }
        for (was, now) in kept {
            let all_made = self.new_fields(was, now);
            if lasting_groups(was, now).len() != now.unique_together.len() {
                let groups = now.unique_together.clone();
                let alteration = Operation::AlterUniqueTogether { model: now.name.clone(), groups };
                self.plan(&now.app, alteration, all_made);
            }
        }
        for (was, now) in kept {
            for index in missing(&now.indexes, &was.indexes) {
                let all_made = self.new_fields(was, now);
                self.plan(&now.app, Operation::AddIndex { model: now.name.clone(), index }, all_made);
            }
        }
        for (was, now) in kept {
            for constraint in missing(&Constraint::all_of(now), &Constraint::all_of(was)) {
                let all_made = self.new_fields(was, now);
                self.plan(&now.app, Operation::AddConstraint { model: now.name.clone(), constraint }, all_made);
            }
        }
    }

    fn new_fields(&self, was: &ModelDef, now: &ModelDef) -> Vec<Need> {
        let new = now.fields.iter().filter(|field| !has_field(was, &field.name));
        new.map(|field| Need::field(now, &field.name, Done::Made)).collect()
    }

    fn compare_fields(&mut self, was: &ModelDef, now: &ModelDef) {
        let mut gone: Vec<&Field> = was.fields.iter().filter(|field| !has_field(now, &field.name)).collect();
        let mut new: Vec<&Field> = now.fields.iter().filter(|field| !has_field(was, &field.name)).collect();
        gone.sort_by(|a, b| a.name.cmp(&b.name));
        new.sort_by(|a, b| a.name.cmp(&b.name));
        for old in &was.fields {
            if let Some(field) = now.fields.iter().find(|field| field.name == old.name)
                && let Some(what) = difference(old, field, now)
            {
                self.problems.push(format!(
                    "{}.{}: its {what} has changed, and altering a field cannot be written yet; undo the change, or \
                     alter the column by hand and edit the migration that made it to match",
                    now.label(),
                    field.name
                ));
            }
        }
        for old in &gone {
            if let Some(field) = new.iter().find(|field| {
                let renamed = Field { name: old.name.clone(), ..(**field).clone() };
                difference(old, &renamed, now).is_none()
            }) {
                self.problems.push(format!(
                    "{label}.{} looks like `{old}` renamed, and renaming cannot be written yet: keep the old name, or \
                     rename the column by hand and edit the migration that made it to match; if they are different \
                     fields, remove `{old}` first, run makemigrations, then add the other",
                    field.name,
                    label = now.label(),
                    old = old.name,
                ));
            }
            let mut needs = vec![Need::field(now, &old.name, Done::Released)];
            let computed = gone.iter().filter(|other| uses(other, &old.name));
            needs.extend(computed.map(|other| Need::field(now, &other.name, Done::Gone)));
            let removal = Operation::RemoveField { model: now.name.clone(), field: old.name.clone() };
            self.plan(&now.app, removal, needs);
        }
        for field in &new {
            let fill = self.fill(now, field);
            let mut needs = vec![Need::field(now, &field.name, Done::Gone)];
            needs.extend(needs_of(field, now));
            let computed_from = new.iter().filter(|other| uses(field, &other.name));
            needs.extend(computed_from.map(|other| Need::field(now, &other.name, Done::Made)));
            let addition = Operation::AddField { model: now.name.clone(), field: Box::new((*field).clone()), fill };
            self.plan(&now.app, addition, needs);
        }
    }

    /// What rows that exist get in a new field whose default is computed, once for all of them.
    fn fill(&mut self, model: &ModelDef, field: &Field) -> Option<Value> {
        let full = self.models.definitions().find(|definition| definition.label() == model.label());
        let full = full.and_then(|definition| definition.fields.iter().find(|other| other.name == field.name));
        if let Some(FieldDefault::Function(_, compute)) = full.and_then(|field| field.default.as_ref()) {
            return Some(compute());
        }
        let filled = field.null
            || field.default.is_some()
            || field.db_default.is_some()
            || field.generated.is_some()
            || field.auto_now
            || field.auto_now_add
            || field.kind.is_auto()
            || !field.has_column();
        if !filled {
            self.problems.push(format!(
                "{}.{}: rows that exist would have nothing in it; give it a default (which can be taken away again \
                 afterwards), a default in the database, or make it an Option",
                model.label(),
                field.name
            ));
        }
        None
    }
}

fn has_field(model: &ModelDef, name: &str) -> bool {
    model.fields.iter().any(|field| field.name == name)
}

/// The items of one list that the other does not have.
fn missing<T: PartialEq + Clone>(from: &[T], other: &[T]) -> Vec<T> {
    from.iter().filter(|item| !other.contains(item)).cloned().collect()
}

fn lasting_groups(was: &ModelDef, now: &ModelDef) -> Vec<Vec<Text>> {
    was.unique_together.iter().filter(|group| now.unique_together.contains(group)).cloned().collect()
}

/// What must be there for a field to be made: what it refers to, and goes through.
fn needs_of(field: &Field, model: &ModelDef) -> Vec<Need> {
    let relation = field.relation.iter();
    relation.flat_map(|it| std::iter::once(&it.to).chain(&it.through)).map(|label| Need::model(label, model)).collect()
}

/// Whether an expression is over a field, perhaps among others.
fn mentions(node: &Node, name: &str) -> bool {
    match node {
        Node::Path(names) => names.first().is_some_and(|first| first == name),
        Node::List(nodes) | Node::And(nodes) | Node::Or(nodes) | Node::Call(_, nodes) => {
            nodes.iter().any(|node| mentions(node, name))
        }
        Node::Lookup { left, right, .. } | Node::Binary(_, left, right) => {
            mentions(left, name) || mentions(right, name)
        }
        Node::Not(inner) | Node::Cast(inner, _) => mentions(inner, name),
        Node::Case { whens, default } => {
            whens.iter().any(|(condition, result)| mentions(condition, name) || mentions(result, name))
                || default.as_deref().is_some_and(|default| mentions(default, name))
        }
        _ => false,
    }
}

/// Whether a field is computed from another.
fn uses(field: &Field, other: &str) -> bool {
    field.generated.as_ref().is_some_and(|generated| mentions(&generated.expression, other))
}

fn index_uses(index: &Index, field: &str) -> bool {
    index.expressions.iter().map(|step| &step.expression).chain(&index.condition).any(|node| mentions(node, field))
        || index.include.iter().any(|name| name == field)
}

fn constraint_uses(constraint: &Constraint, field: &str) -> bool {
    match constraint {
        Constraint::Check(check) => mentions(&check.condition, field),
        Constraint::Unique(unique) => {
            let over = unique.expressions.iter().map(|step| &step.expression).chain(&unique.condition);
            over.into_iter().any(|node| mentions(node, field))
                || unique.fields.iter().chain(&unique.include).any(|name| name == field)
        }
    }
}

/// What of a field has changed in a way that reaches the database.
fn difference(was: &Field, now: &Field, model: &ModelDef) -> Option<&'static str> {
    let label = |text: &str| if text == "self" { model.label() } else { text.to_owned() };
    let related = match (&was.relation, &now.relation) {
        (Some(a), Some(b)) => {
            let same_model = label(&a.to) == label(&b.to)
                && a.to_field == b.to_field
                && a.through == b.through
                && a.through_fields == b.through_fields;
            if !same_model {
                Some("target")
            } else if a.constraint != b.constraint {
                Some("constraint")
            } else if a.table != b.table {
                Some("table")
            } else {
                None
            }
        }
        (None, None) => None,
        _ => Some("kind"),
    };
    let changes = [
        ("kind", was.kind != now.kind),
        ("column", was.column_name() != now.column_name()),
        ("null", was.null != now.null),
        ("uniqueness", was.unique != now.unique),
        ("index", was.index != now.index),
        ("default in the database", was.db_default != now.db_default),
        ("comment", was.comment != now.comment),
        ("collation", was.collation != now.collation),
        ("expression", was.generated != now.generated),
    ];
    if was.kind == Kind::ManyToMany && now.kind == Kind::ManyToMany {
        return related;
    }
    related.or_else(|| changes.iter().find(|(_, changed)| *changed).map(|(what, _)| *what))
}

/// An app's operations so that what an operation needs comes before it, otherwise in the order they came: in layers,
/// as Python's `graphlib` has it.
fn sorted(planned: Vec<Planned>) -> Vec<Planned> {
    let mut order: Vec<usize> = Vec::with_capacity(planned.len());
    let mut known = BTreeSet::new();
    let mut waits_for = vec![0usize; planned.len()];
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); planned.len()];
    for (position, item) in planned.iter().enumerate() {
        if known.insert(position) {
            order.push(position);
        }
        for need in &item.needs {
            for (other, candidate) in planned.iter().enumerate() {
                if other != position && need.is_met_by(&candidate.operation) {
                    if known.insert(other) {
                        order.push(other);
                    }
                    waits_for[position] += 1;
                    followers[other].push(position);
                }
            }
        }
    }
    let mut layer: Vec<usize> = order.iter().copied().filter(|position| waits_for[*position] == 0).collect();
    let mut result = Vec::with_capacity(planned.len());
    while !layer.is_empty() {
        let mut next = Vec::new();
        for position in layer {
            result.push(position);
            for follower in &followers[position] {
                waits_for[*follower] -= 1;
                if waits_for[*follower] == 0 {
                    next.push(*follower);
                }
            }
        }
        layer = next;
    }
    let mut planned: HashMap<usize, Planned> = planned.into_iter().enumerate().collect();
    // What waits for itself in a circle comes last; `chop` then says so.
    let rest: Vec<usize> = order.into_iter().filter(|position| !result.contains(position)).collect();
    result.into_iter().chain(rest).filter_map(|position| planned.remove(&position)).collect()
}

/// Where a migration without a name yet belongs: its app, and its place among the app's new ones.
type Draft = (String, usize);

struct Chopped {
    app: String,
    operations: Vec<Operation>,
    needs: BTreeSet<Draft>,
    after: BTreeSet<Key>,
    leaf: Option<Key>,
}

/// Cuts each app's operations into migrations: one, unless apps need each other by turns.
fn chop(mut planned: BTreeMap<String, Vec<Planned>>, graph: &Graph) -> Result<Vec<Chopped>> {
    let mut chopped: Vec<Chopped> = Vec::new();
    let mut made: BTreeMap<String, usize> = BTreeMap::new();
    let mut may_cut = false;
    while planned.values().any(|rest| !rest.is_empty()) {
        let mut progress = false;
        let apps: Vec<String> = planned.keys().cloned().collect();
        for app in apps {
            let ready = ready(&app, &planned);
            let Some(rest) = planned.get_mut(&app) else { continue };
            if ready == 0 || (ready < rest.len() && !may_cut) {
                continue;
            }
            let parts: Vec<Planned> = rest.drain(..ready).collect();
            let mut migration = Chopped {
                app: app.clone(),
                operations: Vec::new(),
                needs: BTreeSet::new(),
                after: BTreeSet::new(),
                leaf: graph.leaf(&app)?.map(|leaf| (leaf.app.clone(), leaf.name.clone())),
            };
            for part in parts {
                for need in part.needs.iter().filter(|need| need.app != app) {
                    match made.get(&need.app) {
                        Some(count) => {
                            migration.needs.insert((need.app.clone(), count - 1));
                        }
                        None => {
                            let leaf = graph.leaf(&need.app)?;
                            migration.after.extend(leaf.map(|leaf| (leaf.app.clone(), leaf.name.clone())));
                        }
                    }
                }
                migration.operations.push(part.operation);
            }
            let count = made.entry(app.clone()).or_default();
            if *count > 0 {
                migration.needs.insert((app.clone(), *count - 1));
            }
            *count += 1;
            migration.operations = optimize(&app, migration.operations);
            chopped.push(migration);
            progress = true;
            may_cut = false;
        }
        if !progress {
            if may_cut {
                let stuck = planned.values().flatten().map(|it| it.operation.describe()).collect::<Vec<_>>().join(", ");
                return Err(Error::new(
                    ErrorKind::Migration,
                    format!("these changes wait for one another in a circle: {stuck}; make them in smaller steps"),
                ));
            }
            may_cut = true;
        }
    }
    Ok(chopped)
}

/// How many of an app's next operations need nothing that another app has still to do.
fn ready(app: &str, planned: &BTreeMap<String, Vec<Planned>>) -> usize {
    let waits = |need: &Need| {
        need.app != app
            && planned.get(&need.app).is_some_and(|rest| rest.iter().any(|other| need.is_met_by(&other.operation)))
    };
    let own = planned.get(app).map(Vec::as_slice).unwrap_or_default();
    own.iter().take_while(|item| !item.needs.iter().any(waits)).count()
}

/// Numbers and names the migrations, and their parents by these names.
fn named(chopped: Vec<Chopped>) -> Vec<Migration> {
    let mut names: BTreeMap<Draft, String> = BTreeMap::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut migrations = Vec::with_capacity(chopped.len());
    for draft in chopped {
        let count = counts.entry(draft.app.clone()).or_default();
        let last = draft.leaf.as_ref().map_or(0, |(_, name)| number(name));
        let mut migration = Migration::new(draft.app.clone(), String::new());
        migration.operations = draft.operations;
        let words = if draft.leaf.is_none() { "initial".to_owned() } else { migration.suggest_name() };
        let name = format!("{:04}_{words}", last + *count + 1);
        let mut parents: BTreeSet<Key> = draft.after;
        if *count == 0 {
            parents.extend(draft.leaf);
        }
        for need in draft.needs {
            if let Some(name) = names.get(&need) {
                parents.insert((need.0.into(), name.clone().into()));
            }
        }
        names.insert((draft.app.clone(), *count), name.clone());
        *count += 1;
        migration.name = name.into();
        migration.dependencies = parents.into_iter().collect();
        migrations.push(migration);
    }
    migrations
}

/// The number that a migration's name starts with.
fn number(name: &str) -> usize {
    let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::{OnDelete, OrderBy, Reference, field};

    fn id() -> Field {
        Field::new("id", Kind::BigAuto)
    }

    fn key(name: &'static str, to: &'static str) -> Field {
        Field::foreign_key(name, Reference::new(to, OnDelete::Cascade))
    }

    fn model(app: &'static str, name: &'static str, fields: impl IntoIterator<Item = Field>) -> ModelDef {
        fields.into_iter().fold(ModelDef::new(app, name).field(id()), ModelDef::field).primary_key("id")
    }

    fn models(definitions: impl IntoIterator<Item = ModelDef>) -> Models {
        definitions.into_iter().fold(Models::new(), Models::with_definition)
    }

    fn described(migrations: &[Migration]) -> Vec<String> {
        let mut lines = Vec::new();
        for migration in migrations {
            let parents: Vec<String> =
                migration.dependencies.iter().map(|(app, name)| format!("{app}.{name}")).collect();
            lines.push(format!("{} after [{}]", migration.label(), parents.join(", ")));
            lines.extend(migration.operations.iter().map(|operation| format!("+ {}", operation.describe())));
        }
        lines
    }

    /// Detects, and checks that after what was found nothing is left to do.
    fn found(models: &Models, history: &[Migration]) -> Vec<Migration> {
        let found = detect(models, history).expect("detected");
        let all = [history, &found].concat();
        assert_eq!(described(&detect(models, &all).expect("detected again")), Vec::<String>::new());
        found
    }

    fn refused(models: &Models, history: &[Migration]) -> String {
        detect(models, history).expect_err("is refused").to_string()
    }

    #[test]
    fn models_come_with_their_keys_and_after_what_they_refer_to() {
        let pages = Field::new("pages", Kind::Integer);
        let book = model("shop", "Book", [key("author", "shop.Author"), pages])
            .index(Index::new(vec![OrderBy::asc(field("pages"))]))
            .unique_together(["author", "pages"]);
        let found = found(&models([book, model("shop", "Author", [key("mentor", "self")])]), &[]);
        assert_eq!(described(&found), ["shop.0001_initial after []", "+ Create model Author", "+ Create model Book"]);
        let Some(Operation::CreateModel(book)) = found.first().and_then(|it| it.operations.last()) else { panic!() };
        let fields: Vec<&str> = book.fields.iter().map(|field| field.name.as_ref()).collect();
        assert_eq!(fields, ["id", "pages", "author"]);
        assert_eq!(book.indexes.first().and_then(|index| index.name.as_deref()), Some("shop_book_pages_ab1470_idx"));
    }

    #[test]
    fn a_circle_within_an_app_is_closed_by_a_field_added_later() {
        let found = found(&models([model("a", "X", [key("y", "a.Y")]), model("a", "Y", [key("x", "a.X")])]), &[]);
        assert_eq!(
            described(&found),
            ["a.0001_initial after []", "+ Create model X", "+ Create model Y", "+ Add field y to X"]
        );
    }

    #[test]
    fn a_circle_between_apps_is_closed_by_a_second_migration() {
        let found = found(&models([model("a", "X", [key("y", "b.Y")]), model("b", "Y", [key("x", "a.X")])]), &[]);
        assert_eq!(
            described(&found),
            [
                "a.0001_initial after []",
                "+ Create model X",
                "b.0001_initial after [a.0001_initial]",
                "+ Create model Y",
                "a.0002_initial after [a.0001_initial, b.0001_initial]",
                "+ Add field y to X",
            ]
        );
    }

    #[test]
    fn later_migrations_are_named_after_what_they_do() {
        let first = models([model("shop", "Book", []), model("shop", "Tag", [])]);
        let mut history = found(&first, &[]);
        let second = models([model("shop", "Book", [Field::new("pages", Kind::Integer).default(Value::Int(1))])]);
        history.extend(found(&second, &history));
        assert_eq!(
            described(&history[1..]),
            [
                "shop.0002_delete_tag_book_pages after [shop.0001_initial]",
                "+ Delete model Tag",
                "+ Add field pages to Book"
            ]
        );
        let third =
            models([model("shop", "Book", []).index(Index::new(vec![OrderBy::desc(field("id"))]).name("by_id"))]);
        history.extend(found(&third, &history));
        assert_eq!(
            described(&history[2..]),
            [
                "shop.0003_remove_book_pages_book_by_id after [shop.0002_delete_tag_book_pages]",
                "+ Remove field pages from Book",
                "+ Create index by_id on model Book",
            ]
        );
    }

    #[test]
    fn models_that_refer_to_each_other_can_go_together() {
        let history = found(&models([model("a", "X", [key("y", "a.Y")]), model("a", "Y", [key("x", "a.X")])]), &[]);
        let gone = found(&Models::new(), &history);
        assert_eq!(
            described(&gone),
            [
                "a.0002_remove_y_x_delete_x_delete_y after [a.0001_initial]",
                "+ Remove field x from Y",
                "+ Delete model X",
                "+ Delete model Y",
            ]
        );
    }

    #[test]
    fn what_cannot_be_written_yet_is_named() {
        let was = models([model("shop", "Book", [Field::new("pages", Kind::Integer)]), model("shop", "Tag", [])]);
        let history = found(&was, &[]);
        let altered =
            models([model("shop", "Book", [Field::new("pages", Kind::BigInteger)]), model("shop", "Tag", [])]);
        assert!(refused(&altered, &history).starts_with("shop.Book.pages: its kind has changed, and altering"));
        let renamed = models([model("shop", "Book", [Field::new("sheets", Kind::Integer)]), model("shop", "Tag", [])]);
        let message = refused(&renamed, &history);
        assert!(message.starts_with("shop.Book.sheets looks like `pages` renamed"), "{message}");
        assert!(message.contains("shop.Book.sheets: rows that exist would have nothing in it"), "{message}");
        let renamed = models([model("shop", "Book", [Field::new("pages", Kind::Integer)]), model("shop", "Label", [])]);
        assert!(refused(&renamed, &history).starts_with("shop.Label looks like shop.Tag renamed"));
        let moved =
            models([model("shop", "Book", [Field::new("pages", Kind::Integer)]).table("b"), model("shop", "Tag", [])]);
        assert!(refused(&moved, &history).starts_with("shop.Book: its table has changed"));
    }
}
