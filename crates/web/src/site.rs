//! A project at work: its settings, its database and the services of its apps.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, OnceLock};

use nuages_orm::Db;

use crate::error::{Error, Result};
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
    services: OnceLock<Services>,
}

pub(crate) type Services = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

impl Site {
    pub(crate) fn new(name: &'static str, settings: Settings, db: Db, databases: BTreeMap<String, Db>) -> Self {
        Site(Arc::new(Inner { name, settings, db, databases, services: OnceLock::new() }))
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
    /// [`Error::Command`] if no setting names it, with the names that there are.
    pub fn db_named(&self, name: &str) -> Result<&Db> {
        if name == "default" {
            return Ok(self.db());
        }
        self.0.databases.get(&name.to_lowercase()).ok_or_else(|| {
            let known: Vec<&str> = ["default"].into_iter().chain(self.0.databases.keys().map(String::as_str)).collect();
            let variable = format!("DATABASE_URL_{}", name.to_uppercase());
            let known = known.join(", ");
            Error::Command(format!("there is no database `{name}`: choices are {known}; set {variable} for another"))
        })
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
