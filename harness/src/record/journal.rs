//! Keeps records: one JSON object a line, its last field `crc32`, the CRC-32
//! of everything before that field.
//!
//! A line is written and flushed at once, so a killed harness loses at most
//! the trial that was under way. A line that a full disk cut short is taken
//! back.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{Record, SCHEMA};

/// A file of records, open for appending.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Opens a journal at its end; creates it if need be.
    ///
    /// # Errors
    /// The file can't be opened or written.
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)
            .with_context(|| format!("{} can't be opened", path.display()))?;
        Ok(Self { file, path: path.to_path_buf() })
    }

    /// Appends a record and hands it to the disk.
    ///
    /// # Errors
    /// It can't be stored, for instance on a full disk. The file is then as
    /// it was before.
    pub fn append(&mut self, record: &Record) -> Result<()> {
        let before = self.file.seek(SeekFrom::End(0))?;
        let line = to_line(record)?;
        let written =
            self.file.write_all(&line).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.file.set_len(before).ok();
            let error = anyhow::Error::new(error);
            return Err(error.context(format!(
                "{} can't take another record",
                self.path.display()
            )));
        }
        Ok(())
    }
}

/// One line, its end included.
///
/// # Errors
/// A figure that JSON can't hold.
pub fn to_line(record: &Record) -> Result<Vec<u8>> {
    let mut text = serde_json::to_string(record)?;
    let crc = crc32fast::hash(&text.as_bytes()[..text.len() - 1]);
    text.pop();
    text.push_str(&format!(",\"crc32\":{crc}}}\n"));
    Ok(text.into_bytes())
}

/// Reads all records of a file. A last line without an end is a trial that
/// was being written when the harness was killed: it is left out.
///
/// # Errors
/// The file can't be read, or a line is damaged: file, line and offset.
pub fn read(path: &Path) -> Result<Vec<Record>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(mut file) => file.read_to_end(&mut bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
    .with_context(|| format!("{} can't be read", path.display()))?;
    let mut records = Vec::new();
    let mut offset = 0;
    for (number, line) in bytes.split_inclusive(|&b| b == b'\n').enumerate() {
        let Some(line) = line.strip_suffix(b"\n") else { break };
        records.push(from_line(line).with_context(|| {
            format!(
                "{} is damaged at line {}, byte {offset}",
                path.display(),
                number + 1,
            )
        })?);
        offset += line.len() + 1;
    }
    Ok(records)
}

/// Cuts off a last line without an end, so that what is appended next begins
/// a line of its own.
///
/// # Errors
/// The file can't be read or cut.
pub fn mend(path: &Path) -> Result<()> {
    let Ok(bytes) = std::fs::read(path) else { return Ok(()) };
    let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    if whole < bytes.len() {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(whole as u64)?;
    }
    Ok(())
}

fn from_line(line: &[u8]) -> Result<Record> {
    const FIELD: &[u8] = b",\"crc32\":";
    let at = line
        .windows(FIELD.len())
        .rposition(|window| window == FIELD)
        .context("it has no checksum")?;
    let stored = line[at + FIELD.len()..].strip_suffix(b"}");
    let stored: Option<u32> = stored
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    if stored != Some(crc32fast::hash(&line[..at])) {
        bail!("its checksum is wrong");
    }
    let mut body = line[..at].to_vec();
    body.push(b'}');
    let version: Version = serde_json::from_slice(&body)?;
    if version.schema > SCHEMA {
        bail!(
            "it was written by schema {}, this is {SCHEMA}; use a newer suite",
            version.schema
        );
    }
    Ok(serde_json::from_slice(&body)?)
}

#[derive(serde::Deserialize)]
struct Version {
    schema: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Scenario, Trial};
    use crate::record::Outcome;

    fn record(round: u32) -> Record {
        Record {
            schema: SCHEMA,
            run: "r".into(),
            trial: Trial {
                round,
                lane: "a".into(),
                scenario: Scenario::Classic,
                seed: 7,
            },
            repeat: 0,
            started_unix_ms: 0,
            duration_ms: 1,
            artifact: None,
            gates: Vec::new(),
            outcome: Outcome::Crashed {
                exit: "exit code 1".into(),
                log: "a \"crc32\": in a log, and\na line".into(),
            },
        }
    }

    fn stored(directory: &tempfile::TempDir) -> PathBuf {
        let path = directory.path().join("records.jsonl");
        let mut journal = Journal::open(&path).unwrap();
        for round in 1..=3 {
            journal.append(&record(round)).unwrap();
        }
        path
    }

    #[test]
    fn records_come_back_as_they_were() {
        let directory = tempfile::tempdir().unwrap();
        let path = stored(&directory);
        let all: Vec<_> = (1..=3).map(record).collect();
        assert_eq!(read(&path).unwrap(), all);
    }

    #[test]
    fn every_flipped_bit_is_noticed_and_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = stored(&directory);
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                std::fs::write(&path, &bad).unwrap();
                // A last line that lost its end is one still being written.
                match read(&path) {
                    Err(error) => {
                        let text = format!("{error:#}");
                        assert!(text.contains("line "), "{text}");
                    }
                    Ok(records) => assert!(records.len() < 3, "byte {at}"),
                }
            }
        }
    }

    #[test]
    fn a_line_cut_short_is_left_out_and_mended() {
        let directory = tempfile::tempdir().unwrap();
        let path = stored(&directory);
        let good = std::fs::read(&path).unwrap();
        for length in 0..good.len() {
            std::fs::write(&path, &good[..length]).unwrap();
            let kept = read(&path).unwrap();
            mend(&path).unwrap();
            Journal::open(&path).unwrap().append(&record(9)).unwrap();
            let all = read(&path).unwrap();
            assert_eq!(all.len(), kept.len() + 1, "at {length}");
        }
    }

    #[test]
    fn a_newer_schema_is_refused_by_name() {
        let mut line = to_line(&Record { schema: 9, ..record(1) }).unwrap();
        line.pop();
        let error = format!("{:#}", from_line(&line).unwrap_err());
        assert!(error.contains("schema 9"), "{error}");
    }
}
