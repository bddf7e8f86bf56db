//! What the log says of a request that took long.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use axum::http::StatusCode;
use nuages_orm::db::Tally;

/// Statements that are named, those that took longest in sum first.
const LINES: usize = 20;
/// Characters of a statement that are shown.
const LONGEST: usize = 500;

/// A request that took long, and what it asked of its databases. Values bound to statements are not shown.
pub(super) struct Slow {
    pub(super) status: StatusCode,
    pub(super) elapsed: Duration,
    pub(super) tally: Tally,
}

impl fmt::Display for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Slow { status, elapsed, tally } = self;
        let (status, asked) = (status.as_u16(), tally.elapsed);
        write!(
            f,
            "a slow request: {status} after {elapsed:.1?}, {asked:.1?} of it for {} statements",
            tally.statements
        )?;
        if tally.failed > 0 {
            write!(f, ", {} of which failed", tally.failed)?;
        }
        let mut lines: Vec<_> = tally.lines.iter().collect();
        lines.sort_by_key(|line| Reverse(line.elapsed));
        for line in lines.iter().take(LINES) {
            let sql: String = line.sql.chars().take(LONGEST).collect();
            let cut = if sql.len() < line.sql.len() { "…" } else { "" };
            let (elapsed, longest) = (line.elapsed, line.longest);
            write!(
                f,
                "\n  {} ×, {elapsed:.1?} in sum, at most {longest:.1?}, {} rows: {sql}{cut}",
                line.count, line.rows
            )?;
            for (depth, place) in line.code_path().iter().enumerate() {
                write!(f, "\n    {} {place}", if depth == 0 { "repeated at" } else { "under" })?;
            }
        }
        match tally.repeated().count() {
            0 => Ok(()),
            _ => f.write_str("\n  what is repeated may be asked once: `prefetch` and `select_related` load relations"),
        }
    }
}
