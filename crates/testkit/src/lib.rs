//! Test helpers; dev only.

pub mod postgres;
