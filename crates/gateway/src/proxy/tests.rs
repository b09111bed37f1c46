//! The data path on real sockets: raw bytes in, raw bytes out.

mod carry;
mod world;
