//! Starting other programs, and saying why one failed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Why a command of ours failed: one sentence for the person who ran it.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// The cargo that started us, in the workspace's root.
pub(crate) fn cargo() -> Command {
    command(std::env::var("CARGO").as_deref().unwrap_or("cargo"))
}

/// A program in the workspace's root that cannot wait for input.
///
/// What `cargo` said of this package is kept from it: build scripts would take it for a change, and build all again.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text.starts_with("CARGO_BIN_") {
            command.env_remove(&name);
        }
    }
    command
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    std::iter::once(program.file_name().unwrap_or(program.as_os_str()))
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs to the end, output passed through.
pub(crate) fn succeed(command: &mut Command) -> Result<(), Failure> {
    eprintln!("+ {}", shown(command));
    let status = command.status().map_err(|error| Failure(format!("cannot start `{}`: {error}", shown(command))))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure(format!("`{}` failed: {status}", shown(command))))
}

/// Runs to the end, passing each line of standard output through and to `line`.
pub(crate) fn succeed_reading(command: &mut Command, mut line: impl FnMut(&str)) -> Result<(), Failure> {
    eprintln!("+ {}", shown(command));
    command.stdout(Stdio::piped());
    let shown = shown(command);
    let broken = |error| Failure(format!("cannot run `{shown}`: {error}"));
    let mut child = command.spawn().map_err(broken)?;
    let mut out = std::io::stdout();
    let mut reader = child.stdout.take().map(BufReader::new);
    let mut bytes = Vec::new();
    while let Some(reader) = &mut reader {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(broken)? == 0 {
            break;
        }
        // A reader of ours that went away is no reason to stop the tests half way.
        let _ = out.write_all(&bytes).and_then(|()| out.flush());
        line(String::from_utf8_lossy(&bytes).trim_end());
    }
    let status = child.wait().map_err(broken)?;
    if status.success() {
        return Ok(());
    }
    Err(Failure(format!("`{shown}` failed: {status}")))
}

/// Runs quietly; the trimmed standard output, or what standard error said.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let out = command.output().map_err(|error| Failure(format!("cannot start `{}`: {error}", shown(command))))?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&out.stderr).trim().to_owned();
    Err(Failure(format!("`{}` failed: {}\n{said}", shown(command), out.status)))
}

/// Whether this process is root's, so that it may install packages and become another user.
pub(crate) fn is_root() -> bool {
    output(command("id").arg("-u")).is_ok_and(|id| id == "0")
}

/// Whether a program is where commands are looked for.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|place| place.join(program).exists())
}

/// Installs Debian packages; `false` where that is not ours to do (not root, or no apt).
pub(crate) fn apt_install(packages: &[&str]) -> Result<bool, Failure> {
    if !is_root() || !Path::new("/usr/bin/apt-get").exists() {
        return Ok(false);
    }
    let apt = || {
        let mut apt = command("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive").arg("-q");
        apt
    };
    // A stale index is no reason to give up: the package may be in it all the same.
    let _ = succeed(apt().arg("update"));
    succeed(apt().args(["install", "-y", "--no-install-recommends"]).args(packages))?;
    Ok(true)
}
