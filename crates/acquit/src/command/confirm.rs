//! Asking before something that cannot be undone.

use std::io::{self, IsTerminal, Write};

use super::CommandError;

/// Asks the person at the terminal to go on, unless `yes`. Without a terminal and without `yes` nothing is done.
///
/// # Errors
/// [`CommandError::Usage`] when nobody can be asked, [`CommandError::Failed`] when the answer is no.
pub fn ask(what: &str, yes: bool) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(CommandError::Usage(format!("{what}: add --yes to go on, nothing was done")));
    }
    let mut out = io::stderr().lock();
    write!(out, "{what}; go on? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(CommandError::Failed("nothing was done".to_owned()))
    }
}
