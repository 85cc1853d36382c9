//! What a trial orders the client to do.

use std::net::SocketAddr;

use wire::{Arrivals, Load, PROTOCOL, Spec, Window, Work};

use super::{
    SESSION_ECHOES, SESSIONS_PER_S, STEP_WARM_UP_MS, STEPS, Scenario, Settings,
    Trial,
};

/// Facts that are known only once the server runs.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Its processes.
    pub pids: &'a [u32],
    /// This kernel keeps interrupt time out of process CPU clocks.
    pub irq_time_apart: bool,
}

/// Held connections are opened with few under way, so that opening them
/// costs no retransmission whatever the backlog.
const PACED: u32 = 512;
/// Accept queues hold `backlog` + 1; a margin keeps the storm of `classic`
/// below it, for each overflow costs a second of the kernel's SYN timer and
/// would measure that timer instead of the server.
const MARGIN: u32 = 96;
/// A phase is given up when no byte comes for this long.
const STALL_MS: u64 = 5_000;
/// The same where accept queues may overflow: who found one full knocks again
/// after 1, 2, 4, 8, 16 s (tcp(7)), and is not lost in that silence.
pub const OVERFLOWING_STALL_MS: u64 = 20_000;

/// The name of the open-loop window.
pub const FIXED_RATE: &str = "fixed_rate";
/// The name of the closed-loop window.
pub const IN_FLIGHT: &str = "in_flight";
/// The name of the window of sessions.
const SESSIONS: &str = "sessions";

/// The order for one trial; `settings` are those of its workload.
#[must_use]
pub fn spec(settings: &Settings, trial: &Trial, target: &Target<'_>) -> Spec {
    let below_backlog = settings.backlog.saturating_sub(MARGIN).max(1);
    let held = |windows| Work::Hold { await_go: true, turns: false, windows };
    let (work, max_connecting) = match trial.scenario {
        Scenario::Classic => (Work::Classic, below_backlog),
        Scenario::Churn => {
            (Work::Churn { window: sessions(settings) }, below_backlog)
        }
        scenario => (held(windows(settings, scenario)), PACED),
    };
    let pinned = settings.isolation.pin;
    Spec {
        protocol: PROTOCOL,
        addr: target.addr,
        connections: settings.connections,
        payload_bytes: settings.payload_bytes,
        seed: trial.seed,
        max_connecting,
        stall_ms: STALL_MS,
        cpus: if pinned { settings.client_cpus.clone() } else { Vec::new() },
        server_pids: target.pids.to_vec(),
        softirq_cpus: if target.irq_time_apart {
            settings.server_cpus.clone()
        } else {
            Vec::new()
        },
        watched_cpus: settings.watched_cpus(),
        count_packets: settings.isolation.netns,
        stay_awake: settings.client_is_alone(),
        work,
    }
}

/// What is done to connections that are held.
fn windows(settings: &Settings, scenario: Scenario) -> Vec<Window> {
    match scenario {
        Scenario::Classic | Scenario::Churn | Scenario::Idle(_) => Vec::new(),
        Scenario::Sizes(_) => vec![in_flight(settings)],
        Scenario::Herd => vec![Window {
            active: scenario.active(settings),
            ..fixed_rate(settings)
        }],
        Scenario::Load | Scenario::Scale(_) | Scenario::Handler(_) => {
            let mut windows = vec![fixed_rate(settings)];
            windows.extend(steps(settings));
            // The closed loop comes last.
            windows.push(in_flight(settings));
            windows
        }
    }
}

fn fixed_rate(settings: &Settings) -> Window {
    let load =
        Load::Rate { per_s: settings.rate_per_s, arrivals: Arrivals::Poisson };
    let (warm_up_ms, ms) = (settings.warm_up_ms, settings.fixed_rate_ms);
    Window::new(FIXED_RATE, load, warm_up_ms, ms)
}

fn in_flight(settings: &Settings) -> Window {
    let connections = settings.in_flight.min(settings.connections);
    let load = Load::InFlight { connections };
    let warm_up_ms = settings.warm_up_ms / 2;
    Window::new(IN_FLIGHT, load, warm_up_ms, settings.in_flight_ms)
}

fn sessions(settings: &Settings) -> Window {
    let load = Load::Sessions {
        per_s: SESSIONS_PER_S,
        arrivals: Arrivals::Poisson,
        echoes: SESSION_ECHOES,
    };
    let (warm_up_ms, ms) = (settings.warm_up_ms, settings.fixed_rate_ms);
    Window::new(SESSIONS, load, warm_up_ms, ms)
}

/// 20k, 40k, 80k … echoes per second: the client stops where it is too much.
fn steps(settings: &Settings) -> Vec<Window> {
    if settings.step_ms == 0 {
        return Vec::new();
    }
    let rates =
        (1..=STEPS).map(|step| settings.rate_per_s * f64::from(1_u32 << step));
    rates
        .map(|per_s| {
            let name = format!("step_{per_s}");
            let load = Load::Rate { per_s, arrivals: Arrivals::Poisson };
            let ms = settings.step_ms;
            let window = Window::new(&name, load, STEP_WARM_UP_MS, ms);
            Window { step: true, ..window }
        })
        .collect()
}
