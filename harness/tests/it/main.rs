//! The harness as its users meet it: the real binary, real processes, real
//! sockets. Servers are mostly `fixture`, which misbehaves on request.
//!
//! Tests run one after the other unless `--test-threads` says otherwise: each
//! starts servers and clients of its own. What a test needs and this machine
//! lacks makes it ignored, with the reason; it never passes unseen.
//!
//! Refuses to do: compare speed, or trust a bound that a noisy hour breaks.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and tells where"
)]

use libtest_mimic::{Arguments, Completion, Failed, Trial, run};

mod bed;
mod bytes;
mod calibrate;
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

fn main() {
    let mut args = Arguments::from_args();
    args.test_threads = args.test_threads.or(Some(1));
    let tests = [
        tidy::tests(),
        tidy::servers::tests(),
        tidy::supply::tests(),
        cli::tests(),
        toolchain::tests(),
        ready::tests(),
        crash::tests(),
        bytes::tests(),
        gates::tests(),
        stop::tests(),
        unfit::tests(),
        storage::tests(),
        interrupt::tests(),
        killed::tests(),
        isolation::tests(),
        duel::tests(),
        conformance::tests(),
        calibrate::tests(),
        scenarios::tests(),
        everything::tests(),
        original::tests(),
        shipped::tests(),
        report::tests(),
    ];
    run(&args, tests.into_iter().flatten().collect()).exit();
}
