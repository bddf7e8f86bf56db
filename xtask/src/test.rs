//! `cargo xtask test`: every test of the workspace, against real servers.

use crate::run::{Failure, cargo, succeed_reading};
use crate::{python, servers};

/// Runs `cargo test` over the workspace, or over what `args` name, with servers and Python at hand; returns the result
/// lines of test binaries in which something was ignored.
///
/// A test that needs a server fails where it would otherwise skip: `NUAGES_TEST_REQUIRE_SERVERS` is set.
pub(crate) fn run(args: &[String]) -> Result<Vec<String>, Failure> {
    let servers = servers::find()?;
    let mut tests = cargo();
    tests.args(["test", "--all-features", "--no-fail-fast"]);
    let names_package = |arg: &String| arg == "-p" || arg.starts_with("--package");
    if !args.iter().take_while(|arg| *arg != "--").any(names_package) {
        tests.arg("--workspace");
    }
    tests.args(args).env("NUAGES_TEST_REQUIRE_SERVERS", "1").env("NUAGES_TEST_PYTHON", python::find()?);
    for server in &servers {
        tests.env(server.variable, &server.url);
        eprintln!("{}={}", server.variable, server.without_password());
    }
    let mut ignoring = Vec::new();
    succeed_reading(&mut tests, |line| {
        if line.starts_with("test result:") && !line.contains(" 0 ignored") {
            ignoring.push(line.to_owned());
        }
    })?;
    Ok(ignoring)
}
