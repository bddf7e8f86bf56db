//! Databases of a test's own, and Django and the lab run on them.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// The folder of `oracle.py`.
pub(crate) const ORACLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/oracle");

/// An empty database, gone with the value.
pub(crate) struct Database {
    /// What the lab reads as `DATABASE_URL`.
    pub(crate) url: String,
    /// The variable in which Django's side is told the database, and its value.
    django: (&'static str, String),
    /// The server, where there is one.
    server: Option<(String, String)>,
}

impl Database {
    /// A SQLite file that does not exist yet.
    pub(crate) fn sqlite(name: &str) -> Self {
        let path = folder(name).join("db.sqlite3");
        for ending in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{ending}", path.display()));
        }
        let path = path.display().to_string();
        Self { url: format!("sqlite://{path}"), django: ("ORACLE_DB", path), server: None }
    }

    /// A PostgreSQL database on the tests' server; `None`, said aloud, where there is no server and none is required.
    pub(crate) fn postgres(name: &str) -> Option<Self> {
        let server = required("NUAGES_TEST_POSTGRES_URL")?;
        // Two runs at once must not meet.
        let name = format!("lab_{name}_{}", std::process::id());
        administer(&server, &format!(r#"drop database if exists "{name}" with (force)"#));
        administer(&server, &format!(r#"create database "{name}""#));
        let (start, rest) = server.split_once("://").expect("the server's URL has a scheme");
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        let place = place.split_once('/').map_or(place, |(place, _)| place);
        let url = format!("{start}://{place}/{name}{}{options}", if options.is_empty() { "" } else { "?" });
        let (user, host) = place.rsplit_once('@').expect("the server's URL names a user");
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        let (host, port) = host.rsplit_once(':').unwrap_or((host, "5432"));
        let django = format!(
            r#"{{"HOST": "{host}", "PORT": "{port}", "USER": "{user}", "PASSWORD": "{password}", "NAME": "{name}"}}"#
        );
        Some(Self { url, django: ("ORACLE_PG", django), server: Some((server, name)) })
    }

    /// Runs a Python script of the oracle's folder on this database and returns its standard output.
    pub(crate) fn django(&self, script: &str, args: &[&str], input: &str) -> String {
        self.django_with(&[], script, args, input)
    }

    /// As [`django`](Self::django), with further variables.
    pub(crate) fn django_with(&self, variables: &[(&str, &str)], script: &str, args: &[&str], input: &str) -> String {
        let (variable, value) = &self.django;
        run(python(script).args(args).env(variable, value).envs(variables.iter().copied()), input)
    }

    /// Runs a Python program, given as text, on this database and returns its standard output.
    pub(crate) fn django_text(&self, program: &str) -> String {
        let (variable, value) = &self.django;
        let mut python = Command::new(python("").get_program());
        python.env_remove("ORACLE_DB").env_remove("ORACLE_PG");
        run(python.args(["-B", "-c", program]).env(variable, value), "")
    }

    /// Runs the lab's binary on this database and returns its standard output.
    pub(crate) fn lab(&self, args: &[&str], input: &str) -> String {
        let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
        run(lab.args(args).env("DATABASE_URL", &self.url), input)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.server {
            administer(server, &format!(r#"drop database if exists "{name}" with (force)"#));
        }
    }
}

/// A folder for one test's files; they stay, to be looked at.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// A script of the oracle's folder, with the Python that `cargo xtask test` prepared.
pub(crate) fn python(script: &str) -> Command {
    let python = env::var("NUAGES_TEST_PYTHON")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../.venv/bin/python").to_owned());
    let mut command = Command::new(python);
    command.args(["-B", "-W", "ignore"]).arg(Path::new(ORACLE).join(script));
    for variable in ["ORACLE_DB", "ORACLE_PG", "ORACLE_APPS"] {
        command.env_remove(variable);
    }
    command
}

/// Runs to the end with the input; panics with what it said if it fails.
pub(crate) fn run(command: &mut Command, input: &str) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| {
        panic!("cannot start {command:?}: {error}; `cargo xtask test` prepares what tests need")
    });
    let mut stdin = child.stdin.take().expect("standard input is piped");
    let input = input.to_owned();
    // From another thread, since a program may fill its output before it has read all.
    let writer = thread::spawn(move || stdin.write_all(input.as_bytes()));
    let out = child.wait_with_output().expect("its output can be read");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?} failed: {}\n{said}", out.status);
    // One that succeeds without reading all is a matter for what compares its answers.
    let _ = writer.join();
    String::from_utf8(out.stdout).expect("its output is UTF-8")
}

/// The variable's value; `None`, said aloud, where it is unset and servers are not required.
fn required(variable: &str) -> Option<String> {
    if let Ok(value) = env::var(variable) {
        return Some(value);
    }
    assert!(env::var_os("NUAGES_TEST_REQUIRE_SERVERS").is_none(), "{variable} is unset");
    eprintln!("skipped: {variable} is unset; `cargo xtask test` finds a server");
    None
}

fn administer(server: &str, statement: &str) {
    let script = "import psycopg, sys; psycopg.connect(sys.argv[1], autocommit=True).execute(sys.argv[2])";
    let program = python("").get_program().to_owned();
    run(Command::new(program).args(["-c", script, server, statement]), "");
}
