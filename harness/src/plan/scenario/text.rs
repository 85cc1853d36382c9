//! Workloads as text: in JSON, in tables and on the command line.
//!
//! Refuses to do: know what they mean.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use thiserror::Error;

use super::Scenario;

/// The text names no workload.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no scenario")]
pub struct NoScenario(String);

impl FromStr for Scenario {
    type Err = NoScenario;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let none = || NoScenario(text.into());
        let (series, point) = match text.split_once('@') {
            None => (text, None),
            Some((series, point)) => {
                let point: u32 = point.parse().map_err(|_| none())?;
                (series, Some(point))
            }
        };
        const MILLION: u32 = 1_000_000;
        const GIB: u32 = 1 << 30;
        match (series, point) {
            ("classic", None) => Ok(Self::Classic),
            ("load", None) => Ok(Self::Load),
            ("herd", None) => Ok(Self::Herd),
            ("churn", None) => Ok(Self::Churn),
            ("scale", Some(held @ 1..=MILLION)) => Ok(Self::Scale(held)),
            ("idle", Some(held @ 1..=MILLION)) => Ok(Self::Idle(held)),
            ("sizes", Some(bytes @ 1..=GIB)) => Ok(Self::Sizes(bytes)),
            ("handler", Some(us @ ..=MILLION)) => Ok(Self::Handler(us)),
            _ => Err(none()),
        }
    }
}

impl TryFrom<String> for Scenario {
    type Error = NoScenario;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Scenario> for String {
    fn from(scenario: Scenario) -> Self {
        scenario.name().into_owned()
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl JsonSchema for Scenario {
    fn schema_name() -> Cow<'static, str> {
        "Scenario".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A workload: `classic`, `load`, `herd`, `churn`, or \
                a point of a curve: `scale@N` and `idle@N` of N connections, \
                `sizes@N` of N bytes, `handler@N` of N microseconds.",
            "type": "string",
            "pattern": "^(classic|load|herd|churn|\
                (scale|idle|sizes|handler)@[0-9]+)$",
        })
    }
}
