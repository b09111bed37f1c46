//! `acquit logouts`: the receipts, in the terminal.

use std::time::Duration;

use acquit_core::{
    LogoutId, SessionId,
    receipt::{Receipt, State},
    step::Outcome,
};
use acquit_server::pages::outcome;
use acquit_store::receipt::LogoutFilter;
use clap::{Args, Subcommand, ValueEnum};
use tokio::time::{Instant, sleep};

use super::{CommandError, Global, workshop::Workshop};
use crate::{
    config::{diagnostic::quoted, environment::Environment},
    output::{Output, count, note, receipt, table::Table, table::cell},
};

/// How often a receipt is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// List and follow logouts, and try again what is pending
///
/// A logout is one run that ends one or more sessions. Its receipt says for every application whether it was told, and
/// what it answered.
#[derive(Debug, Args)]
pub struct Logouts {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List logouts, the newest first
    #[command(after_help = "\
Examples:
  acquit logouts list --user alice
  acquit logouts list --state incomplete --json | jq -r '.data[].id'")]
    List(List),
    /// Show a receipt; --watch follows it until nothing is pending
    #[command(after_help = "\
Examples:
  acquit logouts show lgo_01h455vb4pex5vsknk084sn02q
  acquit logouts show lgo_01h455vb4pex5vsknk084sn02q --watch

Exits with 0 if the logout is complete, 1 if it is incomplete, 3 if it is still in progress.")]
    Show(Show),
    /// Try the pending and failed steps of a logout again, now
    #[command(after_help = "\
Example:
  acquit logouts retry lgo_01h455vb4pex5vsknk084sn02q && acquit logouts show lgo_01h455vb4pex5vsknk084sn02q --watch

The steps become due at once; a running server (`acquit serve`) sends them.")]
    Retry(Retry),
}

#[derive(Debug, Args)]
struct List {
    /// Only those of this user, by username or id
    #[arg(long)]
    user: Option<String>,
    /// Only those that ended this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Only those that stand so
    #[arg(long, value_enum)]
    state: Option<StateArg>,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// Go on after an earlier list, with the cursor that it ended with
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StateArg {
    /// Every application was told
    Complete,
    /// Something is pending
    InProgress,
    /// Something failed, or could not be told
    Incomplete,
}

#[derive(Debug, Args)]
struct Show {
    /// Its id
    logout: String,
    /// Show every change until nothing is pending
    #[arg(long)]
    watch: bool,
}

#[derive(Debug, Args)]
struct Retry {
    /// Its id
    logout: String,
}

impl Logouts {
    /// Does it.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn run(self, global: &Global, environment: &Environment, output: &Output) -> Result<u8, CommandError> {
        let shop = Workshop::open(global, environment).await?;
        match self.verb {
            Verb::List(list) => list.run(&shop, output).await,
            Verb::Show(show) => show.run(&shop, output).await,
            Verb::Retry(retry) => retry.run(&shop, output).await,
        }
    }
}

impl List {
    async fn run(self, shop: &Workshop, output: &Output) -> Result<u8, CommandError> {
        let user = match &self.user {
            Some(name) => Some(shop.user(name).await?.id),
            None => None,
        };
        let session = self
            .session
            .as_deref()
            .map(|id| SessionId::parse(id).map_err(|error| CommandError::Usage(format!("{}: {error}", quoted(id)))));
        let state = self.state.map(|state| match state {
            StateArg::Complete => State::Complete,
            StateArg::InProgress => State::InProgress,
            StateArg::Incomplete => State::Incomplete,
        });
        let filter = LogoutFilter { user, session: session.transpose()?, state };
        let page = shop.store.logouts(&filter, self.after.as_deref(), self.limit).await?;
        output.say(&serde_json::json!({ "data": page.data, "next": page.next }), |_| {
            let mut table = Table::new(&["logout", "state", "asked by", "at", "ended", "applications"]);
            for logout in &page.data {
                let party = logout.requested.party.as_deref().map(|party| format!(" {party}")).unwrap_or_default();
                table.row([
                    cell(logout.id.as_str()),
                    (receipt::state_name(logout.state).to_owned(), Some(receipt::state_ink(logout.state))),
                    cell(format!("{}{party}", logout.requested.by.as_str())),
                    cell(logout.requested.at.to_string()),
                    cell(count(logout.sessions.len(), "session")),
                    cell(totals(logout)),
                ]);
            }
            let mut text = table.show(output, "there are none");
            if let Some(next) = &page.next {
                text.push_str(&format!("there are more: --after {next}\n"));
            }
            text
        })?;
        Ok(0)
    }
}

/// "2 confirmed, 1 pending".
fn totals(logout: &Receipt) -> String {
    let of = |outcome: Outcome| logout.steps.iter().filter(|line| line.outcome == outcome).count();
    let parts = outcome::ALL.into_iter().filter(|outcome| of(*outcome) > 0);
    parts.map(|outcome| format!("{} {}", of(outcome), outcome.as_str())).collect::<Vec<_>>().join(", ")
}

impl Show {
    async fn run(self, shop: &Workshop, output: &Output) -> Result<u8, CommandError> {
        let id = parse(&self.logout)?;
        let mut logout = shop.receipt(&id).await?;
        output.say(&logout, |logout| receipt::show(logout, output))?;
        while self.watch && logout.state == State::InProgress {
            sleep(LOOK_EVERY).await;
            let fresh = shop.receipt(&id).await?;
            if fresh != logout {
                output.say(&fresh, |fresh| changes(&logout, fresh, output))?;
                logout = fresh;
            }
        }
        Ok(receipt::exit_code(logout.state))
    }
}

/// What is new in a receipt: a line for each step that changed, and the state when it did.
fn changes(before: &Receipt, now: &Receipt, output: &Output) -> String {
    let width = now.steps.iter().map(|line| line.party.as_str().chars().count()).max().unwrap_or(0);
    let changed = now.steps.iter().enumerate().filter(|(index, line)| before.steps.get(*index) != Some(line));
    let mut text: String = changed.map(|(_, line)| format!("  {}\n", receipt::step(line, width, output))).collect();
    if now.state != before.state {
        text.push_str(&output.ink(receipt::state_ink(now.state), receipt::state_name(now.state)));
    }
    text
}

impl Retry {
    async fn run(self, shop: &Workshop, output: &Output) -> Result<u8, CommandError> {
        let id = parse(&self.logout)?;
        shop.receipt(&id).await?;
        let due = shop.store.retry_now(&id, shop.now()).await?;
        let logout = shop.receipt(&id).await?;
        if !output.is_json() {
            let steps = count(usize::try_from(due).unwrap_or(usize::MAX), "step");
            note(&format!("{steps} due now; a running server (`acquit serve`) sends them"));
        }
        output.say(&logout, |logout| receipt::show(logout, output))?;
        Ok(receipt::exit_code(logout.state))
    }
}

/// The receipts once nothing is pending in them, or as they stand after `wait`.
pub(super) async fn settle(shop: &Workshop, ids: &[LogoutId], wait: Duration) -> Result<Vec<Receipt>, CommandError> {
    let until = Instant::now() + wait;
    let mut settled = Vec::new();
    for id in ids {
        let mut logout = shop.receipt(id).await?;
        while logout.state == State::InProgress && Instant::now() < until {
            sleep(LOOK_EVERY).await;
            logout = shop.receipt(id).await?;
        }
        settled.push(logout);
    }
    Ok(settled)
}

fn parse(id: &str) -> Result<LogoutId, CommandError> {
    LogoutId::parse(id).map_err(|error| CommandError::Usage(format!("{}: {error}", quoted(id))))
}
