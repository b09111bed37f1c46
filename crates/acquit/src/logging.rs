//! Logging: to standard error, for people or as JSON, as `ACQUIT_LOG` and `ACQUIT_LOG_FORMAT` say.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{config::environment::Environment, output::clean};

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One line of text for each event; with colours on a terminal.
    Human {
        /// Whether colours are used.
        colours: bool,
    },
    /// One JSON object for each event.
    Json,
}

/// Why logging cannot be set up. The operator must correct the variable.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter does not parse.
    #[error(
        "ACQUIT_LOG is no filter: {0}\nwrite a level, such as \"info\", or levels by module: \"info,acquit_delivery=debug\""
    )]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The format is none.
    #[error("ACQUIT_LOG_FORMAT is neither \"human\" nor \"json\"")]
    Format,
    /// Something set up logging before.
    #[error("logging is set up already")]
    Twice,
}

impl Format {
    /// What the environment asks for.
    ///
    /// # Errors
    /// [`LoggingError::Format`].
    pub fn of(environment: &Environment) -> Result<Self, LoggingError> {
        match environment.get("ACQUIT_LOG_FORMAT") {
            None | Some("" | "human") => {
                Ok(Self::Human { colours: io::stderr().is_terminal() && wants_colours(environment) })
            }
            Some("json") => Ok(Self::Json),
            Some(_) => Err(LoggingError::Format),
        }
    }
}

/// Whether the person wants colours at all (no-color.org).
#[must_use]
pub fn wants_colours(environment: &Environment) -> bool {
    environment.get("NO_COLOR").is_none_or(str::is_empty) && environment.get("TERM") != Some("dumb")
}

/// The gateway's access log. It has a level of its own, so that nobody gets a line for each request who asked for more of the
/// rest.
const ACCESS: &str = "acquit::access";

/// Sets logging up for the whole process. `default` is the filter without `ACQUIT_LOG`: commands want less than a server.
///
/// # Errors
/// [`LoggingError`].
pub fn init(environment: &Environment, default: &str) -> Result<(), LoggingError> {
    let filter = environment.get("ACQUIT_LOG").filter(|filter| !filter.is_empty()).unwrap_or(default);
    let format = Format::of(environment)?;
    let writer = move || OneLine { writer: io::stderr(), format };
    subscriber(format, filter, writer)?.try_init().map_err(|_| LoggingError::Twice)
}

/// Writes each event as one line of plain characters: what somebody typed into a form can neither forge another event
/// nor steer the terminal. The subscriber escapes some fields and leaves others as they are, so this is the only guard.
#[derive(Debug)]
struct OneLine<W> {
    writer: W,
    format: Format,
}

/// Levels as the subscriber writes them, and their colours.
const LEVELS: [(&str, &str); 5] = [("ERROR", "31"), (" WARN", "33"), (" INFO", "32"), ("DEBUG", "34"), ("TRACE", "35")];

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        // The subscriber hands over one whole event at a time.
        let text = String::from_utf8_lossy(event);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let mut line = match self.format {
            Format::Human { .. } => clean(text),
            Format::Json => text.chars().map(json_char).collect(),
        };
        let level = LEVELS.iter().filter_map(|(level, code)| Some((line.find(level)?, *level, code))).min();
        if let Some((at, level, code)) = level.filter(|_| self.format == Format::Human { colours: true }) {
            line.replace_range(at..at + level.len(), &format!("\u{1b}[{code}m{level}\u{1b}[0m"));
        }
        line.push('\n');
        self.writer.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// A character of a JSON text; serde leaves some control characters as they are.
fn json_char(c: char) -> String {
    if c.is_control() { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }
}

fn subscriber<W>(
    format: Format,
    filter: &str,
    writer: W,
) -> Result<impl tracing::Subscriber + Send + Sync + 'static, LoggingError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let quiet = if filter.contains(ACCESS) { String::new() } else { format!(",{ACCESS}=off") };
    let filter = EnvFilter::builder().parse(format!("{filter}{quiet}"))?;
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    let layer: Box<dyn tracing_subscriber::Layer<_> + Send + Sync> = match format {
        // Colours are added after the line was made safe.
        Format::Human { .. } => Box::new(layer.with_ansi(false)),
        Format::Json => Box::new(layer.json().flatten_event(true)),
    };
    Ok(tracing_subscriber::registry().with(filter).with(layer))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: Format) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(format, "info", move || OneLine { writer: writer.clone(), format }).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let name = "eve\u{1b}[31m\u{9b}2J\r\nforged line";
            tracing::info!(name, shown = %name, "signed in as {name}");
        });
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn what_people_typed_cannot_steer_the_terminal_or_forge_a_line() {
        for format in [Format::Human { colours: false }, Format::Human { colours: true }, Format::Json] {
            let logged = logged(format).replace("\u{1b}[32m INFO\u{1b}[0m", " INFO");
            assert!(!logged.contains(['\u{1b}', '\u{9b}', '\r']), "{format:?}: {logged:?}");
            assert_eq!(logged.lines().count(), 1, "{format:?}: {logged:?}");
        }
        let json = logged(Format::Json);
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
    }

    #[test]
    fn the_access_log_is_on_only_where_it_is_named() {
        for (filter, lines) in
            [("info", 0), ("trace", 0), ("off", 0), ("warn,acquit::access=info", 1), ("acquit::access=off", 0)]
        {
            let lines_of = Lines::default();
            let writer = lines_of.clone();
            let subscriber = subscriber(Format::Json, filter, move || writer.clone()).unwrap();
            tracing::subscriber::with_default(subscriber, || tracing::info!(target: "acquit::access", "request"));
            let written = String::from_utf8(lines_of.0.lock().unwrap().clone()).unwrap();
            assert_eq!(written.lines().count(), lines, "{filter}: {written}");
        }
    }

    #[test]
    fn a_filter_that_does_not_parse_is_refused() {
        assert!(subscriber(Format::Json, "info,acquit=loud", io::sink).is_err());
        let environment = Environment::from([("ACQUIT_LOG_FORMAT", "xml")]);
        assert!(matches!(Format::of(&environment), Err(LoggingError::Format)));
    }
}
