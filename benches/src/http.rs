//! `GET /item/{id}`: one row as JSON over HTTP, by Nuages, by axum on the driver, and by Django under gunicorn and uvicorn.
//!
//! All share this machine's cores with `wrk` and the database, so the processor time that a server spends on a request
//! says more about it than how many it answers.

mod server;
mod wrk;

use std::time::Duration;

use crate::database::{Database, ROWS};
use crate::django;
use crate::measure::{median, ratio};
use raw_driver::Error;
use server::Server;

const ROUNDS: usize = 11;
const ROUND: Duration = Duration::from_secs(1);
/// What Nuages must reach of what each server of [`Server::all`] does.
const BARS: [&str; 4] = ["", "   (bar 0.90)", "   (bar 20)", ""];

/// A server's rounds, in order.
#[derive(Default)]
struct Figures {
    rates: Vec<f64>,
    p99: Vec<f64>,
    /// Microseconds of processor time a request.
    cpu: Vec<f64>,
}

pub(crate) async fn run() -> Result<(), Error> {
    let python = django::python()?;
    for database in Database::both(ROWS).await? {
        let servers = Server::all(&database, &python).await?;
        agree(&servers)?;
        let mut figures: [Figures; 4] = Default::default();
        // The first round is for warming up.
        for number in 0..=ROUNDS {
            for (server, figures) in servers.iter().zip(&mut figures) {
                let before = server.cpu();
                let round = wrk::round(&server.address, ROUND).await?;
                if number > 0 {
                    figures.rates.push(round.rate);
                    figures.p99.push(round.p99);
                    figures.cpu.push((server.cpu() - before).as_secs_f64() * 1e6 / round.requests);
                }
            }
        }
        println!("{}: GET one row as JSON", database.engine());
        let [ours, ..] = &figures;
        for (server, (of, bar)) in servers.iter().zip(figures.iter().zip(BARS)) {
            let mut line = format!(
                "  {:<18} {:>8.0} req/s {:>7.1} ms p99 {:>7.1} µs of CPU a request",
                server.name,
                median(of.rates.clone()),
                median(of.p99.clone()),
                median(of.cpu.clone())
            );
            if !std::ptr::eq(of, ours) {
                let (rate, cpu) = (ratio(&ours.rates, &of.rates), ratio(&of.cpu, &ours.cpu));
                line.push_str(&format!("   nuages answers {rate:.2}x, {cpu:.2}x for the CPU time{bar}"));
            }
            println!("{line}");
        }
        for server in servers {
            server.stop().await?;
        }
        database.remove().await?;
    }
    Ok(())
}

/// That all servers give the same row.
fn agree(servers: &[Server]) -> Result<(), Error> {
    let mut bodies = servers.iter().map(|server| server.get(7).map(|body| (server.name, body)));
    let Some((_, first)) = bodies.next().transpose()? else { return Ok(()) };
    for other in bodies {
        let (name, body) = other?;
        if body["name"] != first["name"] || body["qty"] != first["qty"] {
            return Err(format!("{name} answers {body}, nuages {first}").into());
        }
    }
    Ok(())
}
