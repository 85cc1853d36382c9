//! `report`: the page of the committed run, in a real browser.
//!
//! The browser starts with a profile of its own and without its background
//! services. Without one these tests are ignored, with the reason.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Ignored;
use crate::bed::{PATIENCE, can, harness, root};
use crate::guard::{Finished, Guarded, command, output};
use crate::tests;

tests![
    report_writes_the_page_and_its_drawings_where_it_is_told,
    a_report_that_cannot_be_written_is_refused_in_one_line,
    the_committed_runs_answer_every_question_together,
    a_browser_has_nothing_to_complain_of_under_the_pages_policy,
    the_page_fetches_nothing_fits_any_screen_and_sorts,
    axe_finds_no_barrier_in_light_or_dark,
];

const BROWSER: &str = "chromium";

/// The newest committed run's page, in a directory that is gone with the
/// test.
fn page() -> (TempDir, PathBuf) {
    page_of(&newest())
}

fn page_of(run: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("report.html");
    let mut command = harness(&["report", run, "--out"]);
    output(command.arg(&page)).exits_with(0);
    (directory, page)
}

fn newest() -> String {
    let newest = harness::store::committed(&root()).pop().unwrap();
    newest.to_string_lossy().into_owned()
}

fn report_writes_the_page_and_its_drawings_where_it_is_told() {
    const LARGEST: u64 = 2_000_000;
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("page.html");
    let drawings = directory.path().join("a/b");
    let mut command = harness(&["report", &newest(), "--out"]);
    command.arg(&page).arg("--svg").arg(&drawings);
    let said = output(&mut command).exits_with(0).stdout.clone();
    assert!(fs::metadata(&page).unwrap().len() < LARGEST);
    let written = fs::read_dir(&drawings).unwrap().count();
    assert_eq!(said.lines().count(), 1 + written, "{said}");
    for line in said.lines() {
        assert!(Path::new(line).is_file(), "{line}");
    }
}

fn a_report_that_cannot_be_written_is_refused_in_one_line() {
    let nowhere = "no/such/directory/report.html";
    let finished = output(&mut harness(&["report", "latest", "-o", nowhere]));
    finished.exits_with(1);
    assert_eq!(finished.stdout, "");
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    assert!(finished.stderr.contains(nowhere), "{}", finished.stderr);
}

fn the_committed_runs_answer_every_question_together() {
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("page.html");
    let mut all = harness::store::committed(&root());
    let newest = all.pop().unwrap();
    let mut command = harness(&["report"]);
    command.arg(newest).arg("--out").arg(&page);
    for run in &all {
        command.arg("--with").arg(run);
    }
    output(&mut command).exits_with(0);
    let text = fs::read_to_string(&page).unwrap();
    assert!(!text.contains("Not measured in this run"), "a question is open");
    assert!(text.contains("From run "), "nobody else was asked");
}

/// CI installs what these tests look with, so there nothing may be missing.
fn required<T>(found: Result<T, Ignored>) -> Result<T, Ignored> {
    let all = env::var_os("HARNESS_TEST_REQUIRE_ALL").is_some();
    found.inspect_err(|Ignored(why)| assert!(!all, "{why}"))
}

fn browser() -> Result<(), Ignored> {
    required(can("a browser", BROWSER, &["--version"]))
}

/// The browser, told to do nothing of its own accord.
fn browse(directory: &Path, arguments: &[&str], page: &Path) -> Finished {
    let mut command: Command = command(BROWSER);
    command
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // Nothing of the browser's own leaves this machine.
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr",
            "--virtual-time-budget=4000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", directory.join("profile").display()))
        .env("HOME", directory)
        .args(arguments)
        .arg(format!("file://{}", page.display()));
    Guarded::start(&mut command).finish(PATIENCE)
}

fn a_browser_has_nothing_to_complain_of_under_the_pages_policy()
-> Result<(), Ignored> {
    browser()?;
    let (directory, page) = page();
    let seen = browse(directory.path(), &[], &page);
    seen.exits_with(0);
    let complaints: Vec<&str> =
        seen.stderr.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    // The script ran, so its digest is the one that the policy names.
    assert!(seen.stdout.contains("<button type=\"button\">"));
    Ok(())
}

/// Sorts the ranking by cost, both ways, then tells its parent what it saw.
const MEASURE: &str = r##"<script>
const head = document.querySelectorAll("#ranking-load th")[4];
const costs = () => [...document.querySelectorAll("#ranking-load tbody tr")]
  .map(row => row.cells[4].dataset.key).filter(Boolean).map(Number);
const steps = [0, 1].map(() => {
  head.querySelector("button").click();
  const seen = costs();
  const up = seen.every((v, at) => !at || seen[at - 1] <= v);
  const down = seen.every((v, at) => !at || seen[at - 1] >= v);
  return [head.getAttribute("aria-sort"), up, down];
});
const root = document.documentElement;
parent.postMessage(JSON.stringify({
  width: innerWidth, overflows: root.scrollWidth > root.clientWidth, steps,
  fetched: performance.getEntriesByType("resource").length,
}), "*");
</script>"##;

const FRAMES: &str = r#"<!doctype html><meta charset="utf-8"><body><pre></pre>
<script>
addEventListener("message", event => {
  document.querySelector("pre").append(event.data + "\n");
});
for (const width of [360, 1440]) {
  const frame = document.createElement("iframe");
  frame.width = width; frame.height = 900; frame.src = "copy.html";
  document.body.append(frame);
}
</script>"#;

fn the_page_fetches_nothing_fits_any_screen_and_sorts() -> Result<(), Ignored> {
    browser()?;
    let (directory, page) = page();
    let text = fs::read_to_string(&page).unwrap();
    // A copy without its policy: the measuring script is not the page's, and
    // whatever the page wanted to fetch would now be fetched.
    let copy = text
        .replace("Content-Security-Policy", "X-None")
        .replace("</body>", &format!("{MEASURE}</body>"));
    fs::write(directory.path().join("copy.html"), copy).unwrap();
    let frames = directory.path().join("frames.html");
    fs::write(&frames, FRAMES).unwrap();
    let seen = browse(directory.path(), &["--window-size=1600,2000"], &frames);
    let dom = &seen.exits_with(0).stdout;
    let told = dom.split("<pre>").nth(1).unwrap_or_default();
    let told = told.split("</pre>").next().unwrap_or_default();
    let mut told: Vec<Value> =
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    told.sort_by_key(|frame| frame["width"].as_u64());
    let whole = |width: u32| {
        json!({
            "width": width, "overflows": false, "fetched": 0,
            "steps": [["ascending", true, false], ["descending", false, true]],
        })
    };
    assert_eq!(told, [whole(360), whole(1440)], "{}", seen.stderr);
    Ok(())
}

/// Where axe-core's script is: named by the environment, or where
/// CONTRIBUTING.md has it put.
fn axe() -> Result<String, Ignored> {
    let named = env::var_os("HARNESS_TEST_AXE").map(PathBuf::from);
    let usual = || root().join("target/axe/package/axe.min.js");
    let path = named.unwrap_or_else(usual);
    required(fs::read_to_string(&path).map_err(|_| {
        Ignored("axe-core is not there: CONTRIBUTING.md says how".into())
    }))
}

/// Has axe look at the page, tells what it found and what it passed.
const LOOK: &str = r#"<script>
axe.run(document).then(found => {
  const told = {
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    passes: found.passes.length,
    violations: found.violations.map(rule =>
      [rule.id, rule.help, ...rule.nodes.slice(0, 3).map(node => node.html)]),
    undecided: found.incomplete.map(rule => rule.id),
  };
  document.body.textContent = "";
  document.body.append(document.createElement("pre"));
  document.querySelector("pre").textContent = JSON.stringify(told);
});
</script>"#;

fn axe_finds_no_barrier_in_light_or_dark() -> Result<(), Ignored> {
    browser()?;
    let axe = axe()?;
    for run in harness::store::committed(&root()) {
        looked_at(&axe, &run.to_string_lossy());
    }
    Ok(())
}

fn looked_at(axe: &str, run: &str) {
    let (directory, page) = page_of(run);
    let text = fs::read_to_string(&page).unwrap();
    // A copy without its policy, which lets no other script run.
    let copy = text
        .replace("Content-Security-Policy", "X-None")
        .replace("</body>", &format!("<script>{axe}</script>{LOOK}</body>"));
    let looked_at = directory.path().join("looked-at.html");
    fs::write(&looked_at, copy).unwrap();
    for (dark, setting) in [(false, "1"), (true, "0")] {
        let setting =
            format!("--blink-settings=preferredColorScheme={setting}");
        let time = "--virtual-time-budget=60000";
        let seen = browse(directory.path(), &[&setting, time], &looked_at);
        let dom = &seen.exits_with(0).stdout;
        let told = dom.split("<pre>").nth(1).unwrap_or_default();
        let told = told.split("</pre>").next().unwrap_or_default();
        let told: Value = serde_json::from_str(told)
            .unwrap_or_else(|_| panic!("{told:.200} {}", seen.stderr));
        assert_eq!(told["dark"], dark, "{told}");
        assert_eq!(told["violations"], json!([]), "{told:#}");
        assert!(told["passes"].as_u64().unwrap() > 20, "{told:#}");
    }
}
