//! The data path on real sockets: raw bytes in, raw bytes out.

mod apps;
mod carry;
mod credentials;
mod early;
mod frames;
mod http2;
mod idle;
mod interim;
mod live;
mod pool;
mod raw;
mod rights;
mod secure;
mod trouble;
mod websocket;
mod world;
