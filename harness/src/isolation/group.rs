//! A control group for each launch: its CPU time as the kernel adds it up
//! for all that the server ever started, and the end of all of it.
//!
//! Groups stay when their maker is killed. They are empty then, and the next
//! run removes them; groups of others are never touched.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use procfs::process::Process;
use rustix::process::{Pid, Signal, kill_process};

/// Every group of ours is named so, with the maker's process and a number.
const PREFIX: &str = "echo-launch-";

/// The group this process is in: where it can make groups.
#[derive(Clone, Debug)]
pub struct Home {
    directory: PathBuf,
    version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Home {
    /// The first hierarchy that adds up CPU time and lets this user make a
    /// group: version 2, or else the controller `cpuacct` of version 1.
    ///
    /// # Errors
    /// There is none; the last reason.
    pub fn find() -> io::Result<Self> {
        let mut refused = io::Error::other("no control groups are mounted");
        for home in homes().map_err(io::Error::other)? {
            match home.group() {
                Ok(_) => return Ok(home),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// Makes a group.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn group(&self) -> io::Result<Group> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{count}", std::process::id());
        let path = self.directory.join(name);
        fs::create_dir(&path)?;
        let group = Group { path, version: self.version };
        // Whoever may make one need not be allowed to fill it.
        group.door().map(|_| group)
    }

    /// Removes what killed runs have left, as far as it is empty.
    pub fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let maker = name
                .to_str()
                .and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'))
                .map(|(maker, _)| Path::new("/proc").join(maker));
            if maker.is_some_and(|maker| !maker.exists()) {
                // The kernel refuses while anything is in it.
                fs::remove_dir(entry.path()).ok();
            }
        }
    }
}

/// This process's group in each hierarchy that adds up CPU time.
fn homes() -> procfs::ProcResult<Vec<Home>> {
    let own = Process::myself()?;
    let (mounts, groups) = (own.mountinfo()?, own.cgroups()?);
    let mut homes = Vec::new();
    for version in [Version::Two, Version::One] {
        let mount = mounts.0.iter().find(|mount| match version {
            Version::Two => mount.fs_type == "cgroup2",
            Version::One => {
                mount.fs_type == "cgroup"
                    && mount.super_options.contains_key("cpuacct")
            }
        });
        let group = groups.0.iter().find(|group| match version {
            Version::Two => group.hierarchy == 0,
            Version::One => group.controllers.iter().any(|c| c == "cpuacct"),
        });
        let (Some(mount), Some(group)) = (mount, group) else { continue };
        // In a container the mount may begin further down.
        let path = group.pathname.strip_prefix(&mount.root);
        let path = path.unwrap_or(&group.pathname).trim_start_matches('/');
        let directory = mount.mount_point.join(path);
        homes.push(Home { directory, version });
    }
    Ok(homes)
}

/// A group of our own. Dropping it ends what is in it and removes it.
#[derive(Debug)]
pub struct Group {
    path: PathBuf,
    version: Version,
}

impl Group {
    /// Who writes `0` here joins.
    ///
    /// # Errors
    /// The group is gone, or may not be filled.
    pub fn door(&self) -> io::Result<Arc<File>> {
        let path = self.path.join("cgroup.procs");
        OpenOptions::new().write(true).open(path).map(Arc::new)
    }

    /// Its living processes.
    #[must_use]
    pub fn members(&self) -> Vec<u32> {
        members(&self.path)
    }

    /// CPU time of all that ever was in it.
    #[must_use]
    pub fn cpu_ns(&self) -> Option<u64> {
        let read = |name| fs::read_to_string(self.path.join(name)).ok();
        match self.version {
            Version::One => read("cpuacct.usage")?.trim().parse().ok(),
            Version::Two => {
                let text = read("cpu.stat")?;
                let mut lines = text.lines();
                let us = lines.find_map(|l| l.strip_prefix("usage_usec "))?;
                Some(us.parse::<u64>().ok()? * 1_000)
            }
        }
    }

    /// Ends all that is in it: by one word where the kernel knows it.
    fn end(&self) {
        let kill = self.path.join("cgroup.kill");
        if kill.exists() && fs::write(kill, "1").is_ok() {
            return;
        }
        for pid in self.members() {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            pid.map(|pid| kill_process(pid, Signal::KILL));
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
        remove(&self.path);
    }
}

/// The processes of the group at this path.
pub(crate) fn members(path: &Path) -> Vec<u32> {
    let text = fs::read_to_string(path.join("cgroup.procs"));
    let text = text.unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// Removes the group at this path once the last process in it is gone, or
/// gives up after a second.
pub(crate) fn remove(path: &Path) {
    for _ in 0..100 {
        match fs::remove_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {}
            _ => return,
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Launch, Process};

    fn sleeper(group: &Group) -> Process {
        let command = ["sleep", "60"].map(Into::into).to_vec();
        let door = Some(group.door().unwrap());
        Process::spawn(&Launch { command, door, ..Launch::default() }).unwrap()
    }

    #[test]
    fn a_group_ends_what_is_in_it_and_is_gone() {
        let Ok(home) = Home::find() else { return };
        let group = home.group().unwrap();
        let mut child = sleeper(&group);
        assert_eq!(group.members(), [child.pid()]);
        assert!(group.cpu_ns().is_some());
        let path = group.path.clone();
        drop(group);
        assert!(child.wait(Duration::from_secs(10)).is_some());
        assert!(!path.exists());
    }

    #[test]
    fn a_sweep_removes_what_a_killed_maker_left_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let home =
            Home { directory: directory.path().into(), version: Version::Two };
        let dead = u32::MAX;
        let own = std::process::id();
        let names = [
            format!("{PREFIX}{dead}-0"),
            format!("{PREFIX}{dead}-1"),
            format!("{PREFIX}{own}-0"),
            format!("{PREFIX}x"),
            format!("others-{dead}-0"),
        ];
        for name in &names {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        fs::create_dir(directory.path().join(&names[1]).join("busy")).unwrap();
        home.sweep();
        let left = |name: &String| directory.path().join(name).exists();
        let left: Vec<bool> = names.iter().map(left).collect();
        assert_eq!(left, [false, true, true, true, true]);
    }
}
