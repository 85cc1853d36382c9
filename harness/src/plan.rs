//! What a run will do, decided before anything is started.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::isolation::{Isolation, Lack, Level, Wanted};

pub mod isolation;
pub mod make;
pub mod order;
pub mod place;
mod scenario;
mod shipped;
#[cfg(test)]
mod tests;
mod timing;

pub use scenario::{
    NoScenario, SERIES, SESSION_ECHOES, SESSIONS_PER_S, Scenario,
};
pub use shipped::{SHIPPED, Shipped};
pub use timing::Timing;

/// Where server and client run.
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
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// Server and client on disjoint CPUs
    #[default]
    Split,
    /// Both on all CPUs
    Shared,
}

/// What a lane is for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// The reference server, run because the ratios need it though it was
    /// not selected.
    Reference,
    /// The reference server a second time under another name: the ratio of
    /// the two shows the noise.
    Same,
    /// The reference server with a spin of about 5 % of what it costs before
    /// each echo: whether it is told from the reference shows the resolution.
    Spin,
    /// A server once more with its library's own defaults.
    Shipped,
}

/// One line of the experiment: a server under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lane {
    /// Unique in the plan; the server's id but for control lanes.
    pub name: String,
    /// The server's id.
    pub server: String,
    /// Set for lanes that stand under `controls` or `shipped`, never in `rows`.
    pub control: Option<Control>,
    /// The defaults that it runs with; null for every other lane.
    #[serde(default)]
    pub shipped: Option<Shipped>,
    /// From `server.toml`.
    pub family: String,
    /// From `server.toml`.
    pub model: String,
    /// From `server.toml`: `maintained` or `discontinued…`.
    pub status: String,
    /// It came by `--server-dir`, from outside the repository.
    pub outside: bool,
    /// From `server.toml`: it spreads connections over `--workers`.
    #[serde(default)]
    pub parallel: bool,
    /// From `server.toml`: load it needs before its windows count, if that is
    /// longer than the run's own warm-up. Milliseconds.
    #[serde(default)]
    pub warm_up_ms: u64,
    /// What the conformance suite had found of it when the run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conformance: Option<crate::conformance::Conformance>,
}

impl Lane {
    /// Whether it takes part in a scenario: a spin is a part of the cost of
    /// an echo, of which `classic` has none to show, and what the defaults
    /// cost is asked where they matter most.
    #[must_use]
    pub const fn runs(&self, scenario: Scenario) -> bool {
        match self.control {
            Some(Control::Spin) => matches!(scenario, Scenario::Load),
            Some(Control::Shipped) => {
                matches!(scenario, Scenario::Classic | Scenario::Load)
            }
            _ => true,
        }
    }
}

/// Everything that makes one run comparable to another, but for the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// The client: `load`, or one of the original's.
    #[serde(default = "shared_client")]
    pub client: String,
    /// Revision of how that client measures; 1 in runs that don't say.
    #[serde(default = "first_revision")]
    pub client_revision: u32,
    /// Connections held or opened at once.
    pub connections: u32,
    /// Bytes of a message.
    pub payload_bytes: u32,
    /// Echoes per second of the fixed-rate window, over all connections.
    pub rate_per_s: f64,
    /// Messages outstanding in the closed loop.
    pub in_flight: u32,
    /// `--workers` of every server.
    pub workers: u32,
    /// `--backlog` of every server.
    pub backlog: u32,
    /// `--buffer-bytes` of every server.
    pub buffer_bytes: u32,
    /// Where server and client run.
    pub placement: Placement,
    /// How far every launch is kept apart.
    pub isolation: Isolation,
    /// Congestion control in the network of a launch; null where launches use
    /// the machine's own, which the host tells.
    #[serde(default)]
    pub congestion_control: Option<String>,
    /// CPUs of the servers.
    pub server_cpus: Vec<u32>,
    /// CPUs of the client.
    pub client_cpus: Vec<u32>,
    /// Load before a window counts. Milliseconds.
    pub warm_up_ms: u64,
    /// The fixed-rate window. Milliseconds.
    pub fixed_rate_ms: u64,
    /// The closed-loop window. Milliseconds.
    pub in_flight_ms: u64,
    /// Each step of the ladder of rates; 0 in runs without one.
    /// Milliseconds.
    #[serde(default)]
    pub step_ms: u64,
    /// Time at rest with all connections open, for the CPU at rest.
    /// Milliseconds.
    pub idle_ms: u64,
    /// Short windows, one round: estimates without intervals.
    pub quick: bool,
}

/// What drives the servers unless told otherwise.
pub const SHARED_CLIENT: &str = "load";

fn shared_client() -> String {
    SHARED_CLIENT.into()
}

const fn first_revision() -> u32 {
    1
}

impl Settings {
    /// Whether the client is one of the original's, which tells a total and
    /// nothing of single connections.
    #[must_use]
    pub fn is_original(&self) -> bool {
        self.client != SHARED_CLIENT
    }

    /// Whether client and servers take CPU from one another: a faster server
    /// then slows its own client, so that only CPU per echo can be compared.
    #[must_use]
    pub fn shares_cpus(&self) -> bool {
        let both = |cpu: &u32| self.client_cpus.contains(cpu);
        self.placement == Placement::Shared || self.server_cpus.iter().any(both)
    }

    /// Whether the client has CPUs of its own, so that it may stay awake
    /// while it waits.
    #[must_use]
    pub fn client_is_alone(&self) -> bool {
        self.isolation.pin && !self.shares_cpus()
    }

    /// Whether servers can be compared by the scenario's primary metric.
    #[must_use]
    pub fn compares(&self, scenario: Scenario) -> bool {
        scenario.bears_sharing() || !self.shares_cpus()
    }
}

/// The load of a step runs this long before anything counts.
pub const STEP_WARM_UP_MS: u64 = 100;

/// Steps of the ladder: each doubles the rate, from the fixed one on.
pub const STEPS: u32 = 5;

/// One launch to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trial {
    /// Counted from 1.
    pub round: u32,
    /// [`Lane::name`].
    pub lane: String,
    /// The workload.
    pub scenario: Scenario,
    /// Seed of payloads and arrivals: the same for all lanes of a round, so
    /// that they meet the same load.
    pub seed: u64,
}

/// A server that was selected and can't be run here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Skip {
    /// The server's id.
    pub server: String,
    /// Why, such as `go not found on PATH`.
    pub reason: String,
    /// The command that makes it ready.
    pub hint: Option<String>,
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Seed of the order of trials and of all loads.
    pub seed: u64,
    /// Rounds; in each every lane runs every scenario once.
    pub rounds: u32,
    /// Scenarios in the order of selection.
    pub scenarios: Vec<Scenario>,
    /// The server that ratios refer to; none when it can't be run.
    pub reference: Option<String>,
    /// What holds for every trial.
    pub settings: Settings,
    /// Lanes in the order of selection, control lanes last.
    pub lanes: Vec<Lane>,
    /// Trials in the order of execution.
    pub trials: Vec<Trial>,
    /// Selected servers that can't be run here.
    pub skipped: Vec<Skip>,
    /// Levels of isolation that `--isolation auto` had to do without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacking: Vec<Lack>,
}

impl Plan {
    /// What holds for the trials of this lane: a runtime that compiles while
    /// it runs is warmed for longer.
    #[must_use]
    pub fn settings_for(&self, lane: &str, scenario: Scenario) -> Settings {
        let lane = self.lanes.iter().find(|known| known.name == lane);
        let warm_up_ms = lane.map_or(0, |lane| lane.warm_up_ms);
        let own = self.settings.at(scenario);
        Settings { warm_up_ms: own.warm_up_ms.max(warm_up_ms), ..own }
    }
}
