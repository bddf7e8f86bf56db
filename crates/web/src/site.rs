//! A project at work: its settings, its database and the services of its apps.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, OnceLock};

use nuages_orm::{Db, Model};

use crate::error::Result;
use crate::routing::{DEFAULT, ModelName, Routing};
use crate::settings::Settings;

/// A project with its settings read and its database connected: what commands get, and the state of every handler.
///
/// Cheap to clone. Handlers seldom need it whole: they take [`Db`], [`Shared`](crate::Shared) or
/// [`Origin`](crate::Origin) as arguments.
#[derive(Clone)]
pub struct Site(Arc<Inner>);

struct Inner {
    name: &'static str,
    settings: Settings,
    db: Db,
    databases: BTreeMap<String, Db>,
    routing: Routing,
    services: OnceLock<Services>,
}

pub(crate) type Services = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

impl Site {
    pub(crate) fn new(
        name: &'static str,
        settings: Settings,
        db: Db,
        databases: BTreeMap<String, Db>,
        routing: Routing,
    ) -> Self {
        Site(Arc::new(Inner { name, settings, db, databases, routing, services: OnceLock::new() }))
    }

    /// The project's name.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// The database of a name, that of the setting `DATABASE_URL_<NAME>` (Django's `using`); `default` is
    /// [`db`](Self::db).
    ///
    /// # Errors
    /// [`Error::Command`](crate::Error::Command) if no setting names it, with the names that there are.
    pub fn db_named(&self, name: &str) -> Result<&Db> {
        if name.eq_ignore_ascii_case(DEFAULT) {
            return Ok(self.db());
        }
        self.0.databases.get(&name.to_lowercase()).ok_or_else(|| self.0.settings.no_database(name))
    }

    /// The database that a model is read from, as apps and routers say.
    ///
    /// # Errors
    /// As [`db_named`](Self::db_named), for a model that is not the project's.
    pub fn db_for_read<M: Model>(&self) -> Result<&Db> {
        self.db_named(&self.0.routing.for_read(ModelName::of(&M::definition())))
    }

    /// The database that a model is written to, as apps and routers say.
    ///
    /// # Errors
    /// As [`db_named`](Self::db_named), for a model that is not the project's.
    pub fn db_for_write<M: Model>(&self) -> Result<&Db> {
        self.db_named(&self.0.routing.for_write(ModelName::of(&M::definition())))
    }

    /// Ends the connections to all databases.
    pub(crate) async fn close(&self) {
        self.0.db.close().await;
        for db in self.0.databases.values() {
            db.close().await;
        }
    }

    /// The running service of this type: `None` if no app has it, or while the site is not served.
    pub fn service<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let service = self.0.services.get()?.get(&TypeId::of::<T>())?;
        Arc::clone(service).downcast().ok()
    }

    /// Hands out what the apps started; says whether this is the first time.
    pub(crate) fn set_services(&self, services: Services) -> bool {
        self.0.services.set(services).is_ok()
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("name", &self.0.name).finish_non_exhaustive()
    }
}
