//! The Python that runs the Django oracle.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::run::{Failure, apt_install, command, output, root, succeed};

const REQUIREMENTS: &str = "tests/oracle/requirements.txt";

/// `NUAGES_TEST_PYTHON` if set, else `.venv/bin/python` with what `requirements.txt` pins, made when it is missing or
/// was made from another list.
pub(crate) fn find() -> Result<PathBuf, Failure> {
    if let Some(python) = env::var_os("NUAGES_TEST_PYTHON") {
        return Ok(python.into());
    }
    let wanted = fs::read_to_string(root().join(REQUIREMENTS))
        .map_err(|error| Failure(format!("cannot read {REQUIREMENTS}: {error}")))?;
    let venv = root().join(".venv");
    // Written last, so that an interrupted installation is not taken for a whole one.
    let mark = venv.join("requirements.txt");
    let python = venv.join("bin/python");
    if fs::read_to_string(&mark).is_ok_and(|made| made == wanted) {
        return Ok(python);
    }
    make(&venv)?;
    let pip = ["-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS];
    succeed(command(&python.to_string_lossy()).args(pip))?;
    fs::write(&mark, wanted).map_err(|error| Failure(format!("cannot write {}: {error}", mark.display())))?;
    Ok(python)
}

fn make(venv: &Path) -> Result<(), Failure> {
    let new = || output(command("python3").args(["-m", "venv", "--clear"]).arg(venv));
    let Err(first) = new() else { return Ok(()) };
    if !apt_install(&["python3", "python3-venv"])? {
        return Err(Failure(format!(
            "the Django oracle needs Python 3.10 or newer with venv: install python3 and python3-venv, or set \
             NUAGES_TEST_PYTHON to a Python with {REQUIREMENTS} installed ({})",
            first.0
        )));
    }
    new().map(drop)
}
