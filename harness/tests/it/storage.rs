//! Where results go: refused before measuring, or lost nothing of.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use harness::record::journal;

use crate::Ignored;
use crate::bed::{Bed, HARNESS, PATIENCE, can, root};
use crate::guard::{Finished, Guarded, command, output};
use crate::tests;
use crate::unfit::is_root;

tests![
    results_that_cannot_be_written_are_refused_before_measuring,
    what_could_not_be_exported_is_refused_before_measuring,
    a_full_stdout_costs_neither_the_export_nor_the_name,
    a_damaged_run_is_told_beside_the_list_of_the_others,
    a_read_only_results_directory_is_refused_before_measuring,
    a_results_directory_that_is_missing_is_made_with_its_parents,
    a_full_disk_ends_the_run_and_loses_no_finished_trial,
];

fn run_into(bed: &Bed, results: &Path) -> Finished {
    let place = results.to_str().unwrap();
    let arguments = ["--scenario", "classic", "--results-dir", place];
    output(&mut bed.command(&arguments))
}

fn refused(finished: &Finished, results: &Path) {
    finished.exits_with(1);
    let stderr = finished.stderr.trim_end();
    assert_eq!(stderr.lines().count(), 1, "one line, no build: {stderr}");
    for word in [&*results.to_string_lossy(), "--results-dir"] {
        assert!(stderr.contains(word), "no {word:?} in {stderr}");
    }
    assert_eq!(finished.stdout, "");
}

fn results_that_cannot_be_written_are_refused_before_measuring() {
    let bed = Bed::new();
    let file = bed.path("file");
    fs::write(&file, "kept").unwrap();
    let nowhere = Path::new("/proc/self/runs").to_path_buf();
    for results in [file.clone(), file.join("runs"), nowhere] {
        refused(&run_into(&bed, &results), &results);
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
}

fn what_could_not_be_exported_is_refused_before_measuring() {
    let bed = Bed::new();
    let results = bed.path("results");
    let run = run_into(&bed, &results);
    run.exits_with(0);
    let stored = harness::store::all(&results).pop().unwrap();
    let records = stored.join("records.jsonl");
    let before = fs::read(&records).unwrap();
    let nowhere = bed.path("none/table.csv");
    for (path, code) in [(&nowhere, 1), (&records, 2)] {
        let export = format!("csv={}", path.display());
        let place = results.to_str().unwrap();
        let arguments = ["--scenario", "classic", "--results-dir", place];
        let mut command = bed.command(&arguments);
        let finished = output(command.args(["--export", &export]));
        finished.exits_with(code);
        let said = &finished.stderr;
        assert!(said.contains(path.to_str().unwrap()), "{said}");
        assert_eq!(finished.stdout, "");
    }
    assert_eq!(harness::store::all(&results).len(), 1, "none was begun");
    assert_eq!(fs::read(&records).unwrap(), before);
}

fn a_full_stdout_costs_neither_the_export_nor_the_name() {
    let bed = Bed::new();
    let results = bed.path("results");
    run_into(&bed, &results).exits_with(0);
    let table = bed.path("table.csv");
    let mut run = command("sh");
    run.args(["-c", "exec \"$0\" \"$@\" > /dev/full", HARNESS]);
    run.args(["run", "--quick", "--connections", "5"]);
    run.args(["--scenario", "classic", "--reference", "good", "good"]);
    run.args(bed.server_dirs()).arg("--results-dir").arg(&results);
    run.args(["--save-baseline", "main", "--export"]);
    run.arg(format!("csv={}", table.display()));
    let finished = output(&mut run);
    finished.exits_with(1);
    let newest = harness::store::all(&results).pop().unwrap();
    let id = newest.file_name().unwrap().to_str().unwrap();
    for word in [id, "is stored", "stdout can't be written"] {
        assert!(finished.stderr.contains(word), "{finished:?}");
    }
    assert!(fs::read_to_string(&table).unwrap().contains("good"));
    let name = fs::read_to_string(results.join("baselines/main")).unwrap();
    assert_eq!(name.trim(), id);
}

fn a_damaged_run_is_told_beside_the_list_of_the_others() {
    let bed = Bed::new();
    let results = bed.path("results");
    run_into(&bed, &results).exits_with(0);
    let sound = harness::store::all(&results).pop().unwrap();
    let damaged = results.join("damaged");
    fs::create_dir(&damaged).unwrap();
    fs::write(damaged.join("plan.json"), "{").unwrap();
    let mut show = command(HARNESS);
    show.args(["show", "--list", "--results-dir"]).arg(&results);
    let listed = output(show.current_dir(root()));
    let sound = sound.file_name().unwrap().to_str().unwrap();
    assert!(listed.exits_with(0).stdout.contains(sound), "{listed:?}");
    assert!(!listed.stdout.contains("damaged"), "{listed:?}");
    assert!(listed.stderr.contains("damaged"), "{listed:?}");
}

fn a_read_only_results_directory_is_refused_before_measuring()
-> Result<(), Ignored> {
    if is_root() {
        return Err(Ignored("root may write into any directory".into()));
    }
    let bed = Bed::new();
    let results = bed.path("results");
    fs::create_dir(&results).unwrap();
    let read_only = fs::Permissions::from_mode(0o555);
    fs::set_permissions(&results, read_only).unwrap();
    refused(&run_into(&bed, &results), &results);
    Ok(())
}

fn a_results_directory_that_is_missing_is_made_with_its_parents() {
    let bed = Bed::new();
    let results = bed.path("some/where/else");
    run_into(&bed, &results).exits_with(0);
    assert_eq!(crate::bed::records(&results).len(), 2);
}

fn a_full_disk_ends_the_run_and_loses_no_finished_trial() -> Result<(), Ignored>
{
    let namespace = ["--user", "--map-root-user", "--mount"];
    let mount = "mount -t tmpfs -o size=64k none";
    let bed = Bed::new();
    let results = bed.path("results");
    fs::create_dir(&results).unwrap();
    let probe = format!("{mount} '{}'", results.display());
    let probe = [&namespace[..], &["sh", "-c", &probe]].concat();
    can("no tmpfs in a namespace", "unshare", &probe)?;

    let kept = bed.path("kept");
    let script = format!(
        "{mount} '{results}' && \"$@\"; code=$?; \
         cp -r '{results}' '{kept}'; exit $code",
        results = results.display(),
        kept = kept.display(),
    );
    let inner = bed.command(&["--scenario", "classic", "--rounds", "40"]);
    let mut outer = command("unshare");
    outer.args(namespace).args(["sh", "-c", &script, "sh", HARNESS]);
    outer.args(inner.get_args());
    outer.current_dir(inner.get_current_dir().unwrap());
    for (name, value) in inner.get_envs() {
        value.map(|value| outer.env(name, value));
    }
    let mut run = Guarded::start(&mut outer);
    let finished = run.finish(PATIENCE);
    run.leaves_nothing(std::time::Duration::from_secs(10));
    finished.exits_with(1);
    let stderr = &finished.stderr;
    assert!(stderr.contains("No space left on device"), "{stderr}");

    // The journal is whole, and what it couldn't take stands on stderr.
    let path = crate::bed::only_run(&kept).join("records.jsonl");
    let stored = journal::read(&path).unwrap().len();
    assert!(stored > 0, "{stderr}");
    let mut text = fs::read_to_string(&path).unwrap();
    for line in stderr.lines().filter(|line| line.contains("\"crc32\":")) {
        text.push_str(line);
        text.push('\n');
    }
    fs::write(&path, text).unwrap();
    let begun = stderr.lines().filter(|l| l.starts_with('[')).count();
    assert_eq!(journal::read(&path).unwrap().len(), begun, "{stderr}");
    // Those who read stdout get what there is, marked as a part.
    let json: serde_json::Value =
        serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(json["partial"], true);
    Ok(())
}
