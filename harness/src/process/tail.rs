//! Follows a stream to its end and keeps its last part.
//!
//! A server that writes a gigabyte to stderr must neither block on a full
//! pipe nor fill a disk.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

/// The last part of a stream that is still being read.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: VecDeque<u8>,
    dropped: u64,
}

const KEEP_BYTES: usize = 1 << 20;
const SHOW_LINES: usize = 50;
const SHOW_LINE_CHARS: usize = 500;

impl Tail {
    /// Reads `stream` in a thread of its own until it ends.
    #[must_use]
    pub fn follow(stream: OwnedFd) -> Self {
        let tail = Self::default();
        let kept = Arc::clone(&tail.kept);
        std::thread::spawn(move || {
            let mut stream = File::from(stream);
            let mut chunk = [0; 16 << 10];
            while let Ok(read @ 1..) = stream.read(&mut chunk) {
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(&chunk[..read]);
            }
        });
        tail
    }

    /// Bytes seen so far.
    #[must_use]
    pub fn seen(&self) -> u64 {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.dropped + kept.bytes.len() as u64
    }

    /// Its last 50 lines, control characters removed, long lines cut; says
    /// how much is left out.
    #[must_use]
    pub fn text(&self) -> String {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = kept.dropped;
        let text = String::from_utf8_lossy(kept.bytes.make_contiguous());
        let lines: Vec<String> = text.lines().map(clean).collect();
        let first = lines.len().saturating_sub(SHOW_LINES);
        let shown = lines[first..].join("\n");
        match (first, dropped) {
            (0, 0) => shown,
            (lines, 0) => format!("[{lines} lines left out]\n{shown}"),
            (lines, bytes) => {
                format!("[{bytes} bytes and {lines} lines left out]\n{shown}")
            }
        }
    }
}

impl Kept {
    fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend(chunk);
        let surplus = self.bytes.len().saturating_sub(KEEP_BYTES);
        self.bytes.drain(..surplus);
        self.dropped += surplus as u64;
    }
}

fn clean(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).take(SHOW_LINE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_to_its_last_part_and_says_so() {
        let mut kept = Kept::default();
        for n in 0..200_000 {
            kept.push(format!("line {n}\n").as_bytes());
        }
        assert!(kept.bytes.len() <= KEEP_BYTES);
        let tail = Tail { kept: Arc::new(Mutex::new(kept)) };
        let text = tail.text();
        assert!(text.ends_with("line 199999"), "{text}");
        assert!(text.starts_with('['), "{text}");
        assert_eq!(text.lines().count(), SHOW_LINES + 1);
    }

    #[test]
    fn terminal_escapes_do_not_survive() {
        assert_eq!(clean("\u{1b}[31mred\u{7}"), "[31mred");
    }
}
