//! Sealing anew, with the newest key, what older keys have sealed.

use std::io::Write;

use nuages_orm::encryption::{Rotation, Survey, Surveyed};

use super::{ProgressBar, say, with_made_site};
use crate::error::{Error, Result};
use crate::project::Project;
use crate::settings::Settings;
use crate::site::Site;

/// Encrypt anew with the newest of ENCRYPTION_KEYS what older ones have encrypted, and fill in blind indexes
#[derive(Debug, clap::Args)]
pub(crate) struct RotateKeys {
    /// Only these apps and models; all if none is named
    #[arg(value_name = "APP[.MODEL]")]
    models: Vec<String>,
    /// Change nothing: say how many values each key has encrypted, and fail if an older one is still needed
    #[arg(long)]
    check: bool,
    /// Rows in a transaction
    #[arg(long, value_name = "ROWS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    batch: u64,
}

impl RotateKeys {
    pub(crate) async fn run(self, project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
        with_made_site(project, settings, async |site| {
            if !self.check {
                for (database, labels) in by_database(project, &self.models) {
                    let rotation = labels.into_iter().fold(Rotation::new().batches_of(self.batch), Rotation::of);
                    let rotation = rotation.on_progress(bars());
                    for rotated in rotation.run(site.db_named(&database)?).await? {
                        say(
                            out,
                            format_args!(
                                "{}: {} rows, {} values encrypted anew, {} blind indexes filled in.\n",
                                rotated.model, rotated.rows, rotated.sealed, rotated.indexed
                            ),
                        )?;
                    }
                }
            }
            let found = survey(project, site, &self.models, out).await?;
            verdict(&found, self.check, out)
        })
        .await
    }
}

/// A bar for each model.
fn bars() -> impl FnMut(&str, nuages_orm::batch::Progress) + Send + 'static {
    let mut bar: Option<(String, ProgressBar)> = None;
    move |model, progress| {
        let known = bar.take().filter(|(of, _)| of == model);
        let (_, bar) = bar.insert(known.unwrap_or_else(|| (model.to_owned(), ProgressBar::new(model))));
        bar.show(progress.done, progress.total);
    }
}

/// Says of each field what which key has encrypted, and names each value that none opens.
async fn survey(
    project: &Project,
    site: &Site,
    models: &[String],
    out: &mut (dyn Write + Send),
) -> Result<Vec<Surveyed>> {
    let mut all = Vec::new();
    for (database, labels) in by_database(project, models) {
        let survey = labels.into_iter().fold(Survey::new(), Survey::of);
        let found: Result<Vec<Surveyed>> = survey
            .run(site.db_named(&database)?, |unopened| {
                let key: String = unopened.key.chars().flat_map(char::escape_default).collect();
                say(out, format_args!("{} {key}: {} {}\n", unopened.model, unopened.field, unopened.problem))
            })
            .await;
        all.extend(found?);
    }
    Ok(all)
}

fn verdict(found: &[Surveyed], check: bool, out: &mut (dyn Write + Send)) -> Result<()> {
    let (mut unopened, mut older) = (0, Vec::new());
    for field in found {
        let keys: Vec<String> = field.by_key.iter().map(|(key, values)| format!("{values} by {key}")).collect();
        let keys = keys.join(", ");
        say(out, format_args!("{}.{}: {} values, {keys}", field.model, field.field, field.values))?;
        if field.old_indexes > 0 {
            say(out, format_args!(", {} blind indexes missing or of an older key", field.old_indexes))?;
        }
        say(out, format_args!("\n"))?;
        unopened += field.unopened;
        for (key, _) in field.by_key.iter().skip(1).filter(|(key, _)| field.needs(*key)) {
            if !older.contains(key) {
                older.push(*key);
            }
        }
    }
    let ids = |keys: &[_]| keys.iter().map(ToString::to_string).collect::<Vec<String>>().join(", ");
    match found.first() {
        None => return say(out, format_args!("No model has an encrypted field.\n")),
        Some(first) if older.is_empty() => {
            let free: Vec<_> = first.by_key.iter().skip(1).map(|(key, _)| *key).collect();
            if !free.is_empty() {
                let text = "nothing here needs them: once no program seals with them, take them out of ENCRYPTION_KEYS";
                say(out, format_args!("Older keys {}: {text}.\n", ids(&free)))?;
            }
        }
        Some(_) if !check => {
            let text =
                "are needed again: a program still seals with them. Restart it with the newest key, and rotate again";
            say(out, format_args!("Older keys {} {text}.\n", ids(&older)))?;
        }
        Some(_) => {}
    }
    if unopened > 0 {
        return Err(Error::Command(format!(
            "{unopened} values are opened by no key of ENCRYPTION_KEYS: add the keys that are named, at the end"
        )));
    }
    match older.is_empty() || !check {
        true => Ok(()),
        false => {
            Err(Error::Command(format!("older keys {} are still needed: `rotate_keys` encrypts anew", ids(&older))))
        }
    }
}

/// Looks for values that no key opens, among these apps and models, or all; how many there are.
pub(super) async fn audit(
    project: &Project,
    site: &Site,
    labels: &[String],
    out: &mut (dyn Write + Send),
) -> Result<u64> {
    let each: Vec<Vec<String>> = match labels {
        [] => vec![Vec::new()],
        labels => labels.iter().map(|label| vec![label.clone()]).collect(),
    };
    let mut unopened = 0;
    for labels in each {
        match survey(project, site, &labels, out).await {
            // Named, and without encrypted fields.
            Err(Error::Orm(error)) if error.kind() == nuages_orm::ErrorKind::Field => {}
            found => unopened += found?.iter().map(|field| field.unopened).sum::<u64>(),
        }
    }
    Ok(unopened)
}

/// What about the keys is not fit for others to rely on, a line each.
pub(super) fn warnings(project: &Project, settings: &Settings) -> Result<Vec<String>> {
    let schema = nuages_orm::Schema::new(&project.models(), nuages_orm::Dialect::Sqlite)?;
    let fields = nuages_orm::encryption::fields(&schema);
    let Some(first) = fields.first() else { return Ok(Vec::new()) };
    let what = match fields.len() {
        1 => format!("{first} is encrypted"),
        more => format!("{first} and {} more fields are encrypted", more - 1),
    };
    let Some(ring) = &settings.encryption_keys else {
        return Ok(vec![format!("{what}, but ENCRYPTION_KEYS is not set: nothing can be read or written there.")]);
    };
    let weak = ring.guessable().into_iter().map(|id| {
        format!("{what}, but the key {id} looks made by hand, for development: make one with `Fernet.generate_key()` and rotate.")
    });
    Ok(weak.collect())
}

/// The apps and models that are meant, by the database they are in.
fn by_database(project: &Project, names: &[String]) -> Vec<(String, Vec<String>)> {
    let mut all = Vec::new();
    for database in project.databases() {
        let here: Vec<String> = names.iter().filter(|name| project.is_in(&database, name)).cloned().collect();
        if !here.is_empty() || names.is_empty() {
            all.push((database, here));
        }
    }
    all
}
