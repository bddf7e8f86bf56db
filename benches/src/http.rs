//! `GET /item/{id}`: one row as JSON over HTTP, by Nuages, by axum on the driver, and by Django under gunicorn and uvicorn.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command as AsyncCommand};

use crate::database::{Database, ROWS};
use crate::measure::{median, report};
use raw_driver::Error;

const CONNECTIONS: u64 = 32;
const ROUNDS: usize = 11;
const ROUND: Duration = Duration::from_secs(1);

pub(crate) async fn run() -> Result<(), Error> {
    let python = python()?;
    for database in Database::both(ROWS).await? {
        let engine = database.engine();
        let mut servers = vec![
            Server::ours(&database).await?,
            Server::raw_axum(&database).await?,
            Server::django(&python, &database, "gunicorn").await?,
            Server::django(&python, &database, "uvicorn").await?,
        ];
        let body = get(&servers[0].address, 7).await?;
        for server in &servers[1..] {
            let other = get(&server.address, 7).await?;
            if other["name"] != body["name"] || other["qty"] != body["qty"] {
                return Err(format!("{} answers {other}, nuages {body}", server.name).into());
            }
        }
        let mut figures = vec![Vec::new(); servers.len()];
        for _ in 0..ROUNDS {
            for (server, figures) in servers.iter().zip(&mut figures) {
                figures.push(load(&server.address, ROUND).await?);
            }
        }
        let medians: Vec<f64> = figures.into_iter().map(median).collect();
        for (server, (figure, bar)) in servers.iter().zip(medians.iter().zip(["", "0.90", "20", "20"])).skip(1) {
            report(&format!("{engine}: GET one row as JSON"), "req/s", (server.name, *figure), medians[0], bar);
        }
        for server in &mut servers {
            server.process.kill().await?;
        }
        database.remove().await?;
    }
    Ok(())
}

struct Server {
    name: &'static str,
    address: String,
    process: Child,
}

impl Server {
    async fn ours(database: &Database) -> Result<Server, Error> {
        let mut command = AsyncCommand::new(beside("nuages-http")?);
        command.env("DATABASE_URL", database.url());
        Server::announced("nuages", command).await
    }

    async fn raw_axum(database: &Database) -> Result<Server, Error> {
        let mut command = AsyncCommand::new(beside("raw-axum")?);
        match database {
            Database::Sqlite { path } => command.arg("sqlite").arg(path),
            Database::Postgres { url, .. } => command.args(["postgres", url]),
        };
        Server::announced("axum + driver", command).await
    }

    /// A server that prints the address it serves on its first line.
    async fn announced(name: &'static str, mut command: AsyncCommand) -> Result<Server, Error> {
        let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let output = process.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        let address =
            line.trim().strip_prefix("http://").ok_or_else(|| format!("{name} printed `{line}`, no address"))?;
        Ok(Server { name, address: address.to_owned(), process })
    }

    async fn django(python: &Path, database: &Database, server: &'static str) -> Result<Server, Error> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/django");
        let mut command = AsyncCommand::new(python);
        match server {
            "gunicorn" => command.args(["-m", "gunicorn", "-w", "2", "-b", &address, "bench_app:application"]),
            _ => command
                .args(["-m", "uvicorn", "--workers", "2", "--no-access-log", "--log-level", "error", "--port"])
                .args([&port.to_string(), "bench_app:application"])
                .env("BENCH_ASGI", "1"),
        };
        match database {
            Database::Sqlite { path } => command.env("BENCH_DB", path),
            Database::Postgres { url, .. } => command.env("BENCH_PG", django_settings(url)?),
        };
        let process =
            command.current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
        let start = Instant::now();
        while get(&address, 7).await.is_err() {
            if start.elapsed() > Duration::from_secs(30) {
                return Err(format!("{server} does not answer on {address}").into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let name = if server == "gunicorn" { "django, gunicorn" } else { "django, uvicorn" };
        Ok(Server { name, address, process })
    }
}

/// A binary of this package, built beside this one.
fn beside(name: &str) -> Result<PathBuf, Error> {
    let path = std::env::current_exe()?.with_file_name(name);
    match path.exists() {
        true => Ok(path),
        false => Err(format!("{} is not built: `cargo xtask bench` builds it", path.display()).into()),
    }
}

/// A database as Django's settings name it.
pub(crate) fn django_settings(url: &str) -> Result<String, Error> {
    let config: tokio_postgres::Config = url.parse()?;
    let host = match config.get_hosts().first() {
        Some(tokio_postgres::config::Host::Tcp(host)) => host.clone(),
        _ => "127.0.0.1".to_owned(),
    };
    let password = config.get_password().map(String::from_utf8_lossy).unwrap_or_default();
    let settings = serde_json::json!({
        "NAME": config.get_dbname(), "USER": config.get_user(), "HOST": host, "PASSWORD": password,
        "PORT": config.get_ports().first().copied().unwrap_or(5432),
    });
    Ok(settings.to_string())
}

/// A Python with Django and both servers, in an environment under `target`.
pub(crate) fn python() -> Result<PathBuf, Error> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-python");
    let python = folder.join("bin/python");
    if !python.exists() {
        let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/django/requirements.txt");
        let made = Command::new("python3").args(["-m", "venv"]).arg(&folder).status()?.success();
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(requirements);
        if !(made && install.status()?.success()) {
            return Err("no Python environment for Django could be made".into());
        }
    }
    Ok(python)
}

async fn get(address: &str, id: i64) -> Result<serde_json::Value, Error> {
    let mut client = Client::new(address);
    let body = client.get(id).await?;
    Ok(serde_json::from_slice(&body)?)
}

/// Requests a second over some connections, each asking again as soon as it is answered.
async fn load(address: &str, time: Duration) -> Result<f64, Error> {
    let start = Instant::now();
    let clients = (0..CONNECTIONS).map(|n| {
        let mut client = Client::new(address);
        tokio::spawn(async move {
            let (mut done, mut id) = (0_u64, n);
            while start.elapsed() < time {
                id = id.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                client.get(((id >> 20) % ROWS.unsigned_abs()).cast_signed() + 1).await?;
                done += 1;
            }
            Ok::<u64, Error>(done)
        })
    });
    let mut done = 0;
    for client in clients.collect::<Vec<_>>() {
        done += client.await??;
    }
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

/// One connection, kept open as long as the server keeps it.
struct Client {
    address: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Client {
    fn new(address: &str) -> Client {
        Client { address: address.to_owned(), stream: None, buffer: Vec::new() }
    }

    /// The body of the answer; an error if its status is not 200.
    async fn get(&mut self, id: i64) -> Result<Vec<u8>, Error> {
        let request = format!("GET /item/{id} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&self.address).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        loop {
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection before it had answered".into());
            }
            let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            let length = length.ok_or("an answer without a length")?;
            if self.buffer.len() < end + 4 + length {
                continue;
            }
            if !head.contains("connection: close") {
                self.stream = Some(stream);
            }
            return match head.split_whitespace().nth(1) {
                Some("200") => Ok(self.buffer[end + 4..end + 4 + length].to_vec()),
                other => Err(format!("status {other:?}").into()),
            };
        }
    }
}
