//! Tells a program for another processor from one that merely fails.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Whether a file is an ELF program for another machine than this harness.
/// What can't be read, or is a script, is not.
pub(super) fn is_foreign(program: impl AsRef<Path>) -> bool {
    let own = machine(Path::new("/proc/self/exe"));
    machine(program.as_ref()).is_some_and(|other| own != Some(other))
}

/// Class, byte order and machine from the ELF header (elf(5)).
fn machine(program: &Path) -> Option<[u8; 4]> {
    let mut header = [0; 20];
    File::open(program).ok()?.read_exact(&mut header).ok()?;
    let elf = header.starts_with(b"\x7fELF");
    elf.then_some([header[4], header[5], header[18], header[19]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn only_an_elf_of_another_machine_is_foreign() {
        let mut header = [0; 64];
        File::open("/proc/self/exe").unwrap().read_exact(&mut header).unwrap();
        assert!(!is_foreign("/proc/self/exe"));
        header[18] ^= 0x55;
        let mut other = tempfile::NamedTempFile::new().unwrap();
        other.write_all(&header).unwrap();
        assert!(is_foreign(other.path()));
        let mut script = tempfile::NamedTempFile::new().unwrap();
        script.write_all(b"#!/bin/sh\nexit 2 # and some more\n").unwrap();
        assert!(!is_foreign(script.path()));
        assert!(!is_foreign("/no/such/file"));
    }
}
