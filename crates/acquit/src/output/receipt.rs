//! A receipt in the terminal: a line for each step with its stamp, and the evidence.

use std::fmt::Write as _;

use acquit_core::{
    receipt::{Line, Receipt, State},
    step::{Channel, Outcome},
};
use acquit_server::pages::outcome::stamp;

use super::{Ink, Output, clean, count};

/// What a logout's state means for a script: the exit code of the commands that show one.
#[must_use]
pub fn exit_code(state: State) -> u8 {
    match state {
        State::Complete => 0,
        State::Incomplete => 1,
        State::InProgress => 3,
    }
}

/// The colour of a state.
#[must_use]
pub fn state_ink(state: State) -> Ink {
    match state {
        State::Complete => Ink::Good,
        State::InProgress => Ink::Waiting,
        State::Incomplete => Ink::Bad,
    }
}

/// The state in words.
#[must_use]
pub fn state_name(state: State) -> &'static str {
    match state {
        State::Complete => "complete",
        State::InProgress => "in progress",
        State::Incomplete => "incomplete",
    }
}

/// The whole receipt.
#[must_use]
pub fn show(receipt: &Receipt, output: &Output) -> String {
    let state = output.ink(state_ink(receipt.state), state_name(receipt.state));
    let mut shown = format!("{}  {state}\n", output.ink(Ink::Strong, receipt.id.as_str()));
    let requested = &receipt.requested;
    let party = requested.party.as_deref().map(|party| format!(" {}", clean(party))).unwrap_or_default();
    let reason = requested.reason.as_deref().map(|reason| format!(": {}", clean(reason))).unwrap_or_default();
    let _ = writeln!(shown, "  asked by {}{party} at {}{reason}", requested.by.as_str(), requested.at);
    let ended = match receipt.sessions.as_slice() {
        [] => "no session, for none was live".to_owned(),
        [one] => format!("session {one}"),
        sessions => count(sessions.len(), "session"),
    };
    let _ = writeln!(shown, "  ended    {ended}\n");
    if receipt.sessions.is_empty() && receipt.steps.is_empty() {
        shown.push_str("  nobody was signed in, so no application had to be told\n");
    } else if receipt.steps.is_empty() {
        shown.push_str("  no application had to be told\n");
    }
    let party_width = receipt.steps.iter().map(|line| clean(line.party.as_str()).chars().count()).max().unwrap_or(0);
    for line in &receipt.steps {
        let _ = writeln!(shown, "  {}", step(line, party_width, output));
    }
    shown
}

/// One step in one line: who, how, the stamp, the evidence.
#[must_use]
pub fn step(line: &Line, party_width: usize, output: &Output) -> String {
    let party = clean(line.party.as_str());
    let channel = line.channel.map_or("no channel", Channel::as_str);
    let ink = match line.outcome {
        Outcome::Confirmed => Ink::Good,
        Outcome::Sent | Outcome::Pending => Ink::Waiting,
        Outcome::Failed | Outcome::Unsupported => Ink::Bad,
    };
    // Padded before it is coloured: escape sequences have no width.
    let stamp = format!("{:<16}", format!("[{}]", stamp(line.outcome, line.detail.as_deref())));
    let text = format!("{party:<party_width$}  {channel:<12}  {}  {}", output.ink(ink, &stamp), evidence(line));
    text.trim_end().to_owned()
}

fn evidence(line: &Line) -> String {
    let mut parts = Vec::new();
    // What a frame or a provider's page answers, nobody but the browser sees.
    let seen = !matches!(line.channel, Some(Channel::Frontchannel | Channel::EndSession));
    let answered = line.attempts.last().filter(|_| seen);
    if let Some(attempt) = answered {
        // A node of the gateway says so itself; how many did is in the detail.
        let acknowledged = line.channel == Some(Channel::Gateway);
        let answer = match attempt.status {
            Some(status) => status.to_string(),
            None if acknowledged => "acknowledged".to_owned(),
            None => "no answer".to_owned(),
        };
        parts.push(format!("{answer} in {} ms", attempt.ms));
        if line.attempts.len() > 1 && !acknowledged {
            parts.push(format!("{} tries", line.attempts.len()));
        }
    }
    let detail = line.detail.as_deref().or_else(|| line.attempts.last()?.detail.as_deref());
    parts.extend(detail.map(clean));
    parts.extend(line.next_attempt_at.map(|at| format!("again at {at}")));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use acquit_core::{
        AppId, LogoutId, SessionId, Timestamp,
        participant::Protocol,
        plan::By,
        receipt::{Attempt, Requested},
    };

    use super::*;

    #[test]
    fn a_node_of_the_gateway_acknowledges_and_is_not_tried() {
        let attempt = |ms| Attempt { at: Timestamp::from_seconds(0), status: None, ms, detail: None };
        let line = Line {
            party: AppId::new("grafana.example.com"),
            protocol: Protocol::Gateway,
            channel: Some(Channel::Gateway),
            session: None,
            outcome: Outcome::Confirmed,
            detail: Some("2 open streams were closed on 2 nodes".to_owned()),
            attempts: vec![attempt(3), attempt(9)],
            next_attempt_at: None,
        };
        assert_eq!(evidence(&line), "acknowledged in 9 ms, 2 open streams were closed on 2 nodes");
    }

    #[test]
    fn a_logout_that_found_nobody_says_so() {
        let mut receipt = Receipt {
            id: LogoutId::from_random([1; 16]),
            state: State::Complete,
            scope: "user",
            requested: Requested {
                by: By::Administrator,
                party: None,
                reason: None,
                at: Timestamp::from_seconds(0),
                ip: None,
            },
            sessions: Vec::new(),
            steps: Vec::new(),
        };
        let text = show(&receipt, &Output::plain());
        assert!(text.contains("no session, for none was live") && text.contains("nobody was signed in"), "{text}");
        receipt.sessions.push(SessionId::from_random([2; 16]));
        let text = show(&receipt, &Output::plain());
        assert!(!text.contains("nobody was signed in") && text.contains("no application had to be told"), "{text}");
    }
}
