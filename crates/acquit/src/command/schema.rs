//! `acquit schema`: the JSON Schema of the configuration.

use clap::Args;

use super::CommandError;
use crate::{config::schema::SCHEMA, output::Output};

/// Print the JSON Schema of the configuration
///
/// Editors use it to complete keys, to show what they mean and to underline mistakes while you type. It also makes a
/// complete reference of the configuration.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  acquit schema > acquit.schema.json
  acquit schema | jq '.properties.lifetimes'

With Taplo or Even Better TOML put this in the first line of acquit.toml:
  #:schema ./acquit.schema.json")]
pub struct Schema {}

impl Schema {
    /// Prints it; it is JSON with and without `--json`.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn run(&self, output: &Output) -> Result<u8, CommandError> {
        output.say(&*SCHEMA, |schema| format!("{schema:#}"))?;
        Ok(0)
    }
}
