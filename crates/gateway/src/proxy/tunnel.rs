//! A WebSocket between browser and app, until one of them ends it or the session does.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::frame::{self, Frames};
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

impl End {
    /// The close frame, by RFC 6455 section 7.4.1 and the registry of its codes.
    fn frame(self) -> Vec<u8> {
        match self {
            Self::Cut(Cut::SignedOut) => frame::close(1008, "signed out"),
            Self::Cut(Cut::Unsure) => frame::close(1013, "try again later"),
            Self::Stop => frame::close(1001, "going away"),
        }
    }
}

/// Carries bytes both ways. `again` runs beside it and is never done.
pub(super) async fn run<B, A>(
    browser: B,
    app: A,
    stream: Option<Arc<Stream>>,
    stop: CancellationToken,
    again: impl Future<Output = ()>,
) where
    B: AsyncRead + AsyncWrite,
    A: AsyncRead + AsyncWrite,
{
    let ((mut from_browser, mut to_browser), (from_app, mut to_app)) = (split(browser), split(app));
    let mut down = Down { from: from_app, buffer: vec![0; BUFFER], start: 0, end: 0, frames: Frames::default() };
    let cut = async {
        match &stream {
            Some(stream) => stream.cut().await,
            None => std::future::pending().await,
        }
    };
    let end = tokio::select! {
        biased;
        why = cut => Some(End::Cut(why)),
        () = stop.cancelled() => Some(End::Stop),
        () = carry(&mut from_browser, &mut to_app, &mut down, &mut to_browser) => None,
        () = again => None,
    };
    let Some(end) = end else { return };
    let _ = timeout(CLOSE_WITHIN, down.close(&mut to_browser, end)).await;
    // The app's side is closed before the browser is listened to for the last time.
    drop((down, to_app));
    let _ = timeout(LISTEN_FOR, tokio::io::copy(&mut from_browser, &mut tokio::io::sink())).await;
}

/// Both directions, until both are over, or one for some seconds.
async fn carry<B, A>(
    from_browser: &mut ReadHalf<B>,
    to_app: &mut WriteHalf<A>,
    down: &mut Down<A>,
    to_browser: &mut WriteHalf<B>,
) where
    B: AsyncRead + AsyncWrite,
    A: AsyncRead + AsyncWrite,
{
    let up = async {
        let mut buffer = vec![0; BUFFER];
        loop {
            match from_browser.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(count) => {
                    if to_app.write_all(&buffer[..count]).await.is_err() || to_app.flush().await.is_err() {
                        break;
                    }
                }
            }
        }
        let _ = to_app.shutdown().await;
    };
    let down = async {
        let _ = down.carry(to_browser).await;
        let _ = to_browser.shutdown().await;
    };
    let (mut up, mut down) = (std::pin::pin!(up), std::pin::pin!(down));
    tokio::select! {
        () = &mut up => drop(timeout(LINGER, down).await),
        () = &mut down => drop(timeout(LINGER, up).await),
    }
}

/// The direction from the app to the browser, of which it is known at each byte where its frames end.
struct Down<A> {
    from: ReadHalf<A>,
    buffer: Vec<u8>,
    /// What was read and not yet written is from `start` to `end`.
    start: usize,
    end: usize,
    /// After what was written.
    frames: Frames,
}

impl<A: AsyncRead> Down<A> {
    /// Carries until the app ends. May be dropped at any time: what is done is written down at once.
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
        Ok(())
    }

    /// Ends it: the frame that has begun, the close frame, nothing more.
    async fn close(&mut self, to: &mut (impl AsyncWrite + Unpin), why: End) -> io::Result<()> {
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
            to.write_all(&why.frame()).await?;
        }
        to.flush().await?;
        to.shutdown().await
    }
}

#[cfg(test)]
mod tests;
