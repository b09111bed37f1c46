//! `acquit sessions end`: signs people out, by the same logout as everywhere.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use acquit_core::{
    LogoutId, UserId,
    plan::{By, Scope},
    receipt::{Receipt, State},
};
use acquit_store::session::{SessionFilter, SessionState};
use clap::Args;
use serde::Serialize;

use super::find;
use crate::{
    command::{CommandError, confirm, logouts::settle, workshop::Workshop},
    config::duration,
    output::{Output, clean, count, receipt},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  acquit sessions end --user alice --reason \"lost laptop\"
  acquit sessions end --session ses_01h455vb4pex5vsknk084sn02q --yes
  acquit sessions end --all --yes --wait 0s

The sessions are over when this returns, also for a server that runs. That server tells the
applications; what it has not told them within --wait is shown as pending, and
`acquit logouts show --watch` follows it.";

/// End sessions; says how many first
#[derive(Debug, Args)]
pub struct End {
    #[command(flatten)]
    which: Which,
    /// Why, for the receipt
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// How long to wait until the applications were told
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration::parse_argument)]
    wait: Duration,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// End this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// End all sessions of this user, by username or id, and what applications may do in their absence
    #[arg(long)]
    user: Option<String>,
    /// End all sessions of everybody, and what applications may do in their absence
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Ended {
    sessions: usize,
    logouts: Vec<Receipt>,
}

/// What is to end, and how to say so.
struct Target {
    scopes: Vec<Scope>,
    words: String,
}

impl End {
    /// Ends them.
    ///
    /// # Errors
    /// [`CommandError`].
    pub(super) async fn run(self, shop: &Workshop, output: &Output) -> Result<u8, CommandError> {
        let target = self.which.target(shop).await?;
        confirm::ask(&format!("this ends {}", target.words), self.yes)?;
        let mut progress = Progress::new(target.scopes.len());
        let mut ids: Vec<LogoutId> = Vec::new();
        let mut sessions = 0;
        for scope in target.scopes {
            let done = shop.log_out(scope, By::Administrator, self.reason.as_deref()).await?;
            sessions += done.ended.len();
            ids.push(done.logout);
            progress.step();
        }
        progress.finish();
        let logouts = settle(shop, &ids, self.wait).await?;
        let code = code(&logouts);
        output.say(&Ended { sessions, logouts }, |ended| show(ended, output))?;
        Ok(code)
    }
}

impl Which {
    async fn target(&self, shop: &Workshop) -> Result<Target, CommandError> {
        if let Some(id) = &self.session {
            let view = find(shop, id).await?;
            let (session, user) = (&view.session.id, clean(&view.user.username));
            let words = format!("the session {session} of {user}");
            return Ok(Target { scopes: vec![Scope::Session(session.clone())], words });
        }
        if let Some(name) = &self.user {
            let user = shop.user(name).await?;
            let sessions = live(shop, Some(user.id.clone())).await?;
            let words = format!("{} of {}", count(sessions, "session"), clean(&user.username));
            return Ok(Target { scopes: vec![Scope::User(user.id)], words });
        }
        let users = everybody(shop).await?;
        let sessions = live(shop, None).await?;
        let words = format!("{} of {}", count(sessions, "session"), count(users.len(), "user"));
        Ok(Target { scopes: users.into_iter().map(Scope::User).collect(), words })
    }
}

/// How many sessions live, of one user or of all.
async fn live(shop: &Workshop, user: Option<UserId>) -> Result<usize, CommandError> {
    let filter = SessionFilter { user, state: SessionState::Live, app: None };
    let (mut number, mut after) = (0, None);
    loop {
        let page = shop.store.sessions(&filter, after.as_deref(), 500).await?;
        number += page.data.len();
        after = page.next;
        if after.is_none() {
            return Ok(number);
        }
    }
}

/// All users: also those without a session, whose applications may act in their absence.
async fn everybody(shop: &Workshop) -> Result<Vec<UserId>, CommandError> {
    let (mut users, mut after) = (Vec::new(), None);
    loop {
        let page = shop.store.users(after.as_deref(), 500).await?;
        users.extend(page.data.into_iter().map(|user| user.id));
        after = page.next;
        if after.is_none() {
            return Ok(users);
        }
    }
}

/// The worst of several: what is pending may still come, so it outweighs what failed.
fn code(logouts: &[Receipt]) -> u8 {
    let has = |state| logouts.iter().any(|logout| logout.state == state);
    let state = [State::InProgress, State::Incomplete].into_iter().find(|state| has(*state));
    receipt::exit_code(state.unwrap_or(State::Complete))
}

fn show(ended: &Ended, output: &Output) -> String {
    let mut text = format!("ended {}\n\n", count(ended.sessions, "session"));
    for logout in ended.logouts.iter().filter(|logout| !logout.sessions.is_empty() || !logout.steps.is_empty()) {
        text.push_str(&receipt::show(logout, output));
        text.push('\n');
    }
    if let Some(pending) = ended.logouts.iter().find(|logout| logout.state == State::InProgress) {
        text.push_str(&format!(
            "What is pending is delivered by a running server (`acquit serve`). To follow it:\n  acquit logouts show {} --watch\n",
            pending.id
        ));
    }
    text
}

/// A progress bar on standard error, when somebody watches a long run.
struct Progress {
    done: usize,
    of: usize,
    shown: bool,
}

impl Progress {
    fn new(of: usize) -> Self {
        Self { done: 0, of, shown: of >= 20 && io::stderr().is_terminal() }
    }

    fn step(&mut self) {
        const WIDTH: usize = 30;
        self.done += 1;
        if self.shown {
            let full = self.done * WIDTH / self.of.max(1);
            let bar = format!("{}{}", "#".repeat(full), ".".repeat(WIDTH - full));
            let _ = write!(io::stderr().lock(), "\r[{bar}] {} of {}", self.done, self.of);
        }
    }

    fn finish(&self) {
        if self.shown {
            let _ = writeln!(io::stderr().lock());
        }
    }
}
