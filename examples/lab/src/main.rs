//! The program of the project.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::project().main()
}
