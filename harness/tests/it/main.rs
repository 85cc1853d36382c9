//! The harness as its users meet it: the real binary, real processes, real
//! sockets. Servers are mostly `fixture`, which misbehaves on request.
//!
//! Each test starts servers and clients of its own. Those that look at figures
//! run one after the other, those of the conformance suite, which mostly waits,
//! two at a time, the others three. What a test needs and this machine lacks
//! makes it ignored, with the reason; it never passes unseen.
//!
//! Refuses to do: compare speed, or trust a bound that a noisy hour breaks.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and tells where"
)]

use libtest_mimic::{Arguments, Completion, Conclusion, Failed, Trial, run};

mod bed;
mod bytes;
mod calibrate;
mod calibrate_whole;
mod cli;
mod conformance;
mod crash;
mod duel;
mod everything;
mod gates;
mod guard;
mod interrupt;
mod isolation;
mod killed;
mod original;
mod plan_file;
mod ready;
mod report;
mod scenarios;
mod shipped;
mod stop;
mod storage;
mod tidy;
mod toolchain;
mod unfit;

/// A test that can't be made here, with the reason.
struct Ignored(String);

/// What a test function returns: nothing, or the reason why it was ignored.
trait Verdict {
    fn verdict(self) -> Result<Completion, Failed>;
}

impl Verdict for () {
    fn verdict(self) -> Result<Completion, Failed> {
        Ok(Completion::Completed)
    }
}

impl Verdict for Result<(), Ignored> {
    fn verdict(self) -> Result<Completion, Failed> {
        Ok(match self {
            Ok(()) => Completion::Completed,
            Err(Ignored(reason)) => Completion::ignored_with(reason),
        })
    }
}

fn trial<V: Verdict + 'static>(name: &str, test: fn() -> V) -> Trial {
    Trial::ignorable_test(name, move || test().verdict())
}

/// Lists a module's tests under their own names.
macro_rules! tests {
    ($($name:ident),+ $(,)?) => {
        pub(crate) fn tests() -> Vec<libtest_mimic::Trial> {
            vec![$($crate::trial(stringify!($name), $name)),+]
        }
    };
}
use tests;

/// Runs these, so many at a time unless `--test-threads` says otherwise.
fn run_some(
    arguments: &Arguments,
    tests: Vec<Vec<Trial>>,
    at_once: usize,
) -> Conclusion {
    let mut arguments = arguments.clone();
    arguments.test_threads = arguments.test_threads.or(Some(at_once));
    run(&arguments, tests.into_iter().flatten().collect())
}

fn main() {
    let arguments = Arguments::from_args();
    // What becomes of a run, whatever its figures; the longest first, and last
    // who waits for it.
    let whatever_the_figures = vec![
        everything::whole(),
        tidy::tests(),
        tidy::duels::tests(),
        tidy::reference::tests(),
        tidy::servers::tests(),
        tidy::supply::tests(),
        cli::tests(),
        toolchain::tests(),
        ready::tests(),
        crash::tests(),
        bytes::tests(),
        stop::tests(),
        unfit::tests(),
        storage::tests(),
        interrupt::tests(),
        plan_file::tests(),
        original::tests(),
        report::tests(),
        everything::tests(),
    ];
    let suite = vec![conformance::tests()];
    // What a neighbour that takes CPU could spoil, or put off.
    let alone = vec![
        killed::tests(),
        unfit::crowded(),
        gates::tests(),
        isolation::tests(),
        duel::tests(),
        calibrate::tests(),
        calibrate_whole::tests(),
        scenarios::tests(),
        shipped::tests(),
    ];
    let first = run_some(&arguments, whatever_the_figures, 3);
    let second = run_some(&arguments, suite, 2);
    let third = run_some(&arguments, alone, 1);
    first.exit_if_failed();
    second.exit_if_failed();
    third.exit();
}
