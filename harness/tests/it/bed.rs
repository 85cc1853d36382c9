//! A test bed: a directory with servers, and runs of the harness over them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use harness::record::{Outcome, Record, journal};
use serde_json::Value;
use tempfile::TempDir;

use crate::guard::{Finished, Guarded, command, output};

/// The binary under test.
pub(crate) const HARNESS: &str = env!("CARGO_BIN_EXE_harness");

/// Longer than any run of a test bed takes in a noisy hour.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// A directory of servers, `good` among them, and the runs made of them.
pub(crate) struct Bed {
    directory: TempDir,
    servers: Vec<PathBuf>,
}

/// A finished run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) finished: Finished,
    /// What is on disk, checksums verified; the directory may be gone.
    pub(crate) records: Vec<Record>,
}

impl Bed {
    /// A bed with a server named `good` that keeps the contract; it is the
    /// reference of every run.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut bed = Self { directory, servers: Vec::new() };
        bed.fixture("good", &["--bug", "good"]);
        bed
    }

    /// A bed with a server named `bad`, the fixture with these arguments.
    pub(crate) fn with_bad(arguments: &[&str]) -> Self {
        let mut bed = Self::new();
        bed.fixture("bad", arguments);
        bed
    }

    /// Where this bed may keep things.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Adds the fixture under a name; returns the server's directory.
    pub(crate) fn fixture(&mut self, id: &str, arguments: &[&str]) -> PathBuf {
        self.server(id, &serve_fixture(arguments))
    }

    /// Adds a server with these lines in its `server.toml`.
    pub(crate) fn server(&mut self, id: &str, lines: &str) -> PathBuf {
        let directory = self.path(id);
        fs::create_dir(&directory).unwrap();
        let head = "family = \"readiness\"\nmodel = \"a fixture\"\n";
        let text = format!("{head}{lines}");
        fs::write(directory.join("server.toml"), text).unwrap();
        self.servers.push(directory.clone());
        directory
    }

    /// `run` over all servers of the bed: 64 connections, short windows.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = harness(&["run", "--json", "--progress", "lines"]);
        command.args(self.server_dirs());
        let resumes = arguments.contains(&"--resume");
        for default in [
            &["--quick"][..],
            &["--reference", "good"],
            &["--seed", "7"],
            &["-c", "64"],
        ] {
            if !resumes && !arguments.contains(&default[0]) {
                command.args(default);
            }
        }
        if !arguments.contains(&"--results-dir") {
            command.arg("--results-dir").arg(self.path("results"));
        }
        command.args(arguments);
        command
    }

    /// The flags that name the servers of the bed.
    pub(crate) fn server_dirs(&self) -> Vec<PathBuf> {
        let flag = Path::new("--server-dir").to_path_buf();
        let pair = |directory: &PathBuf| [flag.clone(), directory.clone()];
        self.servers.iter().flat_map(pair).collect()
    }

    /// Runs it to its end. Nothing may be left of it then.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.finish(&mut Guarded::start(&mut self.command(arguments)))
    }

    /// Runs the classic test.
    pub(crate) fn classic(&self) -> Ran {
        self.run(&["--scenario", "classic"])
    }

    /// Runs the held load.
    pub(crate) fn load(&self) -> Ran {
        self.run(&["--scenario", "load"])
    }

    /// Waits for a run's end. Nothing may be left of it then.
    pub(crate) fn finish(&self, run: &mut Guarded) -> Ran {
        let finished = run.finish(PATIENCE);
        run.leaves_nothing(Duration::from_secs(10));
        self.ran(finished)
    }

    /// What a finished run has left.
    pub(crate) fn ran(&self, finished: Finished) -> Ran {
        let results = self.path("results");
        let begun = !harness::store::all(&results).is_empty();
        let records = if begun { records(&results) } else { Vec::new() };
        Ran { finished, records }
    }
}

impl Ran {
    /// Asserts the exit code.
    pub(crate) fn exits_with(&self, code: i32) -> &Self {
        self.finished.exits_with(code);
        self
    }

    /// What it printed on stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.finished.stdout)
            .unwrap_or_else(|error| panic!("{error}: {:#?}", self.finished))
    }

    /// The row of a server; it has one in a run of one scenario.
    pub(crate) fn row(&self, server: &str) -> Value {
        let json = self.json();
        let rows = json["rows"].as_array().unwrap();
        let own: Vec<_> =
            rows.iter().filter(|row| row["server"] == server).collect();
        assert_eq!(own.len(), 1, "rows of {server} in {json:#}");
        own[0].clone()
    }

    /// Asserts a server's outcome and that its reason holds these words.
    /// A server without figures must show none.
    pub(crate) fn shows(&self, server: &str, outcome: &str, words: &[&str]) {
        let row = self.row(server);
        assert_eq!(row["outcome"], outcome, "{row:#}");
        let reason = row["reason"].as_str().unwrap_or_default();
        for word in words {
            assert!(reason.contains(word), "no {word:?} in {reason:?}");
        }
        if outcome != "measured" {
            let metrics = row["metrics"].as_object().unwrap();
            assert!(metrics.is_empty(), "figures of a failure: {row:#}");
        }
    }

    /// Asserts that the bed's good server was measured all the same.
    pub(crate) fn measured_the_good_one(&self) -> &Self {
        let row = self.row("good");
        assert_eq!(row["outcome"], "measured", "{row:#}");
        assert!(!row["metrics"].as_object().unwrap().is_empty(), "{row:#}");
        self
    }

    /// Asserts that every row was measured.
    pub(crate) fn measured_all(&self) {
        for row in self.json()["rows"].as_array().unwrap() {
            assert_eq!(row["outcome"], "measured", "{row:#}");
        }
    }

    /// The only record of a server.
    pub(crate) fn record(&self, server: &str) -> Record {
        let mut own = self.records.clone();
        own.retain(|record| record.trial.lane == server);
        assert_eq!(own.len(), 1, "records of {server}");
        own.remove(0)
    }

    /// The outcome in the only record of a server.
    pub(crate) fn outcome(&self, server: &str) -> Outcome {
        self.record(server).outcome
    }
}

/// The records of the only run in a directory of results.
pub(crate) fn records(results: &Path) -> Vec<Record> {
    journal::read(&only_run(results).join("records.jsonl")).unwrap()
}

/// The only run in a directory of results.
pub(crate) fn only_run(results: &Path) -> PathBuf {
    let mut runs = harness::store::all(results);
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs.remove(0)
}

/// The harness with these arguments, run inside the repository, in a plain
/// environment.
pub(crate) fn harness(arguments: &[&str]) -> Command {
    let mut command = command(HARNESS);
    command.args(arguments).current_dir(root());
    command.env("CARGO_TARGET_DIR", target()).env("COLUMNS", "100");
    for variable in [
        "CARGO_MANIFEST_DIR",
        "CI",
        "GITHUB_STEP_SUMMARY",
        "HARNESS_RESULTS_DIR",
        "NO_COLOR",
    ] {
        command.env_remove(variable);
    }
    command
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Where cargo put the binary under test, and is to put what it builds.
pub(crate) fn target() -> PathBuf {
    Path::new(HARNESS).ancestors().nth(2).unwrap().to_path_buf()
}

/// The `serve` line of a server that is the fixture with these arguments.
pub(crate) fn serve_fixture(arguments: &[&str]) -> String {
    let mut words = vec![fixture().to_str().unwrap()];
    words.extend(arguments);
    format!("serve = {words:?}\n")
}

/// The fixture, built once in the profile of the binary under test; with it
/// the client, so that no run waits for its first build.
pub(crate) fn fixture() -> &'static Path {
    static FIXTURE: OnceLock<PathBuf> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let directory = Path::new(HARNESS).parent().unwrap();
        let release = directory.ends_with("release");
        build("fixture", release);
        build("load", true);
        directory.join("fixture")
    })
}

fn build(package: &str, release: bool) {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let mut build = command(cargo);
    build.current_dir(root()).env("CARGO_TARGET_DIR", target());
    build.args(["build", "--locked", "--package", package]);
    if release {
        build.arg("--release");
    }
    // A first build on a slow machine takes minutes.
    let patience = Duration::from_secs(600);
    Guarded::start(&mut build).finish(patience).exits_with(0);
}

/// Writes an executable script.
pub(crate) fn script(path: &Path, lines: &str) {
    fs::write(path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Whether this machine can run such a command; ignores the test if not.
pub(crate) fn can(
    what: &str,
    program: &str,
    arguments: &[&str],
) -> Result<(), crate::Ignored> {
    let found = std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
    });
    if !found {
        return Err(crate::Ignored(format!("{program} is not on PATH")));
    }
    let finished = output(command(program).args(arguments));
    if finished.code() == Ok(0) {
        return Ok(());
    }
    Err(crate::Ignored(format!("{what}: {}", finished.stderr.trim())))
}
