//! The floor plan holds: arrows between crates, and the paths that documents name.

mod architecture;
mod arrows;

use std::path::Path;
use std::process::Command;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn cargo(args: &[&str]) -> String {
    let out = Command::new(env!("CARGO")).args(args).current_dir(root()).output().expect("cargo starts");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "cargo {}: {said}", args.join(" "));
    String::from_utf8(out.stdout).expect("cargo writes UTF-8")
}
