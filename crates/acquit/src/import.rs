//! Configurations of other programs.

pub mod pomerium;
