//! Builds each server and client by itself and takes the hash of what came
//! out.
//!
//! One `cargo build` for all would unify the features of their dependencies
//! and so change what is measured. After a failed build nothing old is run.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::catalog::{Program, target_directory};
use crate::interrupt::Interrupt;
use crate::process::output;
use crate::record::Artifact;

/// A server or client that can be launched.
#[derive(Clone, Debug)]
pub struct Built {
    /// What it is, for the record.
    pub artifact: Artifact,
    /// The command that starts it, without its contract's flags.
    pub command: Vec<OsString>,
    /// Where to run it.
    pub directory: PathBuf,
}

const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// Runs the build commands of a server or client.
///
/// # Errors
/// The last lines of the command that failed.
pub fn build(
    program: &Program<'_>,
    root: &Path,
    version: &str,
    interrupt: &Interrupt,
) -> Result<Built> {
    let directory = if program.workspace { root } else { program.directory };
    for command in program.build {
        run(command, directory, interrupt)?;
    }
    let command = command_line(program);
    let binary = Path::new(&command[0]);
    let sha256 = hash(program.directory, binary)
        .with_context(|| format!("{} can't be hashed", program.id))?;
    let artifact = Artifact { sha256, version: version.to_owned() };
    Ok(Built { artifact, command, directory: program.directory.to_path_buf() })
}

/// Builds the shared client and returns where it is.
///
/// # Errors
/// The last lines of the build.
pub fn client(root: &Path, interrupt: &Interrupt) -> Result<PathBuf> {
    member("load", root, interrupt).context("the client `load` can't be built")
}

/// Builds the fixture, a server that behaves and misbehaves on request.
///
/// # Errors
/// The last lines of the build.
pub fn fixture(root: &Path, interrupt: &Interrupt) -> Result<Built> {
    let binary = member("fixture", root, interrupt)
        .context("the fixture can't be built")?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let artifact = Artifact { sha256: digest(&[&binary])?, version };
    let command = vec![binary.into_os_string()];
    Ok(Built { artifact, command, directory: root.to_path_buf() })
}

/// SHA-256 over the contents of files, in this order.
///
/// # Errors
/// One of them can't be read.
pub fn digest(files: &[&Path]) -> Result<String> {
    let mut hash = Sha256::new();
    for path in files {
        let unread = || format!("{} can't be read", path.display());
        let mut file = File::open(path).with_context(unread)?;
        std::io::copy(&mut file, &mut HashWriter(&mut hash))
            .with_context(unread)?;
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Builds one member of the workspace and returns where its binary is.
fn member(
    package: &str,
    root: &Path,
    interrupt: &Interrupt,
) -> Result<PathBuf> {
    let target = target_directory();
    let command = [
        "cargo",
        "build",
        "--release",
        "--locked",
        "--package",
        package,
        "--target-dir",
        &target,
    ];
    run(&command.map(str::to_owned), root, interrupt)?;
    Ok(root.join(target).join("release").join(package))
}

fn run(
    command: &[String],
    directory: &Path,
    interrupt: &Interrupt,
) -> Result<()> {
    let words: Vec<OsString> = command.iter().map(Into::into).collect();
    let shown = command.join(" ");
    let output =
        output::run(&words, Some(directory), PATIENCE, Some(interrupt))
            .with_context(|| format!("`{shown}` can't be started"))?;
    if output.success() {
        return Ok(());
    }
    if interrupt.signal().is_some() {
        bail!("interrupted");
    }
    let mut log = output.stdout;
    log.push_str(&output.stderr);
    let lines: Vec<&str> = log.lines().collect();
    let last = &lines[lines.len().saturating_sub(50)..];
    let end = output.exit.map_or_else(
        || "took too long and was ended".to_owned(),
        |exit| format!("ended with {}", exit.kind),
    );
    // Records may be published: they hold no path of this machine.
    let here = directory.to_string_lossy();
    let text = last.join("\n").replace(here.as_ref(), ".");
    bail!("`{shown}` {end}\n{text}")
}

/// A program named by a path lies in the directory.
fn command_line(program: &Program<'_>) -> Vec<OsString> {
    let mut words: Vec<OsString> =
        program.start.iter().map(Into::into).collect();
    let first = &program.start[0];
    if first.contains('/') {
        words[0] = program.directory.join(first).into_os_string();
    }
    words
}

/// SHA-256 over the names and contents of the directory's own files, sorted,
/// and over the binary if it lies elsewhere.
fn hash(directory: &Path, binary: &Path) -> Result<String> {
    let mut files = files(directory)?;
    if binary.is_absolute() && !files.iter().any(|file| file == binary) {
        if binary.is_file() {
            files.push(binary.to_path_buf());
        } else {
            bail!("{} was not built", binary.display());
        }
    }
    files.sort();
    let mut hash = Sha256::new();
    for path in files {
        hash.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        hash.update([0]);
        std::io::copy(&mut File::open(&path)?, &mut HashWriter(&mut hash))?;
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A program's own files, sorted.
///
/// # Errors
/// A directory can't be read.
pub(crate) fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    collect(directory, &mut files, 3)?;
    files.sort();
    Ok(files)
}

/// Directories that builds fill with what changes at every run.
const GENERATED: [&str; 4] = ["target", "node_modules", "__pycache__", ".git"];

fn collect(
    directory: &Path,
    files: &mut Vec<PathBuf>,
    depth: u32,
) -> Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if path.is_file() {
            files.push(path);
        } else if depth > 0
            && path.is_dir()
            && !GENERATED.iter().any(|skip| name == *skip)
        {
            collect(&path, files, depth - 1)?;
        }
    }
    Ok(())
}
