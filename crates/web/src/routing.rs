//! Which database each model is in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use nuages_orm::ModelDef;

use crate::app::App;

/// The name of the database that nothing else is said of: that of the setting `DATABASE_URL`.
pub(crate) const DEFAULT: &str = "default";

/// Says which database each model is in (Django's `DATABASE_ROUTERS`), where [`App::database`] is not enough since the
/// models of one app are in several.
///
/// Databases are named as in the settings, `analytics` for `DATABASE_URL_ANALYTICS`; `default` is that of
/// `DATABASE_URL`. Of several routers the first that has an answer is heard; where none has, a model is in the database
/// of its app. A router must give the same answer each time. One function is enough as a rule:
///
/// ```
/// use nuages_web::{App, DatabaseRouter, ModelName, Project};
///
/// /// What grows without end is kept apart.
/// struct Views;
///
/// impl DatabaseRouter for Views {
///     fn db_for_write(&self, model: ModelName<'_>) -> Option<&str> {
///         (model.label() == "shop.View").then_some("analytics")
///     }
/// }
///
/// Project::new("site").app(App::new("shop")).database_router(Views);
/// ```
///
/// Queries go to the database that they are given: [`Site::db_for_read`](crate::Site::db_for_read) and
/// [`db_for_write`](crate::Site::db_for_write) give that of a model, [`Site::db_named`](crate::Site::db_named) any.
pub trait DatabaseRouter: Send + Sync + 'static {
    /// The database that a model is read from: that of writes, if no router says.
    fn db_for_read(&self, model: ModelName<'_>) -> Option<&str> {
        let _ = model;
        None
    }

    /// The database that a model is written to: that of its app, if no router says.
    fn db_for_write(&self, model: ModelName<'_>) -> Option<&str> {
        let _ = model;
        None
    }

    /// Whether models may be related. `Some(false)` refuses what could be, so that two parts of a site can be parted
    /// later. Nothing allows relations across databases, as no database can join or check them.
    fn allow_relation(&self, from: ModelName<'_>, to: ModelName<'_>) -> Option<bool> {
        let _ = (from, to);
        None
    }

    /// Whether migrations make and change a model's table in a database. If no router says, they do where it is read
    /// or written. Models go by the names that they have at that point of the history.
    ///
    /// Without a model it is about SQL and functions of the app's migrations that do not say
    /// [`about`](nuages_orm::migrate::Migration::about): if no router says, they run on the database of the app.
    fn allow_migrate(&self, database: &str, app: &str, model: Option<&str>) -> Option<bool> {
        let _ = (database, app, model);
        None
    }
}

/// A model by name, as a router is asked about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "tests of routers make them")]
pub struct ModelName<'a> {
    /// The app's label.
    pub app: &'a str,
    /// The model's name, as that of its struct.
    pub name: &'a str,
}

impl<'a> ModelName<'a> {
    /// `app.Model`.
    pub fn label(&self) -> String {
        format!("{}.{}", self.app, self.name)
    }

    /// The model whose table it is: a proxy is where the other one is.
    pub(crate) fn of(model: &'a ModelDef) -> Self {
        let of_proxy = model.proxy_for.as_deref().and_then(|label| label.split_once('.'));
        let (app, name) = of_proxy.unwrap_or((&model.app, &model.name));
        ModelName { app, name }
    }
}

/// What apps and routers say.
#[derive(Clone, Default)]
pub(crate) struct Routing {
    apps: BTreeMap<String, String>,
    routers: Vec<Arc<dyn DatabaseRouter>>,
}

impl Routing {
    pub(crate) fn new(apps: &[App], routers: &[Arc<dyn DatabaseRouter>]) -> Routing {
        let named = apps.iter().filter_map(|app| Some((app.label().to_owned(), app.database.clone()?)));
        Routing { apps: named.collect(), routers: routers.to_vec() }
    }

    fn of_app(&self, app: &str) -> &str {
        self.apps.get(app).map_or(DEFAULT, String::as_str)
    }

    pub(crate) fn for_write(&self, model: ModelName<'_>) -> String {
        let said = self.routers.iter().find_map(|router| router.db_for_write(model));
        said.map_or_else(|| self.of_app(model.app).to_owned(), str::to_lowercase)
    }

    pub(crate) fn for_read(&self, model: ModelName<'_>) -> String {
        let said = self.routers.iter().find_map(|router| router.db_for_read(model));
        said.map_or_else(|| self.for_write(model), str::to_lowercase)
    }

    /// Whether a model's table is in a database; or an app at large, where no model is named.
    pub(crate) fn allows(&self, database: &str, app: &str, model: Option<&str>) -> bool {
        let said = self.routers.iter().find_map(|router| router.allow_migrate(database, app, model));
        said.unwrap_or_else(|| match model {
            None => self.of_app(app) == database,
            Some(name) => {
                let model = ModelName { app, name };
                self.for_write(model) == database || self.for_read(model) == database
            }
        })
    }

    /// Whether a model can be asked for in a database.
    pub(crate) fn has(&self, database: &str, model: &ModelDef) -> bool {
        let ModelName { app, name } = ModelName::of(model);
        self.allows(database, app, Some(name))
    }

    /// The databases in which a model is read or written.
    pub(crate) fn databases_of(&self, model: &ModelDef) -> BTreeSet<String> {
        let model = ModelName::of(model);
        [self.for_write(model), self.for_read(model)].into()
    }

    /// Whether a relation is allowed by the routers.
    pub(crate) fn allows_relation(&self, from: ModelName<'_>, to: ModelName<'_>) -> bool {
        self.routers.iter().find_map(|router| router.allow_relation(from, to)).unwrap_or(true)
    }
}

impl fmt::Debug for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routing").field("apps", &self.apps).field("routers", &self.routers.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Split;

    impl DatabaseRouter for Split {
        fn db_for_read(&self, model: ModelName<'_>) -> Option<&str> {
            (model.name == "View").then_some("copy")
        }

        fn db_for_write(&self, model: ModelName<'_>) -> Option<&str> {
            (model.name == "View").then_some("Analytics")
        }

        fn allow_migrate(&self, database: &str, app: &str, _: Option<&str>) -> Option<bool> {
            (database == "archive").then_some(app == "shop")
        }
    }

    struct Late;

    impl DatabaseRouter for Late {
        fn db_for_write(&self, _: ModelName<'_>) -> Option<&str> {
            Some("late")
        }
    }

    fn routing(routers: Vec<Arc<dyn DatabaseRouter>>) -> Routing {
        Routing::new(&[App::new("shop"), App::new("visits").database("Visits")], &routers)
    }

    #[test]
    fn the_first_router_with_an_answer_is_heard_and_else_the_app() {
        let view = ModelName { app: "shop", name: "View" };
        let book = ModelName { app: "shop", name: "Book" };
        let visit = ModelName { app: "visits", name: "Visit" };
        let of = |routing: &Routing, model| (routing.for_read(model), routing.for_write(model));
        let pair = |read: &str, write: &str| (read.to_owned(), write.to_owned());
        let plain = routing(vec![]);
        assert_eq!(of(&plain, book), pair("default", "default"));
        assert_eq!(of(&plain, visit), pair("visits", "visits"));
        let split = routing(vec![Arc::new(Split)]);
        assert_eq!(of(&split, view), pair("copy", "analytics"));
        assert_eq!(of(&split, book), pair("default", "default"));
        let both = routing(vec![Arc::new(Split), Arc::new(Late)]);
        assert_eq!(of(&both, view), pair("copy", "analytics"));
        assert_eq!(of(&both, book), pair("late", "late"));
    }

    #[test]
    fn a_table_is_where_its_model_is_read_or_written_unless_a_router_says() {
        let split = routing(vec![Arc::new(Split)]);
        let has_view = |database| split.allows(database, "shop", Some("View"));
        assert_eq!(["default", "analytics", "copy", "archive"].map(has_view), [false, true, true, true]);
        let has_app = |database| split.allows(database, "visits", None);
        assert_eq!(["default", "visits", "archive"].map(has_app), [false, true, false]);
    }
}
