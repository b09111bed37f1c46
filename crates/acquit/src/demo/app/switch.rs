//! The switch of a back channel that is off at first: a port that refuses connections until somebody switches it on, and
//! from then on takes logout tokens like any other.

use std::{
    io,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use acquit_server::{listener, provenance, respond};
use axum::{Router, extract::State, http::HeaderMap, response::Response, routing::post};
use tokio::net::TcpSocket;

use super::{backchannel, error::AppError, oidc::Oidc};
use crate::demo::ports;

/// A back channel on a port of its own.
#[derive(Debug)]
pub(crate) struct Switch {
    address: SocketAddr,
    off: Mutex<Option<TcpSocket>>,
}

impl Switch {
    /// One that is off.
    pub(crate) fn off() -> io::Result<Self> {
        let socket = ports::refuse()?;
        Ok(Self { address: socket.local_addr()?, off: Mutex::new(Some(socket)) })
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether somebody listens.
    pub(super) fn is_on(&self) -> bool {
        self.off.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

/// Switches the back channel on, if it is off.
pub(super) fn switch_on(app: &Oidc) -> io::Result<()> {
    let Some(switch) = &app.switch else { return Ok(()) };
    let Some(socket) = switch.off.lock().unwrap_or_else(PoisonError::into_inner).take() else { return Ok(()) };
    let listener = socket.listen(128)?;
    let router = Router::new().route("/backchannel", post(backchannel::receive)).with_state(app.clone());
    tokio::spawn(listener::serve(listener, router, app.stop.clone()));
    Ok(())
}

/// `POST /switch-on`.
pub(super) async fn press(State(app): State<Oidc>, headers: HeaderMap) -> Result<Response, AppError> {
    if !provenance::same_origin(&headers, &app.origin) {
        return Err(AppError::Foreign);
    }
    switch_on(&app).map_err(|error| AppError::Answer(error.to_string()))?;
    Ok(respond::see_other("/"))
}
