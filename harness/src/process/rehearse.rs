//! Tries in a child what this process could not take back.
#![expect(unsafe_code, reason = "fork and unshare have no safe form")]

use std::fs;
use std::io;
use std::time::Duration;

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, waitpid,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, UnshareFlags, set_capabilities,
    unshare_unsafe,
};

use super::wait_readable;

/// Some system calls take no time; a child that hangs is ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a step comes to, tried in a child of which nothing stays.
///
/// # Errors
/// The step's own, as far as the system named it by a number.
pub fn rehearse(step: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    // SAFETY: the child runs the step, which makes system calls on files and
    // namespaces, and leaves without a destructor or another exit handler.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let errno = |error: io::Error| error.raw_os_error();
        let code =
            step().map_or_else(|e| errno(e).unwrap_or(libc::EIO), |()| 0);
        // SAFETY: always.
        unsafe { libc::_exit(code) }
    }
    let Some(child) = Pid::from_raw(child).filter(|_| child > 0) else {
        return Err(io::Error::last_os_error());
    };
    let pidfd = pidfd_open(child, PidfdFlags::empty())?;
    use std::os::fd::AsFd;
    if !wait_readable(&[pidfd.as_fd()], PATIENCE)[0] {
        kill_process(child, Signal::KILL).ok();
    }
    let status = waitpid(Some(child), WaitOptions::empty())?;
    match status.and_then(|(_, status)| status.exit_status()) {
        Some(0) => Ok(()),
        Some(errno) => Err(io::Error::from_raw_os_error(errno)),
        None => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Moves this process into a user namespace in which it is who it was before
/// and may make networks. It keeps no other right: over its own files it would
/// have them too, and write where its user forbade that. Its children have
/// none at all: they lose them on exec.
///
/// # Errors
/// The kernel refuses; always where this process has a second thread.
pub fn enter_user_namespace(user: u32, group: u32) -> io::Result<()> {
    // SAFETY: no descriptor or memory becomes invalid by it.
    unsafe { unshare_unsafe(UnshareFlags::NEWUSER) }?;
    // Before its own group may be mapped; older kernels don't ask for it.
    fs::write("/proc/self/setgroups", "deny").ok();
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
    let kept = CapabilitySet::SYS_ADMIN | CapabilitySet::NET_ADMIN;
    let inheritable = CapabilitySet::empty();
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable };
    Ok(set_capabilities(None, sets)?)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::os::unix::fs::PermissionsExt;

    use rustix::process::{getegid, geteuid};

    use super::*;

    #[test]
    fn a_step_is_tried_and_leaves_nothing_here() {
        let mut here = 0;
        assert!(
            rehearse(|| {
                here += 1;
                Ok(())
            })
            .is_ok()
        );
        let refused =
            rehearse(|| Err(io::Error::from_raw_os_error(libc::EPERM)));
        let errno = refused.unwrap_err().raw_os_error();
        assert_eq!((here, errno), (0, Some(libc::EPERM)));
    }

    #[test]
    fn a_user_namespace_opens_no_file_that_was_closed_to_its_user() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let closed = fs::Permissions::from_mode(0o000);
        fs::set_permissions(file.path(), closed).unwrap();
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        let tried = rehearse(|| {
            enter_user_namespace(user, group)?;
            match fs::File::open(file.path()) {
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    Ok(())
                }
                _ => Err(io::Error::from_raw_os_error(libc::ECANCELED)),
            }
        });
        // Where no namespace can be had there is nothing to hold it to.
        let errno = tried.err().and_then(|error| error.raw_os_error());
        assert_ne!(errno, Some(libc::ECANCELED), "it was opened");
    }
}
