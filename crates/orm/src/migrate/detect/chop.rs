//! Operations cut into migrations, and these named.

use std::collections::{BTreeMap, BTreeSet};

use super::need::{Outstanding, Planned};
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::graph::{Graph, Key};
use crate::migrate::operation::{Migration, Operation};
use crate::migrate::optimize::optimize;

/// Where a migration without a name yet belongs: its app, and its place among the app's new ones.
type Draft = (String, usize);

/// A migration that has no name yet.
pub(super) struct Chopped {
    app: String,
    operations: Vec<Operation>,
    needs: BTreeSet<Draft>,
    after: BTreeSet<Key>,
    leaf: Option<Key>,
}

/// Cuts each app's operations into migrations: one, unless apps need each other by turns.
pub(super) fn chop(mut planned: BTreeMap<String, Vec<Planned>>, graph: &Graph) -> Result<Vec<Chopped>> {
    let mut outstanding = Outstanding::default();
    for (app, rest) in &planned {
        rest.iter().for_each(|item| outstanding.add(app, &item.operation));
    }
    let mut chopped: Vec<Chopped> = Vec::new();
    let mut made: BTreeMap<String, usize> = BTreeMap::new();
    let mut may_cut = false;
    while planned.values().any(|rest| !rest.is_empty()) {
        let mut progress = false;
        for (app, rest) in &mut planned {
            // How many of the next operations need nothing that another app has still to do.
            let waits = |item: &Planned| item.needs.iter().any(|need| need.app != *app && outstanding.holds(need));
            let ready = rest.iter().take_while(|item| !waits(item)).count();
            if ready == 0 || (ready < rest.len() && !may_cut) {
                continue;
            }
            let mut migration = Chopped {
                app: app.clone(),
                operations: Vec::new(),
                needs: BTreeSet::new(),
                after: BTreeSet::new(),
                leaf: graph.leaf(app)?.map(|leaf| (leaf.app.clone(), leaf.name.clone())),
            };
            for part in rest.drain(..ready) {
                outstanding.done(app, &part.operation);
                for need in part.needs.iter().filter(|need| need.app != *app) {
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
            migration.operations = optimize(app, migration.operations);
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

/// Numbers and names the migrations, and their parents by these names.
pub(super) fn named(chopped: Vec<Chopped>) -> Vec<Migration> {
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
pub(in crate::migrate) fn number(name: &str) -> usize {
    let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}
