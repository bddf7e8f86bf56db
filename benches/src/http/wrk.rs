//! The load on a server: `wrk`, written in C, which leaves most of the machine to the server.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use crate::database::ROWS;
use raw_driver::Error;

const CONNECTIONS: &str = "-c32";

/// What a server did in one round.
pub(super) struct Round {
    /// Requests answered.
    pub(super) requests: f64,
    /// Of them, a second.
    pub(super) rate: f64,
    /// The time that 99 of 100 requests took at most, in milliseconds.
    pub(super) p99: f64,
}

/// Requests for random rows over some connections of one thread, each asking again as soon as it is answered.
///
/// # Errors
/// If `wrk` is not installed, or an answer is none or not 200.
pub(super) async fn round(address: &str, time: Duration) -> Result<Round, Error> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/random_rows.lua");
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", CONNECTIONS, &format!("-d{}s", time.as_secs()), "-s"]).arg(script);
    wrk.arg(format!("http://{address}")).arg("--").arg(ROWS.to_string());
    let output = match wrk.output().await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(
                "`wrk` makes the load and is not installed: install the package `wrk` (apt-get install wrk)".into()
            );
        }
        output => output?,
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("result"));
    let figures: Vec<f64> = line.unwrap_or_default().split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match figures[..] {
        [requests, micros, p99, 0.0] => Ok(Round { requests, rate: requests * 1e6 / micros, p99: p99 / 1e3 }),
        [_, _, _, failed] => Err(format!("{failed} requests to {address} failed").into()),
        _ => Err(format!("`wrk` gave no result: {text}{}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}
