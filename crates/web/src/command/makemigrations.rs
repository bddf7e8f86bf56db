//! Writing down how the tables have to change.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};
use std::path::Path;

use nuages_orm::migrate::{Answers, Migration, conflicts, detect_with};

use super::questions::Terminal;
use super::say;
use crate::error::{Error, Result};
use crate::project::Project;

/// Write down what is missing between the migrations and the models
#[derive(Debug, clap::Args)]
pub(crate) struct Makemigrations {
    /// Only these apps, and what they need
    apps: Vec<String>,
    /// Write nothing, and fail with a list if something is missing
    #[arg(long)]
    check: bool,
    /// Write nothing, and show what would be written
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
    /// Write a migration that does nothing yet, for each app that is named
    #[arg(long, requires = "apps", conflicts_with_all = ["check", "merge"])]
    empty: bool,
    /// Join the branches of an app's history that were written without knowing each other
    #[arg(long, conflicts_with = "check")]
    merge: bool,
    /// Name what is written, after its number
    #[arg(long, short, value_parser = identifier)]
    name: Option<String>,
    /// Ask nothing, even in a terminal
    #[arg(long, visible_alias = "noinput")]
    no_input: bool,
    #[command(flatten)]
    answers: Given,
}

/// Answers to what would be asked.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Answers")]
struct Given {
    /// It has another name now
    #[arg(long, value_name = "APP.OLD=NEW|APP.MODEL.OLD=NEW")]
    rename: Vec<String>,
    /// It is gone, and has no other name
    #[arg(long, value_name = "APP.MODEL[.FIELD]")]
    no_rename: Vec<String>,
    /// What rows get that have nothing in the field
    #[arg(long, value_name = "APP.MODEL.FIELD=VALUE")]
    fill: Vec<String>,
    /// No row has nothing in the field
    #[arg(long, value_name = "APP.MODEL.FIELD")]
    no_fill: Vec<String>,
    /// Drop it with what it holds, and make it anew, where it cannot be altered
    #[arg(long, value_name = "APP.MODEL[.FIELD]")]
    replace: Vec<String>,
}

impl Given {
    fn read(&self) -> Result<Answers> {
        let given = |texts: &[String], add: fn(Answers, &str) -> nuages_orm::Result<Answers>, known: Answers| {
            texts.iter().try_fold(known, |known, text| add(known, text))
        };
        let answers = given(&self.rename, Answers::rename, Answers::new())?;
        let answers = given(&self.no_rename, Answers::no_rename, answers)?;
        let answers = given(&self.fill, Answers::fill, answers)?;
        let answers = given(&self.no_fill, Answers::no_fill, answers)?;
        let answers = given(&self.replace, Answers::replace, answers)?;
        Ok(answers)
    }
}

/// A migration's name is part of a file's and a module's.
pub(super) fn identifier(text: &str) -> std::result::Result<String, String> {
    match text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') && !text.is_empty() {
        true => Ok(text.to_owned()),
        false => Err("use letters, digits and underscores".to_owned()),
    }
}

impl Makemigrations {
    pub(crate) fn run(self, project: &Project, out: &mut (dyn Write + Send)) -> Result<()> {
        project.check()?;
        for label in &self.apps {
            known(project, label)?;
        }
        let history = project.migrations();
        let conflicts = conflicts(&history)?;
        if self.merge {
            let wanted = conflicts.iter().filter(|it| self.apps.is_empty() || self.apps.contains(&it.app));
            let merged = wanted.map(|conflict| conflict.merged(&history)).collect::<nuages_orm::Result<Vec<_>>>()?;
            if merged.is_empty() {
                return say(out, format_args!("There is nothing to merge.\n"));
            }
            return self.put(project, merged, out);
        }
        if !conflicts.is_empty() {
            let lines: Vec<String> = conflicts
                .iter()
                .map(|conflict| {
                    let leaves = conflict.branches.iter().filter_map(|branch| branch.last());
                    let leaves: Vec<&str> = leaves.map(|leaf| leaf.name.as_ref()).collect();
                    format!("{} all come last in {}", leaves.join(" and "), conflict.app)
                })
                .collect();
            let message = format!("{}; run makemigrations --merge to join them", lines.join("\n"));
            return Err(Error::Command(message));
        }
        if self.empty {
            let empty = self.apps.iter().map(|app| empty(app, &history));
            return self.put(project, empty.collect(), out);
        }
        let missing = wanted(self.detect(project, &history)?, &self.apps);
        if missing.is_empty() {
            return say(out, format_args!("The migrations are complete.\n"));
        }
        if self.check {
            let list: String =
                missing.iter().map(|migration| format!("{}\n{}", name(migration), listed(migration))).collect();
            return Err(Error::Command(format!(
                "migrations are missing; run makemigrations to write them:\n{}",
                list.trim_end()
            )));
        }
        self.put(project, missing, out)
    }

    /// What is missing, after asking what has to be asked.
    fn detect(&self, project: &Project, history: &[Migration]) -> Result<Vec<Migration>> {
        let mut answers = self.answers.read()?;
        let may_ask =
            !self.no_input && !self.check && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let missing = if may_ask {
            let (mut input, mut output) = (std::io::stdin().lock(), std::io::stderr().lock());
            detect_with(&project.models(), history, &mut Terminal::new(&mut answers, &mut input, &mut output))?
        } else {
            detect_with(&project.models(), history, &mut answers)?
        };
        match answers.unused().as_slice() {
            [] => Ok(missing),
            unused => {
                let message = "answers nothing that is asked: is it spelt as in the models, and not done already?";
                Err(Error::Command(unused.iter().map(|it| format!("{it} {message}")).collect::<Vec<_>>().join("\n")))
            }
        }
    }

    /// Writes migrations, or shows them.
    fn put(&self, project: &Project, missing: Vec<Migration>, out: &mut (dyn Write + Send)) -> Result<()> {
        let missing = match &self.name {
            Some(name) => named(missing, name),
            None => missing,
        };
        if self.dry_run {
            for migration in &missing {
                say(out, format_args!("// {}\n{}\n{}", name(migration), comments(migration), migration.source()?))?;
            }
            return Ok(());
        }
        // All folders are known before the first file is written.
        let places = missing
            .iter()
            .map(|migration| Ok((migration, folder(project, &migration.app)?)))
            .collect::<Result<Vec<_>>>()?;
        for (migration, folder) in places {
            let path = migration.write(folder)?;
            say(out, format_args!("{}: {}\n{}", name(migration), path.display(), listed(migration)))?;
        }
        say(out, format_args!("Compile again, then run migrate.\n"))
    }
}

/// Refuses the label of an app that is not there.
pub(super) fn known(project: &Project, label: &str) -> Result<()> {
    if project.apps().iter().any(|app| app.label() == label) {
        return Ok(());
    }
    let labels: Vec<&str> = project.apps().iter().map(|app| app.label()).collect();
    Err(Error::Command(format!("unknown app `{label}`: choices are {}", labels.join(", "))))
}

/// Where an app's migrations are.
pub(super) fn folder<'a>(project: &'a Project, label: &str) -> Result<&'a Path> {
    let app = project.apps().iter().find(|app| app.label() == label);
    app.and_then(|app| app.migrations_folder.as_deref()).ok_or_else(|| {
        Error::Command(format!(
            "app {label} does not say where its migrations are; add `.migrations_in(concat!(env!(\"CARGO_MANIFEST_DIR\"), \
             \"/src/migrations\"))`"
        ))
    })
}

/// A migration that does nothing, after the last one of its app.
fn empty(app: &str, history: &[Migration]) -> Migration {
    let own: Vec<&Migration> = history.iter().filter(|migration| migration.app == app).collect();
    let followed: BTreeSet<&str> = own
        .iter()
        .flat_map(|migration| migration.dependencies.iter().chain(&migration.replaces))
        .filter(|(of, _)| of == app)
        .map(|(_, name)| name.as_ref())
        .collect();
    let leaf = own.iter().find(|migration| !followed.contains(migration.name.as_ref()));
    match leaf {
        Some(leaf) => {
            let number: String = leaf.name.chars().take_while(char::is_ascii_digit).collect();
            let number = number.parse::<usize>().unwrap_or(own.len());
            Migration::new(app.to_owned(), format!("{:04}_custom", number + 1))
                .after(leaf.app.clone(), leaf.name.clone())
        }
        None => Migration::new(app.to_owned(), "0001_initial"),
    }
}

/// The migrations under another name, after their numbers.
fn named(mut migrations: Vec<Migration>, wish: &str) -> Vec<Migration> {
    let mut names = BTreeMap::new();
    for migration in &mut migrations {
        let number: String = migration.name.chars().take_while(char::is_ascii_digit).collect();
        let name = format!("{number}_{wish}");
        names.insert((migration.app.clone(), migration.name.clone()), name.clone());
        migration.name = name.into();
    }
    for parent in migrations.iter_mut().flat_map(|migration| &mut migration.dependencies) {
        if let Some(name) = names.get(parent) {
            parent.1 = name.clone().into();
        }
    }
    migrations
}

fn name(migration: &Migration) -> String {
    format!("{}.{}", migration.app, migration.name)
}

/// The operations of a migration, one a line.
pub(super) fn listed(migration: &Migration) -> String {
    migration.operations.iter().map(|it| format!("    {} {}\n", it.sign(), it.describe())).collect()
}

/// The operations of a migration as comments of Rust.
fn comments(migration: &Migration) -> String {
    migration.operations.iter().map(|it| format!("// {} {}\n", it.sign(), it.describe())).collect()
}

/// The migrations of some apps, or of all if none is named, and those that they come after.
fn wanted(missing: Vec<Migration>, apps: &[String]) -> Vec<Migration> {
    if apps.is_empty() {
        return missing;
    }
    let mut names: BTreeSet<String> =
        missing.iter().filter(|migration| apps.iter().any(|app| migration.app == *app)).map(name).collect();
    loop {
        let needed = missing.iter().filter(|migration| names.contains(&name(migration)));
        let parents = needed.flat_map(|migration| &migration.dependencies).map(|(app, name)| format!("{app}.{name}"));
        let more: BTreeSet<String> = names.iter().cloned().chain(parents).collect();
        if more.len() == names.len() {
            break;
        }
        names = more;
    }
    missing.into_iter().filter(|migration| names.contains(&name(migration))).collect()
}
