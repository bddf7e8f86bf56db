//! Django, which some benchmarks are held against: its Python, and its settings.

use std::path::{Path, PathBuf};
use std::process::Command;

use raw_driver::Error;

/// A database as Django's settings name it.
pub(crate) fn settings(url: &str) -> Result<String, Error> {
    let config: tokio_postgres::Config = url.parse()?;
    let host = match config.get_hosts().first() {
        Some(tokio_postgres::config::Host::Tcp(host)) => host.clone(),
        _ => "127.0.0.1".to_owned(),
    };
    let password = config.get_password().map(String::from_utf8_lossy).unwrap_or_default();
    let settings = serde_json::json!({
        "NAME": config.get_dbname(), "USER": config.get_user(), "HOST": host, "PASSWORD": password,
        "PORT": config.get_ports().first().copied().unwrap_or(5432),
    });
    Ok(settings.to_string())
}

/// A Python with Django and both servers, in an environment under `target`.
pub(crate) fn python() -> Result<PathBuf, Error> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-python");
    let python = folder.join("bin/python");
    if !python.exists() {
        let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/django/requirements.txt");
        let made = Command::new("python3").args(["-m", "venv"]).arg(&folder).status()?.success();
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(requirements);
        if !(made && install.status()?.success()) {
            return Err("no Python environment for Django could be made".into());
        }
    }
    Ok(python)
}
