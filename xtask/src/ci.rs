//! `cargo xtask check` and `cargo xtask ci`.

use crate::run::{Failure, cargo, output, succeed};
use crate::test;

/// Formatting, lints, documentation.
pub(crate) fn check() -> Result<(), Failure> {
    all(&[("fmt", fmt), ("clippy", clippy), ("doc", doc)])
}

/// Everything a change must pass. A test that did not run counts as failed.
pub(crate) fn run() -> Result<(), Failure> {
    all(&[
        ("fmt", fmt),
        ("clippy", clippy),
        ("doc", doc),
        ("deny", deny),
        ("one TLS provider", one_tls_provider),
        ("test", tests),
    ])
}

type Step = (&'static str, fn() -> Result<(), Failure>);

/// Runs each step even after one failed, so that one run shows all there is to mend.
fn all(steps: &[Step]) -> Result<(), Failure> {
    let mut failures = Vec::new();
    for (name, step) in steps {
        if let Err(Failure(why)) = step() {
            eprintln!("xtask: {name}: {why}");
            failures.push(format!("{name}: {why}"));
        }
    }
    if failures.is_empty() {
        let names: Vec<&str> = steps.iter().map(|(name, _)| *name).collect();
        eprintln!("xtask: passed: {}", names.join(", "));
        return Ok(());
    }
    Err(Failure(format!("failed:\n  {}", failures.join("\n  "))))
}

fn fmt() -> Result<(), Failure> {
    succeed(cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<(), Failure> {
    let args = ["clippy", "--workspace", "--all-targets", "--all-features"];
    succeed(cargo().args(args).args(["--", "-D", "warnings"]))
}

fn doc() -> Result<(), Failure> {
    succeed(cargo().args(["doc", "--workspace", "--no-deps", "--all-features"]).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Advisories are left out: they come from the network and change without a change of ours.
fn deny() -> Result<(), Failure> {
    if output(cargo().args(["deny", "--version"])).is_err() {
        succeed(cargo().args(["install", "--locked", "cargo-deny"]))?;
    }
    succeed(cargo().args(["deny", "--workspace", "--all-features", "check", "bans", "licenses", "sources"]))
}

/// TLS is rustls with ring: aws-lc would be a second provider, and most of a clean build.
fn one_tls_provider() -> Result<(), Failure> {
    let args = ["tree", "--workspace", "--all-features", "--target", "all", "-i", "aws-lc-sys"];
    match output(cargo().args(args)) {
        Ok(tree) if tree.is_empty() => Ok(()),
        Err(Failure(why)) if why.contains("did not match any packages") => Ok(()),
        Ok(tree) => Err(Failure(format!("aws-lc-sys is in the tree:\n{tree}"))),
        Err(why) => Err(why),
    }
}

fn tests() -> Result<(), Failure> {
    let ignoring = test::run(&[])?;
    if ignoring.is_empty() {
        return Ok(());
    }
    Err(Failure(format!("tests were ignored, and every test must run:\n  {}", ignoring.join("\n  "))))
}
