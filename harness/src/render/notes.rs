//! Remarks on a server: what became of it, and what to hold against its
//! figures.
//!
//! Refuses to do: leave out a remark that has no room. The sentences below a
//! table hold every failure in full.

use crate::conformance::Standing;
use crate::plan::Scenario;
use crate::record::Effect;
use crate::stats::verdict::{FAR, Verdict};
use crate::summarize::{
    CONSERVATION, LADDER_LIMITED, LITTLE, NOT_RUN_YET, Row, SENT_IN_TIME, SLIP,
    Summary, plain, wants_at_least,
};
use crate::units::{Micros, Percent};

use super::conformance;
use super::text::rate;

/// Whether the run has simply not come to it.
pub(super) fn is_to_come(row: &Row) -> bool {
    row.reason.as_deref() == Some(NOT_RUN_YET)
}

/// A remark, and whether it could be made of any scenario.
type Note = (String, bool);

/// Remarks on a server in the main scenarios: with the scenario's name where only one of several
/// is meant and the remark doesn't tell which.
pub(crate) fn notes(summary: &Summary, server: &str) -> Vec<String> {
    let own = |row: &&Row| row.server == server && row.scenario.is_main();
    let rows = summary.rows.iter().filter(own);
    remarks(&rows.collect::<Vec<_>>())
}

/// The same of rows that belong together.
pub(super) fn remarks(rows: &[&Row]) -> Vec<String> {
    let each: Vec<(Scenario, Vec<Note>)> =
        rows.iter().map(|row| (row.scenario, of_row(row))).collect();
    let mut notes: Vec<String> = Vec::new();
    for (scenario, of_row) in &each {
        for note in of_row {
            let common = each.iter().all(|(_, all)| all.contains(note));
            let (text, of_any) = note;
            let text = if common || !of_any {
                text.clone()
            } else {
                format!("{}: {text}", scenario.name())
            };
            if !notes.contains(&text) {
                notes.push(text);
            }
        }
    }
    let status = rows.iter().map(|row| plain(&row.status)).next();
    notes.extend(status.filter(|s| !s.is_empty() && s != "maintained"));
    notes
}

fn of_row(row: &Row) -> Vec<Note> {
    if is_to_come(row) {
        return Vec::new();
    }
    let mut notes: Vec<Note> =
        verdict(row).map(|verdict| (verdict, true)).into_iter().collect();
    notes.extend(failures(row).into_iter().map(|failure| (failure, true)));
    notes.extend(disputes(row));
    notes.extend(conformance::note(row).map(|note| (note, false)));
    notes.extend(in_doubt(row).map(|note| (note, false)));
    notes.extend(disturbances(row).map(|note| (note, true)));
    let told: Vec<&str> = row.disturbances().map(|(flag, _)| flag).collect();
    let said =
        |flag: &str| told.contains(&flag) || [SLIP, LITTLE].contains(&flag);
    for (flag, count) in &row.flag_counts {
        if said(flag) {
            continue;
        }
        let rounds = all_rounds(row);
        let note = if *count == rounds {
            plain(flag)
        } else {
            format!("{} in {count} of {rounds} rounds", plain(flag))
        };
        notes.push((note, flag != LADDER_LIMITED));
    }
    notes
}

/// Figures that a check of the client disputes, without touching the rank.
fn in_doubt(row: &Row) -> impl Iterator<Item = String> {
    row.failed_gates().filter_map(|gate| {
        let (value, limit) = (gate.value, gate.limit);
        match gate.effect {
            Effect::Latency => Some(format!(
                "~ latency: slip {} > {}",
                Micros(value),
                Micros(limit)
            )),
            Effect::Throughput => Some(format!(
                "~ throughput: little {} > {}",
                Percent(value),
                Percent(limit)
            )),
            _ => None,
        }
    })
}

/// What the machine did besides, and in how many of the rounds.
fn disturbances(row: &Row) -> Option<String> {
    let rounds = all_rounds(row);
    let each: Vec<String> = row
        .disturbances()
        .map(|(flag, count)| format!("{} {count}/{rounds}", plain(flag)))
        .collect();
    (!each.is_empty()).then(|| format!("~ {}", each.join(", ")))
}

/// Why a measured row has no rank.
pub(crate) fn unranked(row: &Row) -> Vec<String> {
    let failed = row.conformance == Some(Standing::Failed);
    let check = conformance::note(row).filter(|_| failed);
    disputes(row).into_iter().map(|(text, _)| text).chain(check).collect()
}

fn disputes(row: &Row) -> Vec<Note> {
    let mut notes: Vec<Note> =
        too_slow(row).map(|note| (note, false)).into_iter().collect();
    for gate in row.disputes() {
        let sign = if wants_at_least(&gate.name) { "<" } else { ">" };
        let percent = if gate.name == SENT_IN_TIME { " %" } else { "" };
        let note = format!(
            "no rank: {} {}{percent} {sign} {}{percent}",
            plain(&gate.name),
            trimmed(gate.value),
            trimmed(gate.limit),
        );
        notes.push((note, gate.name == CONSERVATION));
    }
    notes
}

/// Against the reference, in a word.
pub(crate) fn verdict(row: &Row) -> Option<String> {
    Some(match row.verdict? {
        Verdict::Faster => "faster".into(),
        Verdict::Slower => "slower".into(),
        Verdict::Equivalent => "equivalent".into(),
        Verdict::Undecided => undecided(row),
    })
}

fn undecided(row: &Row) -> String {
    let needed = row.rounds_needed.unwrap_or_default();
    let sign = if row.rounds + needed >= FAR { "over" } else { "about" };
    let rounds = if needed == 1 { "round" } else { "rounds" };
    format!("undecided, {sign} {needed} more {rounds}")
}

/// A server that left CPU unused did not reach its own limit: something else
/// held it up, a busy machine for one.
fn too_slow(row: &Row) -> Option<String> {
    const SATURATED_PERCENT: f64 = 90.0;
    let carried = rate(row.carried_only()?.round());
    let busy = row.metrics.get("server_busy_percent");
    Some(match busy.map(|busy| busy.median) {
        Some(busy) if busy < SATURATED_PERCENT => {
            format!("carried only {carried}, {} of its CPU used", Percent(busy))
        }
        _ => format!("saturates at {carried}"),
    })
}

/// What went wrong in how many rounds, each kind once with its last reason.
pub(crate) fn failures(row: &Row) -> Vec<String> {
    if row.failures.is_empty() {
        let mut reason = row.reason.as_deref().map(plain);
        if let (Some(reason), Some(hint)) = (&mut reason, &row.hint) {
            *reason = format!("{reason} (mend: {})", plain(hint));
        }
        return reason.into_iter().collect();
    }
    let mut kinds: Vec<&str> =
        row.failures.iter().map(|f| f.outcome.as_str()).collect();
    kinds.dedup();
    kinds.sort_unstable();
    kinds.dedup();
    let rounds = all_rounds(row);
    kinds
        .into_iter()
        .map(|kind| {
            let of_kind = row.failures.iter().filter(|f| f.outcome == kind);
            let count = of_kind.clone().count();
            let last = of_kind.max_by_key(|failure| failure.round);
            let reason = last.map(|last| plain(&last.reason));
            format!(
                "{} in {count} of {rounds} round{}: {}",
                if kind == "measured" { "void".into() } else { words(kind) },
                if rounds == 1 { "" } else { "s" },
                reason.unwrap_or_default(),
            )
        })
        .collect()
}

fn all_rounds(row: &Row) -> u32 {
    row.rounds + u32::try_from(row.failures.len()).unwrap_or(u32::MAX)
}

/// `never_ready` is `never ready`.
pub(super) fn words(outcome: &str) -> String {
    plain(outcome).replace('_', " ")
}

/// Up to three decimals, without trailing zeros: 99.85, not 99.9.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
