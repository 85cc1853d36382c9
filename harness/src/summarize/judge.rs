//! From rows to verdicts, ranks and pairs.
//!
//! Two families are tested, each at 5 %: every server against the reference,
//! which is what a run is made for, and every two servers, which ranks need.
//! Control lanes stand in the first like any server. Where client and servers
//! share CPUs, only CPU per echo is tested. A server whose figures a
//! check disputes, or that did not carry the rate, is compared to nobody:
//! its ratios are told, without a verdict.
//!
//! Refuses to do: rank by a figure what no test tells apart.

use std::collections::BTreeSet;

use super::controls::Pair;
use super::types::Row;
use crate::plan::Scenario;
use crate::stats::flips::{Differences, any_above, family_wise};
use crate::stats::signed_rank::hodges_lehmann_ratio;
use crate::stats::verdict::{
    ALPHA, MIN_DIFFERENCE, MIN_ROUNDS, Question, deviation, judge,
};
use crate::stats::{noise, ratios_by_round};

/// All rows of one scenario.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) scenario: Scenario,
    /// Whether its primary metric compares servers where they run.
    pub(super) compares: bool,
    /// Selected servers, in the order of selection.
    pub(super) rows: Vec<&'a Row>,
    /// The reference's row, among `rows` or not.
    pub(super) reference: Option<&'a Row>,
    /// The reference a second time.
    pub(super) same: Option<&'a Row>,
    /// The reference with a spin.
    pub(super) spin: Option<&'a Row>,
    pub(super) seed: u64,
}

/// What is found of them.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Every row against the reference, then every two other rows.
    pub(super) pairs: Vec<Pair>,
    /// The reference's second lane against it.
    pub(super) same: Option<Pair>,
    /// The reference with a spin against it.
    pub(super) spin: Option<Pair>,
    /// No difference below this fraction is called one.
    pub(super) floor: Option<f64>,
    /// First and last place of each row that has one, by server.
    pub(super) ranks: Vec<(String, [u32; 2])>,
}

/// Tests a scenario.
pub(super) fn findings(scene: &Scene<'_>) -> Findings {
    let floor = scene.floor();
    let known = floor.unwrap_or(MIN_DIFFERENCE);
    let mut found = Findings { floor, ..Findings::default() };
    if let Some(reference) = scene.reference {
        let others = scene.rows.iter().chain(&scene.same).chain(&scene.spin);
        let couples: Vec<(&Row, &Row)> = others
            .map(|row| (*row, reference))
            .filter(|(row, _)| row.server != reference.server)
            .collect();
        for pair in scene.judged(&couples, known) {
            let of = |row: Option<&Row>| {
                row.is_some_and(|row| row.server == pair.server)
            };
            if of(scene.same) {
                found.same = Some(pair);
            } else if of(scene.spin) {
                found.spin = Some(pair);
            } else {
                found.pairs.push(pair);
            }
        }
    }
    let couples = couples(&scene.rows);
    let pairs = scene.judged(&couples, known);
    found.ranks = scene.ranks(&pairs, &found.pairs, known);
    let with_reference = |pair: &Pair| {
        let reference = scene.reference.map(|row| row.server.as_str());
        [&pair.server, &pair.reference]
            .iter()
            .any(|server| Some(server.as_str()) == reference)
    };
    found.pairs.extend(pairs.into_iter().filter(|pair| !with_reference(pair)));
    found
}

fn couples<'a>(rows: &[&'a Row]) -> Vec<(&'a Row, &'a Row)> {
    rows.iter()
        .enumerate()
        .flat_map(|(at, a)| rows[at + 1..].iter().map(move |b| (*a, *b)))
        .collect()
}

impl Scene<'_> {
    fn metric(&self) -> &'static str {
        self.scenario.primary_metric()
    }

    /// What the residuals of all servers leave open, what the same binary
    /// under two names differed by, and 1 %, whichever is most.
    fn floor(&self) -> Option<f64> {
        if !self.compares {
            return None;
        }
        let mut rows: Vec<&Row> = self.rows.clone();
        let mut seen = BTreeSet::new();
        rows.extend(self.reference.iter().chain(&self.same).chain(&self.spin));
        rows.retain(|row| row.is_sound() && seen.insert(&row.server));
        let logs: Vec<Differences> =
            rows.iter().map(|row| logs(row, self.metric())).collect();
        let floor = noise::floor(&logs)?;
        let apart = self.same.zip(self.reference).and_then(|(a, b)| {
            let ratio = hodges_lehmann_ratio(&ratios(a, b, self.metric()))?;
            Some(ratio.median.max(1.0 / ratio.median) - 1.0)
        });
        Some(floor.max(apart.unwrap_or(0.0)).max(MIN_DIFFERENCE))
    }

    /// Every couple with figures in a common round; with a verdict where both
    /// are sound, all of those one family.
    fn judged(&self, couples: &[(&Row, &Row)], floor: f64) -> Vec<Pair> {
        let mut family = Vec::new();
        let mut pairs: Vec<(Pair, bool)> = Vec::new();
        for (a, b) in couples {
            let ratios = ratios(a, b, self.metric());
            let Some(ratio) = hodges_lehmann_ratio(&ratios) else { continue };
            // Too few rounds can't be proved different, however large their
            // statistic; in the family they would only stand in the way.
            let sound = self.compares
                && !is_clients_own(a, b)
                && a.is_sound()
                && b.is_sound()
                && ratio.n >= MIN_ROUNDS;
            if sound {
                family.push(differences(a, b, self.metric()));
            }
            let pair = Pair {
                server: a.server.clone(),
                reference: b.server.clone(),
                scenario: self.scenario,
                metric: self.metric().into(),
                ratio,
                verdict: None,
                rounds_needed: None,
                chance: None,
            };
            pairs.push((pair, sound));
        }
        let chances = family_wise(&family, self.seed);
        let mut tested = chances.iter().zip(&family);
        for (pair, sound) in &mut pairs {
            let next = if *sound { tested.next() } else { None };
            let Some((chance, differences)) = next else { continue };
            let logs: Vec<f64> =
                differences.iter().flatten().copied().collect();
            let ruling = judge(&Question {
                ratio: pair.ratio,
                chance: *chance,
                family: family.len(),
                floor,
                deviation: deviation(&logs),
            });
            pair.verdict = ruling.map(|ruling| ruling.verdict);
            pair.rounds_needed = ruling.and_then(|ruling| ruling.rounds_needed);
            pair.chance = ruling.map(|_| *chance);
        }
        pairs.into_iter().map(|(pair, _)| pair).collect()
    }

    /// A row's first place counts those that are surely cheaper, its last one
    /// those that are surely dearer. Whoever can't be the cheapest of all has
    /// no first place, even if it is not known who is cheaper.
    /// What is proved against the reference counts as well, though it is of
    /// another family: nobody is called slower and first.
    fn ranks(
        &self,
        pairs: &[Pair],
        to_reference: &[Pair],
        floor: f64,
    ) -> Vec<(String, [u32; 2])> {
        let entrants: Vec<&Row> = self
            .rows
            .iter()
            .copied()
            .filter(|row| row.is_sound() && row.rounds >= MIN_ROUNDS)
            .collect();
        if entrants.len() < 2 || !self.compares {
            return Vec::new();
        }
        let is_in = |server: &str| entrants.iter().any(|r| r.server == server);
        let mut told_apart: Vec<&Pair> = Vec::new();
        for pair in pairs.iter().chain(to_reference) {
            let are_in = is_in(&pair.server) && is_in(&pair.reference);
            let is_known = told_apart.iter().any(|known| known.is_of(pair));
            if are_in && pair.is_different() && !is_known {
                told_apart.push(pair);
            }
        }
        let count = |wanted: &dyn Fn(&Pair) -> bool| {
            let count = told_apart.iter().filter(|pair| wanted(pair)).count();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        let all = u32::try_from(entrants.len()).unwrap_or(u32::MAX);
        let rank = |row: &&Row| {
            let server = &row.server;
            let cheaper = count(&|pair| {
                (pair.server == *server && pair.ratio.median > 1.0)
                    || (pair.reference == *server && pair.ratio.median < 1.0)
            });
            let apart = count(&|pair| {
                pair.server == *server || pair.reference == *server
            });
            let dearer = apart - cheaper;
            let not_best = u32::from(!self.may_be_best(row, &entrants, floor));
            (server.clone(), [1 + cheaper.max(not_best), all - dearer])
        };
        entrants.iter().map(rank).collect()
    }

    /// Tied with best, after Hsu: it is not surely dearer than some other.
    fn may_be_best(&self, row: &Row, entrants: &[&Row], floor: f64) -> bool {
        let others: Vec<&Row> = entrants
            .iter()
            .copied()
            .filter(|other| other.server != row.server)
            .filter(|other| !is_clients_own(row, other))
            .collect();
        let metric = self.metric();
        let ratios = others.iter().filter_map(|other| {
            Some(hodges_lehmann_ratio(&ratios(row, other, metric))?.median)
        });
        if ratios.fold(1.0, f64::max) <= 1.0 + floor {
            return true;
        }
        let family: Vec<Differences> = others
            .iter()
            .map(|other| differences(row, other, metric))
            .collect();
        any_above(&family, self.seed) > ALPHA
    }
}

/// Whether both figures are the client's own limit, and say nothing of which
/// server is faster.
fn is_clients_own(a: &Row, b: &Row) -> bool {
    a.is_clients_own() && b.is_clients_own()
}

/// The logarithm of a row's figure in each round, counted from the first.
fn logs(row: &Row, metric: &str) -> Differences {
    let by_round = row.by_round(metric);
    let last = by_round.keys().next_back().copied().unwrap_or(0);
    (1..=last)
        .map(|round| by_round.get(&round).filter(|v| **v > 0.0))
        .map(|value| value.map(|value| value.ln()))
        .collect()
}

fn differences(a: &Row, b: &Row, metric: &str) -> Differences {
    let (a, b) = (logs(a, metric), logs(b, metric));
    a.into_iter().zip(b).map(|(a, b)| Some(a? - b?)).collect()
}

fn ratios(a: &Row, b: &Row, metric: &str) -> Vec<f64> {
    ratios_by_round(&a.by_round(metric), &b.by_round(metric))
        .into_values()
        .collect()
}
