//! A cell of the matrix: what was found of one server in one case.

use serde::Serialize;

use super::case::Level;
use super::verdict::Verdict;

/// One server and one case.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) server: String,
    pub(crate) case: &'static str,
    pub(crate) level: Level,
    /// Of the stimulus itself.
    pub(crate) verdict: Verdict,
    /// Of the server afterwards; null where the case ends it, or ended
    /// before it came to that.
    pub(crate) afterlife: Option<Verdict>,
    pub(crate) passed: usize,
    pub(crate) repeats: usize,
    pub(crate) expected: Option<String>,
    pub(crate) actual: Option<String>,
    /// Why it was skipped, or is an error, or is not supported.
    pub(crate) reason: Option<String>,
    pub(crate) notes: Vec<String>,
    /// Times not kept while others had the CPUs, each tried once more.
    pub(crate) late_at_first: Vec<String>,
    /// Of the try that is shown.
    pub(crate) seed: u64,
    pub(crate) duration_ms: u64,
    /// Does it again.
    pub(crate) command: String,
}

impl Cell {
    /// Whether the server failed it, in either way.
    pub(crate) fn failed(&self) -> bool {
        self.verdict == Verdict::Fail || self.afterlife == Some(Verdict::Fail)
    }

    /// Whether a part of it could not be judged.
    pub(crate) fn is_open(&self) -> bool {
        self.verdict == Verdict::Error || self.afterlife == Some(Verdict::Error)
    }
}

#[cfg(test)]
impl Cell {
    /// One try of a case that binds, with this verdict.
    pub(crate) fn scripted(
        server: &str,
        case: &'static str,
        verdict: Verdict,
    ) -> Self {
        Self {
            server: server.into(),
            case,
            level: Level::Must,
            verdict,
            afterlife: None,
            passed: 0,
            repeats: 1,
            expected: None,
            actual: Some("less".into()),
            reason: None,
            notes: Vec::new(),
            late_at_first: Vec::new(),
            seed: 1,
            duration_ms: 1_500,
            command: String::new(),
        }
    }
}
