//! The servers there are: every directory under `servers/` with a
//! `server.toml`, and those named by `--server-dir`.
//!
//! The harness knows no server by name, so adding one edits no code.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::exit::{USAGE, refuse};
use crate::plan::Skip;
use crate::process::output;
use anyhow::{Context, Result, bail};

pub use self::manifest::{Family, Manifest, Requirement, Unsupported};

mod manifest;

/// One server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Name of its directory, package, binary and table rows.
    pub id: String,
    /// Where it lives.
    pub directory: PathBuf,
    /// Its `server.toml`, defaults filled in.
    pub manifest: Manifest,
    /// It is a package of this workspace, built by cargo from the root.
    pub workspace: bool,
    /// It came by `--server-dir`.
    pub outside: bool,
}

/// All servers, in reading order, and those whose `server.toml` is broken.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// In reading order.
    pub servers: Vec<Server>,
    /// With the reason.
    pub broken: Vec<Skip>,
}

impl Catalog {
    /// Reads `servers/` under the root of the suite, and `extra` directories.
    ///
    /// # Errors
    /// `servers/` can't be read, an extra directory is no server, or two
    /// servers bear one name.
    pub fn load(root: &Path, extra: &[PathBuf]) -> Result<Self> {
        let mut servers = Vec::new();
        let mut broken = Vec::new();
        for directory in directories(&root.join("servers"))? {
            match read(&directory, Some(root)) {
                Ok(server) => servers.push(server),
                Err(error) => broken.push(Skip {
                    server: id(&directory).unwrap_or_default(),
                    reason: format!("{error:#}"),
                    hint: None,
                }),
            }
        }
        for directory in extra {
            let server = directory
                .canonicalize()
                .map_err(anyhow::Error::from)
                .and_then(|directory| read(&directory, None));
            servers.push(server.map_err(|error| {
                let shown = directory.display();
                let message =
                    format!("--server-dir {shown} is no server: {error:#}");
                refuse(USAGE, message.trim_end())
            })?);
        }
        let mut names = BTreeSet::new();
        for server in &servers {
            if !names.insert(&server.id) {
                return Err(refuse(
                    USAGE,
                    format!(
                        "two servers are named {}; rename one directory",
                        server.id
                    ),
                ));
            }
        }
        Ok(Self { servers: in_reading_order(servers), broken })
    }

    /// The server with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Server> {
        self.servers.iter().find(|server| server.id == id)
    }
}

fn directories(servers: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(servers)
        .with_context(|| format!("{} can't be read", servers.display()))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("server.toml").is_file())
        .collect();
    found.sort();
    Ok(found)
}

fn id(directory: &Path) -> Result<String> {
    let name = directory
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        bail!("a server's directory is named by letters, digits and '-_.'");
    }
    Ok(name.to_owned())
}

fn read(directory: &Path, root: Option<&Path>) -> Result<Server> {
    let id = id(directory)?;
    let path = directory.join("server.toml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{} can't be read", path.display()))?;
    let mut manifest: Manifest = toml::from_str(&text)
        .with_context(|| format!("server.toml of {id} is wrong"))?;
    let member = directory.join("Cargo.toml").is_file();
    let workspace = root.is_some() && member && manifest.serve.is_empty();
    if let Some(root) = root.filter(|_| workspace) {
        let to_words = |words: &[&str]| -> Vec<String> {
            words.iter().map(|&word| word.to_owned()).collect()
        };
        let target = target_directory();
        manifest.build.push(to_words(&[
            "cargo",
            "build",
            "--release",
            "--locked",
            "--package",
            &id,
            "--target-dir",
            &target,
        ]));
        let binary = root.join(&target).join("release").join(&id);
        manifest.serve.push(binary.to_string_lossy().into_owned());
        if manifest.version.is_empty() {
            manifest.version = to_words(&["rustc", "-V"]);
        }
    }
    if manifest.serve.is_empty() {
        bail!("server.toml of {id} lacks `serve`, the command that serves");
    }
    Ok(Server {
        id,
        directory: directory.to_path_buf(),
        manifest,
        workspace,
        outside: root.is_none(),
    })
}

/// Where cargo is told to put what it builds, seen from the root: a setting
/// of the user's could otherwise make it build elsewhere, and an old binary
/// be run.
#[must_use]
pub fn target_directory() -> String {
    std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".into())
}

/// Each server after the one it names, neighbours by name.
fn in_reading_order(mut left: Vec<Server>) -> Vec<Server> {
    left.sort_by(|a, b| a.id.cmp(&b.id));
    let mut ordered: Vec<Server> = Vec::new();
    while !left.is_empty() {
        let is_left = |id: &str| left.iter().any(|server| server.id == id);
        let next = left
            .iter()
            .position(|server| {
                // One that names itself, a circle or a stranger comes last.
                server.manifest.after.as_deref().is_none_or(|id| !is_left(id))
            })
            .unwrap_or_default();
        ordered.push(left.remove(next));
    }
    ordered
}

impl Server {
    /// What its `version` command prints, or why it can't run here.
    ///
    /// # Errors
    /// The skip to show: a missing tool, an old one, an unreadable receipt.
    pub fn receipt(&self) -> std::result::Result<String, Skip> {
        for requirement in &self.manifest.requires {
            self.meets(requirement)?;
        }
        if self.manifest.version.is_empty() {
            return Ok("unknown version".into());
        }
        let text = self.ask(&self.manifest.version).map_err(|reason| {
            let hint = self.manifest.requires.first();
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
            return refuse(format!("server.toml: {pattern:?} is no regex"));
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
            return Err("server.toml holds an empty command".into());
        };
        let words: Vec<OsString> = command.iter().map(Into::into).collect();
        let output = output::run(&words, Some(&self.directory), PATIENCE, None)
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
        Skip { server: self.id.clone(), reason, hint }
    }
}
