//! Runs tests one after the other and keeps what each found at once.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use super::{Certificate, Entry, Finding, Run, Size, State, Test};
use super::{Tools, Trouble};
use crate::check::noise::others;
use crate::interrupt::Interrupt;
use crate::store;

/// What holds for all tests of one call.
#[derive(Debug)]
pub struct Session<'a> {
    /// What servers are driven with; none where all tests only compute.
    pub tools: Option<&'a Tools<'a>>,
    /// Ctrl-C.
    pub interrupt: &'a Interrupt,
    /// What is known so far.
    pub certificate: Certificate,
    /// Where it is stored.
    pub file: PathBuf,
    /// Seed of arrivals and payloads.
    pub seed: u64,
    /// No test is begun that would end later by its estimate.
    pub deadline: Option<Instant>,
    /// Commit of the suite.
    pub revision: Option<String>,
    /// SHA-256 of the harness.
    pub harness_sha256: String,
    /// SHA-256 over harness, client and fixture.
    pub duels_sha256: Option<String>,
}

/// How a call ended.
#[derive(Debug, Default)]
pub struct Ended {
    /// Tests that missed a goal.
    pub missed: Vec<&'static str>,
    /// Tests that broke, and how.
    pub broken: Vec<(&'static str, String)>,
    /// Tests that the time did not carry.
    pub left_out: Vec<&'static str>,
}

impl Session<'_> {
    /// Runs tests until the last, the time's end or an interrupt.
    ///
    /// # Errors
    /// What was found can't be stored.
    pub fn run(
        &mut self,
        tests: &[&'static Test],
        mut tell: impl FnMut(&'static Test, Option<&Entry>),
    ) -> Result<Ended> {
        let mut ended = Ended::default();
        for (at, &test) in tests.iter().enumerate() {
            if self.is_too_late_for(test) {
                ended.left_out.push(test.id);
                continue;
            }
            tell(test, None);
            let until = self.share(test, &tests[at + 1..]);
            let (start, others) = (Instant::now(), others(Duration::ZERO));
            let entry = match self.find(test, until) {
                Ok(finding) => Entry::found(test, finding),
                Err(Trouble::CannotJudge(why)) => Entry::unjudged(test, why),
                Err(Trouble::Broken(why)) => {
                    // What it found before no longer stands.
                    let because = format!("it broke: {why}");
                    ended.broken.push((test.id, why));
                    let sha256 = self.duels_sha256.as_deref();
                    let sha256 = sha256.unwrap_or_default();
                    Entry {
                        duels: self.certificate.duels(test.id, sha256),
                        ..Entry::unjudged(test, because)
                    }
                }
                Err(Trouble::Interrupted) => break,
            };
            let entry = self.signed(entry, start.elapsed(), others);
            if entry.state == State::Missed {
                ended.missed.push(test.id);
            }
            tell(test, Some(&entry));
            self.certificate.put(entry);
            store::write_json(&self.file, &self.certificate)?;
            if self.interrupt.signal().is_some() {
                break;
            }
        }
        Ok(ended)
    }

    fn find(
        &self,
        test: &Test,
        until: Option<Instant>,
    ) -> Result<Finding, Trouble> {
        let run = match (test.run, self.tools) {
            (Run::Compute(run), _) => return Ok(run()),
            (Run::Drive(run), Some(tools)) => (run, tools),
            _ => return Err(Trouble::Broken("nothing runs it".into())),
        };
        let (run, tools) = run;
        let sha256 = self.duels_sha256.as_deref().unwrap_or_default();
        let earlier = self.certificate.duels(test.id, sha256);
        tools.lab(Size::FULL, self.seed, |mut lab| {
            (lab.earlier, lab.until) = (earlier, until);
            run(&lab)
        })
    }

    fn is_too_late_for(&self, test: &Test) -> bool {
        let end = Instant::now() + test.least();
        self.deadline.is_some_and(|deadline| end > deadline)
    }

    /// Until when a test goes on that accumulates: the others get what they
    /// are expected to take, and those that accumulate share the rest.
    fn share(&self, test: &Test, later: &[&Test]) -> Option<Instant> {
        let deadline = self.deadline.filter(|_| test.accumulates())?;
        let (sharing, others): (Vec<&Test>, Vec<&Test>) =
            later.iter().partition(|test| test.accumulates());
        let others: Duration = others.iter().map(|test| test.cost()).sum();
        let left = deadline.saturating_duration_since(Instant::now());
        let sharing = u32::try_from(sharing.len() + 1).unwrap_or(1);
        Some(Instant::now() + left.saturating_sub(others) / sharing)
    }

    fn signed(
        &self,
        entry: Entry,
        took: Duration,
        before: Option<Duration>,
    ) -> Entry {
        let cpus = f64::from(self.certificate.machine.cpus.max(1));
        let both = others(Duration::ZERO).zip(before);
        let others = both.map(|(now, before)| now.saturating_sub(before));
        let others_s = others.unwrap_or_default().as_secs_f64();
        let took_s = took.as_secs_f64();
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let duels = !entry.duels.is_empty();
        Entry {
            unix_s: now.ok().map(|now| now.as_secs()),
            took_s: (10.0 * took_s).round() / 10.0,
            others_percent: 100.0 * others_s / took_s.max(0.01) / cpus,
            revision: self.revision.clone(),
            harness_sha256: self.harness_sha256.clone(),
            duels_sha256: self.duels_sha256.clone().filter(|_| duels),
            ..entry
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::{Figure, Goal};
    use crate::scripted;

    #[test]
    fn what_a_test_found_before_it_broke_stands_no_more() {
        let tests = super::super::all();
        let drive = tests.iter().find(|test| test.id == "K3").unwrap();
        let directory = tempfile::tempdir().unwrap();
        let mut certificate = Certificate::new(&scripted::host());
        let figure = Figure::new("x", 1.0, "", Goal::AtMost(2.0));
        let finding = Finding::of(1, "messages", vec![figure]);
        certificate.put(Entry::found(drive, finding));
        let met = certificate.entry("K3").unwrap().state;
        assert_eq!(met, State::Met);
        let mut session = Session {
            // With nothing to drive servers by, it breaks.
            tools: None,
            interrupt: &Interrupt::install().unwrap(),
            certificate,
            file: directory.path().join("certificate.json"),
            seed: 1,
            deadline: None,
            revision: None,
            harness_sha256: String::new(),
            duels_sha256: None,
        };
        let ended = session.run(&[*drive], |_, _| ()).unwrap();
        assert_eq!(ended.broken.len(), 1, "{ended:?}");
        let entry = session.certificate.entry("K3").unwrap();
        assert_eq!(entry.state, State::Unjudged);
        assert_eq!(entry.because.as_deref(), Some("it broke: nothing runs it"));
        assert!(session.file.is_file(), "and it is stored");
    }
}
