//! Crates of their own that depend on `nuages` alone, under its name and another (`tests/foreign`).

use std::path::Path;
use std::process::Command;

#[test]
fn models_compile_in_crates_that_know_nuages_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let foreign = root.join("tests/foreign");
    // The versions that this workspace is built with, so that nothing new is fetched.
    std::fs::copy(root.join("Cargo.lock"), foreign.join("Cargo.lock")).expect("the lock file can be copied");
    let output = Command::new(env!("CARGO"))
        .args(["check", "--workspace", "--quiet", "--offline", "--manifest-path"])
        .arg(foreign.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(root.join("target/foreign"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
