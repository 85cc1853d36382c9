//! What servers and clients have in common: tools they need, commands that
//! build them, one that starts them, and a receipt.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::manifest::Requirement;
use crate::plan::Skip;
use crate::process::output;

/// A directory that can be built and started.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// Name of the directory.
    pub id: &'a str,
    /// Where it lives.
    pub directory: &'a Path,
    /// It is a package of this workspace, built by cargo from the root.
    pub workspace: bool,
    /// Tools it needs.
    pub requires: &'a [Requirement],
    /// Commands that build it.
    pub build: &'a [Vec<String>],
    /// The command that starts it, not empty.
    pub start: &'a [String],
    /// Prints what built or runs it.
    pub version: &'a [String],
}

/// Directories in `parent` that hold a file of this name, sorted.
///
/// # Errors
/// `parent` can't be read.
pub(super) fn directories(parent: &Path, file: &str) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(parent)
        .with_context(|| format!("{} can't be read", parent.display()))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join(file).is_file())
        .collect();
    found.sort();
    Ok(found)
}

/// The name of a directory, which is shown, stored and typed.
///
/// # Errors
/// It is none that a shell leaves alone.
pub(super) fn id(directory: &Path) -> Result<String> {
    let name = directory
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        bail!("a directory is named by letters, digits and '-_.'");
    }
    Ok(name.to_owned())
}

/// What cargo does for a package of this workspace.
#[derive(Debug)]
pub(super) struct Cargo {
    /// Builds it alone, from the root.
    pub(super) build: Vec<String>,
    /// Where the binary lies then.
    pub(super) binary: String,
    /// The receipt.
    pub(super) version: Vec<String>,
}

/// The commands for the package of this name.
pub(super) fn cargo(id: &str, root: &Path) -> Cargo {
    let to_words = |words: &[&str]| -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    };
    let target = target_directory();
    let build = to_words(&[
        "cargo",
        "build",
        "--release",
        "--locked",
        "--package",
        id,
        "--target-dir",
        &target,
    ]);
    let binary = root.join(&target).join("release").join(id);
    Cargo {
        build,
        binary: binary.to_string_lossy().into_owned(),
        version: to_words(&["rustc", "-V"]),
    }
}

/// Where cargo is told to put what it builds, seen from the root: a setting
/// of the user's could otherwise make it build elsewhere, and an old binary
/// be run.
#[must_use]
pub fn target_directory() -> String {
    std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".into())
}

impl Program<'_> {
    /// What its `version` command prints, or why it can't run here.
    ///
    /// # Errors
    /// The skip to show: a missing tool, an old one, an unreadable receipt.
    pub fn receipt(&self) -> std::result::Result<String, Skip> {
        for requirement in self.requires {
            self.meets(requirement)?;
        }
        if self.version.is_empty() {
            return Ok("unknown version".into());
        }
        let text = self.ask(self.version).map_err(|reason| {
            let hint = self.requires.first();
            self.skip(reason, hint.map(|tool| tool.hint.clone()))
        })?;
        Ok(text.lines().next().unwrap_or_default().trim().to_owned())
    }
    fn meets(&self, tool: &Requirement) -> std::result::Result<(), Skip> {
        let refuse = |reason| Err(self.skip(reason, Some(tool.hint.clone())));
        let text = match self.ask(&tool.cmd) {
            Ok(text) => text,
            Err(reason) => return refuse(reason),
        };
        let Some(pattern) = &tool.regex else { return Ok(()) };
        let Ok(pattern) = regex::Regex::new(pattern) else {
            return refuse(format!("its requirement {pattern:?} is no regex"));
        };
        let found: Vec<u32> = pattern
            .captures(&text)
            .map(|groups| {
                groups
                    .iter()
                    .skip(1)
                    .map(|group| group?.as_str().parse().ok())
                    .map(Option::unwrap_or_default)
                    .collect()
            })
            .unwrap_or_default();
        if found >= tool.min {
            return Ok(());
        }
        let dotted = |numbers: &[u32]| {
            let words: Vec<_> = numbers.iter().map(u32::to_string).collect();
            words.join(".")
        };
        refuse(format!(
            "{} is {}, {} is needed",
            tool.cmd[0],
            if found.is_empty() { "unreadable".into() } else { dotted(&found) },
            dotted(&tool.min),
        ))
    }

    fn ask(&self, command: &[String]) -> std::result::Result<String, String> {
        const PATIENCE: Duration = Duration::from_secs(20);
        let Some(program) = command.first() else {
            return Err("its manifest holds an empty command".into());
        };
        let words: Vec<OsString> = command.iter().map(Into::into).collect();
        let output = output::run(&words, Some(self.directory), PATIENCE, None)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => {
                    format!("{program} not found on PATH")
                }
                _ => format!("{program} can't be started: {error}"),
            })?;
        if output.success() {
            Ok(output.stdout + &output.stderr)
        } else {
            Err(format!("`{}` failed: {}", command.join(" "), output.stderr))
        }
    }

    fn skip(&self, reason: String, hint: Option<String>) -> Skip {
        Skip { server: self.id.to_owned(), reason, hint }
    }
}
