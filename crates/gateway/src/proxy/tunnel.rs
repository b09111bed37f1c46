//! A WebSocket between browser and app, until one of them ends it or the session does.

use std::{io, pin::pin, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    access::Over,
    frame::{self, Frames},
};
use crate::live::{Cut, Stream};

/// What of one direction is held at a time, in bytes.
const BUFFER: usize = 8 * 1024;
/// How long the close frame may take to leave, a frame of the app before it included.
const CLOSE_WITHIN: Duration = Duration::from_millis(50);
/// How long the browser is then listened to: what it still sends must not reset the connection before it has read.
const LISTEN_FOR: Duration = Duration::from_millis(30);
/// How long one direction may outlive the other.
const LINGER: Duration = Duration::from_secs(5);

/// Why a WebSocket is ended from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Cut(Cut),
    Stop,
}

impl From<End> for Over {
    fn from(end: End) -> Self {
        match end {
            End::Cut(cut) => Self::Cut(cut),
            End::Stop => Self::Stopped,
        }
    }
}

impl End {
    /// The close frame, by RFC 6455 section 7.4.1 and the registry of its codes.
    fn frame(self) -> Vec<u8> {
        match self {
            Self::Cut(Cut::SignedOut) => frame::close(1008, "signed out"),
            Self::Cut(Cut::NotAllowed) => frame::close(1008, "no longer allowed"),
            Self::Cut(Cut::SignIn) => frame::close(1008, "sign in again"),
            Self::Cut(Cut::Unsure) => frame::close(1013, "try again later"),
            Self::Stop => frame::close(1001, "going away"),
        }
    }
}

/// Carries bytes both ways; how that ended, and how many came from the app. `again` runs beside it and is never done.
pub(super) async fn run<B, A>(
    browser: B,
    app: A,
    stream: Arc<Stream>,
    stop: CancellationToken,
    again: impl Future<Output = ()>,
) -> (Over, u64)
where
    B: AsyncRead + AsyncWrite,
    A: AsyncRead + AsyncWrite,
{
    let ((from_browser, mut to_browser), (from_app, mut to_app)) = (split(browser), split(app));
    let (mut up, mut down) = (Way::new(from_browser), Way::new(from_app));
    let end = tokio::select! {
        biased;
        why = stream.cut() => Some(End::Cut(why)),
        () = stop.cancelled() => Some(End::Stop),
        () = carry((&mut up, &mut to_app), (&mut down, &mut to_browser)) => None,
        () = again => None,
    };
    let Some(end) = end else { return (Over::Done, down.carried) };
    let close = end.frame();
    let told = async {
        let app = async {
            // All browsers first, where many are cut at once.
            tokio::task::yield_now().await;
            leave(up.frames, &mut to_app).await
        };
        tokio::join!(down.close(&mut to_browser, &close), app)
    };
    let _ = timeout(CLOSE_WITHIN, told).await;
    // The app's side is closed before the browser is listened to for the last time.
    let carried = down.carried;
    drop((down, to_app));
    let _ = timeout(LISTEN_FOR, tokio::io::copy(&mut up.from, &mut tokio::io::sink())).await;
    (end.into(), carried)
}

/// Both directions, until both are over, or one for some seconds.
async fn carry<B: AsyncRead + AsyncWrite, A: AsyncRead + AsyncWrite>(
    (up, to_app): (&mut Way<B>, &mut WriteHalf<A>),
    (down, to_browser): (&mut Way<A>, &mut WriteHalf<B>),
) {
    let up = async {
        let _ = up.carry(to_app).await;
        let _ = to_app.shutdown().await;
    };
    let down = async {
        let _ = down.carry(to_browser).await;
        let _ = to_browser.shutdown().await;
    };
    let (mut up, mut down) = (pin!(up), pin!(down));
    tokio::select! {
        () = &mut up => drop(timeout(LINGER, down).await),
        () = &mut down => drop(timeout(LINGER, up).await),
    }
}

/// One direction, of which it is known at each byte where its frames end.
struct Way<S> {
    from: ReadHalf<S>,
    buffer: Vec<u8>,
    /// What was read and not yet written is from `start` to `end`.
    start: usize,
    end: usize,
    /// How many bytes were written.
    carried: u64,
    /// After what was written.
    frames: Frames,
}

impl<S: AsyncRead> Way<S> {
    fn new(from: ReadHalf<S>) -> Self {
        Self { from, buffer: vec![0; BUFFER], start: 0, end: 0, carried: 0, frames: Frames::default() }
    }

    /// Carries until its source ends. May be dropped at any time: what is done is written down at once.
    async fn carry(&mut self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        loop {
            while self.start < self.end {
                self.write(to, self.end).await?;
            }
            to.flush().await?;
            if !self.read().await? {
                return Ok(());
            }
        }
    }

    /// Fills the empty buffer; whether there was anything.
    async fn read(&mut self) -> io::Result<bool> {
        let count = self.from.read(&mut self.buffer).await?;
        (self.start, self.end) = (0, count);
        Ok(count > 0)
    }

    /// Writes some of the buffer, to `end` at most.
    async fn write(&mut self, to: &mut (impl AsyncWrite + Unpin), end: usize) -> io::Result<()> {
        let count = to.write(&self.buffer[self.start..end]).await?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.frames.advance(&self.buffer[self.start..self.start + count]);
        self.start += count;
        self.carried += count as u64;
        Ok(())
    }

    /// Ends the direction to the browser: the frame that has begun, the close frame, nothing more.
    async fn close(&mut self, to: &mut (impl AsyncWrite + Unpin), close: &[u8]) -> io::Result<()> {
        loop {
            let border = self.frames.to_border(&self.buffer[self.start..self.end]);
            let end = border.map_or(self.end, |length| self.start + length);
            while self.start < end {
                self.write(to, end).await?;
            }
            if border.is_some() {
                break;
            }
            if !self.read().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        if !self.frames.closed() {
            to.write_all(close).await?;
        }
        to.flush().await?;
        to.shutdown().await
    }
}

/// Tells the app that nobody is there any more, where no frame of the browser's is under way; nothing more of the browser's
/// is carried for that.
async fn leave(sent: Frames, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    if sent.at_border() && !sent.closed() {
        to.write_all(&frame::masked(&frame::close(1001, ""))).await?;
    }
    to.flush().await?;
    to.shutdown().await
}

#[cfg(test)]
mod tests;
