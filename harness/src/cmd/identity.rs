//! What tells one run from another: the moment it began, and its seed.

use std::time::SystemTime;

/// A seed for whoever names none.
pub(super) fn clock_seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::from(now.unwrap_or_default().subsec_nanos())
}

/// Such as `20261123T063000Z-3f2a`.
pub(super) fn run_id(seed: u64) -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    format!("{}-{:04x}", now.replace(['-', ':'], ""), seed & 0xffff)
}
