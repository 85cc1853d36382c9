//! Cases of E and F that need to stand between the server and the kernel.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::calls::{Answer, Shared, Supervisor, text_at};
use super::case::Case;
use super::lab::Lab;
use super::verdict::{Outcome, Stop, ensure, fail, within};
use crate::process::{Confine, ExitKind, Filter, Question};

pub(crate) const CASES: &[Case] = &[
    Case::must("E4", "accept lacks resources", exhausted).setup('S').once(),
    Case::must("E5", "accept fails for one", faults).setup('S').once(),
    Case::must("F14", "no side effects", side_effects).setup('S').quick(),
    Case::must("F15", "kernel lacks a feature", lacking).setup('S').quick(),
];

const FREE_PORT: [&str; 2] = ["--addr", "127.0.0.1:0"];
const ACCEPTS: [i64; 2] = [libc::SYS_accept, libc::SYS_accept4];

/// What an accept meets, and how often there was one.
#[derive(Debug, Default)]
struct Accepts {
    errno: Option<i32>,
    every: u64,
    attempts: u64,
}

impl Accepts {
    fn answer(&mut self, _: &Question) -> Option<i32> {
        self.attempts += 1;
        let due = self.every > 0 && self.attempts.is_multiple_of(self.every);
        self.errno.filter(|_| due)
    }
}

/// A server whose accepts are looked at.
fn start(lab: &mut Lab<'_>) -> Outcome<Shared<Accepts>> {
    let accepts = Shared::<Accepts>::default();
    let own = accepts.clone();
    let answer = move |it: &Question| own.with(|accepts| accepts.answer(it));
    start_watched(lab, &ACCEPTS, Box::new(answer))?;
    if accepts.with(|accepts| accepts.attempts) == 0 {
        let why = "it accepts by no system call that could be made to fail";
        return Err(Stop::Skip(why.into()));
    }
    Ok(accepts)
}

/// A server that is answered as long as it lives, the post-check included.
fn start_watched(lab: &mut Lab<'_>, calls: &[i64], answer: Answer) -> Outcome {
    let (supervisor, confine) = Supervisor::watch(calls, answer)?;
    lab.supervisor = Some(supervisor);
    lab.start_confined(&FREE_PORT, confine)
}

fn exhausted(lab: &mut Lab<'_>) -> Outcome {
    let accepts = start(lab)?;
    let mut old = lab.connect_all(5)?;
    for conn in &mut old {
        conn.exchange(10, lab.ms(1_000))?;
    }
    for errno in [libc::ENFILE, libc::ENOBUFS, libc::ENOMEM] {
        let before = accepts.with(|accepts| {
            (accepts.errno, accepts.every) = (Some(errno), 1);
            accepts.attempts
        });
        let mut waiting = lab.connect()?;
        let time = Duration::from_millis(lab.pick(1_000, 2_000, 5_000));
        lab.pause(time)?;
        lab.server().alive()?;
        for conn in &mut old {
            conn.exchange(10, lab.ms(1_000))?;
        }
        let attempts = accepts.with(|accepts| {
            accepts.errno = None;
            accepts.attempts - before
        });
        let most = 100 * time.as_millis() / 1_000;
        ensure(
            u128::from(attempts) <= most,
            format!("at most {most} attempts in {time:.0?}"),
            format!("{attempts} with error {errno}"),
        )?;
        let start = Instant::now();
        waiting.exchange(10, lab.ms(2_000))?;
        within("the recovery", start.elapsed(), lab.ms(2_000))?;
    }
    Ok(())
}

fn faults(lab: &mut Lab<'_>) -> Outcome {
    let accepts = start(lab)?;
    let errnos = [
        libc::ECONNABORTED,
        libc::EPROTO,
        libc::EINTR,
        libc::ENETDOWN,
        libc::EPERM,
        libc::EHOSTUNREACH,
    ];
    let start = Instant::now();
    for errno in errnos {
        let first = lab.below(2);
        accepts.with(|accepts| {
            (accepts.errno, accepts.every) = (Some(errno), 2);
            accepts.attempts += first;
        });
        // All wait in the queue before the first is accepted: whoever stops
        // at a fault, and is woken by newcomers alone, leaves the others.
        lab.server().signal_all(Signal::STOP)?;
        let conns = lab.connect_all(34);
        lab.server().signal_all(Signal::CONT)?;
        for mut conn in conns? {
            conn.exchange(10, lab.volume_ms(3_000))?;
            let what = "204 connections";
            within(what, start.elapsed(), lab.volume_ms(3_000))?;
        }
    }
    // Left so, the post-check would meet a failing accept.
    accepts.with(|accepts| accepts.errno = None);
    lab.server().alive()
}

/// What a server did that it shouldn't have.
fn side_effects(lab: &mut Lab<'_>) -> Outcome {
    let seen = Shared::<(bool, Vec<String>)>::default();
    let own = seen.clone();
    let answer = move |question: &Question| {
        own.with(|(ready, seen)| {
            seen.extend(effect(question, *ready));
        });
        None
    };
    let calls = [
        libc::SYS_openat,
        libc::SYS_openat2,
        libc::SYS_connect,
        libc::SYS_socket,
        libc::SYS_execve,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_creat,
    ];
    start_watched(lab, &calls, Box::new(answer))?;
    seen.with(|(ready, _)| *ready = true);
    for _ in 0..20 {
        lab.connect()?.exchange(10_000, lab.volume_ms(2_000))?;
    }
    let seen = seen.with(|(_, seen)| seen.join(", "));
    ensure(seen.is_empty(), "no file, connection or program", seen)
}

/// What is wrong with a call; once it is ready no program may be started.
fn effect(question: &Question, ready: bool) -> Option<String> {
    const WRITES: u64 =
        (libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC) as u64;
    const DEVICES: [&str; 3] = ["/dev/null", "/dev/tty", "/dev/zero"];
    let [first, second, third, ..] = question.arguments;
    let writes = |path: u64, flags: u64| {
        let name = text_at(question.thread, path);
        // What a process sets of itself ends with it.
        let own = DEVICES.contains(&&*name) || name.starts_with("/proc/self/");
        let written = flags & WRITES != 0 && !own;
        written.then(|| format!("opens {name:?} to write"))
    };
    match question.call {
        libc::SYS_openat => writes(second, third),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => writes(first, second),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_creat => writes(first, WRITES),
        libc::SYS_connect => {
            let address = text_at(question.thread, second).into_bytes();
            let family = address.first().map_or(0, |&it| i32::from(it));
            let inet = [libc::AF_INET, libc::AF_INET6].contains(&family);
            inet.then(|| "connects to somebody".to_owned())
        }
        libc::SYS_socket => {
            let kind = i32::try_from(second & 0xf).unwrap_or_default();
            let inet = [libc::AF_INET as u64, libc::AF_INET6 as u64];
            let odd = inet.contains(&first) && kind != libc::SOCK_STREAM;
            odd.then(|| format!("opens an internet socket of type {kind}"))
        }
        libc::SYS_execve if ready => {
            Some(format!("starts {:?}", text_at(question.thread, first)))
        }
        _ => None,
    }
}

/// A feature that a kernel may lack, and the backends that are nothing
/// without it.
type Feature = (&'static str, &'static [(i64, i32)], &'static [&'static str]);

const FEATURES: [Feature; 4] = [
    (
        "io_uring is forbidden",
        &[(libc::SYS_io_uring_setup, libc::EPERM)],
        &["io_uring", "uring", "io-uring"],
    ),
    (
        "io_uring is missing",
        &[(libc::SYS_io_uring_setup, libc::ENOSYS)],
        &["io_uring", "uring", "io-uring"],
    ),
    (
        "epoll is missing",
        &[
            (libc::SYS_epoll_create1, libc::ENOSYS),
            #[cfg(target_arch = "x86_64")]
            (libc::SYS_epoll_create, libc::ENOSYS),
        ],
        &["epoll"],
    ),
    ("no eventfd is left", &[(libc::SYS_eventfd2, libc::EMFILE)], &[]),
];

fn lacking(lab: &mut Lab<'_>) -> Outcome {
    for (what, calls, backends) in FEATURES {
        let filter = Some(Filter::failing(calls));
        let confine = Confine { filter, ..Confine::default() };
        let start = Instant::now();
        let mut server = match lab.attempt(&FREE_PORT, confine)? {
            Ok(server) => server,
            Err(ended) => {
                judge(lab, what, start, ended.exit.kind, &ended.stderr)?;
                continue;
            }
        };
        // Some look only when they begin to wait.
        if let Some(exit) = server.process.wait(Duration::from_millis(300)) {
            let said = server.log();
            judge(lab, what, start, exit.kind, &said)?;
            continue;
        }
        let line = server.line.clone();
        let word = line.split(' ').find_map(|it| it.strip_prefix("backend="));
        if word.is_some_and(|backend| backends.contains(&backend)) {
            return fail(
                format!("{what}: exit code 4, or another backend"),
                format!("it serves and announces {line:?}"),
            );
        }
        let addr = server.addr;
        lab.connect_to(addr)?.exchange(1_000, lab.ms(2_000))?;
    }
    lab.start()
}

fn judge(
    lab: &Lab<'_>,
    what: &str,
    start: Instant,
    kind: ExitKind,
    said: &str,
) -> Outcome {
    within("giving up", start.elapsed(), lab.volume_ms(2_000))?;
    let traced = said.contains("panicked") || said.contains("Traceback");
    ensure(
        kind == ExitKind::Code(4) && !said.trim().is_empty() && !traced,
        format!("{what}: exit code 4, and what is lacking"),
        format!("{kind}: {}", said.trim().lines().last().unwrap_or("")),
    )
}
