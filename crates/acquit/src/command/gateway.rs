//! `acquit gateway`: what nodes are given that are only gateways.

use std::path::PathBuf;

use acquit_server::{
    seal::GatewayKeys,
    settings::{Store, master_key},
};
use acquit_store::gateway::role;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{CommandError, Global, check};
use crate::{config::environment::Environment, output::Output};

/// Give nodes that are only gateways what they need
///
/// Such a node (`acquit serve --gateway-only`) has neither the master key nor the servers' role in the database.
#[derive(Debug, Args)]
pub struct Gateway {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write the keys of such nodes to a new file, derived from the master key of this server
    #[command(after_help = "\
Example:
  acquit gateway keys gateway.keys

The file opens the cookies of routes and the keys that sign who a person is to an app; nothing else.
It stays good for as long as the master key does; with another master key, write it anew.")]
    Keys {
        /// The file, which must not exist yet; only its owner may read it
        file: PathBuf,
    },
    /// Print the SQL that makes a role in PostgreSQL for such nodes
    #[command(after_help = "\
Example:
  acquit gateway role acquit_gateway | psql postgres://acquit@db.example.com/acquit

To be run by the owner of the server's tables. Give the role a password after that, as with \\password in psql.
It may be run again, also after an upgrade.")]
    Role {
        /// The name of the role
        name: String,
    },
}

#[derive(Serialize)]
struct Written {
    file: String,
}

#[derive(Serialize)]
struct Sql {
    sql: String,
}

impl Gateway {
    /// Does it.
    ///
    /// # Errors
    /// [`CommandError`].
    pub fn run(&self, global: &Global, environment: &Environment, output: &Output) -> Result<u8, CommandError> {
        match &self.verb {
            Verb::Keys { file } => {
                let settings = check::settings(global, environment)?;
                if matches!(settings.store, Store::Sqlite(_)) {
                    let words = "this server keeps its state in SQLite, which no other node can share: use PostgreSQL";
                    return Err(CommandError::Failed(words.to_owned()));
                }
                let failed = |error: &dyn std::fmt::Display| CommandError::Failed(error.to_string());
                let master = settings.server.master_key.load().map_err(|error| failed(&error))?;
                let text = GatewayKeys::derive(&master).map_err(|error| failed(&error))?;
                master_key::write_new(file, &text).map_err(|error| {
                    CommandError::Failed(format!("the file {} cannot be made: {error}", file.display()))
                })?;
                output.say(&Written { file: file.display().to_string() }, |written| {
                    format!("{} holds the keys; bring it to the node and name it as `gateway.keys`\n", written.file)
                })?;
            }
            Verb::Role { name } => {
                let sql = role(name).map_err(|error| CommandError::Usage(error.to_string()))?;
                output.say(&Sql { sql }, |sql| sql.sql.clone())?;
            }
        }
        Ok(0)
    }
}
