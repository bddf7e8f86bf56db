//! Looking for what cannot work.

use std::io::Write;

use nuages_orm::json_schema::{Audit, Audited};
use nuages_orm::{Dialect, Schema};

use super::{migrations, recount, say, with_made_site};
use crate::error::{Error, Result};
use crate::project::Project;
use crate::settings::Settings;
use crate::site::Site;

/// Look for what cannot work: models that do not fit together, names taken twice; and show foreign keys in a circle
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// Also ask the databases which migrations, not applied yet, would keep others waiting (PostgreSQL), and warn of keys of
    /// encrypted fields that are missing or made by hand
    #[arg(long)]
    deploy: bool,
    /// Also read the databases, of these models or of all: list JSON documents that do not fit the JSON Schema of their
    /// field, figures that are not what they should be, and encrypted values that no key opens
    #[arg(long, num_args = 0.., value_name = "APP[.MODEL]")]
    data: Option<Vec<String>>,
}

impl Check {
    pub(crate) async fn run(self, project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
        project.check()?;
        if self.deploy {
            #[cfg(feature = "encryption")]
            for warning in super::rotate_keys::warnings(project, &settings)? {
                say(out, format_args!("Warning: {warning}\n"))?;
            }
            with_made_site(project, settings.clone(), async |site| migrations::warn_of_locks(project, site, out).await)
                .await?;
        }
        // Which keys make a circle does not depend on the engine.
        let found = Schema::new(&project.models(), Dialect::Sqlite)?.key_cycles();
        if !found.cycles.is_empty() {
            say(out, format_args!("Foreign keys in a circle:\n"))?;
            for cycle in &found.cycles {
                let required = if cycle.required {
                    "  (none may be null: its rows can only be written together, in one transaction)"
                } else {
                    ""
                };
                say(out, format_args!("  {cycle}{required}\n"))?;
            }
            if found.more {
                say(out, format_args!("  and more\n"))?;
            }
            let deferred = found.deferred.join(", ");
            say(out, format_args!("No circle is left without {deferred}: to be added once the tables are there.\n"))?;
        }
        if let Some(labels) = &self.data {
            with_made_site(project, settings, async |site| data(project, site, labels, out).await).await?;
        }
        say(out, format_args!("No problems found.\n"))
    }
}

/// Lists what is wrong in the databases: figures, then documents.
async fn data(project: &Project, site: &Site, labels: &[String], out: &mut (dyn Write + Send)) -> Result<()> {
    let unsound = recount::audit(project, site, labels, out).await?;
    #[cfg(feature = "encryption")]
    let unopened = super::rotate_keys::audit(project, site, labels, out).await?;
    documents(project, site, labels, out).await?;
    #[cfg(feature = "encryption")]
    if unopened > 0 {
        return Err(Error::Command(format!(
            "{unopened} encrypted values are opened by none of ENCRYPTION_KEYS: add the keys that they need, at the end"
        )));
    }
    match unsound {
        0 => Ok(()),
        _ => Err(Error::Command(format!(
            "{unsound} of the figures that the database keeps are wrong or not kept: `recount --fix` sets them right, `recount \
             --install` makes what keeps them"
        ))),
    }
}

/// Lists the documents that do not fit the JSON Schemas of their fields.
async fn documents(project: &Project, site: &Site, labels: &[String], out: &mut (dyn Write + Send)) -> Result<()> {
    let mut all = Audited::default();
    for database in project.databases() {
        let here: Vec<&String> = labels.iter().filter(|label| project.is_in(&database, label)).collect();
        if here.is_empty() && !labels.is_empty() {
            continue;
        }
        let audit = here.into_iter().fold(Audit::new(), Audit::of);
        let db = site.db_named(&database)?;
        let audited = audit.run(db, |unfit| {
            unfit.faults.iter().try_for_each(|fault| {
                let (key, pointer) = (plain(&unfit.key), plain(&fault.pointer));
                let (message, keyword) = (plain(&fault.message), &fault.keyword);
                say(out, format_args!("{} {key}: {}{pointer}: {message} ({keyword})\n", unfit.model, unfit.field))
            })
        });
        let audited: Audited = audited.await?;
        all.fields += audited.fields;
        all.documents += audited.documents;
        all.unfit += audited.unfit;
    }
    match (all.fields, all.unfit) {
        (0, _) => say(out, format_args!("No field has a JSON Schema: there is no data to check.\n")),
        (_, 0) => say(out, format_args!("{} documents fit the JSON Schemas of their fields.\n", all.documents)),
        (_, unfit) => Err(Error::Command(format!(
            "{unfit} of {} documents do not fit the JSON Schemas of their fields: they can be read, but not written as they \
             are",
            all.documents
        ))),
    }
}

/// Text from a database that cannot do anything to a terminal.
fn plain(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { letter.escape_default().to_string() } else { letter.into() })
        .collect()
}
