//! SSO responses signed and logout messages verified per second on one core, beside the bare signature of aws-lc-rs and
//! beside libxmlsec1 on the same messages, in one run.
//!
//! Each round gives every work one turn of about 80 ms of CPU time, one after the other on one core; a ratio is taken inside
//! a round, and the middle of the rounds is printed. So neighbours on the machine change rates, and ratios hardly.

mod messages;
mod peer;
mod report;
mod work;

use std::path::PathBuf;

use clap::Parser;

use crate::{messages::Party, peer::Peer, report::Run, work::Work};

#[derive(Parser)]
struct Options {
    /// The program of libxmlsec1.
    #[arg(long)]
    peer: PathBuf,
    /// How many rounds.
    #[arg(long, default_value_t = 31)]
    rounds: u32,
    /// Write the figures into bench/RESULTS.md.
    #[arg(long)]
    write: bool,
    /// Do one work alone for that many seconds of CPU time, to be looked at by a profiler: `verify` or `sign`.
    #[arg(long, requires = "seconds")]
    only: Option<String>,
    /// See `only`.
    #[arg(long)]
    seconds: Option<f64>,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let parties = Party::all()?;
    if let (Some(only), Some(seconds)) = (&options.only, options.seconds) {
        return work::alone(&parties[0], only, seconds);
    }
    let dir = tempfile::tempdir()?;
    for party in &parties {
        party.write_for_peer(dir.path())?;
    }
    let peer = Peer::start(&options.peer, dir.path())?;
    let mut run = Run::new(&peer.version);
    let mut works = Vec::new();
    for party in &parties {
        works.extend(Work::all(party, &peer)?);
    }
    for round in 0..=options.rounds {
        for work in &mut works {
            let rate = work.turn()?;
            // The first round only warms up and finds out how much fits into a turn.
            if round > 0 {
                run.note(work.name(), rate);
            }
        }
    }
    report::print(&run, options.write)
}
