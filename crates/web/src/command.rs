//! The command line: Django's management commands, and those of the apps.

mod batches;
mod check;
mod fixtures;
mod inspect;
mod makemigrations;
mod migrations;
mod progress;
mod query;
mod questions;
mod recount;
#[cfg(feature = "encryption")]
mod rotate_keys;
mod runserver;
mod squashmigrations;
mod table;

use std::ffi::OsString;
use std::io::Write;

use clap::{ArgMatches, FromArgMatches, Subcommand};
pub use progress::ProgressBar;

use crate::app::App;
use crate::error::{Error, Result};
use crate::project::Project;
use crate::settings::Settings;
use crate::site::Site;

// The commands that every project has. No doc comment: clap would show it.
#[derive(Debug, Subcommand)]
enum Builtin {
    Runserver(runserver::Runserver),
    Migrate(migrations::Migrate),
    Makemigrations(makemigrations::Makemigrations),
    Squashmigrations(squashmigrations::Squashmigrations),
    Showmigrations(migrations::Showmigrations),
    Sqlmigrate(migrations::Sqlmigrate),
    Check(check::Check),
    Inspectdb(inspect::Inspectdb),
    Query(query::Query),
    Batches(batches::Batches),
    Dumpdata(fixtures::Dumpdata),
    Loaddata(fixtures::Loaddata),
    #[command(name = "recount")]
    Recount(recount::Recounts),
    #[cfg(feature = "encryption")]
    #[command(name = "rotate_keys")]
    RotateKeys(rotate_keys::RotateKeys),
}

/// A command line that was read.
#[derive(Debug)]
pub(crate) struct CommandLine {
    matches: ArgMatches,
}

impl CommandLine {
    /// Reads arguments, the program's own name not among them.
    pub(crate) fn read(project: &Project, arguments: impl Iterator<Item = OsString>) -> Result<Self, clap::Error> {
        let name = OsString::from(project.name());
        let matches = describe(project).try_get_matches_from(std::iter::once(name).chain(arguments))?;
        Ok(CommandLine { matches })
    }

    /// Whether no command is named.
    pub(crate) fn is_demo(&self) -> bool {
        self.matches.subcommand().is_none()
    }

    /// Runs the command.
    pub(crate) async fn run(self, project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
        let Some((name, arguments)) = self.matches.subcommand() else {
            return runserver::demo(project, settings, out).await;
        };
        let own = project.apps().iter().flat_map(|app| &app.commands);
        for command in own {
            if (command.describe)().get_name() == name {
                return with_site(project, settings, async |site| (command.run)(arguments, site.clone()).await).await;
            }
        }
        match Builtin::from_arg_matches(&self.matches).map_err(|error| Error::Command(error.to_string()))? {
            Builtin::Runserver(command) => command.run(project, settings, out).await,
            Builtin::Migrate(command) => command.run(project, settings, out).await,
            Builtin::Makemigrations(command) => command.run(project, out),
            Builtin::Squashmigrations(command) => command.run(project, out),
            Builtin::Showmigrations(command) => command.run(project, settings, out).await,
            Builtin::Sqlmigrate(command) => command.run(project, settings, out).await,
            Builtin::Inspectdb(command) => command.run(project, settings, out).await,
            Builtin::Query(command) => command.run(project, settings, out).await,
            Builtin::Batches(command) => command.run(project, settings, out).await,
            Builtin::Dumpdata(command) => command.run(project, settings, out).await,
            Builtin::Loaddata(command) => command.run(project, settings, out).await,
            Builtin::Recount(command) => command.run(project, settings, out).await,
            #[cfg(feature = "encryption")]
            Builtin::RotateKeys(command) => command.run(project, settings, out).await,
            Builtin::Check(command) => command.run(project, settings, out).await,
        }
    }
}

fn describe(project: &Project) -> clap::Command {
    let command = clap::Command::new(project.name())
        .about("Without a command: make the database if need be, fill it with something to look at, and serve it.")
        .disable_help_subcommand(true);
    let command = Builtin::augment_subcommands(command);
    let taken: Vec<String> = command.get_subcommands().map(|known| known.get_name().to_owned()).collect();
    let own = project.apps().iter().flat_map(|app| &app.commands).map(|command| (command.describe)());
    // Two of a name would end the program; `check` says which they are, before any command runs.
    own.fold((command, taken), |(command, mut taken), own| {
        let name = own.get_name().to_owned();
        if taken.contains(&name) {
            return (command, taken);
        }
        taken.push(name);
        (command.subcommand(own), taken)
    })
    .0
}

/// A problem for each command of an app whose name is taken.
pub(crate) fn twice(apps: &[App]) -> Vec<String> {
    let builtin = Builtin::augment_subcommands(clap::Command::new("site"));
    let mut taken: Vec<(String, String)> = builtin
        .get_subcommands()
        .map(|command| (command.get_name().to_owned(), "the project itself".to_owned()))
        .collect();
    let mut problems = Vec::new();
    for app in apps {
        for command in &app.commands {
            let name = (command.describe)().get_name().to_owned();
            match taken.iter().find(|(known, _)| *known == name) {
                Some((_, owner)) => {
                    problems.push(format!("{}: command `{name}` is one of {owner} already; rename it", app.label()));
                }
                None => taken.push((name, format!("app {}", app.label()))),
            }
        }
    }
    problems
}

/// Connects, works, and disconnects well, whatever came of the work.
async fn with_site<T>(project: &Project, settings: Settings, work: impl AsyncFnOnce(&Site) -> Result<T>) -> Result<T> {
    on_site(project.site(settings).await?, work).await
}

/// The same for what only reads: it makes no database.
async fn with_made_site<T>(
    project: &Project,
    settings: Settings,
    work: impl AsyncFnOnce(&Site) -> Result<T>,
) -> Result<T> {
    on_site(project.connect(settings, false).await?, work).await
}

async fn on_site<T>(site: Site, work: impl AsyncFnOnce(&Site) -> Result<T>) -> Result<T> {
    let outcome = work(&site).await;
    site.close().await;
    outcome
}

/// Writes; a reader that has had enough, as in `site query … | head`, is no error.
fn say(out: &mut (dyn Write + Send), text: std::fmt::Arguments<'_>) -> Result<()> {
    match out.write_fmt(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::other(error)),
        _ => Ok(()),
    }
}
