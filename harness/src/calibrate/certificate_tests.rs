//! What a certificate keeps and what it lets go.

use super::super::Goal;
use super::*;
use crate::duel::Verdict;
use crate::scripted::host;

fn entry(id: &str, value: f64) -> Entry {
    let tests = all();
    let test = tests.iter().find(|test| test.id == id).unwrap();
    let figure = Figure::new("off", value, "%", Goal::AtMost(1.0));
    Entry::found(test, Finding::of(9, "messages", vec![figure]))
}

#[test]
fn the_latest_result_of_each_test_is_kept_in_the_order_of_numbers() {
    let mut certificate = Certificate::new(&host());
    let count = certificate.tests.len();
    assert!(certificate.tests.iter().all(|it| it.state == State::NotRun));
    certificate.put(entry("K3", 0.5));
    certificate.put(entry("K27", 0.5));
    certificate.put(entry("K3", 2.0));
    assert_eq!(certificate.tests.len(), count);
    assert_eq!(certificate.entry("K3").unwrap().state, State::Missed);
    assert_eq!(certificate.entry("K27").unwrap().state, State::Met);
    let ids: Vec<u32> = certificate
        .tests
        .iter()
        .map(|entry| super::super::number(&entry.id))
        .collect();
    assert!(ids.is_sorted(), "{ids:?}");
    let stored = serde_json::to_string(&certificate).unwrap();
    let back: Certificate = serde_json::from_str(&stored).unwrap();
    assert_eq!(back, certificate);
}

#[test]
fn tests_added_since_were_not_run() {
    let mut certificate = Certificate::new(&host());
    certificate.put(entry("K3", 0.5));
    certificate.tests.retain(|entry| entry.id == "K3");
    let renewed = certificate.renewed();
    assert_eq!(renewed.tests.len(), all().len());
    assert_eq!(renewed.entry("K3").unwrap().state, State::Met);
    assert_eq!(renewed.entry("K1").unwrap().state, State::NotRun);
}

#[test]
fn duels_of_other_binaries_do_not_count() {
    let duel = Fought { ratio: 1.0, launch_pairs: 4, verdict: Verdict::Slower };
    let mut certificate = Certificate::new(&host());
    let mut sixteen = entry("K16", 0.5);
    sixteen.duels = vec![duel; 3];
    sixteen.duels_sha256 = Some("one".into());
    certificate.put(sixteen);
    assert_eq!(certificate.duels("K16", "one").len(), 3);
    assert_eq!(certificate.duels("K16", "other").len(), 0);
    assert_eq!(certificate.duels("K18", "one").len(), 0);
}

#[test]
fn a_machine_is_the_same_with_another_patch_of_its_kernel_alone() {
    let here = host();
    let machine = Machine::of(&here);
    let mut patched = here.clone();
    patched.kernel = "6.18.9-generic".into();
    patched.irq_time_apart = !here.irq_time_apart;
    patched.revision = Some("another".into());
    assert!(machine.is(&patched));
    let mut other = here.clone();
    other.cpus.push(2);
    assert!(!machine.is(&other));
    let mut other = here;
    other.congestion_control = "reno".into();
    assert!(!machine.is(&other));
}

#[test]
fn what_could_not_be_judged_says_why() {
    let tests = all();
    let unjudged = Entry::unjudged(tests[0], "one CPU".into());
    assert_eq!(unjudged.state, State::Unjudged);
    assert_eq!(unjudged.because.as_deref(), Some("one CPU"));
}
