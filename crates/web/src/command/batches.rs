//! Runs: work on many rows that goes on where it stopped.

use std::io::Write;

use nuages_orm::batch;
use serde_json::json;

use super::{say, table, with_made_site};
use crate::error::{Error, Result};
use crate::project::Project;
use crate::routing::DEFAULT;
use crate::settings::Settings;

/// Show the runs in batches that the database remembers, and how far each is
#[derive(Debug, clap::Args)]
pub(crate) struct Batches {
    /// Forget the run of this name, so that it begins anew the next time
    #[arg(long, value_name = "NAME")]
    forget: Option<String>,
    /// The database, by the name in DATABASE_URL_<NAME>
    #[arg(long, default_value = DEFAULT)]
    database: String,
}

impl Batches {
    pub(crate) async fn run(self, project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
        with_made_site(project, settings, async |site| {
            let db = site.db_named(&self.database)?;
            if let Some(name) = &self.forget {
                return match batch::forget(db, name).await? {
                    true => say(out, format_args!("Forgot `{name}`: it begins anew the next time.\n")),
                    false => Err(Error::Command(format!("there is no run `{name}`; `batches` shows those that are"))),
                };
            }
            let runs = batch::runs(db).await?;
            let columns = ["run", "model", "rows", "started", "finished"].map(str::to_owned);
            let rows: Vec<_> = runs
                .into_iter()
                .map(|run| {
                    let finished = run.finished.map(|moment| moment.to_string());
                    vec![
                        json!(run.name),
                        json!(run.model),
                        json!(run.rows),
                        json!(run.started.to_string()),
                        json!(finished),
                    ]
                })
                .collect();
            say(out, format_args!("{}", table::text(&columns, &rows)))
        })
        .await
    }
}
