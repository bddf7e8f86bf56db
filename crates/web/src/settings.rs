//! What differs from one place to another: read from the environment and from `.env`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::time::Duration;

#[cfg(feature = "encryption")]
use nuages_orm::encryption::{KeyError, KeyRing};
use nuages_orm::migrate::LockPatience;

use crate::error::{Error, Result};
use crate::routing::DEFAULT;

/// A text that never shows in a log or a debug representation.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The settings of a project.
///
/// | variable | meaning | if not set |
/// | --- | --- | --- |
/// | `DATABASE_URL` | `sqlite://relative/path.db`, `sqlite:///absolute/path.db`, `sqlite::memory:` or `postgres://user:password@host:port/name?sslmode=…` | `sqlite://db.sqlite3` |
/// | `DATABASE_REPLICA_URLS` | databases that may answer reads, divided by commas | none |
/// | `DATABASE_URL_<NAME>` | the database of apps that say `.database("<name>")`, or of models that a router puts there; the name in capitals here | none |
/// | `MIGRATION_LOCK_TIMEOUT` | seconds that a migration waits for the lock of a table on PostgreSQL before it lets others through | 5 |
/// | `MIGRATION_LOCK_RETRIES` | how often it then tries again | 20 |
/// | `SECRET_KEY` | a long random text that everything signed depends on | none |
/// | `ENCRYPTION_KEYS` | keys of encrypted fields (feature `encryption`), the newest first, divided by commas: each as `Fernet.generate_key()` makes it | none |
/// | `DEBUG` | whether this is somebody's desk: `true` or `false` | `false` |
/// | `SITE_URL` | the address under which people reach the site, such as `https://example.org` | the `Host` of each request |
/// | `REQUEST_TIMEOUT` | seconds after which a request is given up | 30 |
/// | `SLOW_REQUEST` | seconds from which on a request is logged with the statements it sent; 0 for never | 1 |
/// | `SHUTDOWN_TIMEOUT` | seconds that running requests have to finish after a signal to stop | 10 |
/// | `DATA_UPLOAD_MAX_MEMORY_SIZE` | the longest request body in bytes | 2,621,440, as in Django |
/// | `RUST_LOG` | what is logged, such as `info,nuages_orm=debug` | `info`, and each request while `DEBUG` is on |
///
/// A variable of the environment goes before one of `.env`. One that is set to nothing counts as not set.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The database.
    pub database_url: Secret,
    /// Databases that follow the first one and may answer reads.
    pub database_replica_urls: Vec<Secret>,
    /// Further databases by name, in lower case: those of apps that say so with [`App::database`](crate::App::database), or of models that a
    /// [`DatabaseRouter`](crate::DatabaseRouter) puts there.
    pub databases: BTreeMap<String, Secret>,
    /// How long a migration waits for the lock of a table on PostgreSQL, and how often it tries again.
    pub migration_locks: LockPatience,
    /// What everything signed depends on.
    pub secret_key: Option<Secret>,
    /// The keys of encrypted fields.
    #[cfg(feature = "encryption")]
    pub encryption_keys: Option<KeyRing>,
    /// Whether this is somebody's desk, where comfort goes before caution.
    pub debug: bool,
    /// The address under which people reach the site, without a slash at the end.
    pub site_url: Option<String>,
    /// After how long a request is given up.
    pub request_timeout: Duration,
    /// From which time on a request is logged with the statements it sent, if at all.
    pub slow_request: Option<Duration>,
    /// How long running requests have to finish after a signal to stop.
    pub shutdown_timeout: Duration,
    /// The longest request body.
    pub body_limit_bytes: usize,
    /// What is logged, in the form of `RUST_LOG`.
    pub log: Option<String>,
}

impl Settings {
    /// The URL of a database by its name; `default` is the first.
    ///
    /// # Errors
    /// [`Error::Command`] if no setting names it, with the names that there are.
    pub(crate) fn url_of(&self, name: &str) -> Result<&Secret> {
        if name.eq_ignore_ascii_case(DEFAULT) {
            return Ok(&self.database_url);
        }
        self.databases.get(&name.to_lowercase()).ok_or_else(|| self.no_database(name))
    }

    /// The error that no setting names a database.
    pub(crate) fn no_database(&self, name: &str) -> Error {
        let known: Vec<&str> = [DEFAULT].into_iter().chain(self.databases.keys().map(String::as_str)).collect();
        let (known, variable) = (known.join(", "), format!("DATABASE_URL_{}", name.to_uppercase()));
        Error::Command(format!("there is no database `{name}`: choices are {known}; set {variable} for another"))
    }

    /// The settings of a project on this database, all else as if nothing were set.
    pub fn new(database_url: impl Into<String>) -> Self {
        Settings {
            database_url: Secret::new(database_url),
            database_replica_urls: Vec::new(),
            databases: BTreeMap::new(),
            migration_locks: LockPatience::default(),
            secret_key: None,
            #[cfg(feature = "encryption")]
            encryption_keys: None,
            debug: false,
            site_url: None,
            request_timeout: Duration::from_secs(30),
            slow_request: Some(Duration::from_secs(1)),
            shutdown_timeout: Duration::from_secs(10),
            body_limit_bytes: 2_621_440, // 2.5 MiB
            log: None,
        }
    }

    /// Reads the environment, and `.env` in the current folder if there is one.
    ///
    /// # Errors
    /// [`Error::Settings`] with every problem, each in a sentence that names the variable and never its value where
    /// that may be a secret.
    pub fn from_env() -> Result<Self> {
        let mut problems = Vec::new();
        let mut values = dotenv(Path::new(".env"), &mut problems);
        for (name, value) in std::env::vars_os() {
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                values.insert(name, value);
            }
        }
        Self::read(&values, problems)
    }

    /// Reads pairs of name and value in place of the environment.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    ///
    /// ```
    /// # use nuages_web::Settings;
    /// let settings = Settings::from_pairs([("DATABASE_URL", "sqlite::memory:"), ("DEBUG", "true")])?;
    /// assert!(settings.debug);
    ///
    /// let wrong = Settings::from_pairs([("DATABASE_URL", "mysql://root:secret@db"), ("DEBUG", "perhaps")]);
    /// assert_eq!(
    ///     wrong.unwrap_err().to_string(),
    ///     "DATABASE_URL must begin with `sqlite:` or `postgres://`, such as sqlite://db.sqlite3\n\
    ///      DEBUG is `perhaps`, but must be `true` or `false`"
    /// );
    /// # Ok::<(), nuages_web::Error>(())
    /// ```
    pub fn from_pairs<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Self> {
        let values = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self::read(&values, Vec::new())
    }

    fn read(values: &HashMap<String, String>, problems: Vec<String>) -> Result<Self> {
        let mut from = Reader { values, problems };
        let standard = Settings::new("sqlite://db.sqlite3");
        let settings = Settings {
            database_url: from.text("DATABASE_URL").map_or(standard.database_url, |url| from.database(url)),
            database_replica_urls: from.replicas(),
            databases: from.databases(),
            migration_locks: LockPatience {
                timeout: from.seconds("MIGRATION_LOCK_TIMEOUT").unwrap_or(standard.migration_locks.timeout),
                retries: from
                    .number("MIGRATION_LOCK_RETRIES")
                    .map_or(standard.migration_locks.retries, |number| u32::try_from(number).unwrap_or(u32::MAX)),
            },
            secret_key: from.secret_key(),
            #[cfg(feature = "encryption")]
            encryption_keys: from.encryption_keys(),
            debug: from.boolean("DEBUG").unwrap_or(standard.debug),
            site_url: from.site_url(),
            request_timeout: from.seconds("REQUEST_TIMEOUT").unwrap_or(standard.request_timeout),
            slow_request: match from.text("SLOW_REQUEST") {
                Some("0") => None,
                _ => from.seconds("SLOW_REQUEST").or(standard.slow_request),
            },
            shutdown_timeout: from.seconds("SHUTDOWN_TIMEOUT").unwrap_or(standard.shutdown_timeout),
            body_limit_bytes: from.number("DATA_UPLOAD_MAX_MEMORY_SIZE").unwrap_or(standard.body_limit_bytes),
            log: from.log(),
        };
        if from.problems.is_empty() { Ok(settings) } else { Err(Error::Settings(from.problems)) }
    }
}

/// Reads a file of `NAME=value` lines; one that is not there is empty.
fn dotenv(path: &Path, problems: &mut Vec<String>) -> HashMap<String, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return HashMap::new(),
        Err(error) => {
            problems.push(format!("{} cannot be read: {error}", path.display()));
            return HashMap::new();
        }
    };
    let mut values = HashMap::new();
    for pair in dotenvy::from_read_iter(text.as_bytes()) {
        match pair {
            // As in every other reader of such files, the first of two lines with one name counts.
            Ok((name, value)) => {
                values.entry(name).or_insert(value);
            }
            // The line may hold a secret, so only its number is told.
            Err(dotenvy::Error::LineParse(wrong, _)) => {
                let number = text.lines().position(|line| line.trim() == wrong.trim()).map_or(0, |index| index + 1);
                problems.push(format!("{} line {number} is not NAME=value; quote a value with blanks", path.display()));
            }
            Err(error) => problems.push(format!("{} cannot be read: {error}", path.display())),
        }
    }
    values
}

/// What is wrong with a ring of keys, as the end of a sentence that begins with its name.
#[cfg(feature = "encryption")]
fn of_ring(error: &KeyError) -> String {
    match error {
        KeyError::KeyFormatAt { place } => format!(
            "must be keys divided by commas, but number {place} is none: each is 32 random bytes in URL-safe Base64, such \
             as `openssl rand -base64 32 | tr +/ -_` prints"
        ),
        other => other.to_string(),
    }
}

struct Reader<'a> {
    values: &'a HashMap<String, String>,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    fn text(&self, name: &str) -> Option<&'a str> {
        self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn database(&mut self, url: &str) -> Secret {
        self.check_database("DATABASE_URL", url);
        Secret::new(url)
    }

    fn replicas(&mut self) -> Vec<Secret> {
        let name = "DATABASE_REPLICA_URLS";
        let urls = self.text(name).unwrap_or_default().split(',').map(str::trim).filter(|url| !url.is_empty());
        let urls: Vec<&str> = urls.collect();
        for url in &urls {
            self.check_database(name, url);
        }
        urls.into_iter().map(Secret::new).collect()
    }

    fn databases(&mut self) -> BTreeMap<String, Secret> {
        let mut names: Vec<&str> = self.values.keys().map(String::as_str).collect();
        names.sort_unstable();
        let mut databases = BTreeMap::new();
        for variable in names {
            let Some(name) = variable.strip_prefix("DATABASE_URL_").filter(|name| !name.is_empty()) else { continue };
            let Some(url) = self.text(variable) else { continue };
            self.check_database(variable, url);
            databases.insert(name.to_lowercase(), Secret::new(url));
        }
        databases
    }

    /// Only the kind of database is looked at here: the rest may hold a password, and the ORM reads it on connecting.
    fn check_database(&mut self, name: &str, url: &str) {
        let known = ["sqlite:", "postgres://", "postgresql://"];
        if !known.iter().any(|scheme| url.starts_with(scheme)) {
            self.problems
                .push(format!("{name} must begin with `sqlite:` or `postgres://`, such as sqlite://db.sqlite3"));
        }
    }

    fn secret_key(&mut self) -> Option<Secret> {
        /// What 16 random bytes take in hexadecimal.
        const SHORTEST: usize = 32;
        let key = self.text("SECRET_KEY")?;
        if key.chars().count() < SHORTEST {
            self.problems.push(format!(
                "SECRET_KEY has fewer than {SHORTEST} characters; take the output of `openssl rand -hex 32`"
            ));
        }
        Some(Secret::new(key))
    }

    #[cfg(feature = "encryption")]
    fn encryption_keys(&mut self) -> Option<KeyRing> {
        match KeyRing::parse(self.text("ENCRYPTION_KEYS")?) {
            Ok(ring) => Some(ring),
            Err(error) => {
                self.problems.push(format!("ENCRYPTION_KEYS {}", of_ring(&error)));
                None
            }
        }
    }

    fn boolean(&mut self, name: &str) -> Option<bool> {
        let value = self.text(name)?;
        match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => {
                self.problems.push(format!("{name} is `{value}`, but must be `true` or `false`"));
                None
            }
        }
    }

    fn site_url(&mut self) -> Option<String> {
        let value = self.text("SITE_URL")?;
        let place = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
        let place = place.map(|place| place.trim_end_matches('/'));
        let whole =
            place.is_some_and(|place| place.parse::<axum::http::uri::Authority>().is_ok() && !place.contains('@'));
        if !whole {
            self.problems.push(format!("SITE_URL is `{value}`, but must be like https://example.org, without a path"));
        }
        Some(value.trim_end_matches('/').to_owned())
    }

    fn seconds(&mut self, name: &str) -> Option<Duration> {
        let value = self.text(name)?;
        let seconds = value.parse().ok().filter(|seconds| *seconds > 0.0);
        let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        if duration.is_none() {
            self.problems.push(format!("{name} is `{value}`, but must be a number of seconds above 0"));
        }
        duration
    }

    fn number(&mut self, name: &str) -> Option<usize> {
        let value = self.text(name)?;
        let number = value.parse().ok();
        if number.is_none() {
            self.problems.push(format!("{name} is `{value}`, but must be a whole number"));
        }
        number
    }

    fn log(&mut self) -> Option<String> {
        let value = self.text("RUST_LOG")?;
        if let Err(error) = value.parse::<tracing_subscriber::filter::Targets>() {
            self.problems.push(format!("RUST_LOG is `{value}`: {error}; write it like info,nuages_orm=debug"));
        }
        Some(value.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_told_at_once_and_no_secret_with_it() {
        let error = Settings::from_pairs([
            ("DATABASE_URL", "postgre://ada:hunter2@db/site"),
            ("DATABASE_REPLICA_URLS", "postgres://ada:hunter2@replica/site, mysql://ada:hunter2@other/site"),
            ("SECRET_KEY", "hunter2"),
            ("SITE_URL", "example.org"),
            ("REQUEST_TIMEOUT", "-1"),
            ("SLOW_REQUEST", "soon"),
            ("SHUTDOWN_TIMEOUT", "1e30"),
            ("DATA_UPLOAD_MAX_MEMORY_SIZE", "2.5MB"),
            ("RUST_LOG", "nuages=loud"),
        ])
        .expect_err("all of it is wrong")
        .to_string();
        let names: Vec<&str> = error.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(
            names,
            [
                "DATABASE_URL",
                "DATABASE_REPLICA_URLS",
                "SECRET_KEY",
                "SITE_URL",
                "REQUEST_TIMEOUT",
                "SLOW_REQUEST",
                "SHUTDOWN_TIMEOUT",
                "DATA_UPLOAD_MAX_MEMORY_SIZE",
                "RUST_LOG"
            ]
        );
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn secrets_do_not_show_in_debug() {
        let key = "0123456789abcdef0123456789abcdef";
        let settings = Settings::from_pairs([("DATABASE_URL", "postgres://ada:hunter2@db/site"), ("SECRET_KEY", key)]);
        let text = format!("{settings:?}");
        assert!(!text.contains("hunter2") && !text.contains(key), "{text}");
    }

    #[cfg(feature = "encryption")]
    #[test]
    fn encryption_keys_are_read_in_order_and_never_shown() {
        let (new, old) = ("A".repeat(43) + "=", "E".repeat(43) + "=");
        let settings = Settings::from_pairs([("ENCRYPTION_KEYS", format!("{new}, {old}"))]).expect("nothing is wrong");
        let text = format!("{settings:?}");
        assert!(!text.contains("AAAA") && !text.contains("EEEE"), "{text}");
        assert_eq!(settings.encryption_keys.map(|ring| ring.ids().len()), Some(2));
        let error = Settings::from_pairs([("ENCRYPTION_KEYS", format!("{new},hunter2"))]).expect_err("no key");
        assert_eq!(
            error.to_string(),
            "ENCRYPTION_KEYS must be keys divided by commas, but number 2 is none: each is 32 random bytes in URL-safe \
             Base64, such as `openssl rand -base64 32 | tr +/ -_` prints"
        );
        let error = Settings::from_pairs([("ENCRYPTION_KEYS", format!("{new},{new}"))]).expect_err("twice");
        assert!(error.to_string().starts_with("ENCRYPTION_KEYS has the key ") && !error.to_string().contains("AAAA"));
    }

    #[test]
    fn what_is_set_to_nothing_is_not_set() {
        let settings = Settings::from_pairs([("DATABASE_URL", " "), ("SECRET_KEY", "")]).expect("nothing is wrong");
        assert_eq!(settings.database_url.expose(), "sqlite://db.sqlite3");
        assert_eq!(settings.secret_key, None);
        assert_eq!(settings.slow_request, Some(Duration::from_secs(1)));
    }

    #[test]
    fn slow_requests_are_logged_from_a_limit_on_or_never() {
        let limit = |text| Settings::from_pairs([("SLOW_REQUEST", text)]).map(|settings| settings.slow_request);
        assert_eq!(limit("0.25").ok(), Some(Some(Duration::from_millis(250))));
        assert_eq!(limit("0").ok(), Some(None));
        assert!(limit("-1").is_err());
    }

    #[test]
    fn a_line_of_the_file_that_is_no_pair_is_told_by_its_number() {
        let path = std::env::temp_dir().join(format!("nuages-dotenv-{}", std::process::id()));
        std::fs::write(&path, "# comment\nDEBUG=true\nSECRET hunter2\nSITE_URL='http://a.example'\n").expect("written");
        let mut problems = Vec::new();
        let values = dotenv(&path, &mut problems);
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(values.get("DEBUG").map(String::as_str), Some("true"));
        assert!(
            matches!(problems.as_slice(), [one] if one.contains("line 3") && !one.contains("hunter2")),
            "{problems:?}"
        );
    }
}
