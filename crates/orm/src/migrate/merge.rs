//! Branches of an app's history that were written without knowing each other, and the migration that joins them.

use std::collections::BTreeSet;

use super::detect::number;
use super::graph::{Graph, Key};
use super::operation::{Constraint, Migration, Operation};
use super::state::State;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ModelDef;

/// The migrations of an app that came from one history and went different ways.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Conflict {
    /// The app's label.
    pub app: String,
    /// The migrations of each branch that are in no other, oldest first.
    pub branches: Vec<Vec<Migration>>,
}

/// The apps in which several migrations come last.
///
/// # Errors
/// [`ErrorKind::Migration`] if the history does not fit together otherwise.
pub fn conflicts(history: &[Migration]) -> Result<Vec<Conflict>> {
    let graph = Graph::new(history.to_vec())?;
    let apps: BTreeSet<String> = graph.migrations().iter().map(|migration| migration.app.to_string()).collect();
    let mut found = Vec::new();
    for app in apps {
        let leaves = graph.leaves(&app);
        if leaves.len() < 2 {
            continue;
        }
        let behind: Vec<BTreeSet<Key>> = leaves.iter().map(|leaf| ancestors(&graph, leaf)).collect();
        let branches = behind.iter().enumerate().map(|(position, own)| {
            let is_own = |migration: &Migration| {
                let key = (migration.app.clone(), migration.name.clone());
                let elsewhere = |(other, keys): (usize, &BTreeSet<Key>)| other != position && keys.contains(&key);
                migration.app == app && own.contains(&key) && !behind.iter().enumerate().any(elsewhere)
            };
            history_of(&graph).filter(|migration| is_own(migration)).cloned().collect()
        });
        let branches = branches.collect();
        found.push(Conflict { app, branches });
    }
    Ok(found)
}

fn history_of(graph: &Graph) -> impl Iterator<Item = &Migration> {
    graph.migrations().iter().map(|migration| -> &Migration { migration })
}

/// A migration, and what it comes after.
fn ancestors(graph: &Graph, leaf: &Migration) -> BTreeSet<Key> {
    let mut found = BTreeSet::new();
    let mut open: Vec<Key> = vec![(leaf.app.clone(), leaf.name.clone())];
    while let Some(key) = open.pop() {
        if let Some(migration) = graph.migrations().iter().find(|other| other.app == key.0 && other.name == key.1)
            && found.insert(key)
        {
            open.extend(migration.dependencies.iter().cloned());
        }
    }
    found
}

impl Conflict {
    /// The migration that comes after all branches and does nothing itself (Django's `makemigrations --merge`).
    ///
    /// # Errors
    /// [`ErrorKind::Migration`], with every problem on a line, if the branches change the same model or field, or do
    /// what nobody knows: then their order matters, and one has to be made to come after the other by hand.
    pub fn merged(&self, history: &[Migration]) -> Result<Migration> {
        let mut problems = self.clashes();
        if problems.is_empty() && !self.is_the_same_in_any_order(history)? {
            problems.push(format!("the branches of {} lead to different models, depending on their order", self.app));
        }
        if !problems.is_empty() {
            let names: Vec<&str> =
                self.branches.iter().filter_map(|branch| branch.last()).map(|leaf| leaf.name.as_ref()).collect();
            problems.push(format!(
                "the branches of {} ({}) cannot be merged: make the first migration of one come `.after` the last of \
                 the other, and correct it to fit",
                self.app,
                names.join(", ")
            ));
            return Err(Error::new(ErrorKind::Migration, problems.join("\n")));
        }
        let leaves: Vec<&Migration> = self.branches.iter().filter_map(|branch| branch.last()).collect();
        let last = leaves.iter().map(|leaf| number(&leaf.name)).max().unwrap_or(0);
        let joined = leaves.iter().map(|leaf| leaf.name.as_ref()).collect::<Vec<_>>().join("_");
        let name = match joined.len() {
            // Django's limit.
            ..=47 => format!("{:04}_merge_{joined}", last + 1),
            _ => format!("{:04}_merge", last + 1),
        };
        let merge = Migration::new(self.app.clone(), name);
        Ok(leaves.into_iter().fold(merge, |merge, leaf| merge.after(leaf.app.clone(), leaf.name.clone())))
    }

    /// What the branches both have to do with.
    fn clashes(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (position, branch) in self.branches.iter().enumerate() {
            for other in self.branches.iter().skip(position + 1) {
                for (ours, mine) in operations(branch) {
                    for (theirs, yours) in operations(other) {
                        if let Some(what) = clash(mine, yours) {
                            problems.push(format!(
                                "{}: {}, and {}: {}: {what}",
                                ours.label(),
                                mine.describe(),
                                theirs.label(),
                                yours.describe()
                            ));
                        }
                    }
                }
            }
        }
        problems
    }

    fn is_the_same_in_any_order(&self, history: &[Migration]) -> Result<bool> {
        let graph = Graph::new(history.to_vec())?;
        let is_branch = |migration: &Migration| self.branches.iter().flatten().any(|other| other == migration);
        let mut common = State::new();
        for migration in history_of(&graph).filter(|migration| !is_branch(migration)) {
            for operation in &migration.operations {
                // What comes after the branches in other apps does not matter.
                let _ = common.apply(&migration.app, operation);
            }
        }
        let after = |branches: &mut dyn Iterator<Item = &Vec<Migration>>| -> Result<Vec<ModelDef>> {
            let mut state = common.clone();
            for (migration, operation) in branches.flat_map(|branch| operations(branch)) {
                state.apply(&migration.app, operation)?;
            }
            let mut models = state.models().to_vec();
            models.sort_by(|a, b| (&a.app, &a.name).cmp(&(&b.app, &b.name)));
            for model in &mut models {
                model.fields.sort_by(|a, b| a.name.cmp(&b.name));
                model.indexes.sort_by(|a, b| a.name.cmp(&b.name));
                model.constraint_order.sort();
                model.uniques.sort_by(|a, b| a.name.cmp(&b.name));
                model.checks.sort_by(|a, b| a.name.cmp(&b.name));
            }
            Ok(models)
        };
        match (after(&mut self.branches.iter()), after(&mut self.branches.iter().rev())) {
            (Ok(forth), Ok(back)) => Ok(forth == back),
            _ => Ok(false),
        }
    }
}

fn operations(branch: &[Migration]) -> impl Iterator<Item = (&Migration, &Operation)> {
    branch.iter().flat_map(|migration| migration.operations.iter().map(move |operation| (migration, operation)))
}

/// A part of a model; the model as a whole if `None`.
type Part = Option<String>;

/// What two operations both have to do with, in words.
fn clash(mine: &Operation, yours: &Operation) -> Option<String> {
    let (Some(mine), Some(yours)) = (footprint(mine), footprint(yours)) else {
        return Some("what that does to the rows nobody can tell".to_owned());
    };
    for (model, part) in &mine {
        for (other, theirs) in yours.iter().filter(|(other, _)| other == model) {
            match (part, theirs) {
                (Some(a), Some(b)) if a == b => return Some(format!("both change {a} of {other}")),
                (None, _) | (_, None) => return Some(format!("both change {other}")),
                _ => {}
            }
        }
    }
    None
}

/// The models and parts of them that an operation has to do with; `None` if nobody knows.
fn footprint(operation: &Operation) -> Option<Vec<(String, Part)>> {
    use Operation::*;
    let model = operation.model().to_owned();
    let whole = |name: &str| (name.to_owned(), None);
    let part = |what: &str, name: &str| (model.clone(), Some(format!("{what} {name}").trim_end().to_owned()));
    Some(match operation {
        CreateModel(_) | DeleteModel { .. } => vec![whole(&model)],
        RenameModel { from, to } => vec![whole(from), whole(to)],
        AddField { field, .. } | AlterField { field, .. } => vec![part("field", &field.name)],
        RemoveField { field, .. } => vec![part("field", field)],
        RenameField { from, to, .. } => vec![part("field", from), part("field", to)],
        AddIndex { index, .. } | AddIndexConcurrently { index, .. } => {
            vec![part("index", index.name.as_deref().unwrap_or_default())]
        }
        RemoveIndex { name, .. } | RemoveIndexConcurrently { name, .. } => vec![part("index", name)],
        RenameIndex { from, to, .. } => vec![part("index", from), part("index", to)],
        AddConstraint { constraint, .. } => {
            let fields = match constraint {
                Constraint::Unique(unique) => unique.fields.as_slice(),
                Constraint::Check(_) => &[],
            };
            let fields = fields.iter().map(|field| part("field", field));
            std::iter::once(part("constraint", constraint.name())).chain(fields).collect()
        }
        AddConstraintNotValid { constraint, .. } => vec![part("constraint", &constraint.name)],
        RemoveConstraint { name, .. } | ValidateConstraint { name, .. } => vec![part("constraint", name)],
        AlterUniqueTogether { groups, .. } => {
            let fields = groups.iter().flatten().map(|field| part("field", field));
            std::iter::once(part("unique_together", "")).chain(fields).collect()
        }
        AlterTable { .. } => vec![part("table", "")],
        AlterTableComment { .. } => vec![part("comment", "")],
        AlterManaged { .. } | AlterPrimaryKey { .. } => vec![whole(&model)],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Kind;
    use crate::migrate::{Field, Index, OrderBy, field};

    fn number_field(name: &'static str) -> Field {
        Field::new(name, Kind::Integer).null(true)
    }

    fn first() -> Migration {
        let book = ModelDef::new("shop", "Book").field(Field::new("id", Kind::BigAuto)).primary_key("id");
        Migration::new("shop", "0001_initial").create_model(book.field(number_field("pages")))
    }

    fn branch(name: &'static str) -> Migration {
        Migration::new("shop", name).after("shop", "0001_initial")
    }

    fn merged(branches: [Migration; 2]) -> Result<Migration> {
        let history = [vec![first()], branches.to_vec()].concat();
        let conflicts = conflicts(&history).expect("a history");
        let [conflict] = conflicts.as_slice() else { panic!("there is one conflict: {conflicts:?}") };
        assert_eq!(conflict.branches.len(), 2);
        let merge = conflict.merged(&history)?;
        let whole = [history, vec![merge.clone()]].concat();
        assert_eq!(super::conflicts(&whole).expect("a history"), []);
        Ok(merge)
    }

    #[test]
    fn branches_that_do_not_meet_are_joined() {
        let rating = branch("0002_rating").add_field("Book", number_field("rating"));
        let index = Index::new(vec![OrderBy::asc(field("pages"))]).name("by_pages");
        let index = branch("0002_by_pages").add_index("Book", index);
        let merge = merged([rating, index]).expect("they can be merged");
        assert_eq!(merge.label(), "shop.0003_merge_0002_by_pages_0002_rating");
        assert_eq!(merge.dependencies.len(), 2);
        assert_eq!(merge.operations, []);
    }

    #[test]
    fn branches_that_meet_are_explained() {
        let refuse = |a: Migration, b: Migration| merged([a, b]).expect_err("is refused").to_string();
        let message = refuse(
            branch("0002_a").alter_field("Book", number_field("pages").unique(true)),
            branch("0002_b").rename_field("Book", "pages", "sheets"),
        );
        assert!(
            message.starts_with(
                "shop.0002_a: Alter field pages on Book, and shop.0002_b: Rename field pages on Book to sheets: both \
                 change field pages of Book"
            ),
            "{message}"
        );
        assert!(message.contains("make the first migration of one come `.after` the last of the other"), "{message}");
        let sql =
            Operation::RunSql { forward: vec!["SELECT 1".into()], backward: None, state: Vec::new(), about: None };
        let add = || branch("0002_a").add_field("Book", number_field("rating"));
        assert!(refuse(add(), branch("0002_b").operation(sql)).contains("nobody can tell"));
        assert!(refuse(add(), branch("0002_b").delete_model("Book")).contains("both change Book"));
        // An index over a field that the other branch renames: no part is the same, the outcome is not.
        let index = Index::new(vec![OrderBy::asc(field("pages"))]).name("by_pages");
        let rename = branch("0002_b").rename_field("Book", "pages", "sheets");
        assert!(refuse(branch("0002_a").add_index("Book", index), rename).contains("depending on their order"));
    }
}
