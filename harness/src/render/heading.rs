//! What stands above a table: the command that made it, the machine, and what
//! the placement leaves untested.
//!
//! Refuses to do: name the machine's host name or a path. Plan and host hold
//! neither.

use crate::plan::{
    Isolation, Lack, Placement, Plan, Scenario, Settings, Timing,
};
use crate::summarize::{Summary, plain};
use crate::units::Count;

use super::text::rate;

/// Windows of other lengths have no flags.
const PLANNED: &str = "cargo harness run --plan FILE, with the FILE that \
                       --export plan=FILE writes";

/// The command that makes this run again, as it would be typed: its words,
/// each flag with its value.
pub(crate) fn command(plan: &Plan) -> Vec<String> {
    let settings = &plan.settings;
    if is_loaded(plan) && !Timing::of(settings).has_flag(settings.quick) {
        return vec![PLANNED.into()];
    }
    let mut words: Vec<String> = vec!["cargo harness run".into()];
    let selected = plan.lanes.iter().filter(|lane| lane.control.is_none());
    words.extend(selected.map(|lane| match lane.outside {
        // Where it lies is no business of a published result.
        true => format!("--server-dir DIR/{}", quoted(&lane.server)),
        false => quoted(&lane.server),
    }));
    let shipped = plan.lanes.iter().filter(|lane| lane.shipped.is_some());
    words.extend(shipped.map(|lane| quoted(&lane.name)));
    words.extend(plan.skipped.iter().map(|skip| quoted(&skip.server)));
    words.extend(scenarios(plan).map(|name| format!("--scenario {name}")));
    if settings.is_original() {
        words.push(format!("--client {}", quoted(&settings.client)));
    }
    words.push(format!("-c {}", settings.connections));
    words.push(format!("--payload {}", settings.payload_bytes));
    if is_loaded(plan) {
        words.push(format!("--rate {}", settings.rate_per_s));
    }
    words.push(format!("--rounds {}", plan.rounds));
    if settings.quick {
        words.push("--quick".into());
    } else if Timing::of(settings) == Timing::FULL {
        words.push("--full".into());
    }
    words.push(format!("--workers {}", settings.workers));
    words.push(format!("--placement {}", placement(settings)));
    words.push(format!("--isolation {}", settings.isolation));
    if let Some(reference) = &plan.reference {
        words.push(format!("--reference {}", quoted(reference)));
    }
    words.push(format!("--seed {}", plan.seed));
    words
}

/// A curve by its own name where the run has all of its points; those beyond
/// it by theirs.
pub(super) fn scenarios(plan: &Plan) -> impl Iterator<Item = String> {
    let settings = &plan.settings;
    let mut names: Vec<String> = Vec::new();
    for scenario in &plan.scenarios {
        let series = scenario.series();
        let all =
            Scenario::all_of(series, settings.connections, settings.quick);
        let is_whole = all.iter().all(|it| plan.scenarios.contains(it));
        let is_of_it = all.contains(scenario);
        let name = match scenario.point().is_some() && is_whole && is_of_it {
            true => series.to_owned(),
            false => scenario.name().into_owned(),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter()
}

fn is_loaded(plan: &Plan) -> bool {
    plan.scenarios.iter().any(|it| *it != Scenario::Classic)
}

/// A word that a shell takes for itself: it may be pasted.
fn quoted(word: &str) -> String {
    let word = plain(word);
    let harmless = |c: char| c.is_alphanumeric() || "-_./:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(harmless) {
        return word;
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Sentences on the machine and the plan.
pub(crate) fn sentences(summary: &Summary) -> Vec<String> {
    let plan = &summary.plan;
    let settings = &plan.settings;
    let mut sentences = vec![format!(
        "Run {} on {}.",
        plain(&summary.run),
        plain(&summary.host.label),
    )];
    let load = if is_loaded(plan) {
        let fixed = rate(settings.rate_per_s);
        format!(" fixed rate {fixed}, {} in flight;", settings.in_flight)
    } else {
        String::new()
    };
    sentences.push(format!(
        "{} connections, messages of {} bytes;{load} {}; seed {}.",
        Count(settings.connections.into()),
        settings.payload_bytes,
        rounds(plan),
        plan.seed,
    ));
    sentences.push(format!(
        "{}; {} worker{} each.",
        cpus(settings),
        settings.workers,
        if settings.workers == 1 { "" } else { "s" },
    ));
    sentences.extend(isolation(
        "launch",
        settings.isolation,
        settings.congestion_control.as_deref(),
        &plan.lacking,
    ));
    sentences.extend(client(settings));
    sentences.extend(untested(settings));
    sentences
}

/// What each launch has to itself besides its CPUs, and what it lacks.
pub(super) fn isolation(
    each: &str,
    levels: Isolation,
    congestion_control: Option<&str>,
    lacking: &[Lack],
) -> Vec<String> {
    let network = congestion_control.map_or_else(String::new, |name| {
        format!(" (congestion control {})", plain(name))
    });
    let own = match (levels.cgroup, levels.netns) {
        (false, false) => None,
        (true, false) => Some("control group".to_owned()),
        (false, true) => Some(format!("network{network}")),
        (true, true) => Some(format!("control group and network{network}")),
    };
    let own = own.map(|own| format!("Each {each} has its own {own}."));
    let lacking = lacking.iter().map(|lack| {
        format!(
            "Not kept apart by {}: {} (mend: {}).",
            lack.level.name(),
            plain(&lack.why),
            plain(&lack.fix),
        )
    });
    own.into_iter().chain(lacking).collect()
}

/// What the figures of one of the original's clients are.
fn client(settings: &Settings) -> Option<String> {
    settings.is_original().then(|| {
        format!(
            "Client {}: the totals are its own, and it tells no percentiles. \
             It connects as fast as it can; where an accept queue overflowed \
             (see notes), seconds of the kernel's SYN timer are in the total.",
            plain(&settings.client),
        )
    })
}

fn rounds(plan: &Plan) -> String {
    match (plan.rounds, plan.settings.quick) {
        (1, true) => "1 quick round".into(),
        (1, false) => "1 round".into(),
        (rounds, _) => format!("{rounds} rounds"),
    }
}

fn cpus(settings: &Settings) -> String {
    let bound =
        if settings.isolation.pin { "bound to them" } else { "not bound" };
    match settings.placement {
        Placement::Split => format!(
            "Servers on {}, client on {} ({bound})",
            list(&settings.server_cpus),
            list(&settings.client_cpus),
        ),
        Placement::Shared => format!(
            "Servers and client share {} ({bound})",
            list(&settings.server_cpus),
        ),
    }
}

fn list(cpus: &[u32]) -> String {
    let numbers: Vec<String> = cpus.iter().map(u32::to_string).collect();
    match cpus.len() {
        0 => "any CPU".into(),
        1 => format!("CPU {}", numbers[0]),
        _ => format!("CPUs {}", numbers.join(", ")),
    }
}

fn untested(settings: &Settings) -> Option<String> {
    match settings.placement {
        Placement::Split if settings.shares_cpus() => Some(
            "Client and servers share one CPU: only CPU per echo can be \
             compared."
                .into(),
        ),
        Placement::Shared => Some(
            "Client and servers take CPU from one another: only CPU per echo \
             is compared and ranked."
                .into(),
        ),
        Placement::Split if settings.server_cpus.len() <= 1 => Some(
            "Cost per core; parallelism not tested: the servers have one CPU."
                .into(),
        ),
        Placement::Split => None,
    }
}

pub(super) const fn placement(settings: &Settings) -> &'static str {
    match settings.placement {
        Placement::Split => "split",
        Placement::Shared => "shared",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Level;

    #[test]
    fn what_a_launch_has_to_itself_and_lacks_is_told() {
        let lack = Lack {
            level: Level::Cgroup,
            why: "Permission denied".into(),
            fix: "run as root".into(),
        };
        let told = |levels: &str, lacking: &[Lack]| {
            let levels = levels.parse().unwrap();
            isolation("launch", levels, Some("reno"), lacking).join(" ")
        };
        assert_eq!(told("plain", &[]), "");
        assert_eq!(told("pin", &[]), "");
        assert_eq!(
            told("pin,cgroup,netns", &[]),
            "Each launch has its own control group and network (congestion \
             control reno)."
        );
        assert_eq!(
            told("netns", &[lack]),
            "Each launch has its own network (congestion control reno). Not \
             kept apart by cgroup: Permission denied (mend: run as root)."
        );
    }
}
