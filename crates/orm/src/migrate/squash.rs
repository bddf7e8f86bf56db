//! Many migrations of an app made one (Django's `squashmigrations`).

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use super::graph::{Graph, Key};
use super::operation::{Migration, Operation};
use super::optimize::optimize;
use super::state::State;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ModelDef;

/// A migration that stands for others, and can be written down.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Squashed {
    /// The migration; it says which it replaces.
    pub migration: Migration,
    /// How many operations those have.
    pub before: usize,
    /// Operations that hold functions, which stay where they are: their migration and their place in it, in order.
    pub functions: Vec<(String, usize)>,
}

/// What to squash.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Squash {
    app: String,
    from: Option<String>,
    to: String,
    name: Option<String>,
    optimize: bool,
}

impl Squash {
    /// The migrations of an app from its first one to this one; the start of its name is enough.
    pub fn new(app: impl Into<String>, to: impl Into<String>) -> Self {
        Squash { app: app.into(), from: None, to: to.into(), name: None, optimize: true }
    }

    /// Begins with a later one.
    #[must_use]
    pub fn from(mut self, migration: impl Into<String>) -> Self {
        self.from = Some(migration.into());
        self
    }

    /// Names what comes out, after the number of the first.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Takes the operations as they are, one after the other.
    #[must_use]
    pub fn without_optimizing(mut self) -> Self {
        self.optimize = false;
        self
    }

    /// Makes one migration of them, which leads to the same models.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if there are no such migrations, one of them is squashed itself, or another app's
    /// migrations come between them.
    pub fn run(&self, history: &[Migration]) -> Result<Squashed> {
        let graph = Graph::new(history.to_vec())?;
        let replaced = self.range(&graph)?;
        let keys: BTreeSet<Key> =
            replaced.iter().map(|migration| (migration.app.clone(), migration.name.clone())).collect();
        let (Some(first), Some(last)) = (replaced.first(), replaced.last()) else {
            return Err(wrong(format!("there is nothing to squash in {}", self.app)));
        };
        let name = match (&self.name, &self.from) {
            (Some(name), _) => {
                let number: String = first.name.chars().take_while(char::is_ascii_digit).collect();
                format!("{number}_{name}")
            }
            (None, Some(_)) => format!("{}_squashed_{}", first.name, last.name),
            (None, None) => format!("0001_squashed_{}", last.name),
        };
        if history.iter().any(|migration| migration.app == self.app && migration.name == name) {
            return Err(wrong(format!(
                "{}.{name} is there already; give the squashed migration another name",
                self.app
            )));
        }
        let mut squashed = Migration::new(self.app.clone(), name);
        for migration in &replaced {
            squashed = squashed.replaces(migration.app.clone(), migration.name.clone());
            for parent in &migration.dependencies {
                if !keys.contains(parent) && !squashed.dependencies.contains(parent) {
                    squashed.dependencies.push(parent.clone());
                }
            }
        }
        let all: Vec<Operation> = replaced.iter().flat_map(|migration| migration.operations.clone()).collect();
        let before = all.len();
        squashed.operations = if self.optimize { optimize(&self.app, all) } else { all };
        // What ran outside a transaction has to; what was made one with the making of its table need not.
        let needs_none = |operation: &Operation| {
            let concurrent =
                matches!(operation, Operation::AddIndexConcurrently { .. } | Operation::RemoveIndexConcurrently { .. });
            let by_hand = |migration: &&Migration| !migration.atomic && migration.operations.contains(operation);
            concurrent || operation.is_opaque() && replaced.iter().any(by_hand)
        };
        squashed.atomic = !squashed.operations.iter().any(needs_none);
        self.examine(&graph, history, &keys, &squashed)?;
        let functions = replaced.iter().flat_map(|migration| {
            let own = migration.operations.iter().enumerate().filter(|(_, operation)| operation.holds_function());
            own.map(|(position, _)| (migration.name.to_string(), position))
        });
        Ok(Squashed { functions: functions.collect(), migration: squashed, before })
    }

    /// The migrations to squash, oldest first.
    fn range<'a>(&self, graph: &'a Graph) -> Result<Vec<&'a Migration>> {
        let last = graph.find(&self.app, &self.to)?;
        let mut range: Vec<&Migration> = Vec::new();
        for migration in graph.up_to([last]) {
            let migration: &Migration = migration;
            if migration.app == self.app {
                range.push(migration);
            }
        }
        if let Some(from) = &self.from {
            let first: &Migration = graph.find(&self.app, from)?;
            let position = range
                .iter()
                .position(|migration| migration.name == first.name)
                .ok_or_else(|| wrong(format!("{} does not come before {}", first.label(), last.label())))?;
            range.drain(..position);
        }
        match range.iter().find(|migration| !migration.replaces.is_empty()) {
            Some(squashed) => Err(wrong(format!(
                "{} is squashed itself: when it is applied everywhere, delete the migrations that it replaces and take \
                 `.replaces(…)` out of it, then squash",
                squashed.label()
            ))),
            None => Ok(range),
        }
    }

    /// Looks whether the history is the same with the one in place of the many.
    fn examine(&self, graph: &Graph, history: &[Migration], keys: &BTreeSet<Key>, squashed: &Migration) -> Result<()> {
        let new: Key = (squashed.app.clone(), squashed.name.clone());
        let mut instead = vec![Migration { replaces: Vec::new(), ..squashed.clone() }];
        for migration in history {
            if keys.contains(&(migration.app.clone(), migration.name.clone())) {
                continue;
            }
            let mut migration = migration.clone();
            for parent in migration.dependencies.iter_mut().filter(|parent| keys.contains(*parent)) {
                *parent = new.clone();
            }
            instead.push(migration);
        }
        let outcome = Graph::new(instead).and_then(|graph| graph.state());
        let same = outcome.and_then(|state| match sorted(&state) == sorted(&graph.state()?) {
            true => Ok(()),
            false => Err(wrong("the models would be others".to_owned())),
        });
        same.map_err(|error| {
            wrong(format!(
                "{} cannot take the place of what it would replace: {error}; migrations of other apps come between \
                 them, so squash what comes before those, and what comes after",
                squashed.label()
            ))
        })
    }
}

impl Squashed {
    /// The migration as a Rust file. Functions are taken from the migrations that they are in.
    ///
    /// # Errors
    /// As [`Migration::source`].
    pub fn source(&self) -> Result<String> {
        let names: Vec<&str> = self.migration.replaces.iter().map(|(_, name)| name.as_ref()).collect();
        let (first, last) = (names.first().unwrap_or(&""), names.last().unwrap_or(&""));
        let mut functions: VecDeque<&(String, usize)> = self.functions.iter().collect();
        let mut docs = format!("Squashed by `squashmigrations`, from {first} to {last}.");
        if !functions.is_empty() {
            docs.push_str(
                "\n//!\n//! Before deleting the files of those, bring the functions here that are taken from them.",
            );
        }
        self.migration.source_with(&docs, &mut |operation| {
            let (name, position) = functions.pop_front().filter(|_| operation.holds_function())?;
            Some(format!("super::m{name}::migration().operations.swap_remove({position})"))
        })
    }

    /// Writes it into the app's folder of migrations, as [`Migration::write`].
    ///
    /// # Errors
    /// As [`Migration::write`].
    pub fn write(&self, folder: &Path) -> Result<PathBuf> {
        self.migration.put(folder, &self.source()?)
    }
}

/// The models in an order that does not depend on how they came about.
fn sorted(state: &State) -> Vec<ModelDef> {
    let mut models = state.models().to_vec();
    models.sort_by(|a, b| (&a.app, &a.name).cmp(&(&b.app, &b.name)));
    for model in &mut models {
        model.fields.sort_by(|a, b| a.name.cmp(&b.name));
        model.indexes.sort_by(|a, b| a.name.cmp(&b.name));
        model.constraint_order.sort();
        model.uniques.sort_by(|a, b| a.name.cmp(&b.name));
        model.checks.sort_by(|a, b| a.name.cmp(&b.name));
    }
    models
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Migration, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Kind;
    use crate::migrate::{Field, Index, OrderBy, field};

    fn number(name: &'static str) -> Field {
        Field::new(name, Kind::Integer).null(true)
    }

    fn history() -> Vec<Migration> {
        let book = ModelDef::new("shop", "Book").field(Field::new("id", Kind::BigAuto)).primary_key("id");
        let index = Index::new(vec![OrderBy::asc(field("sheets"))]).name("by_sheets");
        vec![
            Migration::new("shop", "0001_initial").create_model(book.field(number("pages"))).after("auth", "0001"),
            Migration::new("auth", "0001"),
            Migration::new("shop", "0002_rename").after("shop", "0001_initial").rename_field("Book", "pages", "sheets"),
            Migration::new("shop", "0003_index")
                .after("shop", "0002_rename")
                .not_atomic()
                .add_index_concurrently("Book", index),
            Migration::new("shop", "0004_more").after("shop", "0003_index").add_field("Book", number("rating")),
        ]
    }

    fn refused(squash: &Squash, history: &[Migration]) -> String {
        squash.run(history).expect_err("is refused").to_string()
    }

    #[test]
    fn one_migration_stands_for_many() {
        let squashed = Squash::new("shop", "0003").run(&history()).expect("squashed");
        assert_eq!(squashed.migration.label(), "shop.0001_squashed_0003_index");
        assert_eq!(squashed.before, 3);
        assert_eq!(squashed.migration.operations.len(), 1);
        // The index is made with its table now.
        assert!(squashed.migration.atomic);
        assert_eq!(squashed.migration.dependencies, [("auth".into(), "0001".into())]);
        let replaced: Vec<&str> = squashed.migration.replaces.iter().map(|(_, name)| name.as_ref()).collect();
        assert_eq!(replaced, ["0001_initial", "0002_rename", "0003_index"]);
        let source = squashed.source().expect("source");
        assert!(
            source.starts_with("//! Squashed by `squashmigrations`, from 0001_initial to 0003_index.\n"),
            "{source}"
        );
        assert!(source.contains(".replaces(\"shop\", \"0002_rename\")"), "{source}");

        let whole = Squash::new("shop", "0004_more").from("0002").name("rest").without_optimizing();
        let squashed = whole.run(&history()).expect("squashed").migration;
        assert_eq!(squashed.label(), "shop.0002_rest");
        assert_eq!(squashed.operations.len(), 3);
        assert!(!squashed.atomic);
        assert_eq!(squashed.dependencies, [("shop".into(), "0001_initial".into())]);
    }

    #[test]
    fn functions_stay_where_they_are() {
        use crate::migrate::{Past, Populate};
        async fn work(_: Past) -> Result<()> {
            Ok(())
        }
        let mut history = history();
        history.push(
            Migration::new("shop", "0005_work")
                .after("shop", "0004_more")
                .populate(Populate::new("Book").set("rating", 1))
                .run_rust("first", work)
                .add_field("Book", number("stars")),
        );
        let squashed = Squash::new("shop", "0005").run(&history).expect("squashed");
        let told: Vec<String> = squashed.migration.operations.iter().map(Operation::describe).collect();
        let expected =
            ["Create model Book", "Populate rating of Book", "Run Rust function first", "Add field stars to Book"];
        assert_eq!(told, expected);
        assert_eq!(squashed.functions, [("0005_work".to_owned(), 1)]);
        let source = squashed.source().expect("source");
        assert!(source.contains(".operation(super::m0005_work::migration().operations.swap_remove(1))"), "{source}");
        assert!(source.contains(".populate(Populate::new(\"Book\").set(\"rating\", 1))"), "{source}");
        assert!(source.contains("//! Before deleting the files of those, bring the functions here"), "{source}");
    }

    #[test]
    fn what_cannot_be_squashed_is_explained() {
        let history = history();
        assert!(refused(&Squash::new("shop", "0009"), &history).contains("0009"));
        let backwards = Squash::new("shop", "0002").from("0003");
        assert_eq!(refused(&backwards, &history), "shop.0003_index does not come before shop.0002_rename");
        let named = Squash::new("shop", "0003").name("initial");
        assert!(refused(&named, &history).starts_with("shop.0001_initial is there already"));
        // Another app needs the first, and is needed by the last.
        let between = [
            history,
            vec![
                Migration::new("talk", "0001").after("shop", "0002_rename"),
                Migration::new("shop", "0005").after("shop", "0004_more").after("talk", "0001"),
            ],
        ]
        .concat();
        let message = refused(&Squash::new("shop", "0005"), &between);
        assert!(message.contains("circle") && message.contains("so squash what comes before those"), "{message}");
        Squash::new("shop", "0004").run(&between).expect("squashed");
    }

    #[test]
    fn a_squashed_one_is_not_squashed_again_until_it_stands_alone() {
        let mut history = history();
        let squashed = Squash::new("shop", "0003").run(&history).expect("squashed").migration;
        history.push(squashed.clone());
        let message = refused(&Squash::new("shop", "0001_squashed"), &history);
        assert!(message.contains("is squashed itself"), "{message}");
        history.retain(|migration| !squashed.replaces.contains(&(migration.app.clone(), migration.name.clone())));
        for migration in &mut history {
            migration.replaces.clear();
            for parent in migration.dependencies.iter_mut().filter(|parent| squashed.replaces.contains(parent)) {
                parent.1 = squashed.name.clone();
            }
        }
        let again = Squash::new("shop", "0004").run(&history).expect("squashed").migration;
        assert_eq!(again.operations.len(), 1);
    }
}
