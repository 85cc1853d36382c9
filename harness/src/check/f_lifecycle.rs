//! F, first part: how it starts, where it listens, whom it needs.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::a_bytes::sweep;
use super::case::Case;
use super::lab::Lab;
use super::server::Server;
use super::verdict::{Outcome, Stop, broken, ensure, fail, within};
use crate::process::{Confine, ExitKind};
use crate::{sample, sockets};

pub(crate) const CASES: &[Case] = &[
    Case::must("F1", "announce", announce).quick(),
    Case::must("F2", "loopback by default", default).setup('N').quick(),
    Case::must("F3", "IPv6", six).quick(),
    Case::must("F4", "second instance", second).quick(),
    Case::must("F9", "output that nobody reads", unheard).once(),
    Case::must("F11", "parent dies", orphaned).ends().quick(),
    Case::must("F13", "no privileges", nobody).setup('U').quick(),
    Case::must("F16", "starved at birth", starved).setup('R').quick(),
];

fn announce(lab: &mut Lab<'_>) -> Outcome {
    let server = lab.launch(&["--addr", "127.0.0.1:0"], Confine::default())?;
    let line = server.line.clone();
    let addr = server.addr;
    within("the announce", server.ready, lab.volume_ms(2_000))?;
    // Connectable at once: before anything else is looked at.
    lab.connect_to(addr)?.exchange(10, lab.ms(1_000))?;
    let words: Vec<&str> = line.split(' ').collect();
    let key = |at: usize, key: &str| {
        words.get(at).and_then(|word| word.strip_prefix(key))
    };
    let number = |at, name| key(at, name)?.parse::<u32>().ok();
    let announced = number(2, "pid=").zip(number(4, "workers="));
    let complete = key(3, "backend=").is_some_and(|it| !it.is_empty())
        && number(5, "buffer=").is_some_and(|buffer| buffer > 0);
    let Some((pid, _)) = announced.filter(|_| complete && words.len() == 6)
    else {
        return fail(
            "LISTENING ADDR pid=… backend=… workers=… buffer=…",
            format!("{line:?}"),
        );
    };
    let pids = server.pids();
    ensure(
        pids.contains(&pid),
        "a process of its own",
        format!("process {pid}, which is not"),
    )?;
    let listeners =
        sockets::listeners(addr).map_err(broken("socket diagnostics"))?;
    let own = |it: &sockets::Listener| {
        sample::holds_socket(&pids, it.inode) && it.ip == addr.ip()
    };
    ensure(
        addr.ip() == Ipv4Addr::LOCALHOST
            && !listeners.is_empty()
            && listeners.iter().all(own),
        format!("its own listener on 127.0.0.1:{}, no other", addr.port()),
        format!("{addr} is announced, {listeners:?} listen"),
    )?;
    lab.keep(server)?;
    lab.pause(Duration::from_millis(100))?;
    let chatter = lab.server().chatter();
    ensure(chatter.is_empty(), "one line on stdout", format!("and {chatter:?}"))
}

fn default(lab: &mut Lab<'_>) -> Outcome {
    lab.own_network()?;
    lab.start_confined(&[], Confine::default())?;
    let addr = lab.server().addr;
    ensure(addr.ip().is_loopback(), "a loopback address", addr.to_string())?;
    const LISTEN: &str = "0A";
    for file in ["tcp", "tcp6", "udp", "udp6"] {
        let path = format!("/proc/thread-self/net/{file}");
        // Without IPv6 there is no such file.
        let text = std::fs::read_to_string(path).unwrap_or_default();
        for line in text.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, state, ..] = words[..] else { continue };
            let udp = file.starts_with("udp");
            let port = format!(":{:04X}", addr.port());
            let ours = local.ends_with(&port)
                && LOOPBACKS.iter().any(|it| local.starts_with(it));
            if udp || (state == LISTEN && !ours) {
                let actual = format!("a {file} socket at {local} (hex)");
                return fail("no other socket than the announced", actual);
            }
        }
    }
    Ok(())
}

/// As the kernel prints 127.0.0.1, ::1 and ::ffff:127.0.0.1.
const LOOPBACKS: [&str; 3] = [
    "0100007F:",
    "00000000000000000000000001000000:",
    "0000000000000000FFFF00000100007F:",
];

fn six(lab: &mut Lab<'_>) -> Outcome {
    if TcpListener::bind("[::1]:0").is_err() {
        return Err(Stop::Skip("this machine has no IPv6".into()));
    }
    lab.start_confined(&["--addr", "[::1]:0"], Confine::default())?;
    let line = lab.server().line.clone();
    ensure(
        line.starts_with("LISTENING [::1]:"),
        "an address in brackets",
        line,
    )?;
    let all = lab.launch(&["--addr", "[::]:0"], Confine::default())?;
    let port = all.addr.port();
    let six = ([0, 0, 0, 0, 0, 0, 0, 1], port).into();
    lab.connect_to(six)?.exchange(10, lab.ms(1_000))?;
    let four = ([127, 0, 0, 1], port).into();
    let mapped = lab
        .connect_to(four)
        .and_then(|mut conn| conn.exchange(10, lab.ms(1_000)));
    lab.note(match mapped {
        Ok(_) => "[::] serves IPv4 too",
        Err(_) => "[::] serves IPv6 alone",
    });
    Ok(())
}

fn second(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let addr = lab.server().addr.to_string();
    let arguments = ["--addr", &*addr];
    let Err(ended) = lab.attempt(&arguments, Confine::default())? else {
        let actual = "it listens on the same port";
        return fail("exit code 3: the port is in use", actual);
    };
    let said = ended.stderr.trim();
    ensure(
        ended.exit.kind == ExitKind::Code(3),
        "exit code 3",
        format!("{}: {said}", ended.exit.kind),
    )?;
    within("the refusal", ended.took, lab.volume_ms(2_000))?;
    ensure(
        said.contains(&addr) && said.contains("in use"),
        format!("a line with {addr} and \"in use\""),
        format!("{said:?}"),
    )?;
    for _ in 0..100 {
        lab.echo_once(lab.ms(1_000))?;
    }
    Ok(())
}

fn unheard(lab: &mut Lab<'_>) -> Outcome {
    lab.unheard()?;
    for _ in 0..10 {
        lab.echo_once(lab.ms(1_000))?;
    }
    lab.server().alive()?;
    drop(lab.take_server());
    // A log that is written into a full pipe must not hold anybody up.
    let confine =
        Confine { descriptors: Some(128), unread: true, ..Confine::default() };
    lab.start_confined(&["--addr", "127.0.0.1:0"], confine)?;
    let mut old = lab.connect_all(10)?;
    for conn in &mut old {
        conn.exchange(10, lab.ms(1_000))?;
    }
    let processes = lab.server().pids().len();
    let crowd = lab.connect_all(processes * 128 + 32)?;
    lab.pause(Duration::from_secs(lab.pick(1, 3, 3)))?;
    for conn in &mut old {
        conn.exchange(10, lab.ms(1_000))?;
    }
    drop(crowd);
    lab.server().alive()
}

fn orphaned(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut conn = lab.connect()?;
    conn.exchange(10, lab.ms(1_000))?;
    let server = lab.take_server();
    // The death signal that the launcher gave it kills the first process;
    // whatever else there is has to notice by itself.
    server.signal(Signal::KILL)?;
    let bound = lab.ms(1_000);
    let start = Instant::now();
    while server.left_over() > 0 {
        if start.elapsed() > bound {
            let actual = format!("{} process(es)", server.left_over());
            return super::verdict::late("nothing left", bound, actual);
        }
        lab.pause(Duration::from_millis(5))?;
    }
    // The kernel takes a ring down, and what it accepts from, a few
    // milliseconds after the process.
    loop {
        let listeners = sockets::listeners(server.addr)
            .map_err(broken("socket diagnostics"))?;
        if listeners.is_empty() || start.elapsed() > bound {
            let free = listeners.is_empty();
            return ensure(free, "a free port", "somebody listens still");
        }
        lab.pause(Duration::from_millis(5))?;
    }
}

fn nobody(lab: &mut Lab<'_>) -> Outcome {
    if !rustix::process::geteuid().is_root() {
        let why = "needs the right to become another user";
        return Err(Stop::Skip(why.into()));
    }
    let built = &lab.target.built;
    let program = Path::new(&built.command[0]);
    if !open_to_all(&built.directory) || !open_to_all(program) {
        let why = "its files are not open to other users here";
        return Err(Stop::Skip(why.into()));
    }
    let confine = || Confine { nobody: true, ..Confine::default() };
    let arguments = ["--addr", "127.0.0.1:0"];
    // A module of the invoking user's own is none of another's.
    if let Err(ended) = lab.attempt(&arguments, confine())?
        && ended.exit.kind == ExitKind::Code(4)
    {
        return Err(Stop::Skip(ended.stderr.trim().to_owned()));
    }
    lab.start_confined(&arguments, confine())?;
    sweep(lab)
}

/// Whether everybody may enter all directories on the way. A program that is
/// looked up in the PATH is open.
fn open_to_all(path: &Path) -> bool {
    const OTHERS: u32 = 0o001;
    if !path.is_absolute() {
        return true;
    }
    path.ancestors().all(|part| {
        std::fs::metadata(part)
            .is_ok_and(|it| it.permissions().mode() & OTHERS != 0)
    })
}

/// One that has announced itself lives, even if it can accept nobody, and
/// whoever it accepts is served; or it has thought better of it.
fn serves_or_ends(lab: &mut Lab<'_>, server: &mut Server) -> Outcome {
    let mut conn = lab.connect_to(server.addr)?;
    let served = conn.exchange(10, lab.ms(300));
    match server.process.wait(Duration::ZERO) {
        // Nobody came for the connection, and there is no descriptor for it.
        None if conn.received == 0 => Ok(()),
        None => served.map(drop),
        Some(exit) => ensure(
            matches!(exit.kind, ExitKind::Code(1..)),
            "an exit code other than 0",
            format!("{}{}", exit.kind, server.log()),
        ),
    }
}

fn starved(lab: &mut Lab<'_>) -> Outcome {
    for descriptors in [8, 6, 5, 4] {
        let descriptors = Some(descriptors);
        let confine = Confine { descriptors, ..Confine::default() };
        let start = Instant::now();
        let arguments = ["--addr", "127.0.0.1:0"].map(Into::into).to_vec();
        // Whether it gets by with so few or gives up, it doesn't hang.
        let patience = lab.volume_ms(2_000);
        match lab.attempt_raw(arguments, confine, patience)? {
            Ok(mut server) => serves_or_ends(lab, &mut server)?,
            Err(ended) => {
                let what = "giving up";
                within(what, start.elapsed(), lab.volume_ms(2_000))?;
                let said = ended.stderr.trim().to_owned();
                let code = matches!(ended.exit.kind, ExitKind::Code(1..));
                ensure(
                    code && !said.is_empty(),
                    "an exit code other than 0, and the reason",
                    format!("{}: {said:?}", ended.exit.kind),
                )?;
            }
        }
    }
    lab.start()
}
