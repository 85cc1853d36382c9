//! What a lab waits for, and what it looks at when a case is over.

use std::time::{Duration, Instant};

use super::lab::Lab;
use super::verdict::{Outcome, ensure, late};

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

    /// The server's descriptors come back to what they were.
    pub(crate) fn settles(&mut self, open: usize) -> Outcome {
        let baseline = self.server().baseline + open;
        let what = format!("{baseline} ± 2 descriptors");
        self.eventually(&what, self.ms(1_000), |lab| {
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

    /// The server doesn't work while nothing is asked of it.
    pub(crate) fn rests(&mut self, time: Duration) -> Outcome {
        let burnt = self.burnt(time)?;
        ensure(
            burnt <= time / 10 + Duration::from_millis(10),
            "at most a tenth of a CPU while nothing is asked of it",
            format!("{burnt:.0?} of CPU in {time:.1?}"),
        )
    }

    /// CPU that the server uses in so long a pause.
    pub(crate) fn burnt(&mut self, time: Duration) -> Outcome<Duration> {
        let before = self.server().cpu();
        self.pause(time)?;
        Ok(self.server().cpu().saturating_sub(before))
    }
}
