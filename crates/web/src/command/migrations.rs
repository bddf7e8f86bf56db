//! Changing the tables, and showing how far they are.

use std::io::Write;

use nuages_orm::migrate::{Migrator, Progress, Target};

use super::{say, with_site};
use crate::error::Result;
use crate::project::Project;
use crate::settings::Settings;

/// Bring the tables up to date
#[derive(Debug, clap::Args)]
pub(crate) struct Migrate {
    /// Only this app, and what it needs
    app: Option<String>,
    /// Only up to this migration; the start of its name is enough
    #[arg(requires = "app")]
    migration: Option<String>,
}

impl Migrate {
    pub(crate) async fn run(self, project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
        let target = match (self.app, self.migration) {
            (Some(app), Some(migration)) => Target::Migration(app, migration),
            (Some(app), None) => Target::App(app),
            _ => Target::All,
        };
        with_site(project, settings, async |site| {
            let migrator = Migrator::new(site.db(), project.migrations())?;
            let mut told = Ok(());
            let applied = migrator.migrate(&target, |progress| tell(&mut told, out, progress)).await?;
            told?;
            if applied == 0 {
                say(out, format_args!("The tables are up to date.\n"))?;
            }
            Ok(())
        })
        .await
    }
}

fn tell(told: &mut Result<()>, out: &mut (dyn Write + Send), progress: Progress<'_>) {
    let more = match progress {
        Progress::Applying(migration) => say(out, format_args!("Applying {}.{} … ", migration.app, migration.name)),
        Progress::Applied(_) => say(out, format_args!("done\n")),
        Progress::Found(_) => say(out, format_args!("done meanwhile by another program\n")),
        _ => Ok(()),
    };
    if told.is_ok() {
        *told = more;
    }
}

/// Show which migrations are applied
#[derive(Debug, clap::Args)]
pub(crate) struct Showmigrations {
    /// Only these apps
    apps: Vec<String>,
}

impl Showmigrations {
    pub(crate) async fn run(self, project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
        let shown = with_site(project, settings, async |site| {
            Ok(Migrator::new(site.db(), project.migrations())?.show().await?)
        })
        .await?;
        for app in project.apps().iter().map(|app| app.label()) {
            if !self.apps.is_empty() && !self.apps.iter().any(|label| label == app) {
                continue;
            }
            say(out, format_args!("{app}\n"))?;
            let mut own = shown.iter().filter(|shown| shown.app == app).peekable();
            if own.peek().is_none() {
                say(out, format_args!(" (no migrations)\n"))?;
            }
            for migration in own {
                let mark = if migration.applied.is_some() { 'X' } else { ' ' };
                say(out, format_args!(" [{mark}] {}\n", migration.name))?;
            }
        }
        Ok(())
    }
}

/// Show the SQL of a migration
#[derive(Debug, clap::Args)]
pub(crate) struct Sqlmigrate {
    /// The app
    app: String,
    /// The migration; the start of its name is enough
    migration: String,
}

impl Sqlmigrate {
    pub(crate) async fn run(self, project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
        let sql = with_site(project, settings, async |site| {
            Ok(Migrator::new(site.db(), project.migrations())?.sql(&self.app, &self.migration)?)
        })
        .await?;
        say(out, format_args!("{sql}"))
    }
}
