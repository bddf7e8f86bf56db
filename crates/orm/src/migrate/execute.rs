//! Applying migrations, and undoing them.

mod adopt;
mod explain;
mod lock;
mod plan;
mod records;
mod run;
mod show;
mod sqlite;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;

pub use explain::{Explained, ExplainedOperation};
pub use lock::LockPatience;
pub(super) use lock::take_part;
pub(crate) use records::is_there;
pub(super) use records::set_checkpoint;
pub use show::Shown;

use super::ddl::changes;
use super::detect::detect;
use super::graph::{Graph, Key, in_migration};
use super::operation::{Migration, Operation};
use super::state::{Here, State};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Models;
use crate::signal::MigrationRun;
use plan::Board;
use records::Note;
use run::{Job, News};

/// A project's migrations, and the database that they are applied to.
///
/// ```no_run
/// # async fn example(migrations: Vec<nuages_orm::migrate::Migration>) -> nuages_orm::Result<()> {
/// use nuages_orm::migrate::{Migrator, Target};
/// use nuages_orm::{Db, Models};
///
/// let db = Db::connect("sqlite://site.db", Models::new()).await?;
/// let migrator = Migrator::new(&db, migrations)?;
/// migrator.migrate(&Target::All, |progress| println!("{progress:?}")).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Migrator {
    db: Db,
    migrations: Vec<Arc<Migration>>,
    fake: bool,
    fake_initial: bool,
    accept_edited: bool,
    patience: LockPatience,
    here: Here,
}

/// How far to migrate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Everything there is.
    All,
    /// An app, and what its migrations come after.
    App(String),
    /// An app up to this migration (the start of its name is enough), and what that comes after. If it is applied,
    /// those of the app that come after it are undone, and what comes after those in other apps.
    Migration(String, String),
    /// An app without any of its migrations: they are undone, and what comes after them in other apps.
    Zero(String),
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Planned {
    /// The migration.
    pub migration: Arc<Migration>,
    /// Whether it is undone.
    pub backwards: bool,
}

/// What a migrator does at the moment.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Begins with a migration.
    Applying(&'a Migration),
    /// Has applied and recorded it.
    Applied(&'a Migration),
    /// Found that another migrator had applied or undone it meanwhile.
    Found(&'a Migration),
    /// Begins to undo a migration.
    Undoing(&'a Migration),
    /// Has undone it.
    Undone(&'a Migration),
    /// Has recorded it as applied, or as not applied, without running it.
    Faked(&'a Migration),
    /// Could not have the locks of its tables, or stood in others' way, and tries again.
    Again {
        /// The migration.
        migration: &'a Migration,
        /// For the so-manieth time.
        attempt: u32,
    },
    /// Works on rows.
    Rows {
        /// The operation.
        operation: &'a Operation,
        /// Rows done.
        done: u64,
        /// Rows that there were, if that is known.
        total: Option<u64>,
    },
}

impl Migrator {
    /// A migrator for these migrations, of all apps.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if they do not fit together: one is there twice, a parent is missing, some come after
    /// one another in a circle, or two come last in an app.
    pub fn new(db: &Db, migrations: Vec<Migration>) -> Result<Self> {
        let migrations: Vec<Arc<Migration>> = migrations.into_iter().map(Arc::new).collect();
        let graph = Graph::after(&migrations, |_| false)?;
        for app in graph.apps() {
            graph.leaf(app)?;
        }
        let patience = LockPatience::default();
        let (db, here) = (db.clone(), Here::default());
        Ok(Migrator { db, migrations, fake: false, fake_initial: false, accept_edited: false, patience, here })
    }

    /// Says which models have their tables in this database, where there are several (Django's `allow_migrate`). The
    /// function gets an app and the name of a model of it; or no model, for SQL and functions that are not about one.
    ///
    /// Migrations are applied and recorded in each database all the same, so that each has the whole history: what is
    /// about a table of another database is passed over. No key to such a table is enforced.
    ///
    /// ```no_run
    /// # fn example(db: &nuages_orm::Db, migrations: Vec<nuages_orm::migrate::Migration>) -> nuages_orm::Result<()> {
    /// use nuages_orm::migrate::Migrator;
    ///
    /// let analytics = Migrator::new(db, migrations)?.allow(|app, _| app == "visits");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn allow(mut self, allowed: impl Fn(&str, Option<&str>) -> bool + Send + Sync + 'static) -> Self {
        self.here = Here::new(allowed);
        self
    }

    /// Records migrations as applied, or as not applied, without running them.
    #[must_use]
    pub fn fake(mut self, fake: bool) -> Self {
        self.fake = fake;
        self
    }

    /// Records an app's first migration without running it where all that it makes is there by name: tables, and
    /// columns of added fields.
    #[must_use]
    pub fn fake_initial(mut self, fake: bool) -> Self {
        self.fake_initial = fake;
        self
    }

    /// Takes migrations that were edited after they were applied for what they are now.
    #[must_use]
    pub fn accept_edited(mut self, accept: bool) -> Self {
        self.accept_edited = accept;
        self
    }

    /// How long to wait for the locks of tables on PostgreSQL, and how often to try again.
    #[must_use]
    pub fn lock_patience(mut self, patience: LockPatience) -> Self {
        self.patience = patience;
        self
    }

    /// What [`migrate`](Self::migrate) would do, in order.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if the target is not there, or if a migration is recorded as applied whose parent is
    /// not; the database's errors.
    pub async fn plan(&self, target: &Target) -> Result<Vec<Planned>> {
        self.board().await?.plan(target)
    }

    /// Applies or undoes what lies between the database and a target; the number of migrations it applied or undid.
    ///
    /// Each is applied in a transaction of its own with the record of it in `django_migrations`, so that one which
    /// fails leaves nothing behind, and those before it stay. One that is not atomic is applied operation by operation,
    /// and noted how far it got in `nuages_migrations`, so that the next run goes on there. Migrators that run at the
    /// same time wait for one another.
    ///
    /// # Errors
    /// As [`plan`](Self::plan); [`ErrorKind::Migration`] for migrations that were edited after they were applied; for
    /// one that cannot be undone, before anything is; and for one that fails, naming it, its operation and its table,
    /// with the database's error as source.
    pub async fn migrate(&self, target: &Target, mut report: impl FnMut(Progress<'_>)) -> Result<usize> {
        let board = self.board().await?;
        let notes = records::notes(&self.db).await?;
        self.check_edited(&board, &notes).await?;
        self.check_half_undone(&board, &notes, target)?;
        let plan = board.plan(target)?;
        let run = MigrationRun {
            migrations: plan
                .iter()
                .map(|step| (step.migration.app.to_string(), step.migration.name.to_string()))
                .collect(),
            backwards: plan.first().is_some_and(|first| first.backwards),
            faked: self.fake,
        };
        if let Some(receivers) = self.db.receivers() {
            receivers.pre_migrate(&self.db, &run).await?;
        }
        for migration in &board.complete {
            self.record(migration, false).await?;
        }
        let count = match plan.first() {
            None => 0,
            Some(_) if self.fake => {
                for planned in &plan {
                    self.record(&planned.migration, planned.backwards).await?;
                    report(Progress::Faked(&planned.migration));
                }
                plan.len()
            }
            Some(first) if first.backwards => self.go_back(&plan, board.start(&plan)?, &mut report).await?,
            Some(_) => self.go_forward(&plan, board.start(&plan)?, &mut report).await?,
        };
        if count > 0 && self.migrations.iter().any(|migration| !migration.replaces.is_empty()) {
            for migration in &self.board().await?.complete {
                self.record(migration, false).await?;
            }
        }
        if let Some(receivers) = self.db.receivers() {
            receivers.post_migrate(&self.db, &run).await?;
        }
        Ok(count)
    }

    /// Forgets the records of an app's migrations that are not there any more, such as those that were squashed; their
    /// names (Django's `migrate --prune`).
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if a squashed migration still names one of them; the database's.
    pub async fn prune(&self, app: &str) -> Result<Vec<String>> {
        let applied = records::applied(&self.db).await?;
        let is_there = |key: &Key| self.migrations.iter().any(|migration| migration.key() == *key);
        let gone: Vec<&Key> = applied.keys().filter(|key| key.0 == app && !is_there(key)).collect();
        for key in &gone {
            if let Some(squashed) = self.migrations.iter().find(|migration| migration.replaces.contains(key)) {
                let text = format!(
                    "{} still says that it stands for {}: take its `.replaces(…)` out first; nothing was forgotten",
                    squashed.label(),
                    key.1
                );
                return Err(Error::new(ErrorKind::Migration, text));
            }
        }
        let transaction = self.db.begin(true).await?;
        let forgotten = self.forget(transaction.db(), &gone).await;
        transaction.end_with(forgotten).await?;
        Ok(gone.into_iter().map(|(_, name)| name.to_string()).collect())
    }

    async fn forget(&self, db: &Db, keys: &[&Key]) -> Result<()> {
        lock::acquire(db, self.patience).await?;
        records::make_tables(db).await?;
        for (app, name) in keys {
            records::forget_key(db, app, name).await?;
        }
        Ok(())
    }

    async fn board(&self) -> Result<Board> {
        Board::new(&self.migrations, records::applied(&self.db).await?, self.here.clone())
    }

    async fn go_forward(&self, plan: &[Planned], start: State, report: &mut impl FnMut(Progress<'_>)) -> Result<usize> {
        let mut state = start;
        let mut count = 0;
        for Planned { migration, .. } in plan {
            report(Progress::Applying(migration));
            if self.fake_initial {
                let after = plan::after(migration, &state)?;
                if adopt::is_there(&self.db, migration, &after).await? {
                    self.record(migration, false).await?;
                    report(Progress::Faked(migration));
                    state = after;
                    count += 1;
                    continue;
                }
            }
            let (after, own) = self.run(migration, false, &state, report).await?;
            count += usize::from(own);
            report(if own { Progress::Applied(migration) } else { Progress::Found(migration) });
            state = after;
        }
        Ok(count)
    }

    async fn go_back(&self, plan: &[Planned], start: State, report: &mut impl FnMut(Progress<'_>)) -> Result<usize> {
        let states = plan::states_back(plan, start)?;
        // What cannot be undone is found before anything is.
        for (Planned { migration, .. }, before) in plan.iter().zip(&states) {
            plan::check_way_back(migration, before)?;
        }
        let mut count = 0;
        for (Planned { migration, .. }, before) in plan.iter().zip(&states) {
            report(Progress::Undoing(migration));
            let (_, own) = self.run(migration, true, before, report).await?;
            count += usize::from(own);
            report(if own { Progress::Undone(migration) } else { Progress::Found(migration) });
        }
        Ok(count)
    }

    /// Runs one migration, and tells what it says meanwhile.
    async fn run(
        &self,
        migration: &Arc<Migration>,
        backwards: bool,
        before: &State,
        report: &mut impl FnMut(Progress<'_>),
    ) -> Result<(State, bool)> {
        let (news, mut told) = mpsc::unbounded_channel();
        let patience = self.patience;
        let job = Job { migration: Arc::clone(migration), backwards, patience, news };
        let mut tell = |news: News| match news {
            News::Again(attempt) => report(Progress::Again { migration, attempt }),
            News::Rows { operation, done, total } => {
                if let Some(operation) = migration.operations.get(operation) {
                    report(Progress::Rows { operation, done, total });
                }
            }
        };
        let mut work = Box::pin(job.run(&self.db, before));
        let outcome = loop {
            tokio::select! {
                biased;
                Some(news) = told.recv() => tell(news),
                outcome = &mut work => break outcome,
            }
        };
        while let Ok(news) = told.try_recv() {
            tell(news);
        }
        outcome
    }

    /// Records a migration as applied, or as not applied.
    async fn record(&self, migration: &Migration, backwards: bool) -> Result<()> {
        let transaction = self.db.begin(true).await?;
        let recorded = self.record_in(transaction.db(), migration, backwards).await;
        transaction.end_with(recorded).await
    }

    async fn record_in(&self, db: &Db, migration: &Migration, backwards: bool) -> Result<()> {
        lock::acquire(db, self.patience).await?;
        records::make_tables(db).await?;
        match backwards {
            true => records::forget(db, migration).await,
            false => records::record(db, migration, &records::applied(db).await?).await,
        }
    }

    /// Refuses to go on where migrations are not what they were when they were applied.
    async fn check_edited(&self, board: &Board, notes: &BTreeMap<Key, Note>) -> Result<()> {
        let edited: Vec<&Arc<Migration>> = board
            .graph
            .migrations()
            .iter()
            .filter(|migration| board.is_applied(migration))
            .filter(|migration| {
                notes.get(&migration.key()).is_some_and(|note| records::was_edited(migration, &note.digest))
            })
            .collect();
        if edited.is_empty() {
            return Ok(());
        }
        if self.accept_edited {
            for migration in edited {
                records::note(&self.db, migration, None, None).await?;
            }
            return Ok(());
        }
        let labels: Vec<String> = edited.iter().map(|migration| migration.label()).collect();
        Err(Error::new(
            ErrorKind::Migration,
            format!(
                "{} {} edited after being applied, so the tables may not be what the files say; nothing was done: restore \
                 the files as they were and put the change into a new migration, or, if the tables are as the files say \
                 now, run `migrate --accept-edited`",
                labels.join(", "),
                if labels.len() == 1 { "was" } else { "were" }
            ),
        ))
    }

    /// Refuses to go on over a migration of which some operations were undone and others not.
    fn check_half_undone(&self, board: &Board, notes: &BTreeMap<Key, Note>, target: &Target) -> Result<()> {
        if matches!(target, Target::Migration(..) | Target::Zero(..)) {
            return Ok(());
        }
        let half = |migration: &&Arc<Migration>| {
            board.is_applied(migration) && notes.get(&migration.key()).is_some_and(|note| note.done.is_some())
        };
        match board.graph.migrations().iter().find(half) {
            None => Ok(()),
            Some(migration) => {
                let before = board.graph.parents(migration).find(|parent| parent.app == migration.app);
                let before = before.map_or("zero", |parent| parent.name.as_ref());
                Err(Error::new(
                    ErrorKind::Migration,
                    format!(
                        "{} was undone in part and then interrupted; nothing was done: finish with `migrate {} {before}`, \
                         then migrate again",
                        migration.label(),
                        migration.app
                    ),
                ))
            }
        }
    }
}

/// Makes the tables of all models of a database, without migrations and without a record of it: for tests, and for
/// trying something out (Django's `migrate --run-syncdb`).
///
/// # Errors
/// The database's, for a table that is there already; nothing was made then.
pub async fn create_tables(db: &Db) -> Result<()> {
    let entries = db.schema().entries().iter().filter(|entry| entry.automatic_for.is_none());
    let models = entries.fold(Models::new(), |models, entry| models.with_definition((*entry.definition).clone()));
    let graph = Graph::new(detect(&models, &[])?)?;
    let mut state = State::new();
    db.atomic(async |db: &Db| {
        for migration in graph.migrations() {
            let (changes, after) = changes(migration, &state, db.dialect())?;
            for change in &changes {
                change.run(db).await.map_err(|error| in_migration(migration, error))?;
            }
            state = after;
        }
        Ok(())
    })
    .await
}
