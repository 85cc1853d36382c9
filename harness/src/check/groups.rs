//! Control groups: limits on threads and memory of a server that runs.

use std::path::{Path, PathBuf};

use super::verdict::{Outcome, Stop, broken};
use crate::isolation::group::{members, remove};

/// A group of our own; removed when dropped.
#[derive(Debug)]
pub(super) struct Group {
    path: PathBuf,
    limit: &'static str,
}

/// Where version 1 mounts a controller.
const ROOT: &str = "/sys/fs/cgroup";

/// Every group of ours is named so, with its maker's process.
const PREFIX: &str = "harness-check-";

/// Removes what killed makers have left, as far as it is empty.
fn sweep(root: &Path) {
    let Ok(entries) = std::fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        if maker.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // The kernel refuses while anything is in it.
            std::fs::remove_dir(entry.path()).ok();
        }
    }
}

impl Group {
    /// A group that limits processes and threads.
    pub(super) fn threads() -> Outcome<Self> {
        Self::create("pids", "pids.max")
    }

    /// A group that limits memory.
    pub(super) fn memory() -> Outcome<Self> {
        Self::create("memory", "memory.limit_in_bytes")
    }

    fn create(controller: &str, limit: &'static str) -> Outcome<Self> {
        let root = Path::new(ROOT).join(controller);
        if !root.join("cgroup.procs").is_file() {
            let why = format!("needs the control group {controller} (v1)");
            return Err(Stop::Skip(why));
        }
        sweep(&root);
        let name = format!("{PREFIX}{}", std::process::id());
        let path = root.join(name);
        std::fs::create_dir(&path).map_err(|error| {
            Stop::Skip(format!("needs a control group of its own: {error}"))
        })?;
        Ok(Self { path, limit })
    }

    /// Takes processes in.
    pub(super) fn take(&self, pids: &[u32]) -> Outcome {
        let procs = self.path.join("cgroup.procs");
        for pid in pids {
            std::fs::write(&procs, pid.to_string())
                .map_err(broken("a control group"))?;
        }
        Ok(())
    }

    /// Sets the limit, in whatever it limits; `None` lifts it.
    pub(super) fn limit(&self, limit: Option<u64>) -> Outcome {
        let lifted = if self.limit == "pids.max" { "max" } else { "-1" };
        let text = limit.map_or(lifted.to_owned(), |limit| limit.to_string());
        std::fs::write(self.path.join(self.limit), text)
            .map_err(broken("a control group's limit"))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It can go once the last process in it has; the server of the case
        // is killed when the lab is dropped, so its processes move out first.
        let root = self.path.parent().unwrap_or(Path::new(ROOT));
        for pid in members(&self.path) {
            // One that has ended meanwhile needn't move.
            std::fs::write(root.join("cgroup.procs"), pid.to_string()).ok();
        }
        remove(&self.path);
    }
}
