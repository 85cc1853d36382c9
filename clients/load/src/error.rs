//! What can be wrong with the client itself.
//!
//! A server that fails is no error: it is a [`wire::End`] in a report.

use thiserror::Error;

/// Never the server's fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// The order cannot be carried out as given.
    #[error("{0}")]
    Spec(String),
    /// The machine does not carry it.
    #[error(
        "{need} descriptors are needed and the hard limit is {have}: raise it \
         with `ulimit -Hn {need}` as root, or ask for fewer connections"
    )]
    Unfit {
        /// The hard limit.
        have: u64,
        /// One a connection and some to spare.
        need: u64,
    },
    /// A call of the client's own failed.
    #[error("{0}")]
    Own(String),
}

impl ClientError {
    /// The exit code documented for it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Own(_) => 1,
            Self::Spec(_) => 2,
            Self::Unfit { .. } => 6,
        }
    }
}
