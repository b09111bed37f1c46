//! `acquit keys`: the keys that sign tokens.

use acquit_core::Timestamp;
use acquit_store::key::KeyRecord;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{CommandError, Global, workshop::Workshop};
use crate::{
    config::environment::Environment,
    output::{Ink, Output, table::Table, table::cell},
};

/// List and rotate the keys that sign tokens
///
/// A new key is published before it signs, and an old one stays published until every token that it signed has expired
/// and every logout that it may still sign has been delivered. Keys are kept sealed under the master key.
#[derive(Debug, Args)]
pub struct Keys {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the keys and what each is for now
    #[command(after_help = "Examples:\n  acquit keys list\n  acquit keys list --json | jq -r '.data[].kid'")]
    List,
}

#[derive(Serialize)]
struct KeyBody {
    kid: String,
    alg: String,
    state: &'static str,
    created_at: Timestamp,
    signs_from: Timestamp,
    retired_at: Option<Timestamp>,
    published_until: Option<Timestamp>,
}

impl Keys {
    /// Does it.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn run(self, global: &Global, environment: &Environment, output: &Output) -> Result<u8, CommandError> {
        let shop = Workshop::open(global, environment).await?;
        match self.verb {
            Verb::List => list(&shop, output).await,
        }
    }
}

async fn list(shop: &Workshop, output: &Output) -> Result<u8, CommandError> {
    let now = shop.now();
    let keys: Vec<KeyBody> = shop.store.keys().await?.into_iter().map(|record| body(record, now)).collect();
    output.say(&serde_json::json!({ "data": keys }), |_| {
        let mut table = Table::new(&["kid", "algorithm", "state", "made", "signs from", "published until"]);
        for key in keys {
            let ink = if key.state == "signing" { Some(Ink::Good) } else { None };
            table.row([
                cell(key.kid),
                cell(key.alg),
                (key.state.to_owned(), ink),
                cell(key.created_at.to_string()),
                cell(key.signs_from.to_string()),
                cell(key.published_until.map(|until| until.to_string()).unwrap_or_default()),
            ]);
        }
        table.show(output, "there are no keys yet; the server makes them when it starts")
    })?;
    Ok(0)
}

fn body(record: KeyRecord, now: Timestamp) -> KeyBody {
    let state = if record.published_until.is_some_and(|until| until <= now) {
        "gone"
    } else if record.retired_at.is_some_and(|at| at <= now) {
        "retired"
    } else if record.signs_from > now {
        "published"
    } else {
        "signing"
    };
    KeyBody {
        kid: record.kid,
        alg: record.alg,
        state,
        created_at: record.created_at,
        signs_from: record.signs_from,
        retired_at: record.retired_at,
        published_until: record.published_until,
    }
}
