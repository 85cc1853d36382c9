//! The shared client: holds thousands of connections to one echo server, loads
//! them as ordered and compares every byte that comes back.
//!
//! [`Session::run`] carries out one [`wire::Spec`] and returns a
//! [`wire::Report`]. The binary wraps it twice: for a person (`by_hand`) and
//! for the harness (`agent`).
//!
//! Refuses to do: start servers, rank them, run on a runtime under test.

mod agent;
mod args;
mod around;
mod arrivals;
mod by_hand;
mod check;
mod clock;
mod conn;
mod diagnose;
mod engine;
mod error;
mod fairness;
mod limits;
mod loops;
mod merge;
mod packets;
mod pattern;
mod run;
mod session;
mod stat;
mod sys;
mod text;
mod usage;

pub use agent::agent;
pub use args::Args;
pub use by_hand::by_hand;
pub use check::check;
pub use clock::now_ns;
pub use error::ClientError;
pub use limits::{SPARE, open_descriptors, raise_descriptors};
pub use pattern::{MAX_CONNECTIONS, Pattern, Place};
pub use session::{Controls, Session};
pub use text::render;
