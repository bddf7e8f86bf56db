//! Figures that the database keeps, held against the rows they are over.

use std::io::Write;

use nuages_orm::ErrorKind;
use nuages_orm::recount::{Recount, Recounted};

use super::{say, with_site};
use crate::error::{Error, Result};
use crate::project::Project;
use crate::settings::Settings;
use crate::site::Site;

/// Compare counts, sums, the latest and the earliest with the rows they are over
#[derive(Debug, clap::Args)]
pub(crate) struct Recounts {
    /// Only these: apps, models or single fields; all if none is named
    #[arg(value_name = "APP[.MODEL[.FIELD]]")]
    figures: Vec<String>,
    /// Fail if a figure is wrong, or not kept
    #[arg(long, conflicts_with = "fix")]
    check: bool,
    /// Set right what is wrong
    #[arg(long)]
    fix: bool,
    /// Make the triggers that are missing, and count what they keep: of tables that another program made
    #[arg(long)]
    install: bool,
}

impl Recounts {
    pub(crate) async fn run(self, project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
        with_site(project, settings, async |site| {
            let mut unsound = 0;
            for (name, recount) in by_database(project, &self.figures) {
                let db = site.db_named(&name)?;
                if self.install {
                    for model in recount.install(db).await? {
                        say(out, format_args!("{model}: what keeps its figures was made.\n"))?;
                    }
                }
                let found = if self.fix { recount.fix(db).await? } else { recount.check(db).await? };
                unsound += found.iter().filter(|figure| !figure.is_sound()).count();
                tell(&found, out)?;
            }
            match unsound {
                0 => Ok(()),
                _ if self.check => Err(Error::Command(format!(
                    "{unsound} of the figures are wrong or not kept: `recount --fix` sets them right, `recount --install` \
                     makes what keeps them"
                ))),
                _ => Ok(()),
            }
        })
        .await
    }
}

/// The figures that are meant, by the database they are in.
fn by_database(project: &Project, names: &[String]) -> Vec<(String, Recount)> {
    let mut all = Vec::new();
    for database in project.databases() {
        let here: Vec<&String> = names.iter().filter(|name| project.is_in(&database, name)).collect();
        if here.is_empty() && !names.is_empty() {
            continue;
        }
        let recount = here.into_iter().fold(Recount::all(), Recount::named);
        all.push((database, recount));
    }
    all
}

fn tell(found: &[Recounted], out: &mut (dyn Write + Send)) -> Result<()> {
    found.iter().try_for_each(|figure| say(out, format_args!("{figure}\n")))
}

/// Compares the figures of these apps and models, or of all; how many are wrong or not kept. What has none is passed over.
pub(super) async fn audit(
    project: &Project,
    site: &Site,
    labels: &[String],
    out: &mut (dyn Write + Send),
) -> Result<usize> {
    let each: Vec<Vec<String>> = match labels {
        [] => vec![Vec::new()],
        labels => labels.iter().map(|label| vec![label.clone()]).collect(),
    };
    let mut unsound = 0;
    for names in each {
        for (name, recount) in by_database(project, &names) {
            let found = match recount.check(site.db_named(&name)?).await {
                Err(error) if error.kind() == ErrorKind::Field => continue,
                found => found?,
            };
            let wrong: Vec<Recounted> = found.into_iter().filter(|figure| !figure.is_sound()).collect();
            unsound += wrong.len();
            tell(&wrong, out)?;
        }
    }
    Ok(unsound)
}
