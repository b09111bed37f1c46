//! The command line. Each verb has a file of its own; this one says what there is and hands over.

use std::{io, path::PathBuf, process::ExitCode};

use acquit_store::StoreError;
use clap::{Args, Parser, Subcommand};

use crate::{
    config::{LoadError, environment::Environment},
    logging::{self, LoggingError},
    output::{Output, note},
};

pub mod check;
pub mod confirm;
pub mod demo;
pub mod doctor;
pub mod gateway;
pub mod import;
pub mod keys;
pub mod logouts;
mod open_files;
pub mod password;
pub mod programs;
pub mod restored;
pub mod schema;
pub mod serve;
pub mod sessions;
pub mod users;
mod workshop;

/// Sign-out that works: one program that signs people in and, above all, out.
#[derive(Debug, Parser)]
#[command(name = "acquit", version, arg_required_else_help = true, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// What holds for every verb.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What holds for every verb.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE", default_value = "acquit.toml", env = "ACQUIT_CONFIG")]
    pub config: PathBuf,
    /// Answer in JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,
}

const EXIT_CODES: &str = "\
Exit codes: 0 complete, 1 incomplete or failed, 2 usage or configuration, 3 still in progress.

Environment:
  ACQUIT__SECTION__KEY   overrides a key of the configuration (ACQUIT__SERVER__LISTEN)
  ACQUIT_LOG             the log filter (\"info\", \"warn,acquit_delivery=debug\"); the gateway's
                         access log is on where it is named: \"info,acquit::access=info\"
  ACQUIT_LOG_FORMAT      \"human\" or \"json\"";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show it all on this machine, without any configuration
    Demo(demo::Demo),
    /// Run the server
    Serve(serve::Serve),
    /// Check the configuration and point at every mistake
    Check(check::Check),
    /// See what an application or an identity provider can do for logout, before or after it is configured
    Doctor(doctor::Doctor),
    /// Make a configuration of another proxy's
    Import(import::Import),
    /// Print the JSON Schema of the configuration
    Schema(schema::Schema),
    /// Add, change and list the people who sign in with a password
    Users(users::Users),
    /// List and rotate the keys that sign tokens
    Keys(keys::Keys),
    /// Let programs in at the gateway's routes
    Programs(programs::Programs),
    /// Give nodes that are only gateways what they need
    Gateway(gateway::Gateway),
    /// Say that the database was restored from a backup: whatever was issued before is worthless then
    Restored(restored::Restored),
    /// List, show and end sessions
    Sessions(sessions::Sessions),
    /// List and follow logouts, and try again what is pending
    Logouts(logouts::Logouts),
}

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The command was used wrongly: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The configuration cannot be read: exit code 2.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The configuration has mistakes, which were shown: exit code 2.
    #[error("the configuration has mistakes; `acquit check` shows them all")]
    Configuration,
    /// Logging cannot be set up: exit code 2.
    #[error(transparent)]
    Logging(#[from] LoggingError),
    /// It failed: exit code 1.
    #[error("{0}")]
    Failed(String),
    /// The store does not do it: exit code 1, or 2 for a cursor that is none.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Standard input or output is closed: exit code 1.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl CommandError {
    /// The exit code that says so.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_)
            | Self::Load(_)
            | Self::Configuration
            | Self::Logging(_)
            | Self::Store(StoreError::Cursor) => 2,
            Self::Failed(_) | Self::Store(_) | Self::Io(_) => 1,
        }
    }
}

/// Does what the command line says; the exit code says how it went.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let environment = Environment::of_process();
    match dispatch(cli, &environment) {
        Ok(code) => ExitCode::from(code),
        // Whoever reads us has gone, as `head` does; there is nobody to complain to.
        Err(CommandError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("error: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

fn dispatch(cli: Cli, environment: &Environment) -> Result<u8, CommandError> {
    let level = match cli.verb {
        Verb::Serve(_) => "info",
        // One of its apps is down on purpose; the receipt says so.
        Verb::Demo(_) => "warn,acquit_server::outbox=error",
        _ => "warn",
    };
    logging::init(environment, level)?;
    let output = Output::new(cli.global.json, environment);
    let global = &cli.global;
    match cli.verb {
        Verb::Demo(verb) => verb.run(&output),
        Verb::Serve(verb) => verb.run(global, environment),
        Verb::Check(verb) => verb.run(global, environment, &output),
        Verb::Doctor(verb) => wait(verb.run(global, environment, &output)),
        Verb::Import(verb) => verb.run(&output),
        Verb::Schema(verb) => verb.run(&output),
        Verb::Users(verb) => wait(verb.run(global, environment, &output)),
        Verb::Keys(verb) => wait(verb.run(global, environment, &output)),
        Verb::Programs(verb) => wait(verb.run(global, environment, &output)),
        Verb::Gateway(verb) => verb.run(global, environment, &output),
        Verb::Restored(verb) => wait(verb.run(global, environment, &output)),
        Verb::Sessions(verb) => wait(verb.run(global, environment, &output)),
        Verb::Logouts(verb) => wait(verb.run(global, environment, &output)),
    }
}

fn wait(work: impl Future<Output = Result<u8, CommandError>>) -> Result<u8, CommandError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
