//! The servers that tests need: found, or started.
//!
//! [`NEEDED`] is the list. A server enters it with the first test that needs it.

use std::env;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::run::{Failure, apt_install, command, is_root, output, root};

/// One kind of server: where its address is told, what may answer, and how to get one.
struct Server {
    name: &'static str,
    /// The environment variable that tests read, and that a person may set.
    variable: &'static str,
    /// Addresses to try when the variable is unset, best first. `{user}` is the unix user.
    candidates: &'static [&'static str],
    /// Whether a server that lets us in listens at an address of `candidates`.
    answers: fn(&str) -> bool,
    /// The program that shows it is installed, and the Debian packages that bring it.
    program: fn() -> Option<PathBuf>,
    packages: &'static [&'static str],
    /// Starts one at the last of `candidates`; given what `program` found.
    start: fn(&Path) -> Result<Stop, Failure>,
}

/// The last candidate is the private server's own address, so that one left behind is found again.
const NEEDED: &[Server] = &[Server {
    name: "PostgreSQL",
    variable: "NUAGES_TEST_POSTGRES_URL",
    candidates: &[
        "postgres://postgres@127.0.0.1:5432/postgres",
        "postgres://root@127.0.0.1:5432/postgres",
        "postgres://{user}@127.0.0.1:5432/postgres",
        "postgres://postgres@127.0.0.1:54320/postgres",
    ],
    answers: postgres_answers,
    program: postgres_initdb,
    packages: &["postgresql"],
    start: postgres_start,
}];

/// A server at hand. One that we started stops when this is dropped.
pub(crate) struct Found {
    pub(crate) variable: &'static str,
    pub(crate) url: String,
    _stop: Option<Stop>,
}

impl Found {
    /// The address as it may be printed.
    pub(crate) fn without_password(&self) -> String {
        match self.url.split_once("://").zip(self.url.rsplit_once('@')) {
            Some(((scheme, rest), (_, place))) if rest.contains('@') => {
                let user = rest.split([':', '@']).next().unwrap_or_default();
                format!("{scheme}://{user}@{place}")
            }
            _ => self.url.clone(),
        }
    }
}

/// The command that stops a server we started.
struct Stop(Command);

impl Drop for Stop {
    fn drop(&mut self) {
        if let Err(Failure(why)) = output(&mut self.0) {
            eprintln!("xtask: a server was left running: {why}");
        }
    }
}

/// Every server of the list.
pub(crate) fn find() -> Result<Vec<Found>, Failure> {
    NEEDED.iter().map(find_one).collect()
}

fn find_one(server: &Server) -> Result<Found, Failure> {
    let found = |url, stop| Found { variable: server.variable, url, _stop: stop };
    if let Ok(url) = env::var(server.variable)
        && !url.is_empty()
    {
        return Ok(found(url, None));
    }
    let user = env::var("USER").unwrap_or_else(|_| "root".to_owned());
    let urls: Vec<String> = server.candidates.iter().map(|url| url.replace("{user}", &user)).collect();
    if let Some(url) = urls.iter().find(|url| (server.answers)(url)) {
        return Ok(found(url.clone(), None));
    }
    if (server.program)().is_none() {
        apt_install(server.packages)?;
    }
    let (Some(program), Some(own)) = ((server.program)(), urls.last()) else {
        return Err(Failure(format!(
            "tests need {}: set {} to the address of a server in which databases may be made, or install {} (tried {})",
            server.name,
            server.variable,
            server.packages.join(" "),
            urls.join(", ")
        )));
    };
    // An installation may have started its own server.
    if let Some(url) = urls.iter().find(|url| (server.answers)(url)) {
        return Ok(found(url.clone(), None));
    }
    let stop = (server.start)(&program)?;
    if !(server.answers)(own) {
        return Err(Failure(format!(
            "{} was started but does not answer at {own}: set {}",
            server.name, server.variable
        )));
    }
    Ok(found(own.clone(), Some(stop)))
}

/// Asks for a session without a password and without TLS, and says whether it was granted.
fn postgres_answers(url: &str) -> bool {
    let granted = || -> Option<bool> {
        let (user, rest) = url.strip_prefix("postgres://")?.split_once('@')?;
        let (address, database) = rest.split_once('/')?;
        let address: SocketAddr = address.parse().ok()?;
        let wait = Duration::from_secs(5);
        let mut server = TcpStream::connect_timeout(&address, wait).ok()?;
        server.set_read_timeout(Some(wait)).ok()?;
        // StartupMessage of protocol 3.0: length (itself included), version, then pairs of C strings and a zero.
        let pairs = format!("user\0{user}\0database\0{database}\0\0");
        let length = u32::try_from(8 + pairs.len()).ok()?;
        let mut message = length.to_be_bytes().to_vec();
        message.extend(196_608_u32.to_be_bytes());
        message.extend(pairs.as_bytes());
        server.write_all(&message).ok()?;
        // AuthenticationOk is 'R', the length 8 and the code 0; a wanted password has another code, a refusal is 'E'.
        let mut answer = [0; 9];
        server.read_exact(&mut answer).ok()?;
        Some(answer == *b"R\0\0\0\x08\0\0\0\0")
    };
    granted().unwrap_or(false)
}

/// `initdb` of the newest installation, where Debian and others put it.
fn postgres_initdb() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|v| v.path().join("bin")).collect())
        .unwrap_or_default();
    // 9.6 is older than 15, which text order would deny.
    places.sort_by_key(|place| {
        let version = place.parent().and_then(Path::file_name);
        version.and_then(|v| v.to_str()?.split('.').next()?.parse::<u32>().ok())
    });
    places.reverse();
    places.extend(env::split_paths(&path));
    places.into_iter().map(|place| place.join("initdb")).find(|program| program.exists())
}

/// A private cluster that trusts this machine, on port 54320.
fn postgres_start(initdb: &Path) -> Result<Stop, Failure> {
    // The server refuses to run as root, so there it is the packages' own user's.
    let (user, data) = if is_root() {
        (Some("postgres"), PathBuf::from("/var/lib/postgresql/nuages-test"))
    } else {
        (None, root().join("target/xtask/postgres"))
    };
    let program = |name: &str| {
        let name = initdb.with_file_name(name);
        let mut program = match user {
            Some(user) => {
                let mut program = command("runuser");
                program.args(["-u", user, "--"]).arg(name);
                program
            }
            None => command(&name.to_string_lossy()),
        };
        // The workspace's folder may be closed to that user.
        program.current_dir("/").arg("-D").arg(&data);
        program
    };
    if !data.join("PG_VERSION").exists() {
        let args = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"];
        output(program("initdb").args(args))?;
    }
    let options = format!(
        "-p 54320 -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off -c max_connections=200",
        data.display()
    );
    output(program("pg_ctl").args(["-w", "-l"]).arg(data.join("log")).args(["-o", &options, "start"]))?;
    let mut stop = program("pg_ctl");
    stop.args(["-m", "fast", "stop"]);
    Ok(Stop(stop))
}
