//! What the loops of a run share, and the words in which they end.
//!
//! Refuses to do: hold anything that is touched in the hot path of a window.

use std::sync::atomic::{AtomicBool, AtomicU32};

use rustix::io::Errno;
use wire::{Fault, Spec};

use crate::ClientError;
use crate::pattern::Pattern;

/// What the loops of a run share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) spec: Spec,
    pub(crate) pattern: Pattern,
    pub(crate) loops: u32,
    /// Set once; every loop leaves its phase.
    pub(crate) abort: AtomicBool,
    pub(super) open: AtomicU32,
    pub(crate) peak_open: AtomicU32,
}

impl Shared {
    pub(crate) fn new(spec: &Spec) -> Self {
        let loops = u32::try_from(spec.cpus.len().max(1))
            .expect("no more CPUs than a u32 counts");
        Self {
            spec: spec.clone(),
            pattern: Pattern::new(spec.seed),
            loops: loops.min(spec.connections).min(spec.max_connecting),
            abort: AtomicBool::new(false),
            open: AtomicU32::new(0),
            peak_open: AtomicU32::new(0),
        }
    }

    /// The connections of loop `index`, counted from 0 over all loops.
    pub(super) fn range(&self, index: u32) -> std::ops::Range<u32> {
        let cut = |i: u32| {
            let all = u64::from(self.spec.connections) * u64::from(i);
            u32::try_from(all / u64::from(self.loops))
                .expect("a share of a u32")
        };
        cut(index)..cut(index + 1)
    }
}

/// Why a phase ends before its work is done.
#[derive(Clone, Debug)]
pub(crate) enum Halt {
    /// The client's own failure.
    Own(ClientError),
    /// A wrong byte.
    Fault(Fault),
    /// Connections were refused, lost or never answered; the tally has them.
    Lost,
    /// Bytes are outstanding and none comes.
    Stalled { outstanding: u64 },
    /// The session said stop.
    Aborted,
}

/// The client's own failure, with the way out where there is one.
pub(super) fn own(what: &str, errno: Errno) -> ClientError {
    let hint = match errno {
        Errno::MFILE | Errno::NFILE => {
            "; raise the descriptor limit or ask for fewer connections"
        }
        Errno::ADDRNOTAVAIL => {
            "; the ephemeral ports are used up, wait a minute for TIME_WAIT \
             or widen net.ipv4.ip_local_port_range"
        }
        _ => "",
    };
    ClientError::Own(format!("cannot {what}: {errno}{hint}"))
}
