//! Projects: the apps of one site, and the program that they make.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

use nuages_orm::db::DbBuilder;
use nuages_orm::migrate::Migration;
use nuages_orm::signal::Receiver;
use nuages_orm::{Db, Dialect, ModelDef, Models, Schema};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::app::App;
use crate::command::{self, CommandLine};
use crate::error::{Error, Result};
use crate::http::{Address, Running};
use crate::routing::{DEFAULT, DatabaseRouter, ModelName, Routing};
use crate::settings::Settings;
use crate::site::Site;

/// The apps of a site, in order (Django's `INSTALLED_APPS`), and the program that they make.
///
/// ```no_run
/// # use std::process::ExitCode;
/// # use nuages_web::{App, Project};
/// fn main() -> ExitCode {
///     Project::new("site").app(App::new("hello")).main()
/// }
/// ```
///
/// In a test, without a process and on a free port:
///
/// ```
/// # use nuages_web::{Address, App, Project, Result, Settings};
/// # async fn test() -> Result<()> {
/// let project = Project::new("site").app(App::new("hello"));
/// let site = project.site(Settings::new("sqlite::memory:")).await?;
/// let running = project.serve(&site, "0".parse::<Address>().unwrap()).await?;
/// println!("at http://{}", running.address());
/// running.stop().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(test()).unwrap();
/// ```
pub struct Project {
    name: &'static str,
    apps: Vec<App>,
    routers: Vec<Arc<dyn DatabaseRouter>>,
}

impl Project {
    /// A project without apps. The name is that of its program.
    pub fn new(name: &'static str) -> Self {
        Project { name, apps: Vec::new(), routers: Vec::new() }
    }

    /// Adds an app.
    #[must_use]
    pub fn app(mut self, app: App) -> Self {
        self.apps.push(app);
        self
    }

    /// Adds a router, which says of models that they are in another database than their app; those that were added
    /// before are asked before.
    #[must_use]
    pub fn database_router(mut self, router: impl DatabaseRouter) -> Self {
        self.routers.push(Arc::new(router));
        self
    }

    /// The name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn apps(&self) -> &[App] {
        &self.apps
    }

    /// The models of all apps.
    pub fn models(&self) -> Models {
        self.apps.iter().fold(Models::new(), |models, app| models.and(app.models.clone()))
    }

    /// The migrations of all apps.
    pub fn migrations(&self) -> Vec<Migration> {
        self.apps.iter().flat_map(|app| app.migrations.clone()).collect()
    }

    /// Which database each model is in.
    pub(crate) fn routing(&self) -> Routing {
        Routing::new(&self.apps, &self.routers)
    }

    /// The names of the databases that apps and routers speak of, the first one's before the others'.
    pub(crate) fn databases(&self) -> Vec<String> {
        let (models, routing) = (self.models(), self.routing());
        let of_models = models.definitions().flat_map(|model| routing.databases_of(model));
        let of_apps = self.apps.iter().filter_map(|app| app.database.clone());
        let further: BTreeSet<String> = of_models.chain(of_apps).filter(|name| name != DEFAULT).collect();
        [DEFAULT.to_owned()].into_iter().chain(further).collect()
    }

    /// The models of a database.
    fn models_in(&self, database: &str) -> Models {
        let routing = self.routing();
        self.models().without_those_in(|model| match routing.has(database, model) {
            true => None,
            false => Some(routing.for_write(ModelName::of(model))),
        })
    }

    /// Whether an `app`, an `app.Model` or an `app.Model.field` is in a database, in part at least. What no app is called
    /// is looked for, and missed, in the first.
    pub(crate) fn is_in(&self, database: &str, label: &str) -> bool {
        let mut parts = label.split('.');
        let (app, name) = (parts.next().unwrap_or_default(), parts.next());
        let (models, routing) = (self.models(), self.routing());
        let is_meant =
            |model: &&Arc<ModelDef>| model.app == app && name.is_none_or(|name| model.name.eq_ignore_ascii_case(name));
        let mut meant = models.definitions().filter(is_meant).peekable();
        match meant.peek() {
            None => database == DEFAULT,
            Some(_) => meant.any(|model| routing.has(database, model)),
        }
    }

    /// The receivers of all apps that wait for writes to a database: of models in it, and of its migrations.
    fn receivers_in(&self, database: &str) -> Vec<Receiver> {
        let models = self.models_in(database);
        let labels: BTreeSet<String> = models.labels().collect();
        let receivers = self.apps.iter().flat_map(|app| &app.receivers);
        receivers.filter(|receiver| receiver.model().is_none_or(|label| labels.contains(label))).cloned().collect()
    }

    /// A problem for each relation that leads out of a database in which its model is, or that a router refuses.
    fn relations_apart(&self, databases: &[String]) -> Vec<String> {
        let (models, routing) = (self.models(), self.routing());
        let known: BTreeMap<String, &Arc<ModelDef>> =
            models.definitions().map(|model| (model.label(), model)).collect();
        let mut problems = Vec::new();
        for from in models.definitions().filter(|model| model.proxy_for.is_none()) {
            let relations = from.fields.iter().filter_map(|field| Some((field, field.relation.as_ref()?)));
            for (field, relation) in relations {
                let ends = [Some(&relation.to), relation.through.as_ref()].into_iter().flatten();
                for to in ends.filter_map(|label| known.get(label.as_ref())) {
                    let here = format!("{}.{}", from.label(), field.name);
                    if !routing.allows_relation(ModelName::of(from), ModelName::of(to)) {
                        problems.push(format!(
                            "{here}: a router allows no relation from {} to {}; keep the key of the other row as a plain \
                             field",
                            from.label(),
                            to.label()
                        ));
                    }
                    let apart = |name: &&String| routing.has(name, from) && !routing.has(name, to);
                    if let Some(database) = databases.iter().find(apart) {
                        problems.push(format!(
                            "{here}: {} is in the database `{}`, but {} in `{database}`, and no database can join or check \
                             keys across; keep both models in one database, or the key of the other row as a plain field",
                            to.label(),
                            routing.for_write(ModelName::of(to)),
                            from.label()
                        ));
                    }
                }
            }
        }
        problems
    }

    /// Looks for what cannot work, without asking the database (Django's system checks).
    ///
    /// # Errors
    /// [`Error::Command`] with every problem on a line: two apps with one label, a command or migration twice, a model
    /// or migration in an app that it does not name, models that do not fit together, a relation across databases.
    pub fn check(&self) -> Result<()> {
        let mut problems = Vec::new();
        for (index, app) in self.apps.iter().enumerate() {
            let label = app.label();
            if self.apps.iter().take(index).any(|other| other.label() == label) {
                problems.push(format!("{label}: two apps have this label; rename one"));
            }
            for migration in app.migrations.iter().filter(|migration| migration.app != label) {
                problems.push(format!(
                    "{label}: migration {} is of app {}; add it to that one",
                    migration.name, migration.app
                ));
            }
        }
        problems.extend(command::twice(&self.apps));
        let labels: BTreeSet<String> = self.models().labels().collect();
        for app in &self.apps {
            for label in app.receivers.iter().filter_map(Receiver::model).filter(|label| !labels.contains(*label)) {
                problems.push(format!("{}: a receiver waits for {label}, which no app brings", app.label()));
            }
        }
        // Names and tables differ between the engines, so models may clash on one alone.
        let databases = self.databases();
        let apart = self.relations_apart(&databases);
        // What leads nowhere was said then.
        let whole = if apart.is_empty() { databases.as_slice() } else { &[] };
        problems.extend(apart);
        let schemas = whole.iter().flat_map(|database| {
            [Dialect::Sqlite, Dialect::Postgres].map(|dialect| Schema::new(&self.models_in(database), dialect))
        });
        for error in schemas.filter_map(Result::err) {
            problems.extend(
                error
                    .to_string()
                    .lines()
                    .map(str::to_owned)
                    .filter(|line| !problems.contains(line))
                    .collect::<Vec<_>>(),
            );
        }
        if problems.is_empty() { Ok(()) } else { Err(Error::Command(problems.join("\n"))) }
    }

    /// Connects to the databases that the settings name.
    ///
    /// # Errors
    /// What [`check`](Self::check) finds, [`Error::Settings`] if an app's database is not among the settings, or
    /// [`Error::Orm`] if one cannot be reached.
    pub async fn site(&self, settings: Settings) -> Result<Site> {
        self.connect(settings, true).await
    }

    /// Connects to the database; a SQLite file is made only if `create`.
    pub(crate) async fn connect(&self, settings: Settings, create: bool) -> Result<Site> {
        self.check()?;
        let unknown: Vec<String> = self.databases().into_iter().filter(|name| name != DEFAULT).collect();
        let unknown = unknown.into_iter().filter(|name| !settings.databases.contains_key(name));
        let unknown: Vec<String> = unknown.map(|name| self.names_unknown(&name)).collect();
        if !unknown.is_empty() {
            return Err(Error::Settings(unknown));
        }
        let primary = Db::builder(settings.database_url.expose()).models(self.models_in(DEFAULT)).create(create);
        let primary = with_keys(primary.receivers(self.receivers_in(DEFAULT)), &settings);
        let replicas = settings.database_replica_urls.iter();
        let db = replicas.fold(primary, |db, url| db.replica(url.expose())).connect().await?;
        let mut databases = BTreeMap::new();
        for (name, url) in &settings.databases {
            let further = Db::builder(url.expose()).models(self.models_in(name)).create(create);
            let further = with_keys(further.receivers(self.receivers_in(name)), &settings);
            databases.insert(name.clone(), further.connect().await?);
        }
        Ok(Site::new(self.name, settings, db, databases, self.routing()))
    }

    /// Says of a database that no setting names it.
    fn names_unknown(&self, name: &str) -> String {
        let variable = format!("DATABASE_URL_{}", name.to_uppercase());
        match self.apps.iter().find(|app| app.database.as_deref() == Some(name)) {
            Some(app) => format!("app {} is in the database `{name}`: set {variable}", app.label()),
            None => {
                let (models, routing) = (self.models(), self.routing());
                let there = models.definitions().filter(|model| routing.databases_of(model).contains(name));
                let labels: Vec<String> = there.map(|model| model.label()).collect();
                format!("a router puts {} into the database `{name}`: set {variable}", labels.join(", "))
            }
        }
    }

    /// Starts the services of the apps, and takes requests. A site can be served once.
    ///
    /// # Errors
    /// [`Error::Listen`] if the address is taken; whatever a service fails to start with.
    pub async fn serve(&self, site: &Site, address: Address) -> Result<Running> {
        Running::start(site, &self.apps, address).await
    }

    /// Runs a command as if it stood on the command line, its answer written to `out`: `["migrate"]`, say.
    ///
    /// # Errors
    /// [`Error::Command`] for a command line that cannot be read, and whatever the command fails with.
    pub async fn run<S: Into<String>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        settings: Settings,
        out: &mut (dyn Write + Send),
    ) -> Result<()> {
        let line = CommandLine::read(self, arguments.into_iter().map(|argument| argument.into().into()));
        line.map_err(|error| Error::Command(error.to_string()))?.run(self, settings, out).await
    }

    /// The program: reads the command line and the settings, and does what they say (Django's `manage.py`).
    ///
    /// The exit code is 0 if all went well, 1 if not (with the reason on stderr, one sentence a problem), and 2 for a
    /// command line that cannot be read.
    pub fn main(self) -> ExitCode {
        let line = match CommandLine::read(&self, std::env::args_os().skip(1)) {
            Ok(line) => line,
            Err(error) => {
                // Help, too, comes this way, and goes to stdout.
                let _ = error.print();
                return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
            }
        };
        match self.main_with(line) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{}", error.chain());
                ExitCode::FAILURE
            }
        }
    }

    fn main_with(&self, line: CommandLine) -> Result<()> {
        let settings = Settings::from_env()?;
        log_to_stderr(settings.log.as_deref(), settings.debug || line.is_demo());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::other)?;
        runtime.block_on(line.run(self, settings, &mut std::io::stdout()))
    }
}

impl fmt::Debug for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Project").field("name", &self.name).field("apps", &self.apps).finish()
    }
}

/// The keys of encrypted fields are those of the settings, for every database.
#[cfg(feature = "encryption")]
fn with_keys(builder: DbBuilder, settings: &Settings) -> DbBuilder {
    match &settings.encryption_keys {
        Some(ring) => builder.keys(ring.clone()),
        None => builder,
    }
}

#[cfg(not(feature = "encryption"))]
fn with_keys(builder: DbBuilder, _: &Settings) -> DbBuilder {
    builder
}

fn log_to_stderr(wished: Option<&str>, each_request: bool) {
    let standard = if each_request { "info,nuages_web::request=debug" } else { "info" };
    // Settings made sure that it can be read.
    let targets: Targets = wished.unwrap_or(standard).parse().unwrap_or_default();
    let lines =
        tracing_subscriber::fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
    // Where a program set up its own log before, that one stays.
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
}
