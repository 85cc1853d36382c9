//! The servers there are: every directory under `servers/` with a
//! `server.toml`, and those named by `--server-dir`; and the clients beside
//! the shared one.
//!
//! The harness knows no server by name, so adding one edits no code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::exit::{USAGE, refuse};
use crate::plan::{Shipped, Skip};
use anyhow::{Context, Result, anyhow, bail};

pub use self::clients::Client;
pub use self::manifest::{Family, Manifest, Requirement, Unsupported};
pub use self::program::{Program, target_directory};
use self::program::{directories, id};

mod clients;
pub mod lesson;
mod manifest;
mod program;

/// One server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Name of its directory, package, binary and table rows.
    pub id: String,
    /// Where it lives.
    pub directory: PathBuf,
    /// Its `server.toml`, defaults filled in.
    pub manifest: Manifest,
    /// What its library would have done otherwise.
    pub shipped: Shipped,
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
        for directory in directories(&root.join("servers"), "server.toml")? {
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
        let cargo = program::cargo(&id, root);
        manifest.build.push(cargo.build);
        manifest.serve.push(cargo.binary);
        if manifest.version.is_empty() {
            manifest.version = cargo.version;
        }
    }
    let shipped = Shipped::parse(&manifest.shipped)
        .map_err(|why| anyhow!("`shipped` in server.toml of {id}: {why}"))?;
    let nodelay = manifest.shipped_nodelay.filter(|on| !on);
    if manifest.serve.is_empty() {
        bail!("server.toml of {id} lacks `serve`, the command that serves");
    }
    Ok(Server {
        id,
        directory: directory.to_path_buf(),
        manifest,
        shipped: Shipped { nodelay, ..shipped },
        workspace,
        outside: root.is_none(),
    })
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
    /// How it is built and started.
    #[must_use]
    pub fn program(&self) -> Program<'_> {
        Program {
            id: &self.id,
            directory: &self.directory,
            workspace: self.workspace,
            requires: &self.manifest.requires,
            build: &self.manifest.build,
            start: &self.manifest.serve,
            version: &self.manifest.version,
        }
    }

    /// What its `version` command prints, or why it can't run here.
    ///
    /// # Errors
    /// The skip to show: a missing tool, an old one, an unreadable receipt.
    pub fn receipt(&self) -> std::result::Result<String, Skip> {
        self.program().receipt()
    }
}
