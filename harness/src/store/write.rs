//! How files are written: whole or not at all.
//!
//! Refuses to do: put a file in the place of what is none, or over what a run
//! consists of.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::exit::{TOOL, USAGE, refuse};

/// What a run consists of, beside what is made from it.
const SOURCES: [&str; 4] =
    ["host.json", "plan.json", "records.jsonl", "duel.json"];

/// Writes a file whole or not at all: the old one stays until the new one is
/// on the disk. A link stays, and its file is replaced; a pipe or a device is
/// written to.
///
/// # Errors
/// It can't be written.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || match is_special(path) {
        true => fs::OpenOptions::new()
            .append(true)
            .open(path)
            .and_then(|mut file| file.write_all(bytes)),
        false => replace(path, bytes),
    };
    write().with_context(|| format!("{} can't be written", path.display()))
}

/// What can't be replaced by a file: a device, a pipe, a directory, and the
/// names of what a process has open, which may be a file.
fn is_special(path: &Path) -> bool {
    const OPEN: [&str; 4] = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"];
    let is_open = OPEN.iter().any(|name| path.starts_with(name));
    fs::metadata(path).is_ok_and(|there| is_open || !there.is_file())
}

fn is_pipe(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| there.file_type().is_fifo())
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let directory = parent(&path);
    let mut file = beside(&path)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    fs::File::open(directory)?.sync_all()
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A new file in the same directory; an error doesn't show its passing name.
fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.permissions(fs::Permissions::from_mode(0o644));
    builder.tempfile_in(parent(path)).map_err(|error| {
        let shown = error.to_string();
        let why = shown.split(" at path ").next().unwrap_or_default();
        io::Error::new(error.kind(), why.to_owned())
    })
}

/// Whether what was asked for can be written once it is there: before minutes
/// are spent on it.
///
/// # Errors
/// A place that can't be written, one that is named twice, or a file of a run.
pub fn prepare_exports(paths: &[&Path]) -> Result<()> {
    for (at, path) in paths.iter().enumerate() {
        refuse_sources(path)?;
        if paths[..at].contains(path) {
            let why = format!("{} is named twice", path.display());
            return Err(refuse(USAGE, format!("{why}; give each its own")));
        }
        let tried = match is_special(path) {
            // To whoever reads a pipe a second writer's end would be the end.
            true if is_pipe(path) => Ok(()),
            true => fs::OpenOptions::new().append(true).open(path).map(drop),
            false => beside(path).map(drop),
        };
        tried.map_err(|error| {
            let why = format!("{} can't be written: {error}", path.display());
            refuse(TOOL, format!("{why}; name another place"))
        })?;
    }
    Ok(())
}

/// Writes what was made from runs, but never over one.
///
/// # Errors
/// It can't be written, or is a file of a run.
pub fn export(path: &Path, bytes: &[u8]) -> Result<()> {
    refuse_sources(path)?;
    write_atomically(path, bytes)
}

fn refuse_sources(path: &Path) -> Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let name = path.file_name().unwrap_or_default();
    let is_source = SOURCES.iter().any(|it| name == *it);
    if is_source && path.is_file() && parent(&path).join("host.json").is_file()
    {
        let why = format!("{} is what a run consists of", path.display());
        return Err(refuse(USAGE, format!("{why}; name another file")));
    }
    Ok(())
}

/// Stores a value as JSON.
///
/// # Errors
/// It can't be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    write_atomically(path, text.as_bytes())
}

/// Makes sure that the directory exists and can be written, before anything
/// is measured.
///
/// # Errors
/// It can't, with the reason.
pub fn prepare(results: &Path) -> Result<()> {
    let unwritable = |error: io::Error| {
        refuse(
            TOOL,
            format!(
                "results can't be written to {}: {error}; name another \
                 place with --results-dir",
                results.display()
            ),
        )
    };
    fs::create_dir_all(results).map_err(unwritable)?;
    tempfile::tempfile_in(results)
        .and_then(|mut file| file.write_all(&[0; 4096]))
        .map_err(unwritable)
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsFd, AsRawFd};
    use std::time::Duration;

    use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};

    use super::*;
    use crate::process::wait_readable;

    #[test]
    fn an_atomic_write_replaces_or_leaves_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let nowhere = directory.path().join("none/file");
        let error = write_atomically(&nowhere, b"x").unwrap_err();
        assert!(!format!("{error:#}").contains("at path"), "{error:#}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_process_has_open_is_written_on_and_any_other_file_replaced() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = fs::OpenOptions::new().append(true).open(file.path());
        let open = open.unwrap();
        let name = format!("/proc/self/fd/{}", open.as_raw_fd());
        for _ in 0..2 {
            write_atomically(Path::new(&name), b"x").unwrap();
        }
        assert_eq!(fs::read(file.path()).unwrap(), b"xx");
        // Memory is a place for runs like any other, though below /dev.
        let Ok(memory) = tempfile::tempdir_in("/dev/shm") else { return };
        let path = memory.path().join("plan.json");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
    }

    #[test]
    fn what_is_no_file_is_written_to_and_a_link_stays_one() {
        let directory = tempfile::tempdir().unwrap();
        assert!(write_atomically(directory.path(), b"x").is_err());
        let [file, link, pipe] =
            ["file", "link", "pipe"].map(|name| directory.path().join(name));
        let mode = Mode::RUSR | Mode::WUSR;
        mknodat(CWD, &pipe, FileType::Fifo, mode, 0).unwrap();
        let reader = OFlags::RDONLY | OFlags::NONBLOCK;
        let reader = rustix::fs::open(&pipe, reader, mode).unwrap();
        prepare_exports(&[&pipe]).unwrap();
        let ended = wait_readable(&[reader.as_fd()], Duration::ZERO);
        assert_eq!(ended, [false], "nobody has come and gone");
        write_atomically(&pipe, b"through").unwrap();
        let mut read = [0; 16];
        let count = rustix::io::read(&reader, &mut read).unwrap();
        assert_eq!(&read[..count], b"through");
        assert!(is_pipe(&pipe), "it stays one");
        fs::write(&file, b"old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_atomically(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
    }

    #[test]
    fn an_export_is_refused_before_it_costs_anything() {
        let directory = tempfile::tempdir().unwrap();
        let [host, records, table, nowhere, device] = [
            "host.json",
            "records.jsonl",
            "table.csv",
            "none/table.csv",
            "device",
        ]
        .map(|name| directory.path().join(name));
        std::os::unix::fs::symlink("/dev/null", &device).unwrap();
        fs::write(&host, b"{}").unwrap();
        fs::write(&records, b"{}").unwrap();
        prepare_exports(&[&table, &device]).unwrap();
        for (paths, part) in [
            (vec![&*records], "a run consists of"),
            (vec![&*table, &*table], "named twice"),
            (vec![&*nowhere], "No such file"),
        ] {
            let error = prepare_exports(&paths).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        assert!(export(&records, b"x").is_err());
        assert_eq!(fs::read(&records).unwrap(), b"{}");
        assert!(!table.exists(), "only tried");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_refused_with_a_hint() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, b"").unwrap();
        let error = prepare(&file.join("runs")).unwrap_err();
        assert!(error.to_string().contains("--results-dir"), "{error:#}");
    }
}
