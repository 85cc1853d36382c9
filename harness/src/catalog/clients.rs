//! The clients there are beside the shared one: every directory under
//! `clients/` with a `client.toml`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::manifest::Requirement;
use super::program::{Program, cargo, directories, id};
use crate::exit::{USAGE, refuse};
use crate::plan::SHARED_CLIENT;

/// A client that speaks the original protocol in a process of its own.
#[derive(Clone, Debug)]
pub struct Client {
    /// Name of its directory.
    pub id: String,
    /// Where it lives.
    pub directory: PathBuf,
    /// Its `client.toml`, defaults filled in.
    pub manifest: Manifest,
    /// It is a package of this workspace, built by cargo from the root.
    pub workspace: bool,
}

/// `client.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Which client of the original project it mirrors.
    pub mirrors: String,
    /// Tools it needs.
    #[serde(default)]
    pub requires: Vec<Requirement>,
    /// Commands that build it, run in its directory.
    #[serde(default)]
    pub build: Vec<Vec<String>>,
    /// The command that runs it, without its arguments.
    #[serde(default)]
    pub run: Vec<String>,
    /// Prints what built or runs it: the receipt.
    #[serde(default)]
    pub version: Vec<String>,
    /// The text of the line it prints that the total time follows.
    pub total_after: String,
}

impl Client {
    /// The client of this name.
    ///
    /// # Errors
    /// There is none, with those there are; or its `client.toml` is wrong.
    pub fn find(root: &Path, name: &str) -> Result<Self> {
        let found = directories(&root.join("clients"), "client.toml")?;
        let named = |path: &&PathBuf| id(path).is_ok_and(|id| id == name);
        match found.iter().find(named) {
            Some(directory) => read(directory, root)
                .map_err(|error| refuse(USAGE, format!("{error:#}"))),
            None => {
                let mut known = vec![SHARED_CLIENT.to_owned()];
                known.extend(found.iter().filter_map(|path| id(path).ok()));
                let known = known.join(", ");
                let message = format!(
                    "there is no client {name:?}; the clients are {known}"
                );
                Err(refuse(USAGE, message))
            }
        }
    }

    /// How it is built and started.
    #[must_use]
    pub fn program(&self) -> Program<'_> {
        Program {
            id: &self.id,
            directory: &self.directory,
            workspace: self.workspace,
            requires: &self.manifest.requires,
            build: &self.manifest.build,
            start: &self.manifest.run,
            version: &self.manifest.version,
        }
    }
}

fn read(directory: &Path, root: &Path) -> Result<Client> {
    let id = id(directory)?;
    let path = directory.join("client.toml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{} can't be read", path.display()))?;
    let mut manifest: Manifest = toml::from_str(&text)
        .with_context(|| format!("client.toml of {id} is wrong"))?;
    let member = directory.join("Cargo.toml").is_file();
    let workspace = member && manifest.run.is_empty();
    if workspace {
        let cargo = cargo(&id, root);
        manifest.build.push(cargo.build);
        manifest.run.push(cargo.binary);
        if manifest.version.is_empty() {
            manifest.version = cargo.version;
        }
    }
    if manifest.run.is_empty() {
        bail!("client.toml of {id} lacks `run`, the command that runs it");
    }
    Ok(Client { id, directory: directory.to_path_buf(), manifest, workspace })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    #[test]
    fn every_client_of_the_original_is_found_and_can_be_started() {
        for name in ["original-cpp", "original-python", "original-rust"] {
            let client = Client::find(&root(), name).unwrap();
            assert_eq!(client.id, name);
            assert!(!client.manifest.run.is_empty(), "{name}");
            assert!(!client.manifest.version.is_empty(), "{name}");
            assert_eq!(client.workspace, name == "original-rust");
        }
    }

    #[test]
    fn an_unknown_client_is_refused_with_those_there_are() {
        for name in ["original", "", "load/..", "wire", "../servers"] {
            let error = Client::find(&root(), name).unwrap_err();
            assert_eq!(crate::exit::code(&error), USAGE, "{name}");
            let message = error.to_string();
            for known in ["load, ", "original-cpp", "original-rust"] {
                assert!(message.contains(known), "{name:?}: {message}");
            }
        }
    }
}
