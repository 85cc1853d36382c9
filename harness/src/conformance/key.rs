//! The key under which a finding is kept: a hash of all that decides what a
//! server does, so that it holds for a clone that changed nothing and for
//! nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use super::SUITE;
use crate::build;
use crate::catalog::Server;

/// Most of it is documentation; the rest is hashed by itself.
const MANIFEST: &str = "server.toml";

/// Where builds put what they make, beside what [`build::files`] leaves out.
const MADE: &str = "build";

/// SHA-256 over the versions of tool and suite, the server's sources and what of its
/// `server.toml` decides how it is built, started and judged; for a package
/// of this workspace also over what servers share, the locked versions of
/// what it is built from, their features and the profile. Another member's
/// dependencies change nothing.
///
/// # Errors
/// A source can't be read, or the lock file is none.
pub(super) fn key(server: &Server, root: &Path) -> Result<String> {
    let mut hash = Hash(Sha256::new());
    hash.part(env!("CARGO_PKG_VERSION").as_bytes());
    hash.part(&SUITE.to_le_bytes());
    hash.manifest(server);
    let serve = server.manifest.serve.first();
    // A built program changes with its compiler; a script is its own source.
    let built = serve.filter(|_| !server.manifest.build.is_empty());
    hash.sources(&server.directory, built.map(String::as_str))?;
    if server.workspace {
        // Not its tests: they change no server.
        let shared = root.join("servers/contract");
        hash.sources(&shared.join("src"), None)?;
        hash.file(&shared.join("Cargo.toml"))?;
        hash.dependencies(&server.id, root)?;
    }
    Ok(hash.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

struct Hash(Sha256);

impl Hash {
    /// With its length: where one part ends and the next begins matters.
    fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn manifest(&mut self, server: &Server) {
        let manifest = &server.manifest;
        if !server.workspace {
            let words = manifest.build.iter().chain([&manifest.serve]);
            words.for_each(|words| self.part(words.join("\0").as_bytes()));
        }
        self.part(&manifest.slow.to_le_bytes());
        self.part(&manifest.ready_s.to_le_bytes());
        for declared in &manifest.unsupported {
            self.part(declared.case.as_bytes());
        }
    }

    fn sources(&mut self, directory: &Path, built: Option<&str>) -> Result<()> {
        let built = built.map(|built| directory.join(built));
        for path in build::files(directory)? {
            let inside = path.strip_prefix(directory).unwrap_or(&path);
            let made =
                inside.starts_with(MADE) || Some(&path) == built.as_ref();
            if made || inside == Path::new(MANIFEST) {
                continue;
            }
            self.part(inside.as_os_str().as_encoded_bytes());
            self.file(&path)?;
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<()> {
        let text = std::fs::read(path)
            .with_context(|| format!("{} can't be read", path.display()))?;
        self.part(&text);
        Ok(())
    }

    fn dependencies(&mut self, id: &str, root: &Path) -> Result<()> {
        let read = |name: &str| -> Result<Table> {
            let text = std::fs::read_to_string(root.join(name))
                .with_context(|| format!("{name} can't be read"))?;
            toml::from_str(&text).with_context(|| format!("{name} is damaged"))
        };
        let (lock, manifest) = (read("Cargo.lock")?, read("Cargo.toml")?);
        let empty = Vec::new();
        let packages = lock.get("package").and_then(Value::as_array);
        let packages = packages.unwrap_or(&empty);
        for package in closure(packages, id) {
            for field in ["name", "version", "checksum"] {
                self.part(text(package, field).as_bytes());
            }
        }
        // The workspace names features for what its members name themselves.
        let features = manifest
            .get("workspace")
            .and_then(|table| table.get("dependencies"));
        for package in packages {
            if ![id, "contract"].contains(&text(package, "name")) {
                continue;
            }
            for need in needs(package) {
                let name = need.split(' ').next().unwrap_or(need);
                let features = features.and_then(|table| table.get(name));
                let features = features.map(Value::to_string);
                self.part(features.unwrap_or_default().as_bytes());
            }
        }
        let profile = manifest.get("profile").map(Value::to_string);
        self.part(profile.unwrap_or_default().as_bytes());
        Ok(())
    }
}

fn needs(package: &Value) -> impl Iterator<Item = &str> {
    let needs = package.get("dependencies").and_then(Value::as_array);
    needs.into_iter().flatten().filter_map(Value::as_str)
}

fn text<'a>(package: &'a Value, field: &str) -> &'a str {
    package.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The package of this name and all that it depends on, in the lock file's
/// order.
fn closure<'a>(packages: &'a [Value], id: &str) -> Vec<&'a Value> {
    // A dependency is named alone, or with its version where there are two.
    let named = |name: &str| -> Vec<usize> {
        let mut words = name.split(' ');
        let (name, version) = (words.next(), words.next());
        let is = |package: &&Value| {
            Some(text(package, "name")) == name
                && version.is_none_or(|it| text(package, "version") == it)
        };
        let found = packages.iter().enumerate().filter(|(_, it)| is(it));
        found.map(|(at, _)| at).collect()
    };
    let mut reached = BTreeSet::new();
    let mut left = named(id);
    while let Some(at) = left.pop() {
        if !reached.insert(at) {
            continue;
        }
        left.extend(needs(&packages[at]).flat_map(&named));
    }
    reached.into_iter().map(|at| &packages[at]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    const LOCK: &str = r#"
        [[package]]
        name = "a"
        version = "1.0.0"
        [[package]]
        name = "a"
        version = "2.0.0"
        dependencies = ["c"]
        [[package]]
        name = "b"
        version = "1.0.0"
        dependencies = ["a 2.0.0"]
        [[package]]
        name = "c"
        version = "1.0.0"
        dependencies = ["b"]
    "#;

    #[test]
    fn a_closure_holds_what_is_needed_and_nothing_else() {
        let lock: Table = toml::from_str(LOCK).unwrap();
        let packages = lock["package"].as_array().unwrap();
        let found = |id| -> Vec<String> {
            let found = closure(packages, id);
            let shown = found
                .iter()
                .map(|p| text(p, "name").to_owned() + text(p, "version"));
            shown.collect()
        };
        assert_eq!(found("b"), ["a2.0.0", "b1.0.0", "c1.0.0"]);
        assert_eq!(found("none"), [""; 0]);
    }

    /// A server outside the repository, of one script.
    fn outside(directory: &Path) -> Server {
        let text = "family = \"threads\"\nmodel = \"m\"\nbuild = [[\"true\"]]\n\
                    serve = [\"./server\"]\n";
        std::fs::write(directory.join("server.toml"), text).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let catalog = Catalog::load(&root, &[directory.to_path_buf()]).unwrap();
        catalog.servers.into_iter().find(|server| server.outside).unwrap()
    }

    #[test]
    fn a_source_changes_the_key_and_what_a_build_made_does_not() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("mine");
        std::fs::create_dir_all(directory.join("build")).unwrap();
        std::fs::write(directory.join("main.c"), "one").unwrap();
        let server = outside(&directory);
        let key = || key(&server, Path::new("/nowhere")).unwrap();
        let first = key();
        for made in ["server", "build/Main.class"] {
            std::fs::write(directory.join(made), "made").unwrap();
            assert_eq!(key(), first, "{made}");
        }
        std::fs::write(directory.join("main.c"), "two").unwrap();
        let second = key();
        assert_ne!(second, first);
        std::fs::rename(directory.join("main.c"), directory.join("m.c"))
            .unwrap();
        assert_ne!(key(), second);
    }

    #[test]
    fn a_package_of_the_workspace_depends_on_its_locked_versions() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let catalog = Catalog::load(&root, &[]).unwrap();
        let server = catalog.get("rust-tokio").unwrap();
        let copy = tempfile::tempdir().unwrap();
        let shared = copy.path().join("servers/contract");
        std::fs::create_dir_all(shared.join("src")).unwrap();
        std::fs::write(shared.join("Cargo.toml"), "").unwrap();
        let copied = |name: &str, from: &str, to: &str| {
            let text = std::fs::read_to_string(root.join(name)).unwrap();
            assert!(from.is_empty() || text.contains(from), "{name}: {from}");
            let text = text.replacen(from, to, 1);
            std::fs::write(copy.path().join(name), text).unwrap();
            key(server, copy.path())
        };
        assert!(copied("Cargo.lock", "", "").is_err(), "no manifest yet");
        let first = copied("Cargo.toml", "", "").unwrap();
        let none = copied("Cargo.lock", "name = \"insta\"", "name = \"other\"");
        assert_eq!(none.unwrap(), first, "what only the harness needs");
        let tokio = "name = \"tokio\"\nversion = \"1";
        let other =
            copied("Cargo.lock", tokio, "name = \"tokio\"\nversion = \"9");
        assert_ne!(other.unwrap(), first, "another tokio");
        copied("Cargo.lock", "", "").unwrap();
        let profile = copied("Cargo.toml", "opt-level = 3", "opt-level = 2");
        assert_ne!(profile.unwrap(), first, "another profile");
    }
}
