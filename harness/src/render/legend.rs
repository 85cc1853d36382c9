//! What the marks in a table mean, of those that it has.
//!
//! Refuses to do: explain what is not there.

use crate::plan::Scenario;
use crate::summarize::Summary;

use super::view::View;

/// Marks that the table uses.
pub(super) fn legend(summary: &Summary, view: &View) -> Vec<String> {
    let mut out = Vec::new();
    let cells = || view.lines.iter().flat_map(|line| &line.cells);
    if cells().any(|cell| cell.contains("few")) {
        out.push(
            "few: fewer than 400 samples lie beyond that percentile; more \
             rounds would carry it."
                .into(),
        );
    }
    if cells().any(|cell| cell.contains('≥')) {
        out.push(
            "≥: the client was the bottleneck; the server could do more."
                .into(),
        );
    }
    if cells().any(|cell| cell.contains('≤')) {
        out.push(
            "≤: the client was the bottleneck; the server may take less, and \
             is not told from others that are marked so."
                .into(),
        );
    }
    out.extend(doubts(summary, view));
    let held = summary.plan.scenarios.contains(&Scenario::Load);
    if held && cells().any(|cell| cell.contains(" + ")) {
        out.push(
            "Kernel memory holds both ends of every connection, the client's \
             too."
                .into(),
        );
    }
    out
}

/// What the marks of a disturbed machine say, of those that the table has.
fn doubts(summary: &Summary, view: &View) -> Option<String> {
    const WORDS: [(&str, &str); 9] = [
        ("steal", "the hypervisor took over 5 % of a CPU"),
        ("other-cpu", "others used over 10 % of a side's CPUs"),
        ("host-speed", "a fixed computation was off its round by over 15 %"),
        ("client-preempted", "the client was put off its CPU over 100/s"),
        ("listen-overflows", "accept queues were full"),
        ("listen-drops", "connections were dropped"),
        ("syn-cookies", "SYN cookies were sent"),
        ("retransmits", "TCP segments were sent again"),
        ("softnet-drops", "packets were dropped"),
    ];
    let mut cells = view.lines.iter().flat_map(|line| &line.cells);
    let marked = cells.any(|cell| cell.starts_with('~'));
    let made = |flag: &str| {
        let mut rows = summary.rows.iter();
        rows.any(|row| row.disturbances().any(|(known, _)| known == flag))
    };
    let known: Vec<String> = WORDS
        .iter()
        .filter(|(flag, _)| made(flag))
        .map(|(flag, words)| format!("{flag}: {words}"))
        .collect();
    if !marked && known.is_empty() {
        return None;
    }
    let mut text = "~: taken on a disturbed machine in half of the rounds or \
                    more, or disputed by the check that the notes name"
        .to_owned();
    if !known.is_empty() {
        text.push_str(&format!(" ({})", known.join("; ")));
    }
    Some(text + ".")
}

#[cfg(test)]
mod tests {
    use crate::plan::Scenario::Load;
    use crate::record::Outcome;
    use crate::render::tests::lines_fit;
    use crate::render::{markdown, table};
    use crate::scripted::{self, full, measured, plan, records};
    use crate::summarize::{Summary, summarize};

    /// `rust-tokio` is disturbed in some rounds, and late in all.
    fn summary(stolen: u32) -> Summary {
        let plan = plan(&["rust-mio", "rust-tokio"], &[Load], 6);
        let mut all = records(&plan, |trial| {
            let mut launch = full(Load, 10.0, 100);
            let window = &mut launch.report.windows[0];
            if trial.lane == "rust-tokio" {
                window.slip = scripted::histogram(5_000, 20_000);
                let around = window.around.as_mut().unwrap();
                if trial.round <= stolen {
                    around.cpus[0].steal_ns = 1_000_000_000;
                }
            }
            measured(launch)
        });
        let mut again = all.clone();
        again.retain(|record| record.trial.round == 2);
        again.iter_mut().for_each(|record| record.repeat = 1);
        all.extend(again);
        let broken = all.iter_mut().find(|it| it.trial.round == 2).unwrap();
        broken.outcome = Outcome::HarnessError { message: "no port".into() };
        summarize("r", false, &scripted::host(), &plan, &all)
    }

    /// The two lines of a server.
    fn lines<'a>(table: &'a str, server: &str) -> [&'a str; 2] {
        let lines: Vec<&str> = table.lines().collect();
        let at = lines.iter().position(|line| {
            line.trim_start_matches(['┌', '│', '└', ' ']).starts_with(server)
                && line.contains(" / ")
        });
        let at = at.unwrap_or_else(|| panic!("no {server} in {table}"));
        [lines[at], lines[at + 1]]
    }

    #[test]
    fn what_a_check_disputes_is_marked_and_the_mark_is_explained() {
        let text = table(&summary(2));
        lines_fit(&text);
        let [figures, notes] = lines(&text, "rust-tokio");
        // Two rounds of six do not touch the median, all six the latency.
        assert_eq!(figures.matches('~').count(), 1, "{text}");
        assert!(notes.contains("~ latency: slip 50.0k µs > 100 µs"), "{text}");
        assert!(notes.contains("~ steal 2/6"), "{text}");
        assert!(text.contains("~: taken on a disturbed machine"), "{text}");
        let [figures, notes] = lines(&text, "rust-mio");
        assert!(!figures.contains('~') && !notes.contains('~'), "{text}");
        let text = table(&summary(3));
        let [figures, _] = lines(&text, "rust-tokio");
        assert_eq!(figures.matches('~').count(), 3, "{text}");
        assert!(markdown(&summary(3)).contains("\\~"));
    }

    #[test]
    fn a_repeated_round_is_told_with_its_reason() {
        let text = table(&summary(0)).replace('\n', " ");
        assert!(text.contains("Round 2 was made again whole"), "{text}");
        assert!(text.contains("no port."), "{text}");
        assert!(!text.contains("steal"), "{text}");
    }
}
