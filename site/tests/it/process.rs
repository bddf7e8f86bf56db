//! Exit codes, signals, and what they leave behind.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use nuages::orm::Models;
use nuages::prelude::*;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::http::{get, send};

/// A folder with a database of its own, gone afterwards.
struct Home {
    folder: PathBuf,
    /// The database, if it is not a file in the folder.
    database: Option<String>,
}

impl Home {
    fn new() -> Self {
        let id = Uuid::new_v4().simple().to_string();
        let folder = std::env::temp_dir().join(format!("nuages-site-{id}"));
        std::fs::create_dir(&folder).expect("a folder");
        Home { folder, database: None }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_site"));
        command.args(arguments).current_dir(&self.folder).env_clear().kill_on_drop(true).stdin(Stdio::null());
        command.envs(self.database.iter().map(|url| ("DATABASE_URL", url)));
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().await.expect("the program runs")
    }

    /// What a command that succeeds writes.
    async fn ask(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// The site, on a free port.
    async fn serve(&self) -> (Child, SocketAddr) {
        let mut site = self.command(&["runserver", "0"]).stdout(Stdio::piped()).spawn().expect("the program runs");
        let out = site.stdout.take().expect("its output");
        let line = BufReader::new(out).lines().next_line().await.expect("a line").expect("it starts");
        let address = line.rsplit("http://").next().expect("an address").parse().expect("an address");
        (site, address)
    }

    /// The clicks that the table has.
    async fn stored(&self) -> String {
        self.ask(&["query", "shortener.Link", "--values", "clicks", "--filter", "code=here", "--json"]).await
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).expect("the folder goes");
    }
}

async fn make_link(site: SocketAddr) {
    let json = [("content-type", "application/json")];
    let answer = send(site, "POST /api/links", &json, r#"{"url": "https://example.org/", "code": "here"}"#).await;
    assert_eq!((answer.status, &answer.json()["code"]), (201, &"here".into()), "{answer:?}");
}

async fn signal(process: &Child, name: &str) {
    let id = process.id().expect("it runs").to_string();
    let sent = Command::new("kill").args([&format!("-{name}"), id.as_str()]).status().await.expect("kill runs");
    assert!(sent.success());
}

#[tokio::test]
async fn a_signal_ends_the_site_well_and_no_click_is_lost() {
    let home = Home::new();
    home.ask(&["migrate"]).await;
    for (round, name) in ["TERM", "INT"].into_iter().enumerate() {
        let (mut site, address) = home.serve().await;
        if round == 0 {
            make_link(address).await;
        }
        for _ in 0..5 {
            assert_eq!(get(address, "/here").await.status, 302);
        }
        signal(&site, name).await;
        let status = site.wait().await.expect("it ends");
        assert_eq!(status.code(), Some(0), "{name}");
        assert_eq!(home.stored().await, format!("[{{\"clicks\":{}}}]\n", 5 * (round + 1)));
        assert!(!Path::exists(&home.folder.join("db.sqlite3-wal")), "the database is closed");
    }
}

#[tokio::test]
async fn a_kill_loses_no_click_that_was_written() {
    let home = Home::new();
    home.ask(&["migrate"]).await;
    let (mut site, address) = home.serve().await;
    make_link(address).await;
    for _ in 0..5 {
        get(address, "/here").await;
    }
    while home.stored().await != "[{\"clicks\":5}]\n" {}
    get(address, "/here").await;
    signal(&site, "KILL").await;
    site.wait().await.expect("it ends");
    // The last click was or was not written: at most those of 100 ms are lost.
    let left = home.stored().await;
    assert!(left == "[{\"clicks\":5}]\n" || left == "[{\"clicks\":6}]\n", "{left}");
    let (_site, address) = home.serve().await;
    assert_eq!(get(address, "/here").await.text("location"), "https://example.org/");
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_ends_the_program_with_1_and_one_sentence() {
    let home = Home::new();
    for url in ["postgres://ada:hunter2@127.0.0.1:1/site", "sqlite:///nowhere/site.db"] {
        for arguments in [&[][..], &["runserver", "0"], &["migrate"], &["query", "shortener.Link"]] {
            let output = home.command(arguments).env("DATABASE_URL", url).output().await.expect("the program runs");
            let text = String::from_utf8(output.stderr).expect("text");
            assert_eq!((output.status.code(), text.lines().count()), (Some(1), 1), "{text}");
            assert!(output.stdout.is_empty() && !text.contains("hunter2"), "{text}");
        }
    }
}

#[tokio::test]
async fn settings_that_make_no_sense_are_told_all_at_once() {
    let home = Home::new();
    std::fs::write(home.folder.join(".env"), "DEBUG=perhaps\nREQUEST_TIMEOUT=soon\n").expect("written");
    let output = home.command(&["migrate"]).env("REQUEST_TIMEOUT", "5").env("RUST_LOG", "a=b").output().await;
    let output = output.expect("the program runs");
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1));
    let names: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["DEBUG", "RUST_LOG"], "the environment goes before the file: {text}");
}

#[tokio::test]
async fn a_command_line_that_makes_no_sense_ends_with_2() {
    let home = Home::new();
    for arguments in [&["migrat"][..], &["runserver", "nowhere"], &["query"], &["migrate", "--fast"]] {
        let output = home.run(arguments).await;
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(!output.stderr.is_empty());
    }
    let help = home.run(&["--help"]).await;
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("runserver"));
}

#[tokio::test]
async fn a_reader_that_has_had_enough_is_no_error() {
    let home = Home::new();
    home.ask(&["migrate"]).await;
    let mut site =
        home.command(&["query", "shortener.Link", "--json"]).stdout(Stdio::piped()).spawn().expect("it runs");
    drop(site.stdout.take());
    assert!(site.wait().await.expect("it ends").success());
}

const ROUNDS: usize = 50;

/// Migrates from two programs at once, on a database without tables.
async fn migrate_twice_at_once(home: &Home, round: usize) {
    let (one, other) = tokio::join!(home.run(&["migrate"]), home.run(&["migrate"]));
    let mut applied = 0;
    for output in [one, other] {
        assert!(output.status.success(), "round {round}: {output:?}");
        applied += String::from_utf8_lossy(&output.stdout).matches("… done\n").count();
    }
    assert_eq!(home.ask(&["migrate", "--check"]).await, "The tables are up to date.\n");
    let shown = home.ask(&["showmigrations", "--plan"]).await;
    assert_eq!(applied, shown.lines().count(), "round {round}: each once");
}

#[tokio::test]
async fn two_programs_that_migrate_a_sqlite_file_at_once_both_succeed_and_apply_once() {
    for round in 0..ROUNDS {
        migrate_twice_at_once(&Home::new(), round).await;
    }
}

#[tokio::test]
async fn two_programs_that_migrate_a_postgresql_database_at_once_both_succeed_and_apply_once() {
    let url = std::env::var("NUAGES_TEST_POSTGRES_URL");
    let url = url.unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned());
    let server = match Db::connect(&url, Models::new()).await {
        Ok(server) => server,
        Err(error) if std::env::var_os("NUAGES_TEST_REQUIRE_SERVERS").is_some() => panic!("{error}"),
        Err(error) => return eprintln!("skipped: {error}"),
    };
    let schema = format!("nuages_{}", Uuid::new_v4().simple());
    let run = async |sql: String| server.raw(sql, ()).execute().await.expect("it runs");
    run(format!("CREATE SCHEMA {schema}")).await;
    let sign = if url.contains('?') { '&' } else { '?' };
    let mut home = Home::new();
    home.database = Some(format!("{url}{sign}options=-c%20search_path%3D{schema}"));
    for round in 0..ROUNDS {
        migrate_twice_at_once(&home, round).await;
        run(format!("DROP SCHEMA {schema} CASCADE")).await;
        run(format!("CREATE SCHEMA {schema}")).await;
    }
    run(format!("DROP SCHEMA {schema}")).await;
}

#[tokio::test]
async fn a_kill_while_migrating_leaves_the_state_before_or_after() {
    for round in 0..20 {
        let home = Home::new();
        let mut site = home.command(&["migrate"]).stdout(Stdio::null()).spawn().expect("the program runs");
        // At another moment each time.
        tokio::time::sleep(std::time::Duration::from_millis(3 * round)).await;
        let _ = site.start_kill();
        site.wait().await.expect("it ends");
        home.ask(&["migrate"]).await;
        assert_eq!(home.ask(&["migrate", "--check"]).await, "The tables are up to date.\n");
        home.ask(&["query", "shortener.Link", "--count"]).await;
    }
}
