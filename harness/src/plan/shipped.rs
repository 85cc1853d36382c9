//! What a server's library would have done by itself, where the suite decides
//! otherwise.
//!
//! Refuses to do: guess. Each value stands in `server.toml` beside its source,
//! and whatever is not named there stays as it is for every server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Control, Lane, Plan, Scenario, Settings};

/// What follows a server's id and `@` in the name of such a lane.
pub const SHIPPED: &str = "shipped";

/// The library's own defaults; null where they are what every server gets.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
)]
pub struct Shipped {
    /// Connections that may wait to be accepted.
    pub backlog: Option<u32>,
    /// Threads or processes that serve.
    pub workers: Option<u32>,
    /// Bytes of one read.
    pub buffer_bytes: Option<u32>,
    /// `TCP_NODELAY` of accepted sockets.
    pub nodelay: Option<bool>,
}

impl Shipped {
    /// Reads the flags of the contract that stand in `server.toml`.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn parse(flags: &[String]) -> Result<Self, String> {
        let mut shipped = Self::default();
        for pair in flags.chunks(2) {
            let flag = pair[0].as_str();
            let field = match flag {
                "--backlog" => &mut shipped.backlog,
                "--workers" => &mut shipped.workers,
                "--buffer-bytes" => &mut shipped.buffer_bytes,
                _ => {
                    return Err(format!(
                        "{flag:?} is none of --backlog, --workers and \
                         --buffer-bytes"
                    ));
                }
            };
            let value = pair.get(1).and_then(|value| value.parse().ok());
            let value = value.filter(|value| *value > 0);
            let value = value
                .ok_or_else(|| format!("{flag} needs a number above 0"))?;
            if field.replace(value).is_some() {
                return Err(format!("{flag} is given twice"));
            }
        }
        Ok(shipped)
    }

    /// What differs from these settings, such as `backlog 128`.
    #[must_use]
    pub fn words(&self, settings: &Settings) -> Vec<String> {
        let numbers = [
            ("backlog", self.backlog, settings.backlog),
            ("workers", self.workers, settings.workers),
            ("buffer", self.buffer_bytes, settings.buffer_bytes),
        ];
        let differs = |(name, own, every): (&str, Option<u32>, u32)| {
            let own = own.filter(|own| *own != every)?;
            Some(format!("{name} {own}"))
        };
        let nodelay = match self.nodelay {
            // The server insists on it.
            Some(true) => Some("NODELAY stays on"),
            Some(false) => Some("NODELAY off"),
            None => None,
        };
        let words = numbers.into_iter().filter_map(differs);
        words.chain(nodelay.map(str::to_owned)).collect()
    }

    /// Whether the library would have done nothing otherwise.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Lane {
    /// The same server once more, as its library would have started it.
    #[must_use]
    pub fn as_shipped(&self, shipped: Shipped) -> Self {
        Self {
            name: format!("{}@{SHIPPED}", self.server),
            control: Some(Control::Shipped),
            shipped: Some(shipped),
            ..self.clone()
        }
    }
}

impl Plan {
    /// What the server of this lane is started with. The client's order
    /// follows [`Plan::settings_for`]: it is the same for both lanes of a
    /// server, or the default's price would be hidden by a kinder load.
    #[must_use]
    pub fn served_with(&self, lane: &str, scenario: Scenario) -> Settings {
        let settings = self.settings_for(lane, scenario);
        let Some(shipped) = self.shipped(lane) else { return settings };
        Settings {
            backlog: shipped.backlog.unwrap_or(settings.backlog),
            workers: shipped.workers.unwrap_or(settings.workers),
            buffer_bytes: shipped.buffer_bytes.unwrap_or(settings.buffer_bytes),
            ..settings
        }
    }

    /// The defaults that a lane runs with, if it is one of those.
    #[must_use]
    pub fn shipped(&self, lane: &str) -> Option<Shipped> {
        self.lanes.iter().find(|known| known.name == lane)?.shipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(flags: &str) -> Result<Shipped, String> {
        let flags: Vec<String> =
            flags.split_whitespace().map(str::to_owned).collect();
        Shipped::parse(&flags)
    }

    #[test]
    fn flags_of_the_contract_become_settings() {
        assert!(parse("").unwrap().is_empty());
        let all = parse("--backlog 511 --buffer-bytes 65536 --workers 1");
        let expected = Shipped {
            backlog: Some(511),
            workers: Some(1),
            buffer_bytes: Some(65_536),
            nodelay: None,
        };
        assert_eq!(all.unwrap(), expected);
    }

    #[test]
    fn every_other_flag_is_refused_with_the_reason() {
        for (flags, why) in [
            ("--spin-us 1", "none of --backlog"),
            ("--backlog", "needs a number"),
            ("--backlog many", "needs a number"),
            ("--workers 0", "needs a number above 0"),
            ("--backlog 1 --backlog 2", "given twice"),
        ] {
            let error = parse(flags).unwrap_err();
            assert!(error.contains(why), "{flags}: {error}");
        }
    }
}
