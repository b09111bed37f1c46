//! Breadth-first search through all reachable states, told apart by their hash, with the shortest way to a violation.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash},
};

/// What is walked through.
pub(crate) trait Model {
    type State: Clone + Hash;
    type Move: Copy + fmt::Debug;
    /// The part of a state that a fair run depends on.
    type Open: Hash;

    /// Every move that may be tried; those that the rules refuse come back from `after` as nothing.
    fn moves(&self, state: &Self::State, moves: &mut Vec<Self::Move>);
    /// The state after a move, in its canonical order.
    fn after(&self, state: &Self::State, step: Self::Move) -> Option<Self::State>;
    /// The name of a promise that this transition breaks.
    fn broken_by(&self, before: &Self::State, after: &Self::State) -> Option<&'static str>;
    /// The name of a promise that is broken in this state.
    fn broken_in(&self, state: &Self::State) -> Option<&'static str>;
    /// What a fair run depends on.
    fn open(&self, state: &Self::State) -> Self::Open;
    /// The next state of a fair run, where everybody does what they can and every receiver is well; none when all is done.
    fn fair(&self, state: &Self::State) -> Option<Self::State>;
    /// The name of the promise that a fair run keeps, and whether it is kept at its end.
    fn delivered(&self, state: &Self::State) -> Result<(), &'static str>;
    /// The promise that is broken by a fair run that does not end.
    const ENDLESS: &'static str;
}

/// The longest fair run; a longer one does not end.
const LONGEST_RUN: usize = 500;

/// What a search found.
pub(crate) struct Report {
    pub(crate) states: usize,
    pub(crate) transitions: usize,
    pub(crate) depth: usize,
    /// The broken promise and the shortest way to it.
    pub(crate) violation: Option<(&'static str, Vec<String>)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} states, {} transitions, depth {}", self.states, self.transitions, self.depth)?;
        match &self.violation {
            None => f.write_str(": every promise kept"),
            Some((name, moves)) => write!(f, "\nbroken: {name}\n  {}", moves.join("\n  ")),
        }
    }
}

type Hasher = BuildHasherDefault<DefaultHasher>;

fn key(value: &impl Hash) -> u64 {
    Hasher::default().hash_one(value)
}

pub(crate) fn search<M: Model>(model: &M, first: M::State) -> Report {
    let mut seen: HashMap<u64, (u64, Option<M::Move>, usize)> = HashMap::new();
    let mut finishing = HashSet::new();
    let mut queue = VecDeque::new();
    let mut report = Report { states: 1, transitions: 0, depth: 0, violation: None };
    seen.insert(key(&first), (0, None, 0));
    queue.push_back(first);
    let mut moves = Vec::new();
    while let Some(state) = queue.pop_front() {
        let from = key(&state);
        let depth = seen[&from].2;
        report.depth = depth;
        if let Err(name) = finish(model, &state, &mut finishing) {
            report.violation = Some((name, way(&seen, from)));
            return report;
        }
        moves.clear();
        model.moves(&state, &mut moves);
        for &step in &moves {
            let Some(next) = model.after(&state, step) else { continue };
            report.transitions += 1;
            let to = key(&next);
            let known = seen.contains_key(&to);
            let broken = model.broken_by(&state, &next).or_else(|| if known { None } else { model.broken_in(&next) });
            if let Some(name) = broken {
                let mut moves = way(&seen, from);
                moves.push(format!("{step:?}"));
                report.violation = Some((name, moves));
                return report;
            }
            if known {
                continue;
            }
            seen.insert(to, (from, Some(step), depth + 1));
            report.states += 1;
            queue.push_back(next);
        }
    }
    report
}

/// Runs fairly from a state to the end, or to a state that is known to reach it.
fn finish<M: Model>(model: &M, state: &M::State, finishing: &mut HashSet<u64>) -> Result<(), &'static str> {
    let (mut path, mut state) = (Vec::new(), state.clone());
    loop {
        let open = key(&model.open(&state));
        if finishing.contains(&open) {
            break;
        }
        path.push(open);
        if path.len() > LONGEST_RUN {
            return Err(M::ENDLESS);
        }
        match model.fair(&state) {
            Some(next) => state = next,
            None => {
                model.delivered(&state)?;
                break;
            }
        }
    }
    finishing.extend(path);
    Ok(())
}

fn way<Move: Copy + fmt::Debug>(seen: &HashMap<u64, (u64, Option<Move>, usize)>, to: u64) -> Vec<String> {
    let (mut moves, mut at) = (Vec::new(), to);
    while let Some((from, Some(step), _)) = seen.get(&at) {
        moves.push(format!("{step:?}"));
        at = *from;
    }
    moves.reverse();
    moves
}
