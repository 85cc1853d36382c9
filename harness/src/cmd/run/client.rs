//! The client of a run on its way from a name to something that can be
//! started.

use std::path::Path;

use anyhow::{Context, Result};

use crate::exit::{SERVER_FAILED, refuse};
use crate::interrupt::Interrupt;
use crate::plan::SHARED_CLIENT;
use crate::{build, catalog, drive};

/// A client that can run here.
#[derive(Debug)]
pub(super) enum Client {
    /// The shared one.
    Shared,
    /// One of the original's, with its receipt.
    Original(Box<catalog::Client>, String),
}

impl Client {
    /// The client of this name.
    ///
    /// # Errors
    /// There is none, or it can't run here.
    pub(super) fn find(root: &Path, name: &str) -> Result<Self> {
        if name == SHARED_CLIENT {
            return Ok(Self::Shared);
        }
        let client = catalog::Client::find(root, name)?;
        let version = client.program().receipt().map_err(|skip| {
            let hint = skip.hint.map(|hint| format!("; mend: {hint}"));
            let message = format!(
                "the client {name} can't run here: {}{}",
                skip.reason,
                hint.unwrap_or_default()
            );
            refuse(SERVER_FAILED, message)
        })?;
        Ok(Self::Original(Box::new(client), version))
    }

    /// Builds it.
    ///
    /// # Errors
    /// The last lines of the build.
    pub(super) fn build(
        &self,
        root: &Path,
        interrupt: &Interrupt,
    ) -> Result<drive::Client> {
        let (client, version) = match self {
            Self::Shared => {
                let binary = build::client(root, interrupt)?;
                return Ok(drive::Client::Shared(binary));
            }
            Self::Original(client, version) => (client, version),
        };
        let program = client.program();
        let built = build::build(&program, root, version, interrupt)
            .with_context(|| {
                format!("the client {} can't be built", client.id)
            })?;
        Ok(drive::Client::Original(drive::Original {
            id: client.id.clone(),
            built,
            total_after: client.manifest.total_after.clone(),
        }))
    }
}
