//! Finds the certificate of a machine, and says how it stands in the line
//! that goes below every table.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::calibrate::{Certificate, FILE};
use crate::host::Host;
use crate::{render, store};

/// Where a certificate may be: one's own first, then the committed one.
fn places(root: &Path, results: &Path) -> [PathBuf; 2] {
    [results.join(FILE), root.join("results/reference").join(FILE)]
}

/// The certificate of that machine; none where it was never calibrated.
///
/// # Errors
/// The name of a file that can't be read.
pub(super) fn certificate(
    root: &Path,
    results: &Path,
    host: &Host,
) -> Result<Option<Certificate>, String> {
    let stored = places(root, results).into_iter().filter(|it| it.is_file());
    for path in stored {
        match store::read_json::<Certificate>(&path) {
            Ok(certificate) if certificate.machine.is(host) => {
                return Ok(Some(certificate.renewed()));
            }
            Ok(_) => {}
            Err(_) => {
                let name = path.file_name().unwrap_or_default();
                return Err(name.to_string_lossy().into_owned());
            }
        }
    }
    Ok(None)
}

/// The line for what was measured on that machine.
pub(super) fn line(root: &Path, results: &Path, host: &Host) -> String {
    let found = match certificate(root, results, host) {
        Ok(found) => found,
        Err(name) => return format!("Instrument: {name} can't be read."),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_s = now.unwrap_or_default().as_secs();
    render::instrument(found.as_ref(), host.revision.as_deref(), now_s)
}
