//! The `acquit` command.

use std::process::ExitCode;

use acquit::command::{Cli, run};
use clap::Parser;

fn main() -> ExitCode {
    run(Cli::parse())
}
