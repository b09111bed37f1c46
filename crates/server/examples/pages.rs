//! Writes every page, in many states and with made-up data, into a folder, for looking at:
//! `cargo run -p acquit-server --example pages -- FOLDER`. Beside each page lies its content security policy (`.csp`).

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use acquit_core::{
    SessionId, Timestamp,
    plan::By,
    receipt::{Line, Receipt},
    step::Outcome,
};
use acquit_server::pages::{
    FormTargets, Hidden, Moment, Page,
    account::{Account, Done, SessionEntry},
    apps::{AppEntry, Apps},
    assets,
    consent::Consent,
    device,
    error::{ErrorPage, Kind},
    forbidden::Forbidden,
    form_post::FormPost,
    outcome,
    receipt::ReceiptPage,
    sign_in::{ConnectionLink, Notice, Problem, SignIn},
    sign_out_confirm::SignOutConfirm,
    signed_out::{Ending, SignedOut},
    signing_out::{Frame, SigningOut},
};

#[path = "pages/samples.rs"]
mod samples;

use samples::{BACK, FRONT, chat, crm, line, name_of, payroll, receipt, timesheets, tried, wiki};

type Outcomes<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcomes<()> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: pages FOLDER")?);
    fs::create_dir_all(folder.join(assets::FOLDER.trim_start_matches('/')))?;
    for asset in assets::all() {
        fs::write(folder.join(asset.path.trim_start_matches('/')), asset.bytes)?;
    }
    sign_in_pages(&folder)?;
    asking_pages(&folder)?;
    signed_out_pages(&folder)?;
    error_pages(&folder)?;
    account_pages(&folder)?;
    gateway_pages(&folder)?;
    receipt_pages(&folder)
}

fn write(folder: &Path, name: &str, page: &impl Page) -> Outcomes<()> {
    fs::write(folder.join(format!("{name}.html")), page.html()?)?;
    fs::write(folder.join(format!("{name}.csp")), page.csp())?;
    Ok(())
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_795_241_256_123_456).plus(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

fn sign_in_pages(folder: &Path) -> Outcomes<()> {
    let page = || SignIn {
        csrf: "made-up".into(),
        continue_with: "made-up".into(),
        application: Some("Payroll".into()),
        username: String::new(),
        problem: None,
        notice: None,
        current: None,
        connections: Vec::new(),
        targets: FormTargets::And(vec!["https://payroll.example.com/callback".into()]),
    };
    write(folder, "sign-in", &page())?;
    write(folder, "sign-in-alone", &SignIn { application: None, targets: FormTargets::Own, ..page() })?;
    let problem = Some(Problem::WrongNameOrPassword);
    write(folder, "sign-in-wrong", &SignIn { problem, username: "alice".into(), ..page() })?;
    let problem = Some(Problem::TooManyTries { again_at: at(60).into() });
    write(folder, "sign-in-too-many", &SignIn { problem, username: "alice".into(), ..page() })?;
    let notice = Some(Notice::AgainPlease);
    write(folder, "sign-in-again", &SignIn { notice, username: "alice".into(), ..page() })?;
    let link = |id: &str, name: &str| ConnectionLink { id: id.into(), name: name.into(), href: "#".into() };
    let connections = vec![link("conn_01a", "Example Corp"), link("conn_01b", "Contoso")];
    write(folder, "sign-in-choose", &SignIn { current: Some("alice".into()), connections, ..page() })
}

fn asking_pages(folder: &Path) -> Outcomes<()> {
    let hidden = vec![Hidden::new("csrf", "made-up"), Hidden::new("request", "made-up")];
    let targets = FormTargets::And(vec!["https://payroll.example.com/callback".into()]);
    let consent = Consent {
        action: "/consent".into(),
        hidden: hidden.clone(),
        application: "Payroll".into(),
        host: Some("payroll.example.com".into()),
        user: "alice".into(),
        scopes: ["openid", "profile", "email", "offline_access", "payslips:read"].map(String::from).to_vec(),
        targets: targets.clone(),
    };
    write(folder, "consent", &consent)?;
    let confirm = SignOutConfirm {
        action: "/oauth2/v1/logout/confirm".into(),
        hidden: hidden.clone(),
        user: "alice".into(),
        application: Some("Payroll".into()),
        told: ["Payroll", "Wiki", "Chat"].map(String::from).to_vec(),
        not_told: vec!["Old timesheets".into()],
        targets: targets.clone(),
    };
    write(folder, "sign-out-confirm", &confirm)?;
    let bare = SignOutConfirm {
        application: None,
        told: Vec::new(),
        not_told: Vec::new(),
        hidden: hidden.clone(),
        action: "/sign-out".into(),
        user: "alice".into(),
        targets: FormTargets::Own,
    };
    write(folder, "sign-out-confirm-alone", &bare)?;
    let frame = |id: &str, name: &str, url: &str| Frame { id: id.into(), name: name.into(), url: url.into() };
    let signing_out = SigningOut {
        frames: vec![
            frame("stp_1.1", "Wiki", "https://wiki.example.com/bye?iss=x&sid=1"),
            frame("stp_1.2", "Chat", "https://chat.example.com/bye?iss=x&sid=2"),
        ],
        continue_to: "https://payroll.example.com/bye?state=abc".into(),
        continue_name: Some("Payroll".into()),
        cap: Duration::from_secs(5),
        report_to: "/sign-out/frames".into(),
        report_token: "made-up".into(),
    };
    write(folder, "signing-out", &signing_out)?;
    let form_post =
        FormPost { action: "https://payroll.example.com/callback".into(), hidden, application: "Payroll".into() };
    write(folder, "form-post", &form_post)
}

fn signed_out_pages(folder: &Path) -> Outcomes<()> {
    let page = |ending, lines: &[Line]| SignedOut {
        ending,
        at: Some(at(0).into()),
        apps: outcome::apps(lines, name_of),
        receipt: Some("/logouts/lgo_1?key=made-up".into()),
        sign_in: "/sign-in".into(),
    };
    write(
        folder,
        "signed-out",
        &page(Ending::SignedOut, &[payroll(), tried(line("wiki", BACK, Outcome::Confirmed, None), &[])]),
    )?;
    write(folder, "signed-out-sent", &page(Ending::SignedOut, &[payroll(), chat()]))?;
    write(folder, "signed-out-pending", &page(Ending::SignedOut, &[payroll(), chat(), wiki()]))?;
    write(folder, "signed-out-failed", &page(Ending::SignedOut, &[payroll(), timesheets()]))?;
    write(folder, "signed-out-both", &page(Ending::SignedOut, &[payroll(), chat(), wiki(), crm(), timesheets()]))?;
    let not_asked = |party| line(party, None, Outcome::Unsupported, Some("not asked"));
    write(folder, "signed-out-here-only", &page(Ending::HereOnly, &[not_asked("chat"), not_asked("wiki")]))?;
    let nothing = |ending| SignedOut { at: None, receipt: None, ..page(ending, &[]) };
    write(folder, "signed-out-nobody", &nothing(Ending::NobodyWasSignedIn))?;
    write(folder, "signed-out-elsewhere", &nothing(Ending::LivesElsewhere))
}

fn error_pages(folder: &Path) -> Outcomes<()> {
    let page = |kind, parameter: Option<&str>, reason: &str| ErrorPage {
        kind,
        parameter: parameter.map(str::to_owned),
        reason: reason.to_owned(),
        application: Some("Payroll".into()),
        sign_out: Some("/oauth2/v1/logout".into()),
        onward: None,
        reference: None,
    };
    let reason =
        "it is not one of the URIs that this application registered: http://payroll.example.com/a/rather/long/path?x=1";
    write(folder, "error", &page(Kind::BadRequest, Some("post_logout_redirect_uri"), reason))?;
    let expired =
        ErrorPage { application: None, ..page(Kind::Expired, None, "The confirmation was used or is too old.") };
    write(folder, "error-expired", &expired)?;
    let again = Some(Moment::from(at(60)));
    let many = ErrorPage {
        application: None,
        sign_out: None,
        reference: Some("req_8f2k".into()),
        ..page(Kind::TooMany(again), None, "Too many sign-outs without proof came from this address.")
    };
    write(folder, "error-too-many", &many)
}

fn gateway_pages(folder: &Path) -> Outcomes<()> {
    let forbidden = Forbidden {
        application: "Vault".into(),
        user: "alice".into(),
        apps: "/.acquit/".into(),
        sign_out: "/.acquit/sign_out".into(),
    };
    write(folder, "forbidden", &forbidden)?;
    let app = |name: &str, here| AppEntry { name: name.into(), url: "#".into(), here };
    let apps = Apps {
        user: "alice".into(),
        email: Some("alice@example.com".into()),
        groups: vec!["ops".into()],
        apps: vec![app("Grafana", true), app("Wiki", false)],
        account: "https://id.example.com/account".into(),
        sign_out: "/.acquit/sign_out".into(),
    };
    write(folder, "apps", &apps)
}

fn account_pages(folder: &Path) -> Outcomes<()> {
    let entry = |id: &str, here, agent: &str, apps: &[&str]| SessionEntry {
        id: id.into(),
        this_browser: here,
        device: device::in_words(agent),
        address: Some("203.0.113.24".into()),
        since: at(0).into(),
        last_used: at(3600).into(),
        apps: apps.iter().map(|app| (*app).to_owned()).collect(),
    };
    let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Safari/604.1";
    let account = Account {
        targets: FormTargets::Own,
        username: "alice".into(),
        email: Some("alice@example.com".into()),
        csrf: "made-up".into(),
        sessions: vec![
            entry("ses_1", true, "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0", &["Payroll", "Wiki", "Team chat"]),
            entry("ses_2", false, phone, &["Wiki"]),
            entry("ses_3", false, "curl/8.5.0", &[]),
        ],
        done: Some(Done { device: "Chrome on Android".into(), receipt: Some("/logouts/lgo_1?key=made-up".into()) }),
    };
    write(folder, "account", &account)
}

fn receipt_pages(folder: &Path) -> Outcomes<()> {
    let (one, two) = (SessionId::from_random([1; 16]), SessionId::from_random([2; 16]));
    let device = |id: &str| (id == SessionId::from_random([1; 16]).as_str()).then(|| "Firefox on Windows".to_owned());
    let page = |receipt: &Receipt| ReceiptPage::of(receipt, name_of, device);
    let running =
        receipt("session", By::Application, vec![one.clone()], vec![payroll(), chat(), wiki(), crm(), timesheets()]);
    let deadline = Some(at(72 * 3600).into());
    write(folder, "receipt-pending", &ReceiptPage { deadline, ..page(&running) })?;
    let wiki_done = tried(line("wiki", BACK, Outcome::Confirmed, None), &[(0, Some(204), 9, None)]);
    let complete = receipt("session", By::User, vec![one.clone()], vec![payroll(), chat(), wiki_done]);
    let tokens_until = Some(at(600).into());
    write(folder, "receipt-complete", &ReceiptPage { tokens_until, ..page(&complete) })?;
    let second = Line { session: Some(two.clone()), ..chat() };
    let rendered = Line { detail: Some("rendered".into()), ..second };
    let waits = line("chat", FRONT, Outcome::Failed, Some("superseded by a newer sign-in"));
    let steps = vec![payroll(), rendered, waits, crm(), timesheets()];
    write(folder, "receipt-incomplete", &page(&receipt("user", By::Administrator, vec![one.clone(), two], steps)))?;
    let waiting = vec![line("chat", FRONT, Outcome::Pending, Some("waits for its browser"))];
    write(folder, "receipt-policy", &page(&receipt("session", By::Policy, vec![one.clone()], waiting)))?;
    write(folder, "receipt-empty", &page(&receipt("session", By::User, vec![one], Vec::new())))
}
