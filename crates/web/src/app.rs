//! Apps: what a part of a site brings along.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use clap::ArgMatches;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use nuages_orm::migrate::Migration;
use nuages_orm::signal::Receiver;
use nuages_orm::{Model, Models};

use crate::error::Result;
use crate::signal::{AnyReceiver, Kind, RequestReceiver};
use crate::site::Site;

/// A reusable part of a site: models with their migrations, routes, services, commands (Django's `AppConfig`).
///
/// An app is a value that a function of its crate returns; nothing is found that is not named here.
///
/// ```
/// use axum::routing::get;
/// use axum::Router;
/// use nuages_web::App;
///
/// fn app() -> App {
///     App::new("hello").routes(Router::new().route("/hello", get(async || "Hello!")))
/// }
/// # app();
/// ```
pub struct App {
    pub(crate) label: String,
    pub(crate) models: Models,
    pub(crate) migrations: Vec<Migration>,
    pub(crate) migrations_folder: Option<PathBuf>,
    pub(crate) fixtures_folder: Option<PathBuf>,
    pub(crate) routes: Option<Router<Site>>,
    pub(crate) services: Vec<Starter>,
    pub(crate) commands: Vec<OwnCommand>,
    pub(crate) demo: Option<Demo>,
    pub(crate) database: Option<String>,
    pub(crate) receivers: Vec<Receiver>,
    pub(crate) request_receivers: Vec<RequestReceiver>,
}

impl App {
    /// An app with this label, the first half of its models' names and tables.
    pub fn new(label: impl Into<String>) -> Self {
        App {
            label: label.into(),
            models: Models::new(),
            migrations: Vec::new(),
            migrations_folder: None,
            fixtures_folder: None,
            routes: None,
            services: Vec::new(),
            commands: Vec::new(),
            demo: None,
            database: None,
            receivers: Vec::new(),
            request_receivers: Vec::new(),
        }
    }

    /// The label.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Adds a model.
    #[must_use]
    pub fn model<M: Model>(mut self) -> Self {
        self.models = self.models.with::<M>();
        self
    }

    /// Adds models.
    #[must_use]
    pub fn models(mut self, models: Models) -> Self {
        self.models = self.models.and(models);
        self
    }

    /// Says where `makemigrations` writes: `concat!(env!("CARGO_MANIFEST_DIR"), "/src/migrations")`, as a rule.
    #[must_use]
    pub fn migrations_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.migrations_folder = Some(folder.into());
        self
    }

    /// Says where `loaddata` looks for fixtures by name: `concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")`, as a rule.
    #[must_use]
    pub fn fixtures_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.fixtures_folder = Some(folder.into());
        self
    }

    /// Adds migrations: what the folder's `all()` returns, once `makemigrations` has written it.
    #[must_use]
    pub fn migrations(mut self, migrations: Vec<Migration>) -> Self {
        self.migrations.extend(migrations);
        self
    }

    /// Adds routes: an axum router whose state is the [`Site`]. Those of all apps of a project stand side by side.
    #[must_use]
    pub fn routes(mut self, routes: Router<Site>) -> Self {
        self.routes = Some(match self.routes {
            Some(before) => before.merge(routes),
            None => routes,
        });
        self
    }

    /// Says that the app's tables are in the database of this name, in place of the project's first one: that of the
    /// setting `DATABASE_URL_<NAME>`. Handlers get it with [`Site::db_named`]. Its models can have no relations to those
    /// of other databases. A [`DatabaseRouter`](crate::DatabaseRouter) can say otherwise of some of them.
    #[must_use]
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into().to_lowercase());
        self
    }

    /// Adds a function that is told of writes, migrations or requests: what [`orm::signal`](nuages_orm::signal) and
    /// [`signal`](crate::signal) make of it. It may wait for writes to models of other apps.
    #[must_use]
    pub fn receiver(mut self, receiver: impl Into<AnyReceiver>) -> Self {
        match receiver.into().0 {
            Kind::Orm(receiver) => self.receivers.push(receiver),
            Kind::Request(receiver) => self.request_receivers.push(receiver),
        }
        self
    }

    /// Adds something that runs for as long as the site is served; handlers get it as [`Shared`](crate::Shared).
    #[must_use]
    pub fn service<S: Service>(mut self) -> Self {
        self.services.push(Starter {
            type_id: TypeId::of::<S>(),
            name: type_name::<S>(),
            start: |site| {
                async move {
                    let service = Arc::new(S::start(&site).await?);
                    let stopped = Arc::clone(&service);
                    let stop: Stop = Box::new(move || async move { stopped.stop().await }.boxed());
                    Ok(Started { service, stop })
                }
                .boxed()
            },
        });
        self
    }

    /// Adds a command to the project's command line.
    #[must_use]
    pub fn command<C: Command>(mut self) -> Self {
        self.commands.push(OwnCommand {
            describe: C::command,
            run: |arguments, site| {
                let parsed = C::from_arg_matches(arguments);
                async move {
                    match parsed {
                        Ok(command) => command.run(&site).await,
                        Err(error) => Err(crate::Error::Command(error.to_string())),
                    }
                }
                .boxed()
            },
        });
        self
    }

    /// Says how to fill an empty database with something to look at. Called on every start of the demo, so it must
    /// change nothing where there is content.
    #[must_use]
    pub fn demo<F: Future<Output = Result<()>> + Send + 'static>(mut self, fill: fn(Site) -> F) -> Self {
        self.demo = Some(Box::new(move |site| fill(site).boxed()));
        self
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("label", &self.label).field("models", &self.models).finish_non_exhaustive()
    }
}

/// Something that runs for as long as the site is served: a buffer, a pool, a timer.
pub trait Service: Send + Sync + Sized + 'static {
    /// Starts it, before the first request is taken.
    ///
    /// # Errors
    /// Any; the site is then not served.
    fn start(site: &Site) -> impl Future<Output = Result<Self>> + Send;

    /// Ends it, after the last request was answered: whatever it holds back must be written when this returns.
    ///
    /// # Errors
    /// Any; they are logged, and the other services are stopped all the same.
    fn stop(&self) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }
}

/// A command that an app adds to the command line: a struct of arguments, as clap reads them.
///
/// ```
/// use nuages_web::{Command, Result, Site};
///
/// /// Greet somebody.
/// #[derive(clap::Parser)]
/// struct Greet {
///     /// Whom to greet.
///     name: String,
/// }
///
/// impl Command for Greet {
///     async fn run(self, _: &Site) -> Result<()> {
///         println!("Hello, {}!", self.name);
///         Ok(())
///     }
/// }
/// # nuages_web::App::new("hello").command::<Greet>();
/// ```
pub trait Command: clap::Parser + Send + 'static {
    /// Runs it. An error is printed, and the process ends with exit code 1.
    fn run(self, site: &Site) -> impl Future<Output = Result<()>> + Send;
}

pub(crate) type Stop = Box<dyn FnOnce() -> BoxFuture<'static, Result<()>> + Send + Sync>;
pub(crate) type Demo = Box<dyn Fn(Site) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// How to start a service.
pub(crate) struct Starter {
    pub(crate) type_id: TypeId,
    pub(crate) name: &'static str,
    pub(crate) start: fn(Site) -> BoxFuture<'static, Result<Started>>,
}

/// A service at work, and how to stop it.
pub(crate) struct Started {
    pub(crate) service: Arc<dyn Any + Send + Sync>,
    pub(crate) stop: Stop,
}

/// A command of an app.
pub(crate) struct OwnCommand {
    pub(crate) describe: fn() -> clap::Command,
    pub(crate) run: fn(&ArgMatches, Site) -> BoxFuture<'static, Result<()>>,
}
