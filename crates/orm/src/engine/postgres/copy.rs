//! Many rows by `COPY … FROM STDIN` in PostgreSQL's binary form (`COPY` in its manual, section "Binary Format").

use std::pin::Pin;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, future};
use tokio_postgres::CopyInSink;
use tokio_postgres::types::{IsNull, ToSql, Type};

use super::Session;
use super::bind::Bound;
use super::connection::{Connection, Unfinished};
use crate::db::{Fill, Rows, Statement};
use crate::error::{Error, ErrorKind, Result};
use crate::value::Value;

/// Signature, flags, length of the header's extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// The length that stands for null, and the width that stands for the end.
const NULL: i32 = -1;
const END: i16 = -1;

/// Tables that `COPY` puts rows into as `INSERT` would: it knows no row security and no rules, and views are none.
const TAKES_COPIES: &str = "SELECT relkind IN ('r', 'p', 'f') AND NOT relhasrules AND NOT row_security_active(oid) \
                            FROM pg_class WHERE oid = $1::text::regclass";

/// Rows being copied into a table piece by piece: the server works on one while the next is made.
pub(crate) struct Filling {
    sink: Pin<Box<CopyInSink<Bytes>>>,
    /// Of the columns, as the server says.
    types: Vec<Type>,
    buffer: BytesMut,
    sent: u64,
    unfinished: Unfinished,
}

impl Session {
    /// Begins to copy rows into a table; `None` if it takes no copies.
    pub(crate) async fn fill(&self, fill: &Fill) -> Result<Option<Filling>> {
        let connection = self.connection()?;
        let table = Statement::read(TAKES_COPIES, vec![Value::Text(fill.table.clone())]);
        let mut read = |row: &mut crate::row::Row<'_>| row.read("takes copies");
        // In this transaction, which locks the table, types stay what they are.
        let (takes, types) =
            future::try_join(connection.fetch::<bool>(&table, &mut read), connection.parameter_types(&fill.insert))
                .await?;
        if takes != [true] || fill.width == 0 {
            return Ok(None);
        }
        let mut unfinished = Unfinished::new(&connection);
        let sink = connection.copy_in(&fill.copy).await.inspect_err(|_| unfinished.finish())?;
        let mut buffer = BytesMut::with_capacity(PIECE);
        buffer.put_slice(HEADER);
        Ok(Some(Filling { sink: Box::pin(sink), types, buffer, sent: 0, unfinished }))
    }

    /// The types of a statement's parameters, as SQL names them.
    pub(crate) async fn parameter_types(&self, sql: &str) -> Result<Vec<String>> {
        let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let types = self.connection()?.parameter_types(sql).await?;
        Ok(types.iter().map(|of| format!("{}.{}", quote(of.schema()), quote(of.name()))).collect())
    }
}

/// Bytes that are sent at once.
const PIECE: usize = 64 * 1024;

impl Filling {
    pub(crate) async fn send(&mut self, rows: Rows) -> Result<()> {
        for row in rows.iter() {
            self.write(row).map_err(|error| error.at_index(self.sent))?;
            self.sent += 1;
            if self.buffer.len() >= PIECE {
                self.feed().await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn finish(&mut self) -> Result<u64> {
        self.buffer.put_i16(END);
        self.feed().await?;
        let outcome = self.sink.as_mut().finish().await;
        self.unfinished.finish();
        outcome.map_err(|error| self.unfinished.connection().failed(error))
    }

    async fn feed(&mut self) -> Result<()> {
        let piece = self.buffer.split().freeze();
        self.buffer.reserve(PIECE);
        let fed = self.sink.feed(piece).await;
        fed.map_err(|error| self.unfinished.connection().failed(error))
    }

    /// Writes a row: the number of its values, then each after its length.
    fn write(&mut self, row: &[Value]) -> Result<()> {
        let width = i16::try_from(row.len()).ok().filter(|_| row.len() == self.types.len());
        let width =
            width.ok_or_else(|| Error::new(ErrorKind::Value, "a row has another number of values than columns"))?;
        self.buffer.put_i16(width);
        for (value, of) in row.iter().zip(&self.types) {
            let at = self.buffer.len();
            self.buffer.put_i32(NULL);
            let written =
                Bound(value).to_sql(of, &mut self.buffer).map_err(|error| match error.downcast::<Error>() {
                    // A value that does not fit its column: our own words.
                    Ok(own) => *own,
                    Err(other) => Error::new(ErrorKind::Value, "a value cannot be sent").with_source(other),
                })?;
            if let IsNull::No = written {
                let length = i32::try_from(self.buffer.len() - at - size_of::<i32>()).map_err(|_| {
                    Error::new(ErrorKind::Value, "a value of 2 GiB or more cannot be sent to PostgreSQL")
                })?;
                if let Some(slot) = self.buffer.get_mut(at..at + size_of::<i32>()) {
                    slot.copy_from_slice(&length.to_be_bytes());
                }
            }
        }
        Ok(())
    }
}

impl Connection {
    /// The types of a statement's parameters, as they are now.
    async fn parameter_types(&self, sql: &str) -> Result<Vec<Type>> {
        Ok(self.prepare_once(sql).await?.params().to_vec())
    }
}
