//! The page: its frame, its sections in their order, its policy.
//!
//! The policy lets nothing be fetched and no script run but the one whose
//! digest it names. Without that script the page is whole: it sorts tables
//! and puts two servers side by side, nothing else.
//!
//! Refuses to do: decide what a section says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::figure::{self, Figure};
use super::figures::scenarios;
use super::panels::{self, Panels};
use super::words::by_several;
use super::{Report, certificate, conformance, costs, defaults, failures};
use super::{fairness, forest, ladder, latency, memory, ranking, spectrum};
use super::{sweeps, timeline, trust};
use crate::compare::other_plan;
use crate::summarize::{Summary, plain};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Narrower, the text of a drawing as wide as the page could not be read.
const WIDE: u32 = 760;
/// The same for a panel.
const NARROW: u32 = 200;

pub(super) fn page(report: &Report<'_>) -> Markup {
    let summary = report.summary;
    let title = format!("Run {}", plain(&summary.run));
    let sections = sections(report);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) ": which concurrency model, and at what cost?" }
                style { (PreEscaped(STYLE)) (PreEscaped(figure::STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the answers" }
                header {
                    h1 { "Which concurrency model, and at what cost?" }
                    p { (title) ", " (plain(&summary.host.label)) "." }
                }
                nav aria-label="Sections" { ul {
                    @for section in &sections {
                        li { a href=(format!("#{}", section.id)) { (section.name) } }
                    }
                } }
                main id="main" {
                    @for section in &sections {
                        section id=(section.id)
                            aria-labelledby=(format!("{}-name", section.id)) {
                            h2 id=(format!("{}-name", section.id)) { (section.name) }
                            (section.content)
                        }
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// Nothing but this page's own style and this very script.
fn policy() -> String {
    let digest = STANDARD.encode(Sha256::digest(SCRIPT));
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src \
         'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
}

struct Section {
    id: &'static str,
    name: &'static str,
    content: Markup,
}

fn sections(report: &Report<'_>) -> Vec<Section> {
    let summary = report.summary;
    let scenarios = scenarios(summary);
    let section = |id, name, content| Section { id, name, content };
    let rankings = html! {
        @for scenario in &scenarios { (ranking::ranking(summary, *scenario)) }
    };
    let ratios: Vec<Figure> = scenarios
        .iter()
        .filter_map(|scenario| forest::forest(summary, *scenario))
        .collect();
    let ratios = (!ratios.is_empty()).then(|| {
        html! {
            @for figure in &ratios { (drawing(figure)) }
        }
    });
    let optional = [
        ("ratios", "Against the reference", ratios),
        ("latencies", "Latency", latencies(report)),
        ("rates", "CPU per echo by rate", rates(report)),
        (
            "memories",
            "Memory of a connection",
            memory::memory(summary).map(|figure| drawing(&figure)),
        ),
        ("curves", "Other loads", sweeps::section(summary, multiples)),
        ("all-costs", "All costs", costs::costs(summary)),
        ("fairness", "Fairness", fairness::fairness(summary)),
        ("defaults", "What the defaults cost", defaults::defaults(summary)),
        (
            "conformance",
            "Do they all do the same?",
            conformance::conformance(report.checked),
        ),
        (
            "timelines",
            "A trial",
            timeline::timeline(report.timelines).map(|it| drawing(&it)),
        ),
    ];
    let mut out = vec![section("answers", "The answers", verdicts(report))];
    if !scenarios.is_empty() {
        out.push(section("ranking", "Ranking", rankings));
    }
    out.extend(optional.into_iter().filter_map(|(id, name, content)| {
        content.map(|content| section(id, name, content))
    }));
    out.extend([
        section(
            "wanting",
            "Failed, skipped, unranked",
            failures::section(summary),
        ),
        section("trust", "How far to trust it", trust::trust(summary)),
        section(
            "instrument",
            "The instrument",
            certificate::certificate(report.certificate),
        ),
        section("origin", "Where it comes from", trust::origin(summary)),
        section("reading", "How to read it", trust::how_to_read(summary)),
    ]);
    out
}

fn verdicts(report: &Report<'_>) -> Markup {
    html! {
        dl.answers {
            @for (it, run) in by_several(report.summary, report.others) {
                div {
                    dt { (it.question) }
                    dd {
                        (it.answer)
                        @if let Some(run) = run {
                            " From run " (plain(&run.run))
                            (conditions(report.summary, run)) "."
                        }
                    }
                }
            }
        }
    }
}

/// In what another run differs, for whoever reads its answers.
fn conditions(ours: &Summary, other: &Summary) -> String {
    let differences = other_plan(ours, other);
    if differences.is_empty() {
        return String::new();
    }
    let differences: Vec<String> =
        differences.iter().map(|it| plain(it)).collect();
    format!(" ({})", differences.join("; "))
}

fn latencies(report: &Report<'_>) -> Option<Markup> {
    let spectra = spectrum::panels(report.spectra);
    let percentiles = latency::latency(report.summary)?;
    Some(html! {
        (drawing(&percentiles))
        @if let Some(spectra) = spectra {
            h3 { "By percentile" }
            p { (spectra.description) }
            (multiples(&spectra))
            details {
                summary { "The figures" }
                (spectrum::figures(report.spectra))
            }
        }
    })
}

fn rates(report: &Report<'_>) -> Option<Markup> {
    let panels = ladder::panels(report.summary)?;
    let crossings = ladder::crossings(report.summary);
    Some(html! {
        p { (panels.description) }
        (multiples(&panels))
        h3 { "Crossings" }
        @if crossings.is_empty() {
            p { "No server is proved cheaper than another at one rate and \
                 dearer at a higher one." }
        } @else {
            ul { @for crossing in &crossings { li { (crossing) } } }
        }
        details {
            summary { "The figures" }
            (ladder::figures(report.summary))
        }
    })
}

fn drawing(figure: &Figure) -> Markup {
    html! {
        figure {
            (figure.inline(WIDE))
            figcaption { strong { (figure.title) "." } " " (figure.description) }
        }
    }
}

fn multiples(panels: &Panels) -> Markup {
    html! {
        div.panels {
            @for figure in panels::each(panels) { (figure.inline(NARROW)) }
        }
    }
}
