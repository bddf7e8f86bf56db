//! A clean debug build of an app with one model on SQLite: processor time and packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::measure::children_cpu;
use raw_driver::Error;

const MANIFEST: &str = r#"[package]
name = "hello"
version = "0.1.0"
edition = "2024"

[workspace]

[dependencies]
nuages = { path = "NUAGES" }
"#;

const MAIN: &str = r#"//! One model, on SQLite.
use std::process::ExitCode;

use nuages::prelude::*;

#[derive(Model, Debug, Clone)]
#[model(app = "hello")]
pub struct Greeting {
    pub id: i64,
    #[field(max_length = 200)]
    pub text: String,
}

fn main() -> ExitCode {
    Project::new("hello").app(App::new("hello").model::<Greeting>()).main()
}
"#;

pub(crate) fn run() -> Result<(), Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the benchmarks stand in no workspace")?;
    let folder: PathBuf = std::env::temp_dir().join(format!("nuages-hello-{}", std::process::id()));
    fs::create_dir_all(folder.join("src"))?;
    let nuages = root.join("crates/nuages");
    fs::write(folder.join("Cargo.toml"), MANIFEST.replace("NUAGES", &nuages.display().to_string()))?;
    fs::write(folder.join("src/main.rs"), MAIN)?;
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(arguments).current_dir(&folder).env("CARGO_TARGET_DIR", folder.join("target"));
        command
    };
    let fetched = cargo(&["fetch"]).status()?.success();
    let tree = cargo(&["tree", "--edges", "normal,build", "--prefix", "none", "--no-dedupe"]).output()?;
    let text = String::from_utf8_lossy(&tree.stdout).into_owned();
    let mut packages: Vec<&str> = text.lines().filter_map(|line| line.split(" (").next()).collect();
    packages.sort_unstable();
    packages.dedup();
    let (cpu, wall) = (children_cpu(), Instant::now());
    let built = cargo(&["build", "--quiet"]).status()?.success();
    let (cpu, wall) = (children_cpu() - cpu, wall.elapsed());
    fs::remove_dir_all(&folder)?;
    if !(fetched && built) {
        return Err("the app did not build".into());
    }
    println!(
        "clean debug build of one model on SQLite: {:.0} CPU-seconds (aim 120), {:.0} s of wall time, {} packages (aim 150)",
        cpu.as_secs_f64(),
        wall.as_secs_f64(),
        packages.len()
    );
    Ok(())
}
