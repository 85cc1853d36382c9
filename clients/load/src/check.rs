//! Whether an order makes sense, before anything is opened.
//!
//! Refuses to do: correct an order. It is carried out as given or refused.

use wire::{Load, PROTOCOL, Spec, Window, Work};

use crate::pattern::MAX_CONNECTIONS;

/// Longest duration, so that no sum of times overflows: 1 day.
const LONGEST_MS: u64 = 86_400_000;
const LONGEST_SPIN_US: u32 = 1_000_000;
/// Largest rate: a message each 100 ns.
const HIGHEST_PER_S: f64 = 1e7;
const LARGEST_PAYLOAD: u32 = 1 << 30;

/// Says in one sentence what is wrong with `spec`.
///
/// # Errors
/// That sentence.
pub fn check(spec: &Spec, allow_remote: bool) -> Result<(), String> {
    if spec.protocol != PROTOCOL {
        return Err(format!(
            "the order is of protocol {}, this client speaks {PROTOCOL}",
            spec.protocol
        ));
    }
    if !spec.addr.ip().is_loopback() && !allow_remote {
        return Err(format!(
            "{} is not a loopback address; a load on other machines needs \
             --allow-remote",
            spec.addr
        ));
    }
    if spec.addr.port() == 0 {
        return Err("the port is 0: name the one the server announced".into());
    }
    within("connections", spec.connections, MAX_CONNECTIONS)?;
    within("payload_bytes", spec.payload_bytes, LARGEST_PAYLOAD)?;
    within("max_connecting", spec.max_connecting, u32::MAX)?;
    within_ms("stall_ms", spec.stall_ms)?;
    for (index, cpu) in spec.cpus.iter().enumerate() {
        if spec.cpus[..index].contains(cpu) {
            return Err(format!("CPU {cpu} is named twice"));
        }
    }
    match &spec.work {
        Work::Classic => Ok(()),
        Work::Hold { windows, .. } => windows.iter().try_for_each(|window| {
            let name = &window.name;
            if let Load::Sessions { .. } = window.load {
                return Err(format!("window {name}: sessions hold nothing"));
            }
            check_window(window, spec.connections)
        }),
        Work::Churn { window } => match window.load {
            Load::Sessions { .. } => check_window(window, spec.connections),
            _ => Err(format!("window {}: churn is of sessions", window.name)),
        },
    }
}

fn check_window(window: &Window, connections: u32) -> Result<(), String> {
    let name = &window.name;
    if window.warm_up_ms > LONGEST_MS {
        return Err(format!("window {name}: the warm-up is over a day"));
    }
    within_ms(&format!("window {name}: duration_ms"), window.duration_ms)?;
    if let Some(active) = window.active {
        let what = format!("window {name}: active");
        within(&what, active, connections)?;
        if !matches!(window.load, Load::Rate { .. }) {
            return Err(format!("{what} is for a rate over connections"));
        }
    }
    if window.client_spin_us.is_some_and(|us| us > LONGEST_SPIN_US) {
        return Err(format!("window {name}: client_spin_us is over a second"));
    }
    if window.client_spin_us.is_some()
        && !matches!(window.load, Load::InFlight { .. })
    {
        let what = format!("window {name}: client_spin_us");
        return Err(format!("{what} is for a closed loop"));
    }
    match window.load {
        Load::Sessions { echoes: 0, .. } => {
            Err(format!("window {name}: a session has at least one echo"))
        }
        Load::Rate { per_s, .. } | Load::Sessions { per_s, .. } => {
            if per_s > 0.0 && per_s <= HIGHEST_PER_S {
                Ok(())
            } else {
                Err(format!(
                    "window {name}: the rate must be over 0 and at most \
                     {HIGHEST_PER_S:e} a second, not {per_s}"
                ))
            }
        }
        Load::InFlight { connections: count } => {
            if (1..=connections).contains(&count) {
                Ok(())
            } else {
                Err(format!(
                    "window {name}: in flight must be 1 to the {connections} \
                     connections, not {count}"
                ))
            }
        }
    }
}

fn within(name: &str, value: u32, most: u32) -> Result<(), String> {
    if (1..=most).contains(&value) {
        Ok(())
    } else {
        Err(format!("{name} must be 1 to {most}, not {value}"))
    }
}

fn within_ms(name: &str, value: u64) -> Result<(), String> {
    if (1..=LONGEST_MS).contains(&value) {
        Ok(())
    } else {
        Err(format!("{name} must be 1 to {LONGEST_MS}, not {value}"))
    }
}

#[cfg(test)]
mod tests {
    use wire::Arrivals;

    use super::*;

    fn spec() -> Spec {
        let rate = |per_s| Window {
            name: "w".into(),
            load: Load::Rate { per_s, arrivals: Arrivals::Poisson },
            warm_up_ms: 0,
            duration_ms: 1,
            step: false,
            active: None,
            client_spin_us: None,
        };
        Spec {
            protocol: PROTOCOL,
            addr: "127.0.0.1:9".parse().unwrap(),
            connections: 10,
            payload_bytes: 100,
            seed: 1,
            max_connecting: 5,
            stall_ms: 1000,
            cpus: vec![0, 1],
            server_pids: vec![],
            softirq_cpus: vec![],
            watched_cpus: vec![],
            count_packets: false,
            stay_awake: false,
            work: Work::Hold {
                await_go: true,
                turns: false,
                windows: vec![rate(10.0)],
            },
        }
    }

    fn windowed(load: Load, duration_ms: u64) -> Spec {
        let name = "w".into();
        let window = Window {
            name,
            load,
            warm_up_ms: 0,
            duration_ms,
            step: false,
            active: None,
            client_spin_us: None,
        };
        let work =
            Work::Hold { await_go: false, turns: false, windows: vec![window] };
        Spec { work, ..spec() }
    }

    fn churn(load: Load) -> Spec {
        let Work::Hold { windows, .. } = spec().work else { return spec() };
        let window = Window { load, ..windows[0].clone() };
        Spec { work: Work::Churn { window }, ..spec() }
    }

    fn sessions(per_s: f64, echoes: u32) -> Load {
        Load::Sessions { per_s, arrivals: Arrivals::Uniform, echoes }
    }

    fn active(active: u32) -> Spec {
        let Work::Hold { windows, .. } = spec().work else { return spec() };
        let window = Window { active: Some(active), ..windows[0].clone() };
        let work =
            Work::Hold { await_go: false, turns: false, windows: vec![window] };
        Spec { work, ..spec() }
    }

    fn active_in_flight() -> Spec {
        let load = Load::InFlight { connections: 1 };
        let window = Window { active: Some(1), ..Window::new("w", load, 0, 1) };
        let work =
            Work::Hold { await_go: false, turns: false, windows: vec![window] };
        Spec { work, ..spec() }
    }

    fn spinning(load: Load, us: u32) -> Spec {
        let own = Window::new("w", load, 0, 1);
        let window = Window { client_spin_us: Some(us), ..own };
        let work =
            Work::Hold { await_go: false, turns: false, windows: vec![window] };
        Spec { work, ..spec() }
    }

    #[test]
    fn a_sound_order_passes() {
        assert_eq!(check(&spec(), false), Ok(()));
        let closed = Load::InFlight { connections: 1 };
        assert_eq!(check(&spinning(closed, 5), false), Ok(()));
        assert_eq!(check(&churn(sessions(5.0, 1)), false), Ok(()));
        assert_eq!(check(&active(10), false), Ok(()));
        let work = Work::Classic;
        assert_eq!(check(&Spec { work, ..spec() }, false), Ok(()));
    }

    #[test]
    fn another_machine_needs_leave() {
        let addr = "192.0.2.1:80".parse().unwrap();
        let remote = Spec { addr, ..spec() };
        assert!(check(&remote, false).unwrap_err().contains("--allow-remote"));
        assert_eq!(check(&remote, true), Ok(()));
    }

    #[test]
    fn each_impossible_order_is_refused_with_its_reason() {
        let rate = |per_s| Load::Rate { per_s, arrivals: Arrivals::Uniform };
        let addr = "127.0.0.1:0".parse().unwrap();
        let cases = [
            (Spec { protocol: 2, ..spec() }, "protocol 2"),
            (Spec { addr, ..spec() }, "port is 0"),
            (Spec { connections: 0, ..spec() }, "connections"),
            (Spec { connections: 1 << 25, ..spec() }, "connections"),
            (Spec { payload_bytes: 0, ..spec() }, "payload_bytes"),
            (Spec { max_connecting: 0, ..spec() }, "max_connecting"),
            (Spec { stall_ms: 0, ..spec() }, "stall_ms"),
            (Spec { cpus: vec![1, 1], ..spec() }, "twice"),
            (spinning(rate(5.0), 5), "closed loop"),
            (spinning(Load::InFlight { connections: 1 }, 1 << 20), "spin_us"),
            (windowed(rate(0.0), 1), "rate"),
            (windowed(rate(-1.0), 1), "rate"),
            (windowed(rate(f64::NAN), 1), "rate"),
            (windowed(rate(f64::INFINITY), 1), "rate"),
            (windowed(rate(1.0), 0), "duration_ms"),
            (windowed(rate(1.0), u64::MAX), "duration_ms"),
            (windowed(Load::InFlight { connections: 0 }, 1), "in flight"),
            (windowed(Load::InFlight { connections: 11 }, 1), "in flight"),
            (windowed(sessions(5.0, 1), 1), "hold nothing"),
            (churn(rate(5.0)), "churn is of sessions"),
            (churn(sessions(0.0, 1)), "rate"),
            (churn(sessions(5.0, 0)), "at least one echo"),
            (active(0), "active"),
            (active(11), "active"),
            (active_in_flight(), "is for a rate"),
        ];
        for (spec, word) in cases {
            let reason = check(&spec, false).unwrap_err();
            assert!(reason.contains(word), "{reason}");
        }
    }
}
