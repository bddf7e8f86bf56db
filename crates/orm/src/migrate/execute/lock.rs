//! Who may migrate, and how long a migration waits for tables that others use.

use std::fs::File;
use std::time::Duration;

use crate::db::{Db, Open, Pauses, Statement};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::value::Value;

/// The lock that one migrator at a time holds on a PostgreSQL database: "nuages_m" as a number.
const LOCK: i64 = i64::from_be_bytes(*b"nuages_m");
/// The lock that each connection holds which does a part of a migration that is not atomic: "nuages_p" as a number.
const PART: i64 = i64::from_be_bytes(*b"nuages_p");
/// The first pause before something is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long a migration waits for the locks of its tables on PostgreSQL, and how often it tries again.
///
/// While a statement waits for a lock, everybody else queues behind it who wants to use the table. So it waits for a
/// short time, gives up, lets the others through, and comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockPatience {
    /// How long each statement waits at most.
    pub timeout: Duration,
    /// How often a migration is tried again.
    pub retries: u32,
}

impl Default for LockPatience {
    /// 5 seconds, and 20 times again.
    fn default() -> Self {
        LockPatience { timeout: Duration::from_secs(5), retries: 20 }
    }
}

/// The pauses between tries.
pub(super) fn pauses() -> Pauses {
    Pauses::new(FIRST_PAUSE, LONGEST_PAUSE)
}

/// Makes a transaction on PostgreSQL the only one that migrates, and takes its limits of time off, but for the wait for
/// locks of tables.
///
/// It asks again and again: a statement that waited would hold a snapshot, for which an index that another migrator
/// makes concurrently would wait in turn.
pub(super) async fn acquire(db: &Db, patience: LockPatience) -> Result<()> {
    if db.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    db.script("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0").await?;
    ask_until(db, &Statement::write("SELECT pg_try_advisory_xact_lock($1)", vec![Value::Int(LOCK)])).await?;
    db.script(format!("SET LOCAL lock_timeout = {}", patience.timeout.as_millis().max(1))).await
}

/// Asks again and again until the answer is yes.
async fn ask_until(db: &Db, question: &Statement) -> Result<()> {
    let mut pauses = pauses();
    loop {
        let got = db.fetch(question.clone(), |row| row.column().value(Some(&crate::field::Kind::Boolean))).await?;
        // The answer would hold a snapshot until the next statement.
        db.script("SELECT").await?;
        if got == [Value::Bool(true)] {
            return Ok(());
        }
        pauses.pause().await;
    }
}

/// Marks a transaction on PostgreSQL as a part of a migration that is not atomic. If the program is killed, the server
/// may yet finish the statement or the commit that it was sent; until then the next migrator waits.
pub(in super::super) async fn take_part(db: &Db) -> Result<()> {
    match db.dialect() {
        Dialect::Sqlite => Ok(()),
        Dialect::Postgres => db.script(format!("SELECT pg_advisory_xact_lock_shared({PART})")).await,
    }
}

/// Runs a statement that cannot run in a transaction, as a part of a migration.
pub(super) async fn run_alone(db: &Db, sql: &str) -> Result<()> {
    let before = match db.dialect() {
        Dialect::Sqlite => String::new(),
        Dialect::Postgres => format!("SELECT pg_advisory_lock_shared({PART})"),
    };
    db.script_alone(&before, sql).await
}

/// Keeps other migrators away from work that is not one transaction: on PostgreSQL another connection holds the lock in
/// a transaction of its own, on SQLite a file beside the database is locked.
pub(super) struct Alone {
    transaction: Option<Open>,
    /// Unlocked when it is closed, or the program killed. The file stays: somebody may be waiting for it.
    _file: Option<File>,
}

impl Alone {
    /// Waits until nobody else migrates.
    pub(super) async fn wait(db: &Db) -> Result<Alone> {
        if db.dialect() == Dialect::Postgres {
            let transaction = db.begin(true).await?;
            acquire(transaction.db(), LockPatience::default()).await?;
            // Parts of a migrator that was killed.
            let free =
                format!("SELECT CASE WHEN pg_try_advisory_lock({PART}) THEN pg_advisory_unlock({PART}) ELSE false END");
            ask_until(transaction.db(), &Statement::write(free, Vec::new())).await?;
            return Ok(Alone { transaction: Some(transaction), _file: None });
        }
        let sql = "SELECT file FROM pragma_database_list WHERE name = 'main'";
        let paths: Vec<(String,)> = db.raw(sql, ()).fetch().await?;
        let path = paths.into_iter().map(|(path,)| path).find(|path| std::path::Path::new(path).exists());
        // A database in memory is nobody else's.
        let Some(path) = path else { return Ok(Alone { transaction: None, _file: None }) };
        let path = format!("{path}-migrate");
        let failed = |error: std::io::Error| {
            let text = format!("the file `{path}`, which keeps two migrators apart, cannot be locked: {error}");
            Error::new(ErrorKind::Migration, text)
        };
        let file = File::create(&path).map_err(failed)?;
        let mut pauses = pauses();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Alone { transaction: None, _file: Some(file) }),
                Err(std::fs::TryLockError::WouldBlock) => pauses.pause().await,
                Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    /// Lets others migrate.
    pub(super) async fn end(self) -> Result<()> {
        match self.transaction {
            Some(transaction) => transaction.end_with(Ok(())).await,
            None => Ok(()),
        }
    }
}
