//! A row of the table: what is said, what must come, and where the server does otherwise, what comes instead and why that is safe.

use std::fmt;

use acquit_testkit::frames::{Frame, Frames, code, flag, kind};

use super::Target;

/// The cases of a section.
pub(super) struct Section {
    /// As the list has it: `http2/5.1`.
    pub(super) name: &'static str,
    pub(super) cases: Vec<Case>,
}

/// A section.
pub(super) fn section(name: &'static str, cases: impl IntoIterator<Item = Case>) -> Section {
    Section { name, cases: cases.into_iter().collect() }
}

/// A row.
pub(super) struct Case {
    about: &'static str,
    greeted: bool,
    steps: Vec<Step>,
    must: Option<Must>,
    instead: Option<(Must, &'static str)>,
}

enum Step {
    Say(Vec<u8>),
    Wait(Must),
}

/// What comes. Each is exact: another code, or an answer where none may come, is another outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Must {
    /// The server's own settings, first of all.
    Greeting,
    /// The acknowledgement of our settings.
    Acknowledged,
    /// The answer to our PING.
    Pong([u8; 8]),
    /// An answer on the stream; 200 where the app is asked.
    Answer(u32),
    /// An answer with this status.
    Refused(u32, u16),
    /// An answer to its end, in which the app says that it was told this.
    Told(u32, &'static str),
    /// The answer to its end, whatever it is.
    Ended(u32),
    /// Of the stream's body, a frame with exactly so many bytes.
    Data(u32, usize),
    /// The stream is reset with this code, and the connection goes on.
    Reset(u32, u32),
    /// The connection is ended with this code.
    GoAway(u32),
    /// The connection is closed without a word.
    Closed,
}

/// What came on a stream, and on the connection.
#[derive(Default)]
struct Heard {
    frames: Vec<Frame>,
    closed: bool,
}

/// A row that is about this.
pub(super) fn case(about: &'static str) -> Case {
    Case { about, greeted: true, steps: Vec::new(), must: None, instead: None }
}

impl Case {
    /// Without the prefaces of both sides.
    pub(super) fn without_greeting(mut self) -> Self {
        self.greeted = false;
        self
    }

    /// These bytes are said.
    pub(super) fn raw(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.steps.push(Step::Say(bytes.into()));
        self
    }

    /// These frames are said, at once.
    pub(super) fn say<const N: usize>(self, frames: [Frame; N]) -> Self {
        self.raw(frames.iter().flat_map(Frame::bytes).collect::<Vec<u8>>())
    }

    /// This is waited for before more is said.
    pub(super) fn wait(mut self, what: Must) -> Self {
        self.steps.push(Step::Wait(what));
        self
    }

    /// What must come by the specification.
    pub(super) fn must(mut self, what: Must) -> Self {
        self.must = Some(what);
        self
    }

    /// What comes instead, and why that is right, or safe.
    pub(super) fn comes(mut self, what: Must, because: &'static str) -> Self {
        self.instead = Some((what, because));
        self
    }

    /// The connection ends as it must, under another code.
    pub(super) fn under_another_code(self) -> Self {
        self.comes(
            Must::GoAway(code::PROTOCOL_ERROR),
            "the library says PROTOCOL_ERROR of every frame and block that it cannot read. The connection ends all the same, \
             and the code only tells the peer's engineers where to look",
        )
    }

    /// The connection ends where the stream alone would have to.
    pub(super) fn with_its_connection(self) -> Self {
        self.comes(
            Must::GoAway(code::PROTOCOL_ERROR),
            "the library takes it for an error of the connection, which a server may do with any error of a stream \
             (RFC 9113, 5.4.2). A peer that says such things loses requests of its own and nobody else's",
        )
    }

    async fn run(&self, target: &Target) -> Result<(), String> {
        let mut frames = target.connect().await;
        if self.greeted {
            frames.greet(&[]).await;
        }
        let mut heard = Heard::default();
        for step in &self.steps {
            match step {
                Step::Say(bytes) => drop(frames.says.write(bytes).await),
                Step::Wait(what) => heard.wait(&mut frames, target, what).await?,
            }
        }
        let due = self.must.as_ref().expect("what must come");
        let due = self.instead.as_ref().map_or(due, |(instead, _)| instead);
        heard.wait(&mut frames, target, due).await
    }
}

impl Heard {
    /// Reads until it is clear whether this comes.
    async fn wait(&mut self, frames: &mut Frames, target: &Target, what: &Must) -> Result<(), String> {
        loop {
            let over = self.closed || self.frames.last().is_some_and(|frame| what.is_decided_by(frame));
            if over {
                break;
            }
            match frames.hears.frame().await {
                Some(frame) => self.frames.push(frame),
                None => self.closed = true,
            }
        }
        let came = match what {
            Must::Greeting => matches!(&self.frames[..], [first] if first.kind == kind::SETTINGS && first.flags == 0),
            Must::Acknowledged => self.last().is_some_and(Frame::is_settings_ack),
            Must::Pong(payload) => self.last().is_some_and(|frame| frame.is_pong(*payload)),
            Must::Answer(stream) => self.is_answered(target, *stream),
            Must::Refused(stream, status) => {
                self.last().is_some_and(|frame| frame.stream == *stream && frame.status() == Some(*status))
            }
            Must::Told(stream, what) => {
                self.is_answered(target, *stream) && (!target.echoes || self.body(*stream).contains(what))
            }
            Must::Ended(stream) => self.last().is_some_and(|frame| frame.stream == *stream && ends(frame)),
            Must::Data(stream, length) => self.last().is_some_and(|frame| {
                frame.kind == kind::DATA && frame.stream == *stream && frame.payload.len() == *length
            }),
            Must::Reset(stream, code) => {
                let last = self.last().is_some_and(|frame| {
                    frame.kind == kind::RST_STREAM && frame.stream == *stream && frame.code() == Some(*code)
                });
                last && !self.is_any_answer(*stream) && frames.answers(*b"goes on?").await
            }
            Must::GoAway(code) => {
                let last = self.last().is_some_and(|frame| frame.kind == kind::GOAWAY && frame.code() == Some(*code));
                last && frames.hears.until(|frame| frame.kind != kind::GOAWAY).await.is_none()
            }
            Must::Closed => self.closed && !self.frames.iter().any(|frame| frame.kind == kind::GOAWAY),
        };
        let heard = Self { frames: std::mem::take(&mut self.frames), closed: self.closed };
        if came { Ok(()) } else { Err(format!("{what:?} was due, and there came {heard}")) }
    }

    fn last(&self) -> Option<&Frame> {
        self.frames.last()
    }

    /// A head that says 200, where the app is asked.
    fn is_answered(&self, target: &Target, stream: u32) -> bool {
        let head = self.frames.iter().find(|frame| frame.kind == kind::HEADERS && frame.stream == stream);
        head.is_some_and(|head| !target.echoes || head.status() == Some(200))
    }

    fn is_any_answer(&self, stream: u32) -> bool {
        self.frames.iter().any(|frame| frame.kind == kind::HEADERS && frame.stream == stream)
    }

    fn body(&self, stream: u32) -> String {
        let data = self.frames.iter().filter(|frame| frame.kind == kind::DATA && frame.stream == stream);
        let bytes: Vec<u8> = data.flat_map(|frame| frame.payload.iter().copied()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Must {
    /// Whether this frame decides what becomes of it. A connection that ends decides everything.
    fn is_decided_by(&self, frame: &Frame) -> bool {
        let on = |stream: u32| frame.stream == stream;
        let over = frame.kind == kind::GOAWAY;
        over || match self {
            Self::Greeting => true,
            Self::Acknowledged => frame.is_settings_ack(),
            Self::Pong(_) => frame.kind == kind::PING,
            Self::Answer(stream) | Self::Refused(stream, _) => {
                on(*stream) && matches!(frame.kind, kind::HEADERS | kind::RST_STREAM)
            }
            Self::Told(stream, _) | Self::Ended(stream) => {
                on(*stream) && (ends(frame) || frame.kind == kind::RST_STREAM)
            }
            Self::Data(stream, _) => on(*stream) && matches!(frame.kind, kind::DATA | kind::RST_STREAM),
            Self::Reset(stream, _) => frame.kind == kind::RST_STREAM || on(*stream) && ends(frame),
            Self::GoAway(_) | Self::Closed => frame.kind == kind::RST_STREAM || ends(frame),
        }
    }
}

/// Whether the stream's other side has nothing more to say.
fn ends(frame: &Frame) -> bool {
    matches!(frame.kind, kind::DATA | kind::HEADERS) && frame.has(flag::END_STREAM)
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for frame in &self.frames {
            write!(f, "[type {} flags {:#x} stream {} ", frame.kind, frame.flags, frame.stream)?;
            match frame.code() {
                Some(code) => write!(f, "code {code:#x}] ")?,
                None => write!(f, "{} bytes] ", frame.payload.len())?,
            }
        }
        f.write_str(if self.closed { "and the end" } else { "so far" })
    }
}

/// Says every case to this target, each on a connection of its own.
///
/// # Panics
/// One of them, or some, come out otherwise than their rows say.
pub(super) async fn run(target: &Target, sections: fn(&Target) -> Vec<Section>) {
    let mut wrong = Vec::new();
    for section in sections(target) {
        for (index, case) in section.cases.iter().enumerate() {
            if let Err(what) = case.run(target).await {
                let because =
                    case.instead.as_ref().map_or(String::new(), |(_, because)| format!(" (its row: {because})"));
                wrong.push(format!("{}/{} {}: {what}{because}", section.name, index + 1, case.about));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n", wrong.join("\n"));
}

/// A payload with this much padding announced and that much there (RFC 9113, 6.1).
pub(super) fn padded(announced: u8, payload: impl Into<Vec<u8>>, there: usize) -> Vec<u8> {
    [vec![announced], payload.into(), vec![0; there]].concat()
}

/// A PING that a row looks for.
pub(super) const PING: [u8; 8] = *b"a frame!";
/// The answer to it.
pub(super) const PONG: Must = Must::Pong(PING);

/// The PING that a row looks for the answer of.
pub(super) fn ping() -> Frame {
    Frame::ping(PING)
}
