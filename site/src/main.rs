//! The demo project: every app, one binary.

use std::process::ExitCode;

use nuages::prelude::*;

fn main() -> ExitCode {
    Project::new("site").app(nuages_shortener::app()).main()
}
