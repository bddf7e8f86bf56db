//! Rows that have values for the same columns, brought together.

use crate::db::Rows;
use crate::encryption::{self, Plaintext};
use crate::error::Result;
use crate::model::{Entry, Schema, SchemaColumn};
use crate::query::new_row::NewRow;
use crate::value::Value;

/// Rows that are kept until there are others like them, in pieces.
const PIECES: usize = 8;

/// A row that is checked and sealed.
pub(crate) struct Ready {
    /// By the places of the model's columns; `None` where the database is to decide.
    values: Vec<Option<Value>>,
    /// What is sealed once the database has said the row's key.
    waiting: Vec<(usize, Plaintext)>,
}

impl Ready {
    /// With `sealing_later`, what is bound to a row waits, though the row brings a key.
    ///
    /// # Errors
    /// Those of [`NewRow::admit`], of encryption, and of [`SlugPlace::refuse_missing`](crate::model::SlugPlace::refuse_missing).
    pub(crate) fn new(schema: &Schema, entry: &Entry, mut row: NewRow, sealing_later: bool) -> Result<Ready> {
        row.admit(entry)?;
        if let Some(slug) = &entry.slug {
            slug.refuse_missing(entry, &row.values)?;
        }
        let mut key = Vec::new();
        if sealing_later {
            key.extend(
                entry.primary_key.iter().map(|place| (*place, row.values.get_mut(*place).and_then(Option::take))),
            );
        }
        let waiting = encryption::new_row(schema, entry, &mut row.values)?;
        for (place, value) in key {
            if let Some(slot) = row.values.get_mut(place) {
                *slot = value;
            }
        }
        Ok(Ready { values: row.values, waiting })
    }

    fn columns(&self) -> impl Iterator<Item = usize> {
        self.values.iter().enumerate().filter(|(_, value)| value.is_some()).map(|(place, _)| place)
    }
}

/// Rows that have values for the same columns.
#[derive(Default)]
pub(crate) struct Piece {
    /// Whether others may be there already that are the same; for an upsert.
    pub(super) conflicts: bool,
    /// The places of the columns.
    pub(super) columns: Vec<usize>,
    /// Which of all rows they are.
    pub(super) indexes: Vec<u64>,
    values: Vec<Value>,
    /// What is sealed once the database has said the keys: the row's place in the piece, and that of the column.
    pub(super) waiting: Vec<(usize, usize, Plaintext)>,
}

impl Piece {
    fn push(&mut self, index: u64, row: Ready) {
        let place = self.indexes.len();
        self.indexes.push(index);
        self.values.extend(row.values.into_iter().flatten());
        self.waiting.extend(row.waiting.into_iter().map(|(column, plain)| (place, column, plain)));
    }

    /// The columns that rows have values for.
    pub(super) fn columns<'a>(&self, entry: &'a Entry) -> Vec<&'a SchemaColumn> {
        self.columns.iter().filter_map(|place| entry.columns.get(*place)).collect()
    }

    /// The values.
    pub(super) fn take_rows(&mut self) -> Rows {
        Rows { width: self.columns.len(), count: self.indexes.len(), values: std::mem::take(&mut self.values) }
    }
}

/// Brings rows together.
pub(crate) struct Gather {
    /// Rows of a piece.
    limit: usize,
    pieces: Vec<Piece>,
    rows: usize,
}

impl Gather {
    /// Makes pieces of so many rows.
    pub(crate) fn new(limit: usize) -> Self {
        Gather { limit: limit.max(1), pieces: Vec::new(), rows: 0 }
    }

    /// Adds a row; a piece that is to be written now.
    pub(crate) fn add(&mut self, index: u64, row: Ready, conflicts: bool) -> Option<Piece> {
        let is_like = |piece: &Piece| piece.conflicts == conflicts && row.columns().eq(piece.columns.iter().copied());
        let like = self.pieces.iter().position(is_like);
        let place = like.unwrap_or_else(|| {
            self.pieces.push(Piece { conflicts, columns: row.columns().collect(), ..Piece::default() });
            self.pieces.len() - 1
        });
        self.rows += 1;
        let piece = self.pieces.get_mut(place)?;
        piece.push(index, row);
        let full = piece.indexes.len() >= self.limit;
        let place = match (full, self.rows >= self.limit.saturating_mul(PIECES)) {
            (true, _) => place,
            (false, false) => return None,
            // Of many kinds a few each: the most frequent ones.
            (false, true) => (0..self.pieces.len()).max_by_key(|place| self.pieces[*place].indexes.len())?,
        };
        let piece = self.pieces.swap_remove(place);
        self.rows -= piece.indexes.len();
        Some(piece)
    }

    /// All that is not written yet.
    pub(crate) fn take(&mut self) -> Vec<Piece> {
        self.rows = 0;
        std::mem::take(&mut self.pieces)
    }
}
