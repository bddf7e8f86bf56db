//! Rows as files.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use nuages_orm::fixture::{Dump, Format, Load};

use super::{say, with_site};
use crate::error::{Error, Result};
use crate::project::Project;
use crate::routing::DEFAULT;
use crate::settings::Settings;

/// The formats by name.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum FormatName {
    Json,
    Jsonl,
}

impl FormatName {
    fn format(self) -> Format {
        match self {
            FormatName::Json => Format::Json,
            FormatName::Jsonl => Format::JsonLines,
        }
    }
}

/// Write rows as a fixture, in Django's format
#[derive(Debug, clap::Args)]
pub(crate) struct Dumpdata {
    /// Only these, each an APP or APP.MODEL; all if none is named
    #[arg(value_name = "APP[.MODEL]")]
    models: Vec<String>,
    /// Not this APP or APP.MODEL
    #[arg(short, long, value_name = "APP[.MODEL]")]
    exclude: Vec<String>,
    /// JSON, or a JSON object on each line
    #[arg(long, value_enum, default_value = "json")]
    format: FormatName,
    /// A line for each item, with this many blanks for each level
    #[arg(long, value_name = "BLANKS")]
    indent: Option<usize>,
    /// Refer to rows by their natural keys
    #[arg(long)]
    natural_foreign: bool,
    /// Leave out the keys of rows that have a natural key
    #[arg(long)]
    natural_primary: bool,
    /// The rows too that default managers hide, such as deleted ones
    #[arg(short, long)]
    all: bool,
    /// Only the rows with these keys, divided by commas; of one model
    #[arg(long, value_name = "KEYS", value_delimiter = ',')]
    pks: Vec<String>,
    /// The database, by the name in DATABASE_URL_<NAME>
    #[arg(long, default_value = DEFAULT)]
    database: String,
    /// Write to this file, which appears once all is written
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Dumpdata {
    pub(crate) async fn run(self, project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
        let mut dump = Dump::new()
            .format(self.format.format())
            .natural_foreign(self.natural_foreign)
            .natural_primary(self.natural_primary)
            .hidden(self.all)
            .keys(self.pks.iter().map(|key| key.trim()));
        dump = self.models.into_iter().fold(dump, Dump::of);
        dump = self.exclude.into_iter().fold(dump, Dump::without);
        if let Some(blanks) = self.indent {
            dump = dump.indent(blanks);
        }
        with_site(project, settings, async |site| match (&self.output, site.db_named(&self.database)?) {
            (None, db) => Ok(dump.write(db, out).await.map(drop)?),
            (Some(path), db) => {
                let partial = Partial::create(path)?;
                let mut file = BufWriter::new(&partial.file);
                let objects = dump.write(db, &mut file).await?;
                drop(file);
                partial.finish()?;
                say(out, format_args!("{objects} objects in {}.\n", path.display()))
            }
        })
        .await
    }
}

/// A file beside the one to be written, gone unless it is finished.
struct Partial<'a> {
    file: File,
    path: PathBuf,
    wanted: &'a Path,
}

impl<'a> Partial<'a> {
    fn create(wanted: &'a Path) -> Result<Self> {
        let name = wanted.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let path = wanted.with_file_name(format!(".{name}.{}", std::process::id()));
        let file = File::create(&path).map_err(|error| failed(wanted, &error))?;
        Ok(Partial { file, path, wanted })
    }

    fn finish(self) -> Result<()> {
        let done = self.file.sync_all().and_then(|()| fs::rename(&self.path, self.wanted));
        done.map_err(|error| failed(self.wanted, &error))
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        // Not there any more once it is finished.
        let _ = fs::remove_file(&self.path);
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::Command(format!("{} cannot be written: {error}", path.display()))
}

/// Load fixtures in Django's format: all of them, or nothing
#[derive(Debug, clap::Args)]
pub(crate) struct Loaddata {
    /// Files, or names of fixtures in the folders of the apps; - for stdin
    #[arg(required = true, value_name = "FILE")]
    fixtures: Vec<String>,
    /// The format of stdin
    #[arg(long, value_enum)]
    format: Option<FormatName>,
    /// Pass over models and fields that do not exist
    #[arg(short, long)]
    ignorenonexistent: bool,
    /// Look for names in the folder of this app only
    #[arg(long)]
    app: Option<String>,
    /// Leave out this APP or APP.MODEL
    #[arg(short, long, value_name = "APP[.MODEL]")]
    exclude: Vec<String>,
    /// The database, by the name in DATABASE_URL_<NAME>; objects of models that are in others are left out
    #[arg(long, default_value = DEFAULT)]
    database: String,
}

impl Loaddata {
    pub(crate) async fn run(self, project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
        let mut load = Load::new().ignore_unknown(self.ignorenonexistent);
        for fixture in &self.fixtures {
            load = match (fixture.as_str(), self.format) {
                ("-", None) => return Err(Error::Command("- needs --format json or --format jsonl".to_owned())),
                ("-", Some(format)) => {
                    let stdin: Box<dyn Read + Send> = Box::new(std::io::stdin());
                    load.reader("stdin", format.format(), stdin)
                }
                (name, _) => load.file(self.find(project, name)?),
            };
        }
        load = self.exclude.iter().fold(load, |load, label| load.without(label));
        let files = self.fixtures.len();
        with_site(project, settings, async |site| {
            let loaded = load.run(site.db_named(&self.database)?).await?;
            let left_out = match loaded.read - loaded.objects {
                0 => String::new(),
                left_out => format!(", {left_out} left out"),
            };
            let plural = if files == 1 { "" } else { "s" };
            say(out, format_args!("Loaded {} objects from {files} fixture{plural}{left_out}.\n", loaded.objects))
        })
        .await
    }

    /// The file that a name stands for: itself, or one in the folders of the apps, its ending left out or not.
    fn find(&self, project: &Project, name: &str) -> Result<PathBuf> {
        if let Some(label) = &self.app
            && !project.apps().iter().any(|app| app.label() == label)
        {
            let labels: Vec<&str> = project.apps().iter().map(|app| app.label()).collect();
            return Err(Error::Command(format!("unknown app `{label}`: choices are {}", labels.join(", "))));
        }
        let apps = project.apps().iter().filter(|app| self.app.as_ref().is_none_or(|label| app.label() == label));
        let folders: Vec<&Path> = apps.filter_map(|app| app.fixtures_folder.as_deref()).collect();
        if self.app.is_none() && Path::new(name).is_file() {
            return Ok(PathBuf::from(name));
        }
        let here = self.app.is_none().then(|| PathBuf::from(name));
        let places = here.into_iter().chain(folders.iter().map(|folder| folder.join(name)));
        let with_endings = |place: PathBuf| {
            let ended = ["json", "jsonl"].map(|ending| PathBuf::from(format!("{}.{ending}", place.display())));
            [place].into_iter().chain(ended)
        };
        let found: Vec<PathBuf> = places.flat_map(with_endings).filter(|path| path.is_file()).collect();
        match found.as_slice() {
            [only] => Ok(only.clone()),
            [] => {
                let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
                let looked = if folders.is_empty() {
                    "no app says where its fixtures are (`App::fixtures_in`)".to_owned()
                } else {
                    format!("not in {} either", folders.join(", "))
                };
                Err(Error::Command(format!("no fixture `{name}`: there is no such file, and {looked}")))
            }
            several => {
                let several: Vec<String> = several.iter().map(|path| path.display().to_string()).collect();
                Err(Error::Command(format!(
                    "fixture `{name}` is one of several; name the file: {}",
                    several.join(", ")
                )))
            }
        }
    }
}
