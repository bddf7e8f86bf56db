//! Models for tables that are there already.

use std::collections::BTreeSet;
use std::io::Write;

use nuages_orm::introspect::{Catalogue, Options, models};
use nuages_orm::{Db, Models};

use super::say;
use crate::error::Result;
use crate::project::Project;
use crate::routing::DEFAULT;
use crate::settings::Settings;

/// Print models for the tables of a database
///
/// Tables named `<app>_<model>` go to the app, if it is one of the project, of Django's own, or of those that have
/// migrations or content types in the database.
#[derive(Debug, clap::Args)]
pub(crate) struct Inspectdb {
    /// Only these tables
    tables: Vec<String>,
    /// The database, by the name in DATABASE_URL_<NAME> or by a URL
    #[arg(long, value_name = "NAME|URL", default_value = DEFAULT)]
    database: String,
    /// The app of tables that belong to none by their names
    #[arg(long, value_name = "LABEL")]
    app: Option<String>,
}

impl Inspectdb {
    pub(crate) async fn run(self, project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
        let url = match self.database.contains(':') {
            true => self.database.as_str(),
            false => settings.url_of(&self.database)?.expose(),
        };
        // Without the project's models: they may not fit together before they are written.
        let db = Db::connect(url, Models::new()).await?;
        let printed = self.print(project, &db).await;
        db.close().await;
        say(out, format_args!("{}", printed?))
    }

    async fn print(self, project: &Project, db: &Db) -> Result<String> {
        let catalogue = Catalogue::read(db).await?;
        let mut apps: BTreeSet<String> = project.apps().iter().map(|app| app.label().to_owned()).collect();
        apps.extend(["admin", "auth", "contenttypes", "sessions", "sites"].map(str::to_owned));
        for (table, column) in [("django_migrations", "app"), ("django_content_type", "app_label")] {
            if catalogue.table(table).is_some() {
                let sql = format!("SELECT DISTINCT {column} FROM {table}");
                apps.extend(db.raw(sql, ()).fetch::<(String,)>().await?.into_iter().map(|(label,)| label));
            }
        }
        apps.extend(self.app.clone());
        let found = models(&catalogue, &Options { tables: self.tables, apps, app: self.app })?;
        Ok(found.source()?)
    }
}
