//! The doors of Acquit: the OpenID Connect provider, the pages for people, the API for operators.
//!
//! A door authenticates and validates, names the sessions, and calls [`logout`]; no door has logout logic of its own.
//! The word in the URL is the name of the file: `POST /oauth2/v1/revoke` is `provider/revoke.rs`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking"))]

pub mod account;
pub mod api;
pub mod app;
pub mod broker;
pub mod browser;
pub mod clients;
pub mod clock;
pub mod code;
pub mod cookies;
pub mod denial;
pub mod door;
pub mod failpoint;
pub mod fetched;
pub mod flow;
pub mod form;
pub mod gateway;
pub mod health;
pub mod keys;
pub mod limits;
pub mod listener;
pub mod logout;
pub mod outbox;
pub mod pages;
pub mod password;
pub mod provenance;
pub mod provider;
pub mod random;
pub mod reload;
pub mod respond;
pub mod router;
pub mod saml;
pub mod seal;
pub mod settings;
pub mod start;
pub mod sweep;
pub mod way_out;

pub use app::App;
