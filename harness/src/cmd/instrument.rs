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

/// The line for what was measured on that machine.
pub(super) fn line(root: &Path, results: &Path, host: &Host) -> String {
    let stored = places(root, results).into_iter().filter(|it| it.is_file());
    let mut found = None;
    for path in stored {
        match store::read_json::<Certificate>(&path) {
            Ok(certificate) if certificate.machine.is(host) => {
                found = Some(certificate.renewed());
                break;
            }
            Ok(_) => {}
            Err(_) => {
                let name = path.file_name().unwrap_or_default();
                let name = name.to_string_lossy();
                return format!("Instrument: {name} can't be read.");
            }
        }
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_s = now.unwrap_or_default().as_secs();
    render::instrument(found.as_ref(), host.revision.as_deref(), now_s)
}
