//! Which migration comes after which.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::operation::Migration;
use super::state::State;
use crate::error::{Error, ErrorKind, Result};

/// App and name.
pub(crate) type Key = (Cow<'static, str>, Cow<'static, str>);

/// All migrations of a program, checked: each parent is there, none comes before itself.
///
/// Of a squashed migration and those that it stands for, only the one or the others are in it (Django's rule): the
/// squashed one if all of the others are applied or none, else the others.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    /// In an order in which they can be applied: parents first, apps and names in order of the alphabet otherwise.
    migrations: Vec<Arc<Migration>>,
    position: BTreeMap<Key, usize>,
    parents: Vec<Vec<usize>>,
    children: Vec<Vec<usize>>,
    /// Each app's migrations, in the order of `migrations`.
    by_app: BTreeMap<Cow<'static, str>, Vec<usize>>,
}

impl Graph {
    /// The graph as it is where nothing is applied.
    pub(crate) fn new(migrations: Vec<Migration>) -> Result<Graph> {
        let migrations: Vec<Arc<Migration>> = migrations.into_iter().map(Arc::new).collect();
        Graph::after(&migrations, |_| false)
    }

    /// The graph as it is where these migrations are applied.
    pub(crate) fn after(migrations: &[Arc<Migration>], is_applied: impl Fn(&Key) -> bool) -> Result<Graph> {
        let mut nodes: BTreeMap<Key, Arc<Migration>> = BTreeMap::new();
        let mut problems = Vec::new();
        for migration in migrations {
            if nodes.insert(migration.key(), Arc::clone(migration)).is_some() {
                problems.push(format!("{} is there twice; register the app's migrations once", migration.label()));
            }
        }
        let stand_ins = replace(&mut nodes, is_applied, &mut problems);
        let mut edges: BTreeMap<&Key, BTreeSet<Key>> = BTreeMap::new();
        for (key, migration) in &nodes {
            let mut parents = BTreeSet::new();
            let replaced = stand_ins.parents_of.get(key).into_iter().flatten();
            for parent in migration.dependencies.iter().chain(replaced) {
                stand_ins.resolve(parent, &nodes, &mut parents);
            }
            parents.remove(key);
            for (app, name) in parents.iter().filter(|parent| !nodes.contains_key(*parent)) {
                problems.push(format!(
                    "{} comes after {app}.{name}, which is not there; restore that file, or register its app",
                    migration.label()
                ));
            }
            edges.insert(key, parents);
        }
        if !problems.is_empty() {
            return Err(Error::new(ErrorKind::Migration, problems.join("\n")));
        }
        let order = order(&edges)?;
        let position: BTreeMap<Key, usize> =
            order.iter().enumerate().map(|(position, key)| ((*key).clone(), position)).collect();
        let mut graph = Graph {
            migrations: Vec::with_capacity(order.len()),
            parents: Vec::with_capacity(order.len()),
            children: vec![Vec::new(); order.len()],
            by_app: BTreeMap::new(),
            position,
        };
        for (here, key) in order.into_iter().enumerate() {
            let parents = edges.get(key).into_iter().flatten().filter_map(|parent| graph.position.get(parent).copied());
            let parents: Vec<usize> = parents.collect();
            for parent in &parents {
                if let Some(children) = graph.children.get_mut(*parent) {
                    children.push(here);
                }
            }
            graph.parents.push(parents);
            if let Some(migration) = nodes.get(key) {
                graph.migrations.push(Arc::clone(migration));
            }
            graph.by_app.entry(key.0.clone()).or_default().push(here);
        }
        Ok(graph)
    }

    /// All migrations, parents first.
    pub(crate) fn migrations(&self) -> &[Arc<Migration>] {
        &self.migrations
    }

    pub(crate) fn apps(&self) -> impl Iterator<Item = &str> {
        self.by_app.keys().map(AsRef::as_ref)
    }

    /// An app's migrations, parents first.
    pub(crate) fn of_app(&self, app: &str) -> impl Iterator<Item = &Arc<Migration>> {
        self.by_app.get(app).into_iter().flatten().filter_map(|position| self.migrations.get(*position))
    }

    /// The migrations of an app that no other of the app comes after.
    pub(crate) fn leaves(&self, app: &str) -> Vec<&Migration> {
        let is_own = |position: &usize| self.migrations.get(*position).is_some_and(|other| other.app == app);
        let positions = self.by_app.get(app).into_iter().flatten();
        let last = positions.filter(|here| !self.children.get(**here).into_iter().flatten().any(is_own));
        last.filter_map(|position| self.migrations.get(*position)).map(AsRef::as_ref).collect()
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
    pub(crate) fn find(&self, app: &str, name: &str) -> Result<&Arc<Migration>> {
        let own: Vec<&Arc<Migration>> = self.of_app(app).collect();
        if let Some(exact) = own.iter().find(|migration| migration.name == name) {
            return Ok(exact);
        }
        let problem = match own.iter().filter(|migration| migration.name.starts_with(name)).collect::<Vec<_>>()[..] {
            [only] => return Ok(only),
            [] if own.is_empty() => {
                let apps: Vec<&str> = self.apps().collect();
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

    /// The migrations that this one comes directly after.
    pub(crate) fn parents(&self, migration: &Migration) -> impl Iterator<Item = &Arc<Migration>> {
        self.beside(migration, &self.parents)
    }

    /// The migrations that come directly after this one.
    pub(crate) fn children(&self, migration: &Migration) -> impl Iterator<Item = &Arc<Migration>> {
        self.beside(migration, &self.children)
    }

    /// What must be applied for these migrations to be, themselves included, parents first.
    pub(crate) fn up_to<'a>(
        &'a self,
        targets: impl IntoIterator<Item = &'a Arc<Migration>>,
    ) -> impl DoubleEndedIterator<Item = &'a Arc<Migration>> {
        self.reach(targets, &self.parents).into_iter().filter_map(|position| self.migrations.get(position))
    }

    /// What cannot be applied without these migrations, themselves included, the last first.
    pub(crate) fn back_to<'a>(
        &'a self,
        targets: impl IntoIterator<Item = &'a Arc<Migration>>,
    ) -> impl DoubleEndedIterator<Item = &'a Arc<Migration>> {
        self.reach(targets, &self.children).into_iter().rev().filter_map(|position| self.migrations.get(position))
    }

    /// The models after all migrations.
    pub(crate) fn state(&self) -> Result<State> {
        self.state_of(|_| true)
    }

    /// The models after some of the migrations.
    pub(crate) fn state_of(&self, is_in: impl Fn(&Migration) -> bool) -> Result<State> {
        let mut state = State::new();
        for migration in self.migrations.iter().filter(|migration| is_in(migration)) {
            for operation in &migration.operations {
                state.apply(&migration.app, operation).map_err(|error| in_migration(migration, error))?;
            }
        }
        Ok(state)
    }

    fn beside<'a>(
        &'a self,
        migration: &Migration,
        edges: &'a [Vec<usize>],
    ) -> impl Iterator<Item = &'a Arc<Migration>> {
        let position = self.position.get(&migration.key());
        let beside = position.and_then(|position| edges.get(*position)).into_iter().flatten();
        beside.filter_map(|position| self.migrations.get(*position))
    }

    /// The positions that edges lead to from some migrations, those included.
    fn reach<'a>(&self, from: impl IntoIterator<Item = &'a Arc<Migration>>, edges: &[Vec<usize>]) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let starts = from.into_iter().filter_map(|migration| self.position.get(&migration.key()));
        let mut open: Vec<usize> = starts.copied().collect();
        while let Some(position) = open.pop() {
            if reached.insert(position) {
                open.extend(edges.get(position).into_iter().flatten());
            }
        }
        reached
    }
}

/// Says which migration an error is about.
pub(crate) fn in_migration(migration: &Migration, error: Error) -> Error {
    Error::new(ErrorKind::Migration, format!("{}: {error}", migration.label())).with_source(error)
}

/// Who stands for whom, among squashed migrations and those that they replace.
#[derive(Default)]
struct StandIns {
    /// What to come after in place of a migration that is not in the graph.
    for_key: BTreeMap<Key, Vec<Key>>,
    /// What the migrations came after that a squashed one stands for.
    parents_of: BTreeMap<Key, Vec<Key>>,
}

impl StandIns {
    /// Adds what to come after in place of a migration.
    fn resolve(&self, key: &Key, nodes: &BTreeMap<Key, Arc<Migration>>, found: &mut BTreeSet<Key>) {
        let mut open = vec![key];
        let mut seen = BTreeSet::new();
        while let Some(key) = open.pop() {
            match self.for_key.get(key) {
                Some(others) if !nodes.contains_key(key) && seen.insert(key) => open.extend(others),
                _ => {
                    found.insert(key.clone());
                }
            }
        }
    }
}

/// Takes out of the graph squashed migrations or those that they replace.
fn replace(
    nodes: &mut BTreeMap<Key, Arc<Migration>>,
    is_applied: impl Fn(&Key) -> bool,
    problems: &mut Vec<String>,
) -> StandIns {
    let mut stand_ins = StandIns::default();
    let squashed: Vec<(Key, Arc<Migration>)> = nodes
        .iter()
        .filter(|(_, migration)| !migration.replaces.is_empty())
        .map(|(key, migration)| (key.clone(), Arc::clone(migration)))
        .collect();
    for (key, migration) in squashed {
        let (applied, open): (Vec<&Key>, Vec<&Key>) = migration.replaces.iter().partition(|known| is_applied(known));
        if applied.is_empty() || open.is_empty() {
            let parents = stand_ins.parents_of.remove(&key).unwrap_or_default();
            let mut parents: BTreeSet<Key> = parents.into_iter().collect();
            for known in &migration.replaces {
                if let Some(gone) = nodes.remove(known) {
                    parents.extend(gone.dependencies.iter().cloned());
                    parents.extend(stand_ins.parents_of.remove(known).unwrap_or_default());
                }
                stand_ins.for_key.insert(known.clone(), vec![key.clone()]);
            }
            parents.retain(|parent| !migration.replaces.contains(parent));
            stand_ins.parents_of.insert(key, parents.into_iter().collect());
            continue;
        }
        if let Some((app, name)) = open.iter().find(|known| !nodes.contains_key(**known)) {
            problems.push(format!(
                "{} stands for migrations of which some are applied, but {app}.{name} is not, and its file is gone; \
                 restore that file, migrate, and only then delete it again",
                migration.label()
            ));
        }
        nodes.remove(&key);
        stand_ins.for_key.insert(key, migration.replaces.clone());
    }
    stand_ins
}

/// Parents first; where there is a choice, in order of the keys.
fn order<'a>(edges: &'a BTreeMap<&'a Key, BTreeSet<Key>>) -> Result<Vec<&'a Key>> {
    let mut order = Vec::with_capacity(edges.len());
    let mut done: BTreeSet<&Key> = BTreeSet::new();
    for start in edges.keys() {
        // The path from `start` to where we are: each step with the parents that are still to be looked at.
        let mut path: Vec<(&Key, std::collections::btree_set::Iter<'_, Key>)> = Vec::new();
        let mut on_path: BTreeSet<&Key> = BTreeSet::new();
        let mut next = Some(*start);
        loop {
            if let Some(key) = next.take()
                && !done.contains(key)
            {
                if on_path.contains(key) {
                    let from = path.iter().position(|(other, _)| *other == key).unwrap_or_default();
                    let mut circle: Vec<String> =
                        path.iter().skip(from).map(|((app, name), _)| format!("{app}.{name}")).collect();
                    circle.push(format!("{}.{}", key.0, key.1));
                    return Err(Error::new(
                        ErrorKind::Migration,
                        format!(
                            "migrations come after one another in a circle: {}; take one of these dependencies out",
                            circle.join(" after ")
                        ),
                    ));
                }
                if let Some((key, parents)) = edges.get_key_value(key) {
                    on_path.insert(key);
                    path.push((key, parents.iter()));
                }
            }
            match path.last_mut() {
                None => break,
                Some((key, parents)) => match parents.next() {
                    Some(parent) => next = Some(parent),
                    None => {
                        done.insert(key);
                        on_path.remove(*key);
                        order.push(*key);
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
        let labels: Vec<String> = graph.migrations().iter().map(|migration| migration.label()).collect();
        assert_eq!(labels, ["b.0001_initial", "b.0002_more", "a.0001_initial"]);
        assert_eq!(graph.leaf("b").expect("one leaf").expect("a leaf").name, "0002_more");
        let leaf = graph.find("b", "0002_more").expect("it is there");
        assert_eq!(graph.up_to([leaf]).count(), 2);
        let back: Vec<String> = graph.back_to([leaf]).map(|migration| migration.label()).collect();
        assert_eq!(back, ["a.0001_initial", "b.0002_more"]);
        assert_eq!(graph.find("b", "0002").expect("by its start").name, "0002_more");
    }

    #[test]
    fn what_cannot_be_ordered_is_named() {
        let circle =
            vec![Migration::new("a", "0001").after("b", "0001"), Migration::new("b", "0001").after("a", "0001")];
        assert_eq!(
            message(circle),
            "migrations come after one another in a circle: a.0001 after b.0001 after a.0001; take one of these \
             dependencies out"
        );
        let twice = vec![Migration::new("a", "0001"), Migration::new("a", "0001")];
        assert!(message(twice).starts_with("a.0001 is there twice"));
        let orphan = vec![Migration::new("a", "0002").after("a", "0001")];
        assert!(message(orphan).starts_with("a.0002 comes after a.0001, which is not there"));
        let forked = Graph::new(vec![Migration::new("a", "0002_x"), Migration::new("a", "0002_y")]).expect("a graph");
        let error = forked.leaf("a").map(|_| ()).expect_err("two leaves").to_string();
        assert!(error.starts_with("a.0002_x and a.0002_y both come last in a"), "{error}");
    }

    fn squashed() -> Vec<Arc<Migration>> {
        let squashed = Migration::new("a", "0001_squashed_0002").replaces("a", "0001").replaces("a", "0002");
        vec![
            Arc::new(Migration::new("a", "0001").after("b", "0001")),
            Arc::new(Migration::new("a", "0002").after("a", "0001")),
            Arc::new(Migration::new("a", "0003").after("a", "0002")),
            Arc::new(Migration::new("b", "0001")),
            Arc::new(squashed),
        ]
    }

    fn labels(graph: &Graph) -> Vec<String> {
        graph.migrations().iter().map(|migration| migration.label()).collect()
    }

    #[test]
    fn a_squashed_migration_stands_for_all_or_none() {
        let none = Graph::after(&squashed(), |_| false).expect("a graph");
        assert_eq!(labels(&none), ["b.0001", "a.0001_squashed_0002", "a.0003"]);
        let all = Graph::after(&squashed(), |(_, name)| name == "0001" || name == "0002").expect("a graph");
        assert_eq!(labels(&all), labels(&none));
        let some = Graph::after(&squashed(), |(app, name)| app == "a" && name == "0001").expect("a graph");
        assert_eq!(labels(&some), ["b.0001", "a.0001", "a.0002", "a.0003"]);
    }

    #[test]
    fn files_that_were_squashed_may_go_once_they_are_applied() {
        let left: Vec<_> =
            squashed().into_iter().filter(|it| it.app != "b" && it.name != "0001" && it.name != "0002").collect();
        let all = Graph::after(&left, |(_, name)| name == "0001" || name == "0002").expect("a graph");
        assert_eq!(labels(&all), ["a.0001_squashed_0002", "a.0003"]);
        let error = Graph::after(&left, |(_, name)| name == "0001").map(|_| ()).expect_err("0002 is missing");
        assert!(error.to_string().contains("a.0002 is not, and its file is gone"), "{error}");
    }
}
