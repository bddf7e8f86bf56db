//! Changing the tables, and showing how far they are.

use std::io::Write;

use nuages_orm::migrate::{Explained, Migrator, Progress, Target};

use super::{ProgressBar, say, with_site};
use crate::error::{Error, Result};
use crate::project::Project;
use crate::routing::DEFAULT;
use crate::settings::Settings;
use crate::site::Site;

/// Bring the tables up to date, or back to what they were
#[derive(Debug, clap::Args)]
pub(crate) struct Migrate {
    /// Only this app, and what it needs
    app: Option<String>,
    /// Only up to this migration, or back to it; the start of its name is enough. `zero` undoes all of the app
    #[arg(requires = "app")]
    migration: Option<String>,
    /// The database, by the name in DATABASE_URL_<NAME>
    #[arg(long, default_value = DEFAULT)]
    database: String,
    /// Change nothing, and show what would be done and whom it would keep waiting
    #[arg(long, conflicts_with_all = ["fake", "check"])]
    plan: bool,
    /// Change nothing, and fail if there is something to be done
    #[arg(long)]
    check: bool,
    /// Record migrations as applied, or as undone, without running them
    #[arg(long)]
    fake: bool,
    /// Record an app's first migration without running it if its tables are there already
    #[arg(long)]
    fake_initial: bool,
    /// Take migrations that were edited after they were applied for what they are now
    #[arg(long)]
    accept_edited: bool,
    /// Forget the records of the app's migrations that are not there any more
    #[arg(long, requires = "app", conflicts_with_all = ["migration", "plan", "check", "fake"])]
    prune: bool,
}

impl Migrate {
    pub(crate) async fn run(self, project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
        with_site(project, settings, async |site| {
            let migrator = migrator(project, site, &self.database)?
                .fake(self.fake)
                .fake_initial(self.fake_initial)
                .accept_edited(self.accept_edited)
                .lock_patience(site.settings().migration_locks);
            if let (true, Some(app)) = (self.prune, &self.app) {
                let names = migrator.prune(app).await?;
                for name in &names {
                    say(out, format_args!("Forgot {app}.{name}\n"))?;
                }
                return if names.is_empty() { say(out, format_args!("Nothing to forget.\n")) } else { Ok(()) };
            }
            let target = self.target();
            if self.plan {
                return show_plan(&migrator.explain(&target).await?, out);
            }
            if self.check {
                let plan = migrator.plan(&target).await?;
                let labels: Vec<String> = plan.iter().map(|step| step.migration.label()).collect();
                return match labels.is_empty() {
                    true => say(out, format_args!("The tables are up to date.\n")),
                    false => Err(Error::Command(format!("not applied: {}; run migrate", labels.join(", ")))),
                };
            }
            let mut teller = Teller { told: Ok(()), bar: None };
            let count = migrator.migrate(&target, |progress| teller.tell(out, progress)).await?;
            teller.told?;
            if count == 0 {
                say(out, format_args!("The tables are up to date.\n"))?;
            }
            Ok(())
        })
        .await
    }

    fn target(&self) -> Target {
        match (self.app.clone(), self.migration.clone()) {
            (Some(app), Some(name)) if name == "zero" => Target::Zero(app),
            (Some(app), Some(migration)) => Target::Migration(app, migration),
            (Some(app), None) => Target::App(app),
            _ => Target::All,
        }
    }
}

/// All migrations, which change in a database what is in it.
pub(super) fn migrator(project: &Project, site: &Site, database: &str) -> Result<Migrator> {
    let migrator = Migrator::new(site.db_named(database)?, project.migrations())?;
    let database = database.to_lowercase();
    if database == DEFAULT && project.databases().len() == 1 {
        return Ok(migrator);
    }
    let routing = project.routing();
    Ok(migrator.allow(move |app, model| routing.allows(&database, app, model)))
}

fn show_plan(plan: &[Explained], out: &mut (dyn Write + Send)) -> Result<()> {
    if plan.is_empty() {
        return say(out, format_args!("Nothing to be done: the tables are up to date.\n"));
    }
    for step in plan {
        let how = match (step.backwards, step.migration.atomic) {
            (true, true) => " (undone)",
            (true, false) => " (undone, operation by operation)",
            (false, true) => "",
            (false, false) => " (not atomic: operation by operation)",
        };
        say(out, format_args!("{}{how}\n", step.migration.label()))?;
        for operation in &step.operations {
            say(out, format_args!("    {}\n", operation.description))?;
            if let Some(advice) = &operation.advice {
                let mark = if advice.is_risky() { "! " } else { "" };
                say(out, format_args!("        {mark}{advice}\n"))?;
            }
        }
    }
    Ok(())
}

/// What `check --deploy` says of the operations that are not yet applied and would keep others waiting.
pub(super) async fn warn_of_locks(project: &Project, site: &Site, out: &mut (dyn Write + Send)) -> Result<()> {
    for name in project.databases() {
        for step in migrator(project, site, &name)?.explain(&Target::All).await? {
            for operation in &step.operations {
                if let Some(advice) = operation.advice.as_ref().filter(|advice| advice.is_risky()) {
                    let label = step.migration.label();
                    say(out, format_args!("{label}: {} {advice}\n", operation.description))?;
                }
            }
        }
    }
    Ok(())
}

/// Tells what a migrator does.
struct Teller {
    told: Result<()>,
    /// The operation on rows that is under way, and how far it is.
    bar: Option<(String, ProgressBar)>,
}

impl Teller {
    fn tell(&mut self, out: &mut (dyn Write + Send), progress: Progress<'_>) {
        let more = match progress {
            Progress::Applying(migration) => say(out, format_args!("Applying {} … ", migration.label())),
            Progress::Undoing(migration) => say(out, format_args!("Undoing {} … ", migration.label())),
            Progress::Applied(_) | Progress::Undone(_) => say(out, format_args!("done\n")),
            Progress::Found(_) => say(out, format_args!("done meanwhile by another program\n")),
            Progress::Faked(migration) => say(out, format_args!("{}: recorded only\n", migration.label())),
            Progress::Again { attempt, .. } => {
                say(out, format_args!("others hold its tables, try {} … ", attempt.saturating_add(1)))
            }
            Progress::Rows { operation, done, total } => {
                let what = operation.describe();
                match &mut self.bar {
                    Some((known, bar)) if *known == what => bar.show(done, total),
                    bar => bar.insert((what.clone(), ProgressBar::new(what))).1.show(done, total),
                }
                Ok(())
            }
            _ => Ok(()),
        };
        if self.told.is_ok() {
            self.told = more;
        }
    }
}

/// Show which migrations are applied
#[derive(Debug, clap::Args)]
pub(crate) struct Showmigrations {
    /// Only these apps
    apps: Vec<String>,
    /// Show them in the order in which they are applied, whatever their app
    #[arg(long, short)]
    plan: bool,
    /// With `--plan`, also what each comes after
    #[arg(long, short)]
    verbose: bool,
    /// The database, by the name in DATABASE_URL_<NAME>
    #[arg(long, default_value = DEFAULT)]
    database: String,
}

impl Showmigrations {
    pub(crate) async fn run(self, project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
        let shown = with_site(project, settings, async |site| {
            Ok(migrator(project, site, &self.database)?.show_in_order().await?)
        })
        .await?;
        let known: Vec<&str> = project.apps().iter().map(|app| app.label()).collect();
        if let Some(unknown) = self.apps.iter().find(|label| !known.contains(&label.as_str())) {
            return Err(Error::Command(format!("unknown app `{unknown}`: choices are {}", known.join(", "))));
        }
        let is_asked = |app: &str| self.apps.is_empty() || self.apps.iter().any(|label| label == app);
        let mark = |line: &nuages_orm::migrate::Shown| match (line.applied, line.unrecorded) {
            (None, _) => ' ',
            (Some(_), true) => '-',
            (Some(_), false) => 'X',
        };
        let more = |line: &nuages_orm::migrate::Shown| match (line.squashed, line.unrecorded) {
            (0, _) => String::new(),
            (count, false) => format!(" ({count} squashed migrations)"),
            (count, true) => format!(" ({count} squashed migrations) run migrate to finish recording"),
        };
        if self.plan {
            for line in shown.iter().filter(|line| is_asked(&line.app)) {
                let parents: Vec<String> = line.parents.iter().map(|(app, name)| format!("{app}.{name}")).collect();
                let after = match self.verbose && !parents.is_empty() {
                    true => format!(" ... ({})", parents.join(", ")),
                    false => String::new(),
                };
                say(out, format_args!("[{}]  {}.{}{}{after}\n", mark(line), line.app, line.name, more(line)))?;
            }
            return Ok(());
        }
        for app in known.into_iter().filter(|app| is_asked(app)) {
            say(out, format_args!("{app}\n"))?;
            let mut own = shown.iter().filter(|shown| shown.app == app).peekable();
            if own.peek().is_none() {
                say(out, format_args!(" (no migrations)\n"))?;
            }
            for line in own {
                say(out, format_args!(" [{}] {}{}\n", mark(line), line.name, more(line)))?;
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
    /// The SQL that undoes it
    #[arg(long)]
    backwards: bool,
    /// The database, by the name in DATABASE_URL_<NAME>
    #[arg(long, default_value = DEFAULT)]
    database: String,
}

impl Sqlmigrate {
    pub(crate) async fn run(self, project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
        let sql = with_site(project, settings, async |site| {
            let migrator = migrator(project, site, &self.database)?;
            Ok(match self.backwards {
                true => migrator.sql_back(&self.app, &self.migration)?,
                false => migrator.sql(&self.app, &self.migration)?,
            })
        })
        .await?;
        say(out, format_args!("{sql}"))
    }
}
