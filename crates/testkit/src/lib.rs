//! What the tests of Acquit are made with: a strict browser, applications that are real OpenID clients, Acquit itself in
//! the process or as a program, PostgreSQL, and the independent software that it is held against.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, also in its helpers")]

pub mod acquit;
pub mod browser;
mod door;
pub mod frames;
pub mod hook;
pub mod idp;
pub mod peers;
pub mod postgres;
pub mod rp;
pub mod sp;
pub mod wire;

pub use acquit::{Engine, Setup, TestApp};
pub use browser::{Browser, Page};
pub use hook::TestHook;
pub use idp::TestIdp;
pub use rp::{Registration, TestRp};
pub use sp::{SpRegistration, TestSp};
