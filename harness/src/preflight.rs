//! Finds out before anything is started whether this machine can carry the
//! load.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors a process needs beyond one for each connection.
pub const SPARE: u64 = 64;
/// Source addresses the client spreads its connections over.
pub const SOURCES: u32 = 8;

/// Raises the soft descriptor limit to the hard one; children inherit it.
/// Returns what is allowed now.
#[must_use]
pub fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // If it fails the old limit holds, and that is what is returned.
    setrlimit(Resource::Nofile, raised).ok();
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Whether the descriptor limit carries that many connections, on either
/// side, at one descriptor each.
///
/// # Errors
/// What there is, what is needed and how to get it, in one sentence.
pub fn descriptors(connections: u32, allowed: u64) -> Result<(), String> {
    let need = u64::from(connections) + SPARE;
    if allowed >= need {
        return Ok(());
    }
    let fit = allowed.saturating_sub(SPARE);
    let advice = if fit == 0 {
        String::new()
    } else {
        format!(", or ask for fewer connections: -c {fit}, scale@{fit}")
    };
    Err(format!(
        "{connections} connections need {need} descriptors, this shell \
         allows {allowed}; raise the limit with `ulimit -n {need}`{advice}"
    ))
}

/// Whether the local ports from the first to the last are enough, given how
/// many still rest in TIME_WAIT.
///
/// # Errors
/// What there is, what is needed and how to get it, in one sentence.
pub fn ports(
    connections: u32,
    [first, last]: [u16; 2],
    time_wait: u32,
) -> Result<(), String> {
    let range = u32::from(last.saturating_sub(first)) + 1;
    let have = (range * SOURCES).saturating_sub(time_wait);
    if have >= connections {
        return Ok(());
    }
    Err(format!(
        "{connections} connections need as many local ports, {SOURCES} \
         addresses with ports {first}–{last} and {time_wait} in TIME_WAIT \
         leave {have}; wait a minute or widen the range: \
         `sysctl net.ipv4.ip_local_port_range='1024 65535'`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_descriptors_are_named_with_both_ways_out() {
        assert_eq!(descriptors(10_000, 10_064), Ok(()));
        let error = descriptors(10_000, 1_024).unwrap_err();
        for part in ["10064", "1024", "ulimit -n 10064", "-c 960"] {
            assert!(error.contains(part), "{error}");
        }
        assert!(!descriptors(10, 32).unwrap_err().contains("-c"));
    }
}
