//! Many migrations made one.

use std::io::Write;

use nuages_orm::migrate::Squash;

use super::makemigrations::{folder, known, listed};
use super::say;
use crate::error::Result;
use crate::project::Project;

/// Make one migration of several of an app, which stands for them
#[derive(Debug, clap::Args)]
pub(crate) struct Squashmigrations {
    /// The app
    app: String,
    /// The last migration to squash, or the first and the last; the start of a name is enough
    #[arg(required = true, num_args = 1..=2, value_name = "[FROM] TO")]
    migrations: Vec<String>,
    /// Name what comes out, after the number of the first
    #[arg(long, value_parser = super::makemigrations::identifier)]
    squashed_name: Option<String>,
    /// Take the operations as they are, one after the other
    #[arg(long)]
    no_optimize: bool,
    /// Write nothing, and show what would be written
    #[arg(long)]
    dry_run: bool,
}

impl Squashmigrations {
    pub(crate) fn run(self, project: &Project, out: &mut (dyn Write + Send)) -> Result<()> {
        known(project, &self.app)?;
        let mut squash = match self.migrations.as_slice() {
            [from, to] => Squash::new(&self.app, to).from(from),
            other => Squash::new(&self.app, other.concat()),
        };
        if let Some(name) = &self.squashed_name {
            squash = squash.name(name);
        }
        if self.no_optimize {
            squash = squash.without_optimizing();
        }
        let squashed = squash.run(&project.migrations())?;
        if self.dry_run {
            return say(out, format_args!("{}", squashed.source()?));
        }
        let path = squashed.write(folder(project, &self.app)?)?;
        let migration = &squashed.migration;
        say(
            out,
            format_args!(
                "{}: {}\n{}It stands for {} migrations, with {} operations in place of {}.\n",
                migration.label(),
                path.display(),
                listed(migration),
                migration.replaces.len(),
                migration.operations.len(),
                squashed.before
            ),
        )?;
        for (name, _) in &squashed.functions {
            say(out, format_args!("A function is taken from {name}: bring it over before you delete that file.\n"))?;
        }
        say(
            out,
            format_args!(
                "Compile again. When every database has applied all of them, delete the files that it replaces, take \
                 `.replaces(…)` out of it, and let what came `.after` them come after it.\n"
            ),
        )
    }
}
