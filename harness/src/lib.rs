//! Runs interchangeable echo servers under one client and tabulates what they
//! cost.
//!
//! Modules are verbs, types are nouns. The pure ones (`plan`, `stats`,
//! `summarize`, `compare`, `units`, `render`, `report`) touch no clock, file or
//! process; a test holds them to it.

pub mod advise;
pub mod build;
pub mod calibrate;
pub mod catalog;
mod check;
pub mod cli;
pub mod clock;
pub mod cmd;
pub mod compare;
pub mod conformance;
pub mod drive;
pub mod duel;
pub mod event;
pub mod exit;
pub mod host;
pub mod interrupt;
pub mod isolation;
pub mod launch;
pub mod plan;
pub mod preflight;
pub mod probe;
pub mod process;
pub mod progress;
pub mod record;
pub mod render;
pub mod repeat;
pub mod report;
pub mod runner;
pub mod sample;
pub mod sockets;
pub mod spin;
pub mod stats;
pub mod store;
pub mod summarize;
pub mod trial;
pub mod units;

#[cfg(test)]
mod promises;
#[cfg(test)]
mod scripted;
