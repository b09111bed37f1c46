//! The program of libxmlsec1, which does as many signatures as it is told and says what they cost.

use std::{
    cell::RefCell,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, ensure};

/// The running program; it ends with this value.
pub(crate) struct Peer {
    pub(crate) version: String,
    pipes: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
    child: Child,
}

impl Peer {
    /// Starts it over a folder of keys and messages.
    pub(crate) fn start(program: &Path, dir: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        let mut child = command.arg(dir).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().context("no pipe")?;
        let mut output = BufReader::new(child.stdout.take().context("no pipe")?);
        let mut version = String::new();
        output.read_line(&mut version)?;
        ensure!(!version.trim().is_empty(), "the peer does not start");
        Ok(Self { version: version.trim().to_owned(), pipes: RefCell::new((input, output)), child })
    }

    /// Has it done so many times; the CPU time in seconds.
    pub(crate) fn time(&self, verb: &str, name: &str, times: u32) -> Result<f64> {
        let (input, output) = &mut *self.pipes.borrow_mut();
        writeln!(input, "{verb} {name} {times}")?;
        input.flush()?;
        let mut line = String::new();
        output.read_line(&mut line)?;
        let nanoseconds: f64 = line.trim().parse().context("the peer failed, see above")?;
        Ok(nanoseconds / 1e9)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It has nothing to save.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
