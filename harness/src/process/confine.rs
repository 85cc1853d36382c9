//! What a child is made to live with: limits, another user, no environment,
//! output that nobody reads.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::filter::Filter;
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::set_no_new_privs;

/// What a child has to live with; nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Confine {
    /// The limit of its descriptors, soft and hard: some runtimes raise the
    /// soft one by themselves.
    pub descriptors: Option<u64>,
    /// It is nobody (uid 65534), has no capability and an empty environment.
    pub nobody: bool,
    /// Nobody reads its stderr until somebody takes it.
    pub unread: bool,
    /// What happens to its system calls.
    pub filter: Option<Filter>,
}

/// As much of it as is done between fork and exec.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    descriptors: Option<u64>,
    nobody: bool,
    filter: Option<Filter>,
}

const NOBODY: u32 = 65_534;

impl Confine {
    /// Sets up what can be done before the fork.
    pub(super) fn prepare(&self, command: &mut Command) -> Limits {
        if self.nobody {
            command.uid(NOBODY).gid(NOBODY).env_clear();
        }
        Limits {
            descriptors: self.descriptors,
            nobody: self.nobody,
            filter: self.filter.clone(),
        }
    }
}

impl Limits {
    /// Makes system calls only.
    pub(super) fn apply(&self) -> io::Result<()> {
        if self.nobody {
            set_no_new_privs(true)?;
        }
        if let Some(most) = self.descriptors {
            let limit = Rlimit { current: Some(most), maximum: Some(most) };
            setrlimit(Resource::Nofile, limit)?;
        }
        self.filter.as_ref().map_or(Ok(()), Filter::apply)
    }
}
