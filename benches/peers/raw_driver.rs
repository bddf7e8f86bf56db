//! The drivers as a careful program uses them without an ORM: prepared statements, a pool of 16 connections, reader
//! threads of SQLite's own so that the runtime is never blocked.

use std::path::Path;
use std::thread;

use crossbeam_channel::{Sender, unbounded};
use jiff::Timestamp;
use tokio::sync::oneshot;

/// A row of the table that all benchmarks read.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Item {
    /// The key.
    pub id: i64,
    /// Some text.
    pub name: String,
    /// Some float.
    pub price: f64,
    /// Some number.
    pub qty: i32,
    /// Some truth value.
    pub active: bool,
    /// Some moment.
    pub created: Timestamp,
    /// Some text that may be null.
    pub note: Option<String>,
}

/// All columns, in the order of [`Item`].
pub const COLUMNS: &str = "id, name, price, qty, active, created, note";

/// A boxed error, as a program without a library of its own would use.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// tokio-postgres and deadpool.
#[derive(Debug, Clone)]
pub struct Postgres(deadpool_postgres::Pool);

impl Postgres {
    /// A pool of 16 connections.
    pub fn connect(url: &str) -> Result<Self, Error> {
        let manager = deadpool_postgres::Manager::from_config(
            url.parse()?,
            tokio_postgres::NoTls,
            deadpool_postgres::ManagerConfig { recycling_method: deadpool_postgres::RecyclingMethod::Fast },
        );
        Ok(Postgres(deadpool_postgres::Pool::builder(manager).max_size(16).build()?))
    }

    fn item(row: &tokio_postgres::Row) -> Result<Item, Error> {
        Ok(Item {
            id: row.try_get(0)?,
            name: row.try_get(1)?,
            price: row.try_get(2)?,
            qty: row.try_get(3)?,
            active: row.try_get(4)?,
            created: row.try_get(5)?,
            note: row.try_get(6)?,
        })
    }

    /// One row by key.
    pub async fn get(&self, id: i64) -> Result<Item, Error> {
        let client = self.0.get().await?;
        let statement = client.prepare_cached(&format!("SELECT {COLUMNS} FROM bench_item WHERE id = $1")).await?;
        Self::item(&client.query_one(&statement, &[&id]).await?)
    }

    /// The first rows.
    pub async fn rows(&self, limit: i64) -> Result<Vec<Item>, Error> {
        let client = self.0.get().await?;
        let sql = format!("SELECT {COLUMNS} FROM bench_item ORDER BY id LIMIT $1");
        let statement = client.prepare_cached(&sql).await?;
        client.query(&statement, &[&limit]).await?.iter().map(Self::item).collect()
    }

    /// Inserts one row, and gives its key.
    pub async fn insert(&self, item: &Item) -> Result<i64, Error> {
        let client = self.0.get().await?;
        let sql = "INSERT INTO bench_item (name, price, qty, active, created, note) \
                   VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
        let statement = client.prepare_cached(sql).await?;
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [&item.name, &item.price, &item.qty, &item.active, &item.created, &item.note];
        Ok(client.query_one(&statement, &values).await?.try_get(0)?)
    }
}

impl Postgres {
    /// Copies rows in, in the binary form.
    pub async fn copy(&self, items: &[Item]) -> Result<u64, Error> {
        use tokio_postgres::types::{ToSql, Type};

        let client = self.0.get().await?;
        let sink = client
            .copy_in("COPY bench_item (name, price, qty, active, created, note) FROM STDIN (FORMAT binary)")
            .await?;
        let types = [Type::TEXT, Type::FLOAT8, Type::INT4, Type::BOOL, Type::TIMESTAMPTZ, Type::TEXT];
        let mut writer = Box::pin(tokio_postgres::binary_copy::BinaryCopyInWriter::new(sink, &types));
        for item in items {
            let values: [&(dyn ToSql + Sync); 6] =
                [&item.name, &item.price, &item.qty, &item.active, &item.created, &item.note];
            writer.as_mut().write(&values).await?;
        }
        Ok(writer.as_mut().finish().await?)
    }
}

type Job = Box<dyn FnOnce(&rusqlite::Connection) + Send>;

/// rusqlite on two reader threads and a writer thread.
#[derive(Debug, Clone)]
pub struct Sqlite {
    readers: Sender<Job>,
    writer: Sender<Job>,
}

impl Sqlite {
    /// Opens the file three times.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let (readers, read_jobs) = unbounded::<Job>();
        let (writer, write_jobs) = unbounded::<Job>();
        for jobs in [read_jobs.clone(), read_jobs, write_jobs] {
            let connection = rusqlite::Connection::open(path)?;
            connection.execute_batch(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000; \
                 PRAGMA cache_size=-16000; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=134217728;",
            )?;
            connection.set_prepared_statement_cache_capacity(128);
            thread::spawn(move || {
                for job in jobs {
                    job(&connection);
                }
            });
        }
        Ok(Sqlite { readers, writer })
    }

    async fn run<T, F>(to: &Sender<Job>, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| drop(reply.send(work(connection))));
        to.send(job).map_err(|_| "the thread has ended")?;
        Ok(answer.await??)
    }

    fn item(row: &rusqlite::Row<'_>) -> rusqlite::Result<Item> {
        let created: String = row.get(5)?;
        let civil: jiff::civil::DateTime = created.parse().map_err(|error: jiff::Error| {
            rusqlite::Error::FromSqlConversionFailure(5, rusqlite::types::Type::Text, error.into())
        })?;
        let created = civil.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp()).unwrap_or_default();
        Ok(Item {
            id: row.get(0)?,
            name: row.get(1)?,
            price: row.get(2)?,
            qty: row.get(3)?,
            active: row.get(4)?,
            created,
            note: row.get(6)?,
        })
    }

    /// One row by key.
    pub async fn get(&self, id: i64) -> Result<Item, Error> {
        Self::run(&self.readers, move |connection| {
            let sql = "SELECT id, name, price, qty, active, created, note FROM bench_item WHERE id = ?1";
            connection.prepare_cached(sql)?.query_row([id], Self::item)
        })
        .await
    }

    /// The first rows.
    pub async fn rows(&self, limit: i64) -> Result<Vec<Item>, Error> {
        Self::run(&self.readers, move |connection| {
            let sql = "SELECT id, name, price, qty, active, created, note FROM bench_item ORDER BY id LIMIT ?1";
            connection.prepare_cached(sql)?.query_map([limit], Self::item)?.collect()
        })
        .await
    }

    /// Inserts one row, and gives its key.
    pub async fn insert(&self, item: &Item) -> Result<i64, Error> {
        let item = item.clone();
        Self::run(&self.writer, move |connection| {
            let sql = "INSERT INTO bench_item (name, price, qty, active, created, note) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id";
            let created = item.created.strftime("%Y-%m-%d %H:%M:%S.%6f").to_string();
            let values: [&dyn rusqlite::ToSql; 6] =
                [&item.name, &item.price, &item.qty, &item.active, &created, &item.note];
            connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))
        })
        .await
    }

    /// Inserts rows by one prepared statement, in one transaction.
    pub async fn insert_all(&self, items: Vec<Item>) -> Result<(), Error> {
        Self::run(&self.writer, move |connection| {
            let transaction = connection.unchecked_transaction()?;
            let sql =
                "INSERT INTO bench_item (name, price, qty, active, created, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            {
                let mut statement = connection.prepare_cached(sql)?;
                for item in &items {
                    let created = item.created.strftime("%Y-%m-%d %H:%M:%S.%6f").to_string();
                    let values: [&dyn rusqlite::ToSql; 6] =
                        [&item.name, &item.price, &item.qty, &item.active, &created, &item.note];
                    statement.execute(values)?;
                }
            }
            transaction.commit()
        })
        .await
    }
}
