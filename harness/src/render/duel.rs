//! A duel in words.
//!
//! Refuses to do: name a winner that the verdict doesn't.

use crate::duel::{Duel, Rules, Verdict};
use crate::plan::Placement;
use crate::summarize::plain;
use crate::units::{LowHigh, Times};

use super::heading::isolation;

/// What came of it: the verdict, the ratios, how sure they are.
#[must_use]
pub fn duel(duel: &Duel) -> String {
    let (a, b) = (plain(&duel.a), plain(&duel.b));
    let (a, b) =
        if a == b { (format!("{a} (A)"), format!("{b} (B)")) } else { (a, b) };
    let mut sentences = vec![verdict(duel, &a, &b)];
    if let Some(reason) = &duel.reason {
        sentences.push(format!("No verdict: {}.", plain(reason)));
    }
    sentences.push(format!(
        "CPU per echo, {a} over {b}: {} ({}).",
        Times(duel.ratio.median),
        LowHigh(duel.ratio),
    ));
    let rules = &duel.rules;
    if rules.rate_per_s.is_none() {
        sentences.push(format!(
            "Echoes per second beside it: {} ({}); {}.",
            Times(duel.throughput_ratio.median),
            LowHigh(duel.throughput_ratio),
            limit(rules.placement),
        ));
    }
    sentences.push(format!(
        "{} pairs of launches, {} connections to each, {}, slices of {} ms in \
         the order A B B A, both alive on the same CPUs{}.",
        duel.launch_pairs,
        rules.connections,
        load(rules),
        rules.slice_ms,
        match rules.placement {
            Placement::Split => "",
            Placement::Shared => ", which the clients share",
        },
    ));
    let [of_a, of_b] = rules.workers;
    if of_a != of_b {
        sentences.push(format!(
            "Workers that were asked for: {of_a} of A, {of_b} of B."
        ));
    }
    if rules.whole {
        sentences.push(
            "All slices of a pair count together: what a runtime pays at \
             moments is part of its cost."
                .into(),
        );
    }
    sentences.extend(isolation(
        "pair of launches",
        rules.isolation,
        rules.congestion_control.as_deref(),
        &rules.lacking,
    ));
    if rules.spin_us != [0, 0] {
        let [of_a, of_b] = rules.spin_us;
        sentences.push(format!(
            "The handlers burnt {of_a} µs in A and {of_b} µs in B."
        ));
    }
    if duel.partial {
        sentences.push("It was cut short.".into());
    }
    sentences.push(String::new());
    sentences.join("\n")
}

/// What else may bound the rate of a closed loop.
const fn limit(placement: Placement) -> &'static str {
    match placement {
        Placement::Split => "on few CPUs the client may have been the limit",
        Placement::Shared => "clients and servers took CPU from one another",
    }
}

fn load(rules: &Rules) -> String {
    match (rules.rate_per_s, rules.in_flight) {
        (Some(per_s), _) => format!("{per_s} echoes per second"),
        (None, Some(some)) => format!("{some} of them in flight"),
        (None, None) => "all in flight".into(),
    }
}

fn verdict(duel: &Duel, a: &str, b: &str) -> String {
    let percent = 100.0 * (duel.ratio.median - 1.0).abs();
    match duel.verdict {
        Verdict::Faster => format!("{a} costs {percent:.1} % less than {b}."),
        Verdict::Slower => format!("{a} costs {percent:.1} % more than {b}."),
        Verdict::Equivalent => {
            format!("{a} and {b} cost the same, within 2 %.")
        }
        Verdict::Undecided => {
            format!("Undecided: this duel can't tell {a} from {b}.")
        }
    }
}

/// How it stands, in one line, while it goes on.
#[must_use]
pub fn duel_line(duel: &Duel, most: usize) -> String {
    let interval = duel.ratio;
    let so_far = if interval.high > interval.low {
        format!(" ({:.3}–{:.3} so far)", interval.low, interval.high)
    } else {
        String::new()
    };
    format!(
        "pair {} of at most {most}: CPU per echo × {:.3}{so_far}",
        duel.launch_pairs, interval.median,
    )
}

/// The duel as `--json` prints it.
#[must_use]
pub fn duel_json(duel: &Duel) -> String {
    let mut text = serde_json::to_string_pretty(duel).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duel::judge::judge;
    use crate::duel::{LaunchPair, Slice, closed};

    fn pairs(ratio: f64, count: usize) -> Vec<LaunchPair> {
        let slice = |cpu_ns| Slice { cpu_ns, echoes: 1_000, wall_ns: 100 };
        #[expect(clippy::cast_possible_truncation, reason = "a test's figures")]
        #[expect(clippy::cast_sign_loss, reason = "a test's figures")]
        let of_a = slice((1e7 * ratio) as u64);
        let pair = LaunchPair {
            a: vec![of_a; 4],
            b: vec![slice(10_000_000); 4],
            idle_percent: [0.1, 0.1],
        };
        vec![pair; count]
    }

    fn rules() -> Rules {
        Rules {
            spin_us: [0, 1],
            isolation: "pin,netns".parse().unwrap(),
            congestion_control: Some("reno".into()),
            ..closed()
        }
    }

    #[test]
    fn the_sentence_that_names_a_winner_turns_with_the_order() {
        let text = |ratio| {
            let pairs = pairs(ratio, 4);
            duel(&judge("id", ["x", "y"], &rules(), &pairs).unwrap())
        };
        assert!(text(0.9).starts_with("x costs 10.0 % less than y.\n"));
        assert!(text(1.1).starts_with("x costs 10.0 % more than y.\n"));
        assert!(text(1.0).starts_with("x and y cost the same"));
        assert!(text(1.0).contains("0 µs in A and 1 µs in B"));
        assert!(text(1.0).contains("own network (congestion control reno)"));
    }

    #[test]
    fn what_each_was_loaded_with_is_told() {
        let text = |rules| {
            duel(&judge("id", ["x", "x"], &rules, &pairs(1.1, 4)).unwrap())
        };
        let closed = text(rules());
        assert!(closed.contains("256 connections to each, all in flight,"));
        assert!(closed.contains("the client may have been the limit"));
        assert!(!closed.contains("orkers"), "{closed}");
        let whole = text(Rules { whole: true, ..rules() });
        assert!(whole.contains("count together") && closed != whole);
        let some = text(Rules { in_flight: Some(16), ..rules() });
        assert!(some.contains("to each, 16 of them in flight,"), "{some}");
        // 4 slices of 100 ns, 1,000 echoes in each.
        let rate_per_s = Some(1_000_000_000);
        let workers = [1, 2];
        let placement = Placement::Shared;
        let open = text(Rules { rate_per_s, workers, placement, ..rules() });
        assert!(open.contains("1000000000 echoes per second, slices"));
        assert!(open.contains("same CPUs, which the clients share."));
        assert!(open.contains("asked for: 1 of A, 2 of B."), "{open}");
        assert!(!open.contains("Echoes per second beside it"), "{open}");
    }

    #[test]
    fn an_unfinished_duel_names_no_winner() {
        let cut = judge("id", ["x", "y"], &rules(), &pairs(0.5, 3)).unwrap();
        let text = duel(&cut);
        assert!(text.starts_with("Undecided"), "{text}");
        assert!(text.contains("cut short"), "{text}");
        assert!(duel_line(&cut, 16).contains("× 0.500"));
    }
}
