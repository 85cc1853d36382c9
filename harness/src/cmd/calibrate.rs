//! `calibrate`: has the instrument prove itself, and keeps what came of it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::build::{self, Built};
use crate::calibrate::session::{Ended, Session};
use crate::calibrate::{
    self, Certificate, Entry, FILE, Size, State, Test, Tools,
};
use crate::cli::{Calibrate, Output};
use crate::drive::Client;
use crate::event::Event;
use crate::exit::{DONE, SERVER_FAILED, TOOL, UNFIT, USAGE, refuse};
use crate::host::Host;
use crate::interrupt::Interrupt;
use crate::isolation::rights::{self, Ground};
use crate::plan::Wanted;
use crate::progress::{Progress, Style, about, say};
use crate::{host, preflight, process, render, store};

/// What the servers listen with.
const BACKLOG: u32 = 4096;

/// Runs the tests that were asked for, stores and prints the certificate.
pub(super) fn calibrate(args: &Calibrate, output: Output) -> Result<u8> {
    let deadline = args.time.map(|time| Instant::now() + time);
    let root = store::root()?;
    let results = store::results(&root, args.results_dir.as_deref());
    let tests = calibrate::select(&args.only, args.full)
        .map_err(|why| refuse(USAGE, why))?;
    let drives = tests.iter().any(|test| test.drives());
    // First of all: it may have to come before a second thread.
    let ground = drives.then(|| rights::prepare(Wanted::Auto, BACKLOG));
    let ground = ground.transpose()?;
    let interrupt = Interrupt::install()?;
    process::adopt_orphans()?;
    let allowed = preflight::raise_descriptor_limit();
    let host = host::inspect::inspect(&root);
    if let Some(ground) = &ground {
        fit(&host, ground, allowed)?;
    }
    store::prepare(&results)?;
    let style = if output.quiet { Style::None } else { output.progress };
    let mut progress = Progress::new(style);
    let certificate = stored(&results, &host, &progress)?;
    let directory = tempfile::tempdir()?;
    let harness = std::env::current_exe().context("no path of its own")?;
    let built = ground.map(|ground| {
        let (binary, fixture) = build(&root, &mut progress, &interrupt)?;
        Ok::<_, anyhow::Error>(Tools {
            client: Client::Shared(binary.clone()),
            binary,
            harness: harness.clone(),
            fixture,
            host: host.clone(),
            isolation: ground.isolation,
            directory: directory.path().to_path_buf(),
            results: results.clone(),
            interrupt: &interrupt,
        })
    });
    if let Some(signal) = interrupt.signal() {
        return Ok(128 + signal);
    }
    let tools = built.transpose()?;
    let duels_sha256 = match &tools {
        None => None,
        Some(tools) => {
            let fixture = Path::new(&tools.fixture.command[0]);
            Some(build::digest(&[&harness, &tools.binary, fixture])?)
        }
    };
    let mut session = Session {
        tools: tools.as_ref(),
        interrupt: &interrupt,
        certificate,
        file: results.join(FILE),
        seed: args.seed,
        deadline,
        revision: host.revision.clone(),
        harness_sha256: build::digest(&[&harness])?,
        duels_sha256,
    };
    outlook(&tests, args, &progress);
    let mut number = 0;
    let ended = session.run(&tests, |test, entry| {
        number += usize::from(entry.is_none());
        show(&progress, test, entry, (number, tests.len()));
    })?;
    progress.finish();
    put(args, &session.certificate)?;
    Ok(verdict(&ended, args, &interrupt))
}

/// Refuses what this machine can't carry, before anything is built.
fn fit(host: &Host, ground: &Ground, allowed: u64) -> Result<()> {
    let connections = Size::FULL.connections;
    let (ports, time_wait) = ground.ports(host);
    preflight::descriptors(connections, allowed)
        .and_then(|()| preflight::ports(connections, ports, time_wait))
        .map_err(|message| refuse(UNFIT, message))
}

/// The certificate of this machine; that of another one is put aside.
fn stored(
    results: &Path,
    host: &Host,
    progress: &Progress,
) -> Result<Certificate> {
    let path = results.join(FILE);
    if !path.is_file() {
        return Ok(Certificate::new(host));
    }
    let certificate: Certificate = store::read_json(&path)?;
    if certificate.machine.is(host) {
        return Ok(certificate.renewed());
    }
    let aside = path.with_extension("other-machine.json");
    std::fs::rename(&path, &aside)
        .with_context(|| format!("{} can't be moved", path.display()))?;
    let name = aside.file_name().unwrap_or_default().to_string_lossy();
    progress.line(&format!(
        "the certificate there was of another machine and is now {name}"
    ));
    Ok(Certificate::new(host))
}

/// Builds the client and the fixture.
fn build(
    root: &Path,
    progress: &mut Progress,
    interrupt: &Interrupt,
) -> Result<(PathBuf, Built)> {
    progress.hear(&Event::Building { what: "load" });
    let client = build::client(root, interrupt)?;
    progress.hear(&Event::Building { what: "fixture" });
    Ok((client, build::fixture(root, interrupt)?))
}

fn outlook(tests: &[&Test], args: &Calibrate, progress: &Progress) {
    let time = tests.iter().map(|test| test.cost()).sum();
    let bound = args.time.map_or_else(String::new, |time| {
        format!(", for {} at most", about(time))
    });
    progress.line(&format!(
        "{} tests, about {}{bound}; run nothing else meanwhile",
        tests.len(),
        about(time),
    ));
}

fn show(
    progress: &Progress,
    test: &Test,
    entry: Option<&Entry>,
    (number, total): (usize, usize),
) {
    match entry {
        None => progress
            .step(&format!("{number}/{total} {} {}", test.id, test.title)),
        Some(entry) if entry.state != State::Met => {
            progress.line(&render::calibrated(entry));
        }
        Some(_) => {}
    }
}

fn put(args: &Calibrate, certificate: &Certificate) -> Result<()> {
    let text = match args.json {
        true => serde_json::to_string_pretty(certificate)?,
        false => render::certificate(certificate),
    };
    super::print(&text)
}

/// Says what did not go well; 1 when a test broke, 3 when one missed a goal.
fn verdict(ended: &Ended, args: &Calibrate, interrupt: &Interrupt) -> u8 {
    if let Some(signal) = interrupt.signal() {
        say("interrupted; what was finished is kept");
        return 128 + signal;
    }
    if !ended.left_out.is_empty() {
        let time = args.time.map_or_else(String::new, about);
        let left_out = ended.left_out.join(" ");
        say(&format!("not begun, for {time} don't carry them: {left_out}"));
    }
    for (id, why) in &ended.broken {
        say(&format!("error: {id} broke: {why}"));
    }
    code(ended)
}

fn code(ended: &Ended) -> u8 {
    match (ended.broken.is_empty(), ended.missed.is_empty()) {
        (false, _) => TOOL,
        (_, false) => SERVER_FAILED,
        _ => DONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_goal_and_a_broken_test_have_codes_of_their_own() {
        let mut ended = Ended::default();
        ended.left_out.push("K1");
        assert_eq!(code(&ended), DONE);
        ended.missed.push("K2");
        assert_eq!(code(&ended), SERVER_FAILED);
        ended.broken.push(("K3", "it broke".into()));
        assert_eq!(code(&ended), TOOL);
    }
}
