//! `acquit sessions`: who is signed in, and the end of it.

use acquit_core::{AppId, SessionId};
use acquit_server::api::sessions::SessionBody;
use acquit_store::session::{SessionFilter, SessionState, SessionView};
use clap::{Args, Subcommand, ValueEnum};

use super::{CommandError, Global, workshop::Workshop};
use crate::{
    config::{diagnostic::quoted, environment::Environment},
    output::{Ink, Output, clean, table::Table, table::cell},
};

pub mod end;

/// List, show and end sessions
///
/// A session is one signed-in browser of one user, or a program that acts as them. It ends once, for ever, and every application in it is told.
#[derive(Debug, Args)]
pub struct Sessions {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List sessions, the newest first
    #[command(after_help = "\
Examples:
  acquit sessions list
  acquit sessions list --user alice --state any
  acquit sessions list --application payroll --json | jq -r '.data[].id'")]
    List(List),
    /// Show one session with the applications in it
    #[command(after_help = "Example:\n  acquit sessions show ses_01h455vb4pex5vsknk084sn02q")]
    Show(Show),
    /// End sessions; says how many first
    #[command(after_help = end::EXAMPLES)]
    End(end::End),
}

#[derive(Debug, Args)]
struct List {
    /// Only those of this user, by username or id
    #[arg(long)]
    user: Option<String>,
    /// Only those in which this application takes part, by its id
    #[arg(long)]
    application: Option<String>,
    /// Which ones
    #[arg(long, value_enum, default_value = "live")]
    state: StateArg,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// Go on after an earlier list, with the cursor that it ended with
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StateArg {
    /// Those that may be used
    Live,
    /// Those that are over
    Ended,
    /// All
    Any,
}

#[derive(Debug, Args)]
struct Show {
    /// Its id
    session: String,
}

impl Sessions {
    /// Does it.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn run(self, global: &Global, environment: &Environment, output: &Output) -> Result<u8, CommandError> {
        let shop = Workshop::open(global, environment).await?;
        match self.verb {
            Verb::List(list) => list.run(&shop, output).await,
            Verb::Show(show) => show.run(&shop, output).await,
            Verb::End(end) => end.run(&shop, output).await,
        }
    }
}

impl List {
    async fn run(self, shop: &Workshop, output: &Output) -> Result<u8, CommandError> {
        let user = match &self.user {
            Some(name) => Some(shop.user(name).await?.id),
            None => None,
        };
        let state = match self.state {
            StateArg::Live => SessionState::Live,
            StateArg::Ended => SessionState::Ended,
            StateArg::Any => SessionState::Any,
        };
        let filter = SessionFilter { user, state, app: self.application.map(AppId::new) };
        let page = shop.store.sessions(&filter, self.after.as_deref(), self.limit).await?;
        let sessions: Vec<SessionBody> = page.data.iter().map(|view| body(shop, view)).collect();
        output.say(&serde_json::json!({ "data": sessions, "next": page.next }), |_| {
            let mut table =
                Table::new(&["session", "user", "in", "state", "since", "last seen", "address", "applications"]);
            for session in &sessions {
                let apps: Vec<&str> = session.applications.iter().map(|app| app.id.as_str()).collect();
                table.row([
                    cell(&session.id),
                    cell(&session.user.username),
                    cell(session.program.as_ref().map_or("a browser".to_owned(), |name| format!("program {name}"))),
                    (session.state.to_owned(), ink(session.state)),
                    cell(session.began_at.to_string()),
                    cell(session.last_seen_at.to_string()),
                    cell(session.ip.clone().unwrap_or_default()),
                    cell(apps.join(", ")),
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

impl Show {
    async fn run(self, shop: &Workshop, output: &Output) -> Result<u8, CommandError> {
        let view = find(shop, &self.session).await?;
        output.say(&body(shop, &view), |session| {
            let state = ink(session.state).map_or(session.state.to_owned(), |ink| output.ink(ink, session.state));
            let mut lines = vec![
                format!("{}  {state}", output.ink(Ink::Strong, &session.id)),
                format!("  user       {} ({})", clean(&session.user.username), session.user.id),
                format!("  since      {}", session.began_at),
                format!("  last seen  {}", session.last_seen_at),
            ];
            lines.extend(session.ip.as_deref().map(|ip| format!("  address    {}", clean(ip))));
            lines.extend(session.user_agent.as_deref().map(|agent| format!("  browser    {}", clean(agent))));
            lines.extend(session.program.as_deref().map(|name| format!("  program    {}", clean(name))));
            lines.extend(session.expires_at.map(|at| format!("  until      {at}")));
            lines.extend(session.ended_at.map(|at| format!("  ended      {at}")));
            lines.extend(session.logout.as_ref().map(|logout| format!("  by         {logout}")));
            for app in &session.applications {
                lines.push(format!("  opened     {} at {}", clean(&app.id), app.joined_at));
            }
            lines.join("\n")
        })?;
        Ok(0)
    }
}

/// The session of this id.
async fn find(shop: &Workshop, id: &str) -> Result<SessionView, CommandError> {
    let parsed = SessionId::parse(id).map_err(|error| CommandError::Usage(format!("{}: {error}", quoted(id))))?;
    let view = shop.store.session(&parsed).await?;
    view.ok_or_else(|| CommandError::Failed(format!("there is no session {parsed}")))
}

fn ink(state: &str) -> Option<Ink> {
    (state == "live").then_some(Ink::Good)
}

fn body(shop: &Workshop, view: &SessionView) -> SessionBody {
    SessionBody::new(view, shop.now(), shop.settings.lifetimes.session())
}
