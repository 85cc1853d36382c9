//! Descriptors: how many may be open, how many are.
//!
//! Refuses to do: raise the hard limit, or open fewer connections than asked.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::ClientError;

/// Descriptors beyond the connections: standard streams, epoll, wake-ups.
pub const SPARE: u64 = 64;

/// Raises the soft descriptor limit to the hard one and checks that it
/// carries one descriptor for each connection.
///
/// # Errors
/// [`ClientError::Unfit`] with what there is and what is needed.
pub fn raise_descriptors(connections: u32) -> Result<(), ClientError> {
    let limit = getrlimit(Resource::Nofile);
    // No value means unlimited.
    let hard = limit.maximum.unwrap_or(u64::MAX);
    if limit.current.is_some_and(|soft| soft < hard) {
        let raised = Rlimit { current: limit.maximum, ..limit };
        setrlimit(Resource::Nofile, raised).map_err(|errno| {
            ClientError::Own(format!(
                "cannot raise the descriptor limit: {errno}"
            ))
        })?;
    }
    let need = u64::from(connections) + SPARE;
    if hard < need {
        return Err(ClientError::Unfit { have: hard, need });
    }
    Ok(())
}

/// Descriptors this process has open, or 0 where `/proc` is not to be read.
#[must_use]
pub fn open_descriptors() -> u32 {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return 0 };
    // The listing itself holds one descriptor while it is read.
    u32::try_from(entries.count().saturating_sub(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_descriptors_say_what_there_is_and_what_is_needed() {
        let error = raise_descriptors(u32::MAX).unwrap_err();
        let ClientError::Unfit { have, need } = error else {
            panic!("{error}");
        };
        assert_eq!(need, u64::from(u32::MAX) + SPARE);
        assert!(have < need);
    }

    #[test]
    fn an_opened_file_is_counted() {
        // Other tests of this process open and close files too, so only a
        // difference larger than theirs tells.
        let before = open_descriptors();
        let files: Vec<_> = (0..200)
            .map(|_| std::fs::File::open("/proc/self/stat").unwrap())
            .collect();
        assert!(open_descriptors() > before + 100);
        drop(files);
    }
}
