//! A project at work: its settings, its database and the services of its apps.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use nuages_orm::Db;

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
    services: OnceLock<Services>,
}

pub(crate) type Services = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

impl Site {
    pub(crate) fn new(name: &'static str, settings: Settings, db: Db) -> Self {
        Site(Arc::new(Inner { name, settings, db, services: OnceLock::new() }))
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
