//! The command line: help, refusals, defaults.

use std::time::Duration;

use libtest_mimic::{Completion, Failed};

use crate::client::{connect, ping};
use crate::manifest::Server;
use crate::{Point, proc};

pub(crate) const POINTS: &[Point] = &[
    ("help_says_what_the_server_does", help),
    ("a_bad_argument_exits_with_2_and_a_reason", bad_arguments),
    ("a_port_in_use_exits_with_3_and_disturbs_nobody", port_in_use),
    ("an_address_of_another_machine_exits_with_3", foreign_address),
    ("the_default_address_is_on_the_loopback", default_address),
];

const FLAGS: [&str; 6] = [
    "--addr",
    "--workers",
    "--backlog",
    "--buffer-bytes",
    "--spin-us",
    "--drain-ms",
];

fn help(server: &Server) -> Result<Completion, Failed> {
    let ended = server.launch()?.args(["--help"]).finish()?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("Echo"), "does what? {}", ended.stdout);
    for flag in FLAGS {
        assert!(ended.stdout.contains(flag), "no {flag}: {}", ended.stdout);
    }
    Ok(Completion::Completed)
}

fn bad_arguments(server: &Server) -> Result<Completion, Failed> {
    let refused = [
        ["--addr", "x"],
        ["--addr", ""],
        ["--addr", "127.0.0.1"],
        ["--addr", ":8080"],
        ["--addr", "127.0.0.1:70000"],
        ["--addr", "127.0.0.1:-1"],
        ["--addr", "127.0.0.1:"],
        ["--addr", "[::1:0"],
        ["--addr", "::1:0:"],
        ["--workers", "0"],
        ["--workers", "-1"],
        ["--workers", "1e30"],
        ["--workers", "two"],
        ["--backlog", "0"],
        ["--backlog", "65536"],
        ["--buffer-bytes", "0"],
        ["--buffer-bytes", "65537"],
        ["--buffer-bytes", "4k"],
        ["--spin-us", "-5"],
        ["--spin-us", "99999999999999999999"],
        ["--drain-ms", "soon"],
        ["--drain-ms", ""],
        ["--no-such-flag", "1"],
        ["stray", "words"],
    ];
    for arguments in refused {
        let ended = server.launch()?.args(arguments).finish()?;
        let said = format!("{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{said}");
        assert_eq!(ended.stdout, "", "{said}");
        assert!(ended.stderr.contains("error"), "no reason: {said}");
        assert!(ended.stderr.len() < 1000, "too long: {said}");
        for trace in ["panicked", "Traceback", "backtrace", "terminate"] {
            assert!(!ended.stderr.contains(trace), "{said}");
        }
    }
    Ok(Completion::Completed)
}

fn port_in_use(server: &Server) -> Result<Completion, Failed> {
    let first = server.launch()?.start()?;
    let addr = first.addr.to_string();
    let second = server.launch()?.args(["--addr", &addr]).finish()?;
    let said = second.stderr;
    assert_eq!(second.status.code(), Some(3), "{said}");
    assert_eq!(second.stdout, "", "announced nevertheless");
    assert!(said.contains(&addr), "which address? {said}");
    assert!(said.contains("in use"), "why? {said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(second.took < Duration::from_secs(20), "{:?}", second.took);
    for _ in 0..20 {
        ping(&mut connect(first.addr)?, b"still served")?;
    }
    Ok(Completion::Completed)
}

fn foreign_address(server: &Server) -> Result<Completion, Failed> {
    // Kept for documentation (RFC 5737): no machine has it.
    let launch = server.launch()?.args(["--addr", "192.0.2.1:8080"]);
    let ended = launch.finish()?;
    assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("192.0.2.1:8080"), "{}", ended.stderr);
    Ok(Completion::Completed)
}

fn default_address(server: &Server) -> Result<Completion, Failed> {
    let ended = match server.launch()?.start_or_end()? {
        Ok(running) => {
            let ip = running.addr.ip();
            assert!(ip.is_loopback(), "listens on {ip}");
            for (socket, _) in proc::tcp_sockets(running.pid())? {
                let at = socket.local_addr()?.as_socket();
                assert_eq!(at, Some(running.addr), "another socket");
            }
            return Ok(Completion::Completed);
        }
        Err(ended) => ended,
    };
    // Somebody else has the port: then the refusal tells the address.
    assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains(" 127.0.0.1:"), "{}", ended.stderr);
    Ok(Completion::Completed)
}
