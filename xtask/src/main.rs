//! The project's own commands, run as `cargo xtask COMMAND`. See [`USAGE`].

mod ci;
mod python;
mod run;
mod servers;
mod test;

use std::process::ExitCode;

use run::{Failure, cargo};

const USAGE: &str = "\
cargo xtask test [ARGS…]   every test, against real servers; ARGS go to `cargo test` (a crate, a filter)
cargo xtask check          formatting, lints, documentation
cargo xtask bench NAME…    side-by-side benchmarks, release build
cargo xtask ci             check, licences and bans, then every test; what a change must pass

Servers are found by NUAGES_TEST_POSTGRES_URL and the like, else on this machine, else installed where apt may.
Python for the Django oracle is NUAGES_TEST_PYTHON, else made in .venv from tests/oracle/requirements.txt.";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let outcome = match command.as_str() {
        "test" => test::run(&rest).map(drop),
        "check" => ci::check(),
        "bench" => bench(&rest),
        "ci" => ci::run(),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(Failure(format!("unknown command {other:?}\n\n{USAGE}"))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(message)) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn bench(names: &[String]) -> Result<(), Failure> {
    if names.iter().any(|name| name == "http") && !run::is_installed("wrk") {
        // Where that is not ours to do, the benchmark says what to install.
        run::apt_install(&["wrk"])?;
    }
    // All of its programs, for they start one another.
    run::succeed(cargo().args(["build", "--release", "-p", "nuages-benches"]))?;
    run::succeed(cargo().args(["run", "--release", "-p", "nuages-benches", "--"]).args(names))
}
