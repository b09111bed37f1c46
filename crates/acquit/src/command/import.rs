//! `acquit import`: the configuration of another proxy, as one for Acquit.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::CommandError;
use crate::{
    import::pomerium::{self, Imported},
    output::{Output, note},
};

/// The largest file that is read.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Make a configuration of another proxy's
///
/// Prints the configuration that does the same here. Whatever cannot be taken over is said, line by line; a key that is not
/// known is refused, so that nothing is lost without a word.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct Import {
    /// Of which proxy.
    #[command(subcommand)]
    pub from: From,
}

/// Of which proxy.
#[derive(Debug, Subcommand)]
pub enum From {
    /// Pomerium's configuration file (YAML)
    Pomerium(File),
}

/// The file.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  acquit import pomerium config.yaml > acquit.toml
  acquit check

Taken over: where the routes are, who may pass, public routes, the identity provider, where sign-out may lead. People have to
sign in once more. Exits with 1 if a key had to be refused; what is printed then lacks it.")]
pub struct File {
    /// The file; `-` for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

#[derive(Serialize)]
struct Report<'a> {
    configuration: &'a str,
    refused: &'a [String],
    notes: &'a [String],
}

impl Import {
    /// Reads, translates and prints.
    ///
    /// # Errors
    /// [`CommandError::Usage`] when the file cannot be read or is no YAML.
    pub fn run(&self, output: &Output) -> Result<u8, CommandError> {
        let From::Pomerium(File { file }) = &self.from;
        let text = read(file)?;
        let Imported { configuration, refused, notes } = pomerium::import(&text)
            .map_err(|error| CommandError::Usage(format!("{} cannot be read: {error}", file.display())))?;
        let report = Report { configuration: &configuration, refused: &refused, notes: &notes };
        output.say(&report, |report| report.configuration.to_owned())?;
        if !output.is_json() {
            notes.iter().for_each(|text| note(&format!("note: {text}")));
            refused.iter().for_each(|text| note(&format!("not taken over: {text}")));
        }
        Ok(u8::from(!refused.is_empty()))
    }
}

fn read(file: &Path) -> Result<String, CommandError> {
    let failed = |error: std::io::Error| CommandError::Usage(format!("{} cannot be read: {error}", file.display()));
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().lock().take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    } else {
        std::fs::File::open(file).map_err(failed)?.take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text)
}
