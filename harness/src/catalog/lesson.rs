//! The five lines at the head of every server's source: its lesson in short.

use std::path::{Path, PathBuf};

/// What a server's source says of its model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// The file, seen from the server's directory.
    pub source: PathBuf,
    /// The load that the model can't carry.
    pub gives_out_at: String,
    /// The server to read after it, and why.
    pub next: String,
}

/// Where the languages keep the file that is the lesson.
const SOURCES: [&str; 8] = [
    "src/main.rs",
    "main.cpp",
    "main.c",
    "main.py",
    "main.go",
    "main.js",
    "main.mjs",
    "Main.java",
];

/// Reads the head of a server's source; none where it has no lesson, as with
/// a server of the reader's own.
#[must_use]
pub fn read(directory: &Path) -> Option<Lesson> {
    SOURCES.iter().find_map(|name| {
        let text = std::fs::read_to_string(directory.join(name)).ok()?;
        Some(Lesson {
            source: PathBuf::from(name),
            gives_out_at: heading(&text, "Gives out at")?,
            next: heading(&text, "Next")?,
        })
    })
}

/// The line under this heading in a source's first comment.
fn heading(source: &str, name: &str) -> Option<String> {
    source.lines().take(12).find_map(|line| {
        let text = line.trim_start_matches(['/', '!', '#', '*', ' ']);
        let rest = text.strip_prefix(name)?;
        rest.starts_with(' ').then(|| rest.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_is_found_in_the_comments_of_every_language() {
        for mark in ["//! ", "// ", "# ", " * ", ""] {
            let text = format!(
                "{mark}One idea.\n{mark}\n{mark}Waits     in read(2)\n\
                 {mark}Gives out at the thread limit\n"
            );
            let found = heading(&text, "Gives out at");
            assert_eq!(found.as_deref(), Some("the thread limit"), "{mark:?}");
        }
        let code = "Gives out at line 13\n";
        assert_eq!(heading(&("\n".repeat(12) + code), "Gives out at"), None);
        assert_eq!(heading("Gives out attention\n", "Gives out at"), None);
    }
}
