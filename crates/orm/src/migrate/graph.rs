//! Which migration comes after which.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::operation::Migration;
use super::state::State;
use crate::error::{Error, ErrorKind, Result};

/// App and name.
pub(crate) type Key = (Cow<'static, str>, Cow<'static, str>);

/// All migrations of a program, checked: each parent is there, none comes before itself, one leaf per app.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    /// In an order in which they can be applied: parents first, apps and names in order of the alphabet otherwise.
    migrations: Vec<Migration>,
    position: BTreeMap<Key, usize>,
}

impl Graph {
    pub(crate) fn new(migrations: Vec<Migration>) -> Result<Graph> {
        let mut by_key: BTreeMap<Key, Migration> = BTreeMap::new();
        let mut problems = Vec::new();
        for migration in migrations {
            let key = (migration.app.clone(), migration.name.clone());
            if by_key.contains_key(&key) {
                problems.push(format!("{} is there twice; register the app's migrations once", migration.label()));
                continue;
            }
            by_key.insert(key, migration);
        }
        for migration in by_key.values() {
            for (app, name) in &migration.dependencies {
                if !by_key.contains_key(&(app.clone(), name.clone())) {
                    problems.push(format!(
                        "{} comes after {app}.{name}, which is not there; restore that file, or register its app",
                        migration.label()
                    ));
                }
            }
        }
        if !problems.is_empty() {
            return Err(Error::new(ErrorKind::Migration, problems.join("\n")));
        }
        let order = order(&by_key)?;
        let mut migrations = Vec::with_capacity(order.len());
        let mut position = BTreeMap::new();
        for key in order {
            if let Some(migration) = by_key.remove(&key) {
                position.insert(key, migrations.len());
                migrations.push(migration);
            }
        }
        Ok(Graph { migrations, position })
    }

    /// All migrations, parents first.
    pub(crate) fn migrations(&self) -> &[Migration] {
        &self.migrations
    }

    pub(crate) fn apps(&self) -> BTreeSet<&str> {
        self.migrations.iter().map(|migration| migration.app.as_ref()).collect()
    }

    /// The migrations of an app that no other of the app comes after.
    pub(crate) fn leaves(&self, app: &str) -> Vec<&Migration> {
        let followed: BTreeSet<&str> = self
            .migrations
            .iter()
            .filter(|migration| migration.app == app)
            .flat_map(|migration| &migration.dependencies)
            .filter(|(parent, _)| parent == app)
            .map(|(_, name)| name.as_ref())
            .collect();
        let own = self.migrations.iter().filter(|migration| migration.app == app);
        own.filter(|migration| !followed.contains(migration.name.as_ref())).collect()
    }

    /// The last migration of an app; `None` if it has none.
    ///
    /// # Errors
    /// If two come last: each was written without knowing the other.
    pub(crate) fn leaf(&self, app: &str) -> Result<Option<&Migration>> {
        match self.leaves(app).as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(only)),
            several => {
                let names: Vec<String> = several.iter().map(|migration| migration.label()).collect();
                Err(Error::new(
                    ErrorKind::Migration,
                    format!(
                        "{} both come last in {app}; make one come `.after` the other, and run again",
                        names.join(" and ")
                    ),
                ))
            }
        }
    }

    /// The migration of this name; the start of a name is enough if no other starts like it.
    pub(crate) fn find(&self, app: &str, name: &str) -> Result<&Migration> {
        let own: Vec<&Migration> = self.migrations.iter().filter(|migration| migration.app == app).collect();
        if let Some(exact) = own.iter().find(|migration| migration.name == name) {
            return Ok(exact);
        }
        let problem = match own.iter().filter(|migration| migration.name.starts_with(name)).collect::<Vec<_>>()[..] {
            [only] => return Ok(only),
            [] if own.is_empty() => {
                let apps: Vec<&str> = self.apps().into_iter().collect();
                format!("app `{app}` has no migrations; apps with migrations are {}", apps.join(", "))
            }
            [] => {
                let names: Vec<&str> = own.iter().map(|migration| migration.name.as_ref()).collect();
                format!("{app} has no migration `{name}`; choices are {}", names.join(", "))
            }
            [first, second, ..] => {
                format!("`{name}` is the start of {} and {}; say more", first.label(), second.label())
            }
        };
        Err(Error::new(ErrorKind::Migration, problem))
    }

    /// What must be applied for these migrations to be, themselves included, parents first.
    pub(crate) fn up_to<'a>(&'a self, targets: impl IntoIterator<Item = &'a Migration>) -> Vec<&'a Migration> {
        let mut wanted = BTreeSet::new();
        let mut open: Vec<&Migration> = targets.into_iter().collect();
        while let Some(migration) = open.pop() {
            let key = (migration.app.clone(), migration.name.clone());
            let Some(position) = self.position.get(&key) else { continue };
            if wanted.insert(*position) {
                let parents = migration.dependencies.iter().filter_map(|parent| self.position.get(parent));
                open.extend(parents.filter_map(|parent| self.migrations.get(*parent)));
            }
        }
        wanted.into_iter().filter_map(|position| self.migrations.get(position)).collect()
    }

    /// The models after all migrations.
    pub(crate) fn state(&self) -> Result<State> {
        let mut state = State::new();
        for migration in &self.migrations {
            for operation in &migration.operations {
                state.apply(&migration.app, operation).map_err(|error| in_migration(migration, error))?;
            }
        }
        Ok(state)
    }
}

/// Says which migration an error is about.
pub(crate) fn in_migration(migration: &Migration, error: Error) -> Error {
    Error::new(ErrorKind::Migration, format!("{}: {error}", migration.label()))
}

/// Parents first; where there is a choice, in order of the keys.
fn order(migrations: &BTreeMap<Key, Migration>) -> Result<Vec<Key>> {
    let mut order = Vec::with_capacity(migrations.len());
    let mut done: BTreeSet<&Key> = BTreeSet::new();
    for start in migrations.keys() {
        // The path from `start` to where we are: each step with the parents that are still to be looked at.
        let mut path: Vec<(&Key, std::slice::Iter<'_, Key>)> = Vec::new();
        let mut next = Some(start);
        loop {
            if let Some(key) = next.take()
                && !done.contains(key)
            {
                if let Some(position) = path.iter().position(|(on_path, _)| *on_path == key) {
                    let mut circle: Vec<String> =
                        path.iter().skip(position).map(|((app, name), _)| format!("{app}.{name}")).collect();
                    circle.push(format!("{}.{}", key.0, key.1));
                    return Err(Error::new(
                        ErrorKind::Migration,
                        format!("migrations come after one another in a circle: {}", circle.join(" after ")),
                    ));
                }
                if let Some(migration) = migrations.get(key) {
                    path.push((key, migration.dependencies.iter()));
                }
            }
            match path.last_mut() {
                None => break,
                Some((key, parents)) => match parents.next() {
                    Some(parent) => next = Some(parent),
                    None => {
                        done.insert(key);
                        order.push((*key).clone());
                        path.pop();
                    }
                },
            }
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(migrations: Vec<Migration>) -> String {
        Graph::new(migrations).map(|_| ()).expect_err("is refused").to_string()
    }

    #[test]
    fn parents_come_first_across_apps() {
        let graph = Graph::new(vec![
            Migration::new("a", "0001_initial").after("b", "0002_more"),
            Migration::new("b", "0002_more").after("b", "0001_initial"),
            Migration::new("b", "0001_initial"),
        ])
        .expect("a graph");
        let labels: Vec<String> = graph.migrations().iter().map(Migration::label).collect();
        assert_eq!(labels, ["b.0001_initial", "b.0002_more", "a.0001_initial"]);
        let leaf = graph.leaf("b").expect("one leaf").expect("a leaf");
        assert_eq!(graph.up_to([leaf]).len(), 2);
        assert_eq!(graph.find("b", "0002").expect("by its start").name, "0002_more");
    }

    #[test]
    fn what_cannot_be_ordered_is_named() {
        let circle =
            vec![Migration::new("a", "0001").after("b", "0001"), Migration::new("b", "0001").after("a", "0001")];
        assert_eq!(message(circle), "migrations come after one another in a circle: a.0001 after b.0001 after a.0001");
        let twice = vec![Migration::new("a", "0001"), Migration::new("a", "0001")];
        assert!(message(twice).starts_with("a.0001 is there twice"));
        let orphan = vec![Migration::new("a", "0002").after("a", "0001")];
        assert!(message(orphan).starts_with("a.0002 comes after a.0001, which is not there"));
        let forked = Graph::new(vec![Migration::new("a", "0002_x"), Migration::new("a", "0002_y")]).expect("a graph");
        let error = forked.leaf("a").map(|_| ()).expect_err("two leaves").to_string();
        assert!(error.starts_with("a.0002_x and a.0002_y both come last in a"), "{error}");
    }
}
