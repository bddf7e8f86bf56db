//! Looking for what cannot work.

use std::io::Write;

use nuages_orm::{Dialect, Schema};

use super::{migrations, say, with_made_site};
use crate::error::Result;
use crate::project::Project;
use crate::settings::Settings;

/// Look for what cannot work: models that do not fit together, names taken twice; and show foreign keys in a circle
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// Also ask the databases which migrations, not applied yet, would keep others waiting (PostgreSQL)
    #[arg(long)]
    deploy: bool,
}

impl Check {
    pub(crate) async fn run(self, project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
        project.check()?;
        if self.deploy {
            with_made_site(project, settings, async |site| migrations::warn_of_locks(project, site, out).await).await?;
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
        say(out, format_args!("No problems found.\n"))
    }
}
