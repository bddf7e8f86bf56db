//! The servers: each a process of its own on a port of its own, with the processes that it starts.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::database::Database;
use crate::django;
use crate::measure::tree_cpu;
use raw_driver::Error;

pub(super) struct Server {
    pub(super) name: &'static str,
    pub(super) address: String,
    process: Child,
}

impl Server {
    /// Nuages, axum on the driver, and Django under either of its servers.
    pub(super) async fn all(database: &Database, python: &Path) -> Result<[Server; 4], Error> {
        Ok([
            Server::ours(database).await?,
            Server::raw_axum(database).await?,
            Server::django(python, database, "gunicorn").await?,
            Server::django(python, database, "uvicorn").await?,
        ])
    }

    async fn ours(database: &Database) -> Result<Server, Error> {
        let mut command = Command::new(beside("nuages-http")?);
        command.env("DATABASE_URL", database.url());
        Server::announced("nuages", command).await
    }

    async fn raw_axum(database: &Database) -> Result<Server, Error> {
        let mut command = Command::new(beside("raw-axum")?);
        match database {
            Database::Sqlite { path } => command.arg("sqlite").arg(path),
            Database::Postgres { url, .. } => command.args(["postgres", url]),
        };
        Server::announced("axum + driver", command).await
    }

    /// A server that prints the address it serves on its first line.
    async fn announced(name: &'static str, mut command: Command) -> Result<Server, Error> {
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
        let mut command = Command::new(python);
        match server {
            "gunicorn" => command.args(["-m", "gunicorn", "-w", "2", "-b", &address, "bench_app:application"]),
            _ => command
                .args(["-m", "uvicorn", "--workers", "2", "--no-access-log", "--log-level", "error", "--port"])
                .args([&port.to_string(), "bench_app:application"])
                .env("BENCH_ASGI", "1"),
        };
        match database {
            Database::Sqlite { path } => command.env("BENCH_DB", path),
            Database::Postgres { url, .. } => command.env("BENCH_PG", django::settings(url)?),
        };
        let process =
            command.current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
        let name = if server == "gunicorn" { "django, gunicorn" } else { "django, uvicorn" };
        let server = Server { name, address, process };
        let start = Instant::now();
        while server.get(7).is_err() {
            if start.elapsed() > Duration::from_secs(30) {
                return Err(format!("{name} does not answer on {}", server.address).into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(server)
    }

    /// User and system time so far, of all its processes.
    pub(super) fn cpu(&self) -> Duration {
        self.process.id().map_or(Duration::ZERO, tree_cpu)
    }

    /// One row, over a connection of its own.
    pub(super) fn get(&self, id: i64) -> Result<serde_json::Value, Error> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET /item/{id} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(serde_json::from_str(body)?),
            _ => Err(format!("{} answers {answer:?}", self.name).into()),
        }
    }

    pub(super) async fn stop(mut self) -> Result<(), Error> {
        // Politely, so that it ends its own processes.
        let asked = self.process.id().map(|id| Command::new("kill").arg(id.to_string()).status());
        if let Some(asked) = asked {
            asked.await?;
        }
        if tokio::time::timeout(Duration::from_secs(5), self.process.wait()).await.is_err() {
            self.process.kill().await?;
        }
        Ok(())
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
