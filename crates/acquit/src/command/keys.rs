//! `acquit keys`: the keys that sign tokens.

use acquit_core::Timestamp;
use acquit_server::{gateway, keys, saml, seal::Sealer};
use acquit_store::key::KeyRecord;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{CommandError, Global, workshop::Workshop};
use crate::{
    config::environment::Environment,
    output::{Ink, Output, count, table::Table, table::cell},
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
    /// Replace the keys: new ones are published now and sign as soon as every client can know them
    #[command(after_help = "\
Example:
  acquit keys rotate

Nothing has to be restarted: running servers take the new keys up by themselves, and tokens that
the old keys signed stay good until they expire.")]
    Rotate,
}

#[derive(Serialize)]
struct Rotated {
    made: Vec<String>,
    signs_from: Timestamp,
    saml: String,
    saml_decryption: String,
    saml_signs_from: Timestamp,
    route: String,
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
            Verb::Rotate => rotate(&shop, output).await,
        }
    }
}

async fn list(shop: &Workshop, output: &Output) -> Result<u8, CommandError> {
    let now = shop.now();
    let keys: Vec<KeyBody> = shop.store.keys().await?.into_iter().map(|record| body(record, now)).collect();
    output.say(&serde_json::json!({ "data": keys }), |_| {
        let mut table = Table::new(&["kid", "algorithm", "state", "made", "signs from", "published until"]);
        for key in keys {
            let ink = if matches!(key.state, "signing" | "decrypting") { Some(Ink::Good) } else { None };
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

async fn rotate(shop: &Workshop, output: &Output) -> Result<u8, CommandError> {
    let failed = |error: &dyn std::fmt::Display| CommandError::Failed(error.to_string());
    let master = shop.settings.server.master_key.load().map_err(|error| failed(&error))?;
    let sealer = Sealer::new(&master).map_err(|error| failed(&error))?;
    let (made, signs_from) = keys::rotate(&shop.store, &sealer, &shop.settings.lifetimes, shop.now())
        .await
        .map_err(|error| failed(&error))?;
    let issuer = &shop.settings.server.issuer;
    let saml = saml::keys::rotate(&shop.store, &sealer, issuer, shop.now()).await.map_err(|error| failed(&error))?;
    let (route, _) = gateway::keys::rotate(&shop.store, &sealer, shop.now()).await.map_err(|error| failed(&error))?;
    let rotated = Rotated {
        made,
        signs_from,
        saml: saml.signing,
        saml_decryption: saml.decryption,
        saml_signs_from: saml.from,
        route,
    };
    output.say(&rotated, |rotated| {
        let made = rotated.made.iter().map(|kid| format!("  {kid}\n")).collect::<String>();
        let tokens = format!("published {}, to sign from {} on:\n{made}", count(rotated.made.len(), "key"), rotated.signs_from);
        format!(
            "{tokens}published 1 SAML key, to sign from {0} on; until then every SAML application must have read our metadata \
             again:\n  {1}\nmade 1 SAML key to encrypt to, published from {0} on:\n  {2}\npublished 1 key of the gateway, to sign from {3} \
             on:\n  {4}\n",
            rotated.saml_signs_from, rotated.saml, rotated.saml_decryption, rotated.signs_from, rotated.route
        )
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
    } else if record.alg == saml::keys::ALG_DECRYPTION {
        "decrypting"
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
