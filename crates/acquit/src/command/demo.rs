//! `acquit demo`: the whole thing on loopback, without any configuration.

use acquit_core::receipt::Receipt;
use clap::Args;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::CommandError;
use crate::{
    demo::{
        Demo as Running, PASSWORD, Ports, USERNAME, dashboard,
        kind::Told,
        once::{Check, acme, checks, drive, elsewhere},
        upstream,
    },
    output::{Ink, Output, note, receipt},
};

/// Show it all on this machine: Acquit, six apps, a customer's identity provider, and sign-outs with their receipts
///
/// Starts Acquit with a throw-away database and six sample apps. Three are real OIDC clients: Calendar is told of a
/// sign-out by its back channel, Notes by a frame in the browser, and nobody listens at Archive's back channel, so that
/// the receipt has something pending. Wiki is a real SAML service provider, told over SOAP. Acme SaaS speaks WorkOS's API
/// and is told by webhook. It gets its people from the identity provider of its customer Example Corp, which is a second
/// Acquit behind the first. Dashboard has no login of its own: Acquit's gateway stands in front of it, and cuts its live page
/// at a sign-out.
/// Everything listens on 127.0.0.1 only and is gone after Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  acquit demo                 opens nothing by itself: it says where to go and what to try
  acquit demo --once          drives four browsers of its own through it and prints the receipts
  acquit demo --once --json | jq '.steps[] | {party, outcome}'

The apps are at names such as http://calendar.localhost:8081: Chromium and curl know without asking anybody that these
are this machine, and Chromium takes each for a site of its own, as apps are on the web.
--once exits with 0 if everything is as it should be, and with 1 if not; it says what differs.")]
pub struct Demo {
    /// Drive it without a browser, print the receipts, and stop
    #[arg(long)]
    once: bool,
    /// Acquit's port; the others take the next ones that are free [default: 8080, or any if that is taken]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
}

impl Demo {
    /// Runs it until it is done or told to stop.
    ///
    /// # Errors
    /// [`CommandError::Failed`] when it cannot start, or `--once` does not come to its end.
    pub fn run(&self, output: &Output) -> Result<u8, CommandError> {
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(self.show(output))
    }

    async fn show(&self, output: &Output) -> Result<u8, CommandError> {
        // First, so that an impatient Ctrl-C does not leave the database behind.
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let ports = match (self.port, self.once) {
            (Some(port), _) => Ports::From(port),
            (None, true) => Ports::Any,
            (None, false) => Ports::Usual,
        };
        let stopped = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        tokio::pin!(stopped);
        let demo = tokio::select! {
            demo = Running::start(ports) => demo.map_err(|error| CommandError::Failed(error.to_string()))?,
            () = &mut stopped => return Ok(0),
        };
        let code = if self.once {
            tokio::select! {
                code = once(&demo, output) => code,
                () = &mut stopped => Err(CommandError::Failed("interrupted".to_owned())),
            }
        } else {
            let said = output.say(&Invitation::to(&demo), |invitation| invitation.text(output));
            if said.is_ok() {
                stopped.await;
                note("stopping, and removing the database");
            }
            said.map(|()| 0).map_err(CommandError::from)
        };
        demo.stop().await;
        code
    }
}

/// Where to go.
#[derive(Serialize)]
struct Invitation {
    issuer: String,
    username: &'static str,
    password: &'static str,
    apps: Vec<Invited>,
    upstream: InvitedUpstream,
}

/// The customer's identity provider.
#[derive(Serialize)]
struct InvitedUpstream {
    name: &'static str,
    issuer: String,
    username: &'static str,
    password: &'static str,
}

#[derive(Serialize)]
struct Invited {
    id: &'static str,
    name: &'static str,
    url: String,
    told: &'static str,
}

impl Invitation {
    fn to(demo: &Running) -> Self {
        let apps = demo.apps().map(|(kind, origin)| Invited {
            id: kind.id,
            name: kind.name,
            url: format!("{origin}/"),
            told: match kind.told {
                Told::BackChannel => "by back channel",
                Told::FrontChannel => "by front channel: a frame in the browser",
                Told::Soap => "by SAML, over SOAP",
                Told::SwitchedOff => "by back channel, which is switched off",
                Told::Webhook => "by webhook, a signed event; for people of Example Corp",
            },
        });
        let behind = Invited {
            id: dashboard::ID,
            name: dashboard::NAME,
            url: format!("{}/", demo.dashboard()),
            told: "by nobody: it has no login; the gateway in front of it cuts what is open",
        };
        let upstream = InvitedUpstream {
            name: upstream::CUSTOMER,
            issuer: demo.upstream().to_owned(),
            username: upstream::USERNAME,
            password: upstream::PASSWORD,
        };
        Self {
            issuer: demo.issuer().to_owned(),
            username: USERNAME,
            password: PASSWORD,
            apps: apps.chain([behind]).collect(),
            upstream,
        }
    }

    fn text(&self, output: &Output) -> String {
        let strong = |text: &str| output.ink(Ink::Strong, text);
        let mut text = format!("Acquit is at {}, with a throw-away database.\n", strong(&self.issuer));
        let there = &self.upstream;
        text.push_str(&format!("Behind it, {}'s identity provider is at {}.\n\n", there.name, strong(&there.issuer)));
        let (user, password) = (strong(self.username), strong(self.password));
        text.push_str(&format!("  Sign in as {user} with the password {password}.\n"));
        let (user, password) = (strong(there.username), strong(there.password));
        text.push_str(&format!("  At {}, sign in as {user} with the password {password}.\n\n", there.name));
        let width = self.apps.iter().map(|app| app.url.len()).max().unwrap_or(0);
        for app in &self.apps {
            // Padded before it is coloured: escape sequences have no width.
            let (name, url) = (format!("{:<9}", app.name), strong(&format!("{:<width$}", app.url)));
            text.push_str(&format!("  {name} {url}  told {}\n", app.told));
        }
        text.push_str(&TRY.replace("ACCOUNT", &format!("{}/account", there.issuer)));
        text
    }
}

const TRY: &str = "
Try this:
  1. Open Calendar and sign in. Then open Notes, Wiki, Archive and Dashboard: nobody asks again. Dashboard counts, live.
  2. Open Calendar in a private window too, and sign in there: that is a second session.
  3. Put the windows side by side and sign out at Notes. Calendar and Wiki, which speaks SAML, say that they are out,
     without being reloaded. Dashboard, which has no login of its own, is cut off in the middle of its stream.
     The private window stays signed in. Archive stays, too: nobody could tell it.
  4. See the receipt: Calendar and Wiki confirmed, Dashboard confirmed with its stream, Notes sent, Archive pending.
  5. Switch Archive's back channel on, on its page, and watch its receipt and its page.
  6. Sign in everywhere again and sign out at Wiki: SAML's LogoutRequest ends the OpenID Connect apps' sessions as well.
  7. Sign out, open Acme SaaS and sign in with Example Corp, as erin. Open Calendar and Wiki: nobody asks again.
  8. Sign out at Acme SaaS: Calendar and Wiki are out, and the browser was at Example Corp, which ended its session too.
     See the receipt: both tokens were given back there, confirmed.
  9. Sign in at Acme SaaS, Calendar and Wiki once more, and sign out at Example Corp's own page, at ACCOUNT.
     It tells Acquit, from server to server, and Acquit tells Calendar, Wiki and, by webhook, Acme SaaS.

Ctrl-C stops everything and removes the database.
";

/// The receipts as the API has them, with what was checked: alice's as a whole, erin's in fields of their own.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    receipt: &'a Receipt,
    through_upstream: &'a Receipt,
    begun_elsewhere: &'a Receipt,
    as_it_should_be: bool,
    checks: Vec<Check>,
    /// How many of them are about the first receipt, and about the second.
    #[serde(skip)]
    about: [usize; 2],
}

async fn once(demo: &Running, output: &Output) -> Result<u8, CommandError> {
    let (alice, erin, again) = drive(demo).await.map_err(|error| CommandError::Failed(error.to_string()))?;
    let (of_alice, of_erin) = (checks(&alice), acme::checks(&erin, demo.upstream()));
    let about = [of_alice.len(), of_erin.len()];
    let checks = [of_alice, of_erin, elsewhere::checks(&again)].concat();
    let as_it_should_be = checks.iter().all(|check| check.ok);
    let (receipt, through_upstream, begun_elsewhere) = (&alice.receipt, &erin.receipt, &again.receipt);
    let report = Report { receipt, through_upstream, begun_elsewhere, as_it_should_be, checks, about };
    output.say(&report, |report| tell(report, output))?;
    Ok(u8::from(!as_it_should_be))
}

const STORY: &str = "\
alice signed in at Calendar and opened Notes, Wiki, Archive and the live page of Dashboard, in a first browser.
She signed in at Calendar and opened Wiki in a second browser, too. Wiki speaks SAML, Dashboard has no login and is
behind the gateway, the others speak OpenID Connect.
Then she signed out at Notes, in the first. This is the receipt:
";

const THROUGH_UPSTREAM: &str = "\
erin signed in at Acme SaaS in a third browser, with the password that she has at her employer's identity provider.
Acme SaaS speaks WorkOS's API. She opened Calendar and Wiki as well; nobody asked again.
Then she signed out at Acme SaaS. This is the receipt:
";

const BEGUN_ELSEWHERE: &str = "\
erin signed in at Acme SaaS once more, in a fourth browser, and opened Calendar. Then she signed out at Calendar.
Acme SaaS was told by webhook, and ended its session without her browser. This is the receipt:
";

fn tell(report: &Report<'_>, output: &Output) -> String {
    let mut text = String::new();
    let [first, second] = report.about;
    let (alices, erins) = report.checks.split_at(first);
    let (erins, again) = erins.split_at(second);
    for (story, receipt, checks) in [
        (STORY, report.receipt, alices),
        (THROUGH_UPSTREAM, report.through_upstream, erins),
        (BEGUN_ELSEWHERE, report.begun_elsewhere, again),
    ] {
        text.push_str(&format!("{story}\n{}\n", receipt::show(receipt, output)));
        for check in checks {
            let (ink, sign) = if check.ok { (Ink::Good, "ok ") } else { (Ink::Bad, "NOT") };
            text.push_str(&format!("  {} {}\n", output.ink(ink, sign), check.what));
            if let Some(saw) = &check.saw {
                text.push_str(&format!("      instead: {}\n", crate::output::clean(saw)));
            }
        }
        text.push('\n');
    }
    let verdict = if report.as_it_should_be {
        output.ink(Ink::Good, "Everything is as it should be.")
    } else {
        output.ink(Ink::Bad, "Not everything is as it should be.")
    };
    text.push_str(&format!("{verdict}\n"));
    text
}
