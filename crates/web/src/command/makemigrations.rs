//! Writing down how the tables have to change.

use std::collections::BTreeSet;
use std::io::Write;

use nuages_orm::migrate::{Migration, detect};

use super::say;
use crate::error::{Error, Result};
use crate::project::Project;

/// Write down what is missing between the migrations and the models
#[derive(Debug, clap::Args)]
pub(crate) struct Makemigrations {
    /// Only these apps, and what they need
    apps: Vec<String>,
    /// Write nothing, and fail if something is missing
    #[arg(long)]
    check: bool,
    /// Write nothing, and show what would be written
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
}

impl Makemigrations {
    pub(crate) fn run(self, project: &Project, out: &mut (dyn Write + Send)) -> Result<()> {
        project.check()?;
        for label in &self.apps {
            if !project.apps().iter().any(|app| app.label() == label) {
                let labels: Vec<&str> = project.apps().iter().map(|app| app.label()).collect();
                return Err(Error::Command(format!("unknown app `{label}`: choices are {}", labels.join(", "))));
            }
        }
        let missing = wanted(detect(&project.models(), &project.migrations())?, &self.apps);
        if missing.is_empty() {
            return say(out, format_args!("The migrations are complete.\n"));
        }
        if self.check {
            let names: Vec<String> = missing.iter().map(name).collect();
            return Err(Error::Command(format!("migrations are missing: {}; run makemigrations", names.join(", "))));
        }
        if self.dry_run {
            for migration in &missing {
                say(out, format_args!("{}", migration.source()?))?;
            }
            return Ok(());
        }
        // All folders are known before the first file is written.
        let mut places = Vec::new();
        for migration in &missing {
            let app = project.apps().iter().find(|app| app.label() == migration.app);
            let folder = app.and_then(|app| app.migrations_folder.as_deref()).ok_or_else(|| {
                Error::Command(format!(
                    "app {} does not say where its migrations are; add `.migrations_in(concat!(env!(\
                     \"CARGO_MANIFEST_DIR\"), \"/src/migrations\"))`",
                    migration.app
                ))
            })?;
            places.push((migration, folder));
        }
        for (migration, folder) in places {
            let path = migration.write(folder)?;
            say(out, format_args!("{}: {}\n", name(migration), path.display()))?;
        }
        say(out, format_args!("Compile again, then run migrate.\n"))
    }
}

fn name(migration: &Migration) -> String {
    format!("{}.{}", migration.app, migration.name)
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
