//! As much of HTTP/1.1 as the two ends of a stream need, which are both ours.

use anyhow::{Context, bail};
use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{io::AsyncReadExt, net::TcpStream};

/// The longest head.
const MAX: usize = 16 * 1024;
/// What a server adds to the key before it hashes it (RFC 6455 section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Reads the head of a message, and what followed it at once.
pub(crate) async fn read(stream: &mut TcpStream) -> anyhow::Result<(String, Vec<u8>)> {
    let mut held = Vec::new();
    loop {
        if let Some(at) = held.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = held.split_off(at + 4);
            return Ok((String::from_utf8(held)?, rest));
        }
        if held.len() > MAX {
            bail!("a head of more than {MAX} bytes");
        }
        if stream.read_buf(&mut held).await? == 0 {
            bail!("the connection ended in a head: {:?}", String::from_utf8_lossy(&held));
        }
    }
}

/// The value of a header, in whatever case its name is written.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let pairs = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    pairs.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

/// The status of an answer.
pub(crate) fn status(head: &str) -> anyhow::Result<u16> {
    let code = head.split(' ').nth(1).context("an answer without a status")?;
    Ok(code.parse()?)
}

/// What a server answers to the key of a WebSocket.
pub(crate) fn accept(key: &str) -> String {
    STANDARD.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes()))
}
