//! The API for operators, under `/api/v1`: sessions, logouts and their receipts.

pub mod logouts;
pub mod operator;
pub mod problem;
pub mod sessions;
