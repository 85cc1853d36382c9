//! Processes that outlive whoever started them.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpid, set_child_subreaper, waitid,
};

use super::output;

/// Makes orphaned grandchildren this process's own, so that they can be found
/// and ended.
///
/// # Errors
/// Whatever the kernel says; Linux has had this since 3.4.
pub fn adopt_orphans() -> io::Result<()> {
    set_child_subreaper(Some(getpid()))?;
    Ok(())
}

/// Living children of this process, adopted ones included.
#[must_use]
pub fn children() -> Vec<u32> {
    output::children_of(getpid().as_raw_nonzero().get())
}

/// Ends and reaps the children that are not among those `known` before a
/// server was started: orphans of processes it started outside its group.
/// Returns how many there were.
pub fn end_adopted(known: &[u32]) -> u32 {
    const PATIENCE: Duration = Duration::from_secs(1);
    let deadline = Instant::now() + PATIENCE;
    let mut ended = 0;
    loop {
        let adopted: Vec<Pid> = children()
            .into_iter()
            .filter(|pid| !known.contains(pid))
            .filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
            .collect();
        // The end of one may hand its own children over.
        if adopted.is_empty() || Instant::now() >= deadline {
            return ended;
        }
        for pid in adopted {
            rustix::process::kill_process(pid, Signal::KILL).ok();
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
            while let Ok(None) = waitid(WaitId::Pid(pid), options) {
                if Instant::now() >= deadline {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            ended += 1;
        }
    }
}
