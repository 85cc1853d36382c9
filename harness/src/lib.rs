//! Runs interchangeable echo servers under one client and tabulates what they
//! cost.
//!
//! Modules are verbs, types are nouns. The pure ones (`plan`, `stats`,
//! `summarize`, `compare`, `units`, `render`) touch no clock, file or process;
//! a test holds them to it.

pub mod build;
pub mod catalog;
pub mod clock;
pub mod compare;
pub mod drive;
pub mod host;
pub mod interrupt;
pub mod launch;
pub mod plan;
pub mod process;
pub mod record;
pub mod sample;
pub mod sockets;
pub mod stats;
pub mod summarize;
pub mod units;

pub mod cli;
pub mod cmd;
pub mod event;
pub mod exit;
pub mod preflight;
pub mod progress;
pub mod runner;
#[cfg(test)]
mod scripted;
pub mod store;
pub mod trial;
