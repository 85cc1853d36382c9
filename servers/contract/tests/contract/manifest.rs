//! Finds the server directories, and makes each ready to serve, once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use std::{env, fs, io};

use libtest_mimic::Failed;
use regex::Regex;
use serde::Deserialize;

use crate::launch::{self, Launch};

/// What these tests need to know of a `server.toml`.
#[derive(Deserialize)]
struct Manifest {
    family: String,
    #[serde(default)]
    requires: Vec<Requirement>,
    #[serde(default)]
    unsupported: Vec<Unsupported>,
    #[serde(default)]
    build: Vec<Vec<String>>,
    #[serde(default)]
    serve: Vec<String>,
}

/// A case of the conformance suite that its runtime can't pass.
#[derive(Deserialize)]
struct Unsupported {
    case: String,
    why: String,
}

#[derive(Deserialize)]
struct Requirement {
    cmd: Vec<String>,
    regex: Option<String>,
    #[serde(default)]
    min: Vec<u32>,
    hint: String,
}

/// A server directory.
pub(crate) struct Server {
    pub(crate) id: String,
    directory: PathBuf,
    manifest: Manifest,
    unavailable: OnceLock<Option<String>>,
    built: OnceLock<Result<Built, String>>,
}

/// Where to run what.
struct Built {
    directory: PathBuf,
    serve: Vec<String>,
}

const BUILD_LIMIT: Duration = Duration::from_secs(900);

/// Every directory under `servers/` that holds a `server.toml`, by name.
pub(crate) fn servers() -> Vec<Arc<Server>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut servers: Vec<_> = fs::read_dir(root)
        .expect("the servers' directory can be read")
        .filter_map(|entry| Server::read(&entry.ok()?.path()))
        .map(Arc::new)
        .collect();
    servers.sort_by(|a, b| a.id.cmp(&b.id));
    assert!(!servers.is_empty(), "no server directory was found");
    servers
}

impl Server {
    fn read(directory: &Path) -> Option<Self> {
        let text = fs::read_to_string(directory.join("server.toml")).ok()?;
        let manifest = toml::from_str(&text)
            .unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
        let id = directory.file_name()?.to_str()?.to_owned();
        Some(Self {
            id,
            directory: directory.into(),
            manifest,
            unavailable: OnceLock::new(),
            built: OnceLock::new(),
        })
    }

    /// The kind of concurrency.
    pub(crate) fn family(&self) -> &str {
        &self.manifest.family
    }

    /// Why its runtime can't pass this case, where it says so.
    pub(crate) fn declares(&self, case: &str) -> Option<&str> {
        let mut declared = self.manifest.unsupported.iter();
        declared.find(|it| it.case == case).map(|it| it.why.as_str())
    }

    /// Why this machine cannot run it, with what would mend that.
    pub(crate) fn unavailable(&self) -> Option<String> {
        let missing = |it: &Requirement| it.missing(&self.directory);
        let look = || self.manifest.requires.iter().find_map(missing);
        self.unavailable.get_or_init(look).clone()
    }

    /// Builds it unless that is done, and prepares to launch it.
    pub(crate) fn launch(&self) -> Result<Launch, Failed> {
        let build = || self.build().map_err(|error| error.to_string());
        let built = self.built.get_or_init(build).as_ref();
        let built = built.map_err(|why| format!("no build: {why}"))?;
        Ok(Launch::new(&built.serve, &built.directory))
    }

    /// Rust servers by cargo, others by their commands in a copy of their
    /// directory, so that a test leaves nothing in the sources.
    fn build(&self) -> io::Result<Built> {
        let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let target = scratch.parent().expect("it lies in the target directory");
        if self.directory.join("Cargo.toml").exists() {
            let cargo = env::var("CARGO").unwrap_or(env!("CARGO").into());
            let target = target.display().to_string();
            let binary = format!("{target}/debug/{}", self.id);
            let build = ["build", "--quiet", "--target-dir", &target];
            let build = build.into_iter().chain(["--package", &self.id]);
            let command: Vec<_> =
                [&*cargo].into_iter().chain(build).map(String::from).collect();
            launch::run(&command, &self.directory, BUILD_LIMIT)?;
            let directory = self.directory.clone();
            return Ok(Built { directory, serve: vec![binary] });
        }
        let directory = scratch.join("servers").join(&self.id);
        copy(&self.directory, &directory)?;
        for command in &self.manifest.build {
            launch::run(command, &directory, BUILD_LIMIT)?;
        }
        Ok(Built { directory, serve: self.manifest.serve.clone() })
    }
}

impl Requirement {
    /// Looked for where the server's other commands run.
    fn missing(&self, directory: &Path) -> Option<String> {
        let Self { cmd, regex, min, hint } = self;
        let limit = Duration::from_secs(30);
        let output = match launch::run(cmd, directory, limit) {
            Ok(output) => output,
            Err(error) => return Some(format!("{error}; {hint}")),
        };
        let pattern = regex.as_deref().unwrap_or(r"(\d+)");
        let pattern = Regex::new(pattern).expect("the manifest's is valid");
        let found: Vec<u32> = pattern
            .captures(&output)
            .map(|groups| groups.iter().skip(1).flatten().collect::<Vec<_>>())
            .unwrap_or_default()
            .iter()
            .filter_map(|group| group.as_str().parse().ok())
            .collect();
        let old = || format!("{cmd:?} is {found:?}, needs {min:?}; {hint}");
        (found < *min).then(old)
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        } else {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
