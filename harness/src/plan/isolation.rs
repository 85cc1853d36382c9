//! How far a launch is kept apart from the rest of the machine: what can be
//! asked for, and what that comes to under the rights there are.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One way to keep a launch apart.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Server and client are bound to the CPUs of the placement.
    Pin,
    /// The server is in a control group of its own, by which its CPU time is
    /// checked and all of it is ended.
    Cgroup,
    /// Server and client are in a network namespace of their own, new for
    /// each launch: ports, TIME_WAIT, counters and congestion control.
    Netns,
}

impl Level {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pin, Self::Cgroup, Self::Netns];

    /// Its word on the command line and in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pin => "pin",
            Self::Cgroup => "cgroup",
            Self::Netns => "netns",
        }
    }
}

/// The levels that hold for a launch. In text they stand by comma, none of
/// them is `plain`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Isolation {
    /// [`Level::Pin`].
    pub pin: bool,
    /// [`Level::Cgroup`].
    pub cgroup: bool,
    /// [`Level::Netns`].
    pub netns: bool,
}

const PLAIN: &str = "plain";

impl Isolation {
    /// Whether a level is among them.
    #[must_use]
    pub const fn has(self, level: Level) -> bool {
        match level {
            Level::Pin => self.pin,
            Level::Cgroup => self.cgroup,
            Level::Netns => self.netns,
        }
    }

    /// The first of its levels that others lack.
    #[must_use]
    pub fn first_beyond(self, others: Self) -> Option<Level> {
        self.levels().find(|&level| !others.has(level))
    }

    const fn add(&mut self, level: Level) {
        match level {
            Level::Pin => self.pin = true,
            Level::Cgroup => self.cgroup = true,
            Level::Netns => self.netns = true,
        }
    }

    fn levels(self) -> impl Iterator<Item = Level> {
        Level::ALL.into_iter().filter(move |&level| self.has(level))
    }
}

impl FromIterator<Level> for Isolation {
    fn from_iter<I: IntoIterator<Item = Level>>(levels: I) -> Self {
        let mut isolation = Self::default();
        levels.into_iter().for_each(|level| isolation.add(level));
        isolation
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.levels().map(Level::name).collect();
        out.write_str(if names.is_empty() { PLAIN } else { "" })?;
        out.write_str(&names.join(","))
    }
}

impl FromStr for Isolation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == PLAIN {
            return Ok(Self::default());
        }
        let level = |word: &str| {
            let known = Level::ALL.into_iter().find(|l| l.name() == word);
            known.ok_or_else(|| {
                format!(
                    "{word:?} is no level; write auto, plain, or a list of \
                     pin, cgroup and netns, such as pin,netns"
                )
            })
        };
        text.split(',').map(level).collect()
    }
}

impl Serialize for Isolation {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Isolation {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Isolation {
    fn schema_name() -> Cow<'static, str> {
        "Isolation".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "How far a launch is kept apart: `plain`, or the \
                levels that hold by comma: `pin`, `cgroup`, `netns`.",
            "type": "string",
        })
    }
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The best that the user's rights allow.
    Auto,
    /// These levels, or no run.
    Exactly(Isolation),
}

impl Wanted {
    /// Whether this level is of any use.
    #[must_use]
    pub fn wants(self, level: Level) -> bool {
        match self {
            Self::Auto => true,
            Self::Exactly(levels) => levels.has(level),
        }
    }
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            levels => levels.parse().map(Self::Exactly),
        }
    }
}

/// A level that can't be had, why not, and how to get it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lack {
    /// Which.
    pub level: Level,
    /// What the machine said.
    pub why: String,
    /// What would mend it.
    pub fix: String,
}

/// What holds for every launch of a run under these rights, and what `auto`
/// had to do without.
///
/// # Errors
/// A level that was asked for by its name can't be had.
pub fn decide(
    wanted: Wanted,
    lacks: Vec<Lack>,
) -> Result<(Isolation, Vec<Lack>), Vec<Lack>> {
    let lacking = |level| lacks.iter().any(|lack| lack.level == level);
    match wanted {
        Wanted::Auto => {
            let had = Level::ALL.into_iter().filter(|&l| !lacking(l));
            Ok((had.collect(), lacks))
        }
        Wanted::Exactly(levels) => {
            let mut refused = lacks;
            refused.retain(|lack| levels.has(lack.level));
            if refused.is_empty() {
                Ok((levels, Vec::new()))
            } else {
                Err(refused)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lacks(levels: &str) -> Vec<Lack> {
        let levels: Isolation = levels.parse().unwrap();
        let lack = |level| Lack {
            level,
            why: "not permitted".into(),
            fix: "run as root".into(),
        };
        levels.levels().map(lack).collect()
    }

    #[test]
    fn auto_takes_what_there_is_and_tells_the_rest() {
        for (lacking, expected) in [
            ("plain", "pin,cgroup,netns"),
            ("cgroup", "pin,netns"),
            ("netns", "pin,cgroup"),
            ("cgroup,netns", "pin"),
            ("pin", "cgroup,netns"),
            ("pin,cgroup,netns", "plain"),
        ] {
            let lacks = lacks(lacking);
            let (taken, told) = decide(Wanted::Auto, lacks.clone()).unwrap();
            assert_eq!(taken.to_string(), expected, "without {lacking}");
            assert_eq!(told, lacks);
        }
    }

    #[test]
    fn a_level_asked_for_is_had_or_refused_and_no_other_matters() {
        for (wanted, lacking, refused) in [
            ("plain", "pin,cgroup,netns", "plain"),
            ("pin", "cgroup,netns", "plain"),
            ("netns", "cgroup,netns", "netns"),
            ("pin,cgroup,netns", "cgroup,netns", "cgroup,netns"),
            ("cgroup,netns", "pin", "plain"),
        ] {
            let levels: Isolation = wanted.parse().unwrap();
            let decided = decide(Wanted::Exactly(levels), lacks(lacking));
            let expected = match refused {
                "plain" => Ok((levels, Vec::new())),
                refused => Err(lacks(refused)),
            };
            assert_eq!(decided, expected, "{wanted} without {lacking}");
        }
    }

    #[test]
    fn levels_are_written_as_they_are_read() {
        for text in ["plain", "pin", "netns", "pin,cgroup,netns"] {
            let json = format!("{text:?}");
            let levels: Isolation = serde_json::from_str(&json).unwrap();
            assert_eq!(serde_json::to_string(&levels).unwrap(), json);
        }
        let any_order: Isolation = "netns,pin".parse().unwrap();
        assert_eq!(any_order.to_string(), "pin,netns");
        assert_eq!("auto".parse(), Ok(Wanted::Auto));
        for bad in ["", "pins", "pin,", "plain,pin", "auto,pin", "pin netns"] {
            let error = bad.parse::<Wanted>().unwrap_err();
            assert!(error.contains("plain, or a list"), "{error}");
        }
    }
}
