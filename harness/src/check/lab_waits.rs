//! What a lab waits for, and what it looks at when a case is over.

use std::time::{Duration, Instant};

use super::lab::Lab;
use super::server::Server;
use super::verdict::{Outcome, Stop, ensure, fail, late};

impl Lab<'_> {
    /// Waits until something holds.
    pub(crate) fn eventually(
        &mut self,
        what: &str,
        bound: Duration,
        mut holds: impl FnMut(&mut Self) -> Outcome<Result<(), String>>,
    ) -> Outcome {
        let until = Instant::now() + bound;
        while let Err(actual) = holds(self)? {
            if Instant::now() >= until {
                return late(what, bound, actual);
            }
            self.pause(Duration::from_millis(10))?;
        }
        Ok(())
    }

    /// The server's descriptors come back to what they were: within a second,
    /// and a millisecond for each of them, since the end of a thread takes a
    /// JVM the longer the more of them there are.
    pub(crate) fn settles(&mut self, open: usize) -> Outcome {
        let baseline = self.server().baseline + open;
        let what = format!("{baseline} ± 2 descriptors");
        let surplus = self.server().descriptors().saturating_sub(baseline);
        let bound = self.ms(1_000 + surplus as u64);
        self.eventually(&what, bound, |lab| {
            let now = lab.server().descriptors();
            let near = now.abs_diff(baseline) <= 2;
            Ok(if near { Ok(()) } else { Err(format!("{now} are open")) })
        })
    }

    /// The common post-check: as good as new, if a server is left.
    pub(crate) fn afterlife(&mut self) -> Outcome {
        if self.server.is_none() {
            return Ok(());
        }
        self.server().alive()?;
        self.settles(0)?;
        self.echo_once(self.ms(1_000))?;
        let zombies = self.server().zombies();
        ensure(zombies == 0, "no zombie", format!("{zombies} of them"))
    }

    /// Adds to a failure that the server is gone, if it is.
    pub(crate) fn explain(&mut self, stop: Stop) -> Stop {
        const ENDED: &str = "; it had ended, ";
        let Stop::Fail(mut evidence) = stop else { return stop };
        if evidence.actual.contains(ENDED) {
            return Stop::Fail(evidence);
        }
        let Some(server) = &mut self.server else {
            return Stop::Fail(evidence);
        };
        // A process that is being killed takes a moment.
        if let Some(exit) = server.process.wait(Duration::from_millis(50)) {
            let log = server.log();
            evidence.actual += &format!("{ENDED}{}{log}", exit.kind);
            // No time was missed by one that is gone.
            evidence.bound = None;
        }
        Stop::Fail(evidence)
    }

    /// The server doesn't work while nothing is asked of it. One that
    /// collects garbage may still do so in the first window or two.
    pub(crate) fn rests(&mut self, time: Duration) -> Outcome {
        const WINDOWS: u32 = 3;
        let mut least = Duration::MAX;
        for _ in 0..WINDOWS {
            least = least.min(self.burnt(time)?);
            if least <= time / 10 + Duration::from_millis(10) {
                return Ok(());
            }
        }
        fail(
            "at most a tenth of a CPU while nothing is asked of it",
            format!("{least:.0?} of CPU in {time:.1?}"),
        )
    }

    /// CPU time of the server, if one is left.
    pub(crate) fn cpu(&self) -> Duration {
        self.server.as_ref().map_or(Duration::ZERO, Server::cpu)
    }

    /// CPU that the server uses in so long a pause.
    pub(crate) fn burnt(&mut self, time: Duration) -> Outcome<Duration> {
        let before = self.server().cpu();
        self.pause(time)?;
        Ok(self.server().cpu().saturating_sub(before))
    }
}
