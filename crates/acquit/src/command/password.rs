//! Reading a password: from a terminal without showing it, or from standard input. Never from an argument, which other
//! users of the machine can see.

use std::io::{self, IsTerminal, Read, Write};

use acquit_server::{password, settings::Secret};
use zeroize::Zeroizing;

use super::CommandError;

/// Reads a new password: typed twice on a terminal, else the first line of standard input.
///
/// # Errors
/// [`CommandError::Usage`] when it may not be one or was typed differently.
pub fn read_new(username: &str) -> Result<Secret, CommandError> {
    let new = if io::stdin().is_terminal() {
        let first = prompt(&format!("New password for {username}: "))?;
        let second = prompt("The same again: ")?;
        if first != second {
            return Err(CommandError::Usage("the two passwords differ; nothing was done".to_owned()));
        }
        first
    } else {
        first_line(io::stdin().lock())?
    };
    password::check_policy(&new).map_err(|error| CommandError::Usage(format!("{error}; nothing was done")))?;
    Ok(Secret::new(new.as_str()))
}

/// The first line, without what ends it; no more is read than a password can have.
fn first_line(input: impl Read) -> Result<Zeroizing<String>, CommandError> {
    let mut text = Zeroizing::new(String::new());
    let limit = password::MAX_BYTES as u64 + 2;
    input.take(limit).read_to_string(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => CommandError::Usage("the password is not UTF-8 text".to_owned()),
        _ => error.into(),
    })?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn prompt(text: &str) -> Result<Zeroizing<String>, CommandError> {
    let mut out = io::stderr().lock();
    write!(out, "{text}")?;
    out.flush()?;
    let mut line = Zeroizing::new(String::new());
    let read = {
        let _hidden = hide_typing()?;
        io::stdin().read_line(&mut line)
    };
    writeln!(out)?;
    read?;
    Ok(Zeroizing::new(line.trim_end_matches(['\n', '\r']).to_owned()))
}

#[cfg(unix)]
fn hide_typing() -> io::Result<impl Drop> {
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    struct Shown(Termios);

    impl Drop for Shown {
        fn drop(&mut self) {
            // The terminal may be gone; then there is nothing to restore.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
        }
    }

    let shown = tcgetattr(io::stdin())?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
    Ok(Shown(shown))
}

#[cfg(not(unix))]
fn hide_typing() -> io::Result<impl Drop> {
    struct Never;

    impl Drop for Never {
        fn drop(&mut self) {}
    }

    let text = "this system's terminal cannot hide what is typed: pipe the password to standard input instead";
    Err::<Never, _>(io::Error::new(io::ErrorKind::Unsupported, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_password_whatever_ends_it() {
        for text in ["correct horse", "correct horse\n", "correct horse\r\n", "correct horse\nsecond line"] {
            assert_eq!(*first_line(text.as_bytes()).unwrap(), "correct horse");
        }
        assert_eq!(*first_line(&b""[..]).unwrap(), "");
    }

    #[test]
    fn no_more_is_read_than_a_password_can_have() {
        let endless = std::io::repeat(b'x');
        let read = first_line(endless).unwrap();
        assert!(password::check_policy(&read).is_err(), "it is too long rather than cut");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert!(matches!(first_line(&[0xff, 0xfe][..]), Err(CommandError::Usage(_))));
    }
}
