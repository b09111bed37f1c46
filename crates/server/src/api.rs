//! The API for operators, under `/api/v1`: sessions, logouts and their receipts, the log.

pub mod logouts;
pub mod logs;
pub mod operator;
pub mod problem;
pub mod programs;
pub mod sessions;
