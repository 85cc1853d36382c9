//! Advice in sentences.
//!
//! Refuses to do: say more than the run holds.

use super::{Advice, Fit, Measured, Question, Verdict};
use crate::render::rate;
use crate::summarize::{Row, plain};
use crate::units::{Bytes, Count, LowHigh, Plain};

pub(super) fn no_rate() -> String {
    "The run has no launch at a fixed rate: it needs the scenario load, scale \
     or handler."
        .into()
}

pub(super) fn handler_stops(most: u32) -> String {
    format!(
        "The run stops at handlers of {most} µs: measure with --scenario \
         handler."
    )
}

pub(super) fn connections_stop(most: u32, question: &Question) -> String {
    let asked = question.connections;
    let (most, asked) = (Count(most.into()), Count(asked.into()));
    let with = match question.spin_us {
        0 => String::new(),
        us => format!(" with a handler of {us} µs or more"),
    };
    format!(
        "The run stops at {most} connections{with}: nothing is known of \
         {asked}; measure with -c."
    )
}

pub(super) fn payload_stops(most: u32, question: &Question) -> String {
    let bytes = |it: u32| Bytes(f64::from(it));
    format!(
        "The run's latencies are of messages of {}: nothing is known of {}; \
         measure with --payload.",
        bytes(most),
        bytes(question.payload_bytes)
    )
}

pub(super) fn unmeasured(row: &Row) -> String {
    let outcome = row.outcome.replace('_', " ");
    let reason = row.reason.as_deref().map(plain);
    reason.map_or(outcome.clone(), |reason| format!("{outcome}: {reason}"))
}

pub(super) fn carried_only(per_s: f64) -> String {
    format!("it carried only {}", rate(per_s))
}

pub(super) fn unsound(row: &Row) -> String {
    let gates: Vec<&str> = row.disputes().map(|it| it.name.as_str()).collect();
    match gates.as_slice() {
        [] => "it failed the conformance suite".into(),
        _ => format!("disputed by {}", gates.join(", ")),
    }
}

pub(super) fn few() -> String {
    "too few samples for a 99th percentile: more rounds would carry it".into()
}

pub(super) fn doubted() -> String {
    "~ taken on a disturbed machine or by a late client".into()
}

pub(super) fn one_round() -> String {
    "one round has no interval".into()
}

/// The answer, what it rests on, and what it leaves open.
#[must_use]
pub fn sentences(advice: &Advice) -> Vec<String> {
    let Some(measured) = &advice.measured else {
        return advice.stops.clone();
    };
    let count = |verdict| {
        let fits = advice.servers.iter();
        fits.filter(|fit| fit.verdict == verdict).count()
    };
    let carry = count(Verdict::Carries);
    let may = match count(Verdict::Unsure) {
        0 => String::new(),
        unsure => format!(", {unsure} more may,"),
    };
    let mut out = vec![format!(
        "{carry} of {} servers carry it{may} by run {}: {}.",
        advice.servers.len(),
        plain(&advice.run),
        load(measured, &advice.question),
    )];
    out.extend(winner(advice));
    out.extend(excess(measured, &advice.question));
    out.push(
        "That is this machine, this client on the same machine, and echoes: \
         what a handler allocates, locks or waits for is not in it."
            .into(),
    );
    out
}

/// Who to take, or why nobody is named.
fn winner(advice: &Advice) -> Option<String> {
    let find =
        |name: &String| advice.servers.iter().find(|fit| fit.server == *name);
    let named: Vec<&Fit> = advice.cheapest.iter().filter_map(find).collect();
    let Some(first) = named.first() else {
        let any = |fit: &Fit| fit.verdict == Verdict::Carries;
        return advice.servers.iter().any(any).then(|| {
            "Which of them is cheapest is not known: ranks need 6 rounds of \
             two servers."
                .into()
        });
    };
    let figures = figures(first);
    Some(match named.as_slice() {
        [_] => {
            format!("Cheapest of them: {} ({figures}).", plain(&first.server))
        }
        [_, others @ ..] => {
            let others: Vec<String> =
                others.iter().map(|fit| plain(&fit.server)).collect();
            format!(
                "Tied for cheapest of them: {} ({figures}), {}.",
                plain(&first.server),
                others.join(", "),
            )
        }
        [] => return None,
    })
}

fn figures(fit: &Fit) -> String {
    let cost = fit
        .cpu_us_per_echo
        .map(|cost| format!("{} µs CPU an echo", Plain(cost.median)));
    let p99 = fit
        .p99_ms
        .map(|p99| format!("p99 {} ms, {}", Plain(p99.median), LowHigh(p99)));
    let margin = fit
        .margin
        .map(|margin| format!("{} times below the limit", Plain(margin)));
    let parts = [cost, p99, margin];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn load(measured: &Measured, question: &Question) -> String {
    let handler = match measured.spin_us {
        0 => String::new(),
        us => format!(", a handler of {us} µs"),
    };
    format!(
        "{} connections, messages of {}, {} over all of them{handler}, p99 at \
         most {} ms",
        Count(measured.connections.into()),
        Bytes(f64::from(measured.payload_bytes)),
        rate(measured.rate_per_s),
        Plain(question.p99_ms),
    )
}

/// Where the launches were loaded harder than asked.
fn excess(measured: &Measured, question: &Question) -> Option<String> {
    let mut more = Vec::new();
    if measured.connections > question.connections {
        let asked = Count(question.connections.into());
        more.push(format!("more connections than the {asked} asked for"));
    }
    if measured.payload_bytes > question.payload_bytes {
        let asked = Bytes(f64::from(question.payload_bytes));
        more.push(format!("larger messages than the {asked} asked for"));
    }
    if measured.spin_us > question.spin_us {
        more.push(format!(
            "a dearer handler than the {} µs asked for",
            question.spin_us
        ));
    }
    (!more.is_empty()).then(|| {
        format!(
            "The nearest launch had {}: who carries that carries what was \
             asked, who doesn't may.",
            more.join(" and ")
        )
    })
}
