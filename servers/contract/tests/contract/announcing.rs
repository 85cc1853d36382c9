//! The announce line and the sockets: what runs is what was asked and said.

use std::net::TcpListener;

use libtest_mimic::{Completion, Failed};
use socket2::Socket;

use crate::client::{connect, ping, wait_until};
use crate::launch::Running;
use crate::manifest::Server;
use crate::{Point, proc};

/// The conformance case that reads the options of sockets back.
const OPTIONS: &str = "D2";

pub(crate) const POINTS: &[Point] = &[
    ("the_announcement_tells_what_runs", truth),
    ("ipv6_is_served_and_announced_in_brackets", ipv6),
    ("accepted_sockets_are_set_up_as_agreed", accepted),
    ("nobody_listening_to_its_output_does_no_harm", unheard),
];

fn word<'a>(running: &'a Running, key: &str) -> &'a str {
    let words = running.line.split(' ');
    words
        .filter_map(|word| word.split_once('='))
        .find_map(|(name, value)| (name == key).then_some(value))
        .unwrap_or_else(|| panic!("no {key} in {:?}", running.line))
}

/// Its listening sockets, each with whether it closes on exec.
fn listeners(running: &Running) -> Result<Vec<(Socket, bool)>, Failed> {
    let mut sockets = proc::tcp_sockets(running.pid())?;
    sockets.retain(|(socket, _)| socket.is_listener().unwrap_or(false));
    Ok(sockets)
}

fn truth(server: &Server) -> Result<Completion, Failed> {
    let arguments =
        ["--workers", "3", "--backlog", "77", "--buffer-bytes", "1234"];
    let running = server.launch()?.args(arguments).start()?;
    ping(&mut connect(running.addr)?, b"connectable at once")?;
    let pid = running.pid();
    assert_eq!(word(&running, "pid"), pid.as_raw_nonzero().to_string());
    assert_eq!(word(&running, "buffer"), "1234");
    assert_eq!(running.line.split(' ').count(), 6, "{}", running.line);

    let sockets = listeners(&running)?;
    assert!(!sockets.is_empty(), "the announced process listens nowhere");
    for (socket, closes_on_exec) in sockets {
        assert_eq!(socket.local_addr()?.as_socket(), Some(running.addr));
        assert_eq!(proc::backlog(&socket)?, 77, "the effective backlog");
        // A declaration that isn't needed any more is to be taken back.
        let expected = server.declares(OPTIONS).is_none();
        assert_eq!(closes_on_exec, expected, "the listener closes on exec");
    }

    let workers: u64 = word(&running, "workers").parse()?;
    let epolls = proc::count_of(pid, "eventpoll")?;
    let rings = proc::count_of(pid, "io_uring")? as u64;
    match word(&running, "backend") {
        "epoll" => assert!(epolls > 0, "announced epoll, has none"),
        "io_uring" => {
            assert!(rings >= workers, "{rings} rings, {workers} workers");
        }
        "blocking" | "poll" => {
            assert_eq!((epolls, rings), (0, 0), "epolls and rings");
        }
        other => panic!("no evidence is known for backend={other}"),
    }
    // A model without a choice announces what it runs: one.
    assert!(workers == 3 || workers == 1, "asked for 3, runs {workers}");
    assert!(proc::threads(pid)? >= workers, "fewer threads than workers");
    Ok(Completion::Completed)
}

fn ipv6(server: &Server) -> Result<Completion, Failed> {
    if TcpListener::bind("[::1]:0").is_err() {
        return Ok(Completion::ignored_with("this machine has no IPv6"));
    }
    let running = server.launch()?.start_at("[::1]:0")?;
    assert!(running.line.starts_with("LISTENING [::1]:"), "{}", running.line);
    ping(&mut connect(running.addr)?, b"six")?;

    let everywhere = server.launch()?.start_at("[::]:0")?;
    let port = everywhere.addr.port();
    ping(&mut connect(([0, 0, 0, 0, 0, 0, 0, 1], port).into())?, b"six")?;
    ping(&mut connect(([127, 0, 0, 1], port).into())?, b"four, mapped")?;
    Ok(Completion::Completed)
}

fn accepted(server: &Server) -> Result<Completion, Failed> {
    let running = server.launch()?.start()?;
    let mut client = connect(running.addr)?;
    ping(&mut client, b"accepted")?;
    // Where shards listen on one port, connections inherit the sharing.
    let sharded = listeners(&running)?.len() > 1;
    let mut seen = 0;
    for (socket, closes_on_exec) in proc::tcp_sockets(running.pid())? {
        if socket.is_listener()? {
            continue;
        }
        seen += 1;
        assert!(socket.tcp_nodelay()?, "Nagle waits");
        assert!(!socket.keepalive()?, "keep-alive probes");
        assert!(sharded || !socket.reuse_port()?, "shares its port");
        let expected = server.declares(OPTIONS).is_none();
        assert_eq!(closes_on_exec, expected, "a connection closes on exec");
    }
    assert_eq!(seen, 1, "descriptors for one connection");
    Ok(Completion::Completed)
}

fn unheard(server: &Server) -> Result<Completion, Failed> {
    // Found free and given back: the announcement can't tell the port.
    let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut running = server.launch()?.start_unheard(addr)?;
    wait_until("connectable", || Ok(connect(addr).is_ok()))?;
    for _ in 0..3 {
        ping(&mut connect(addr)?, b"nobody hears")?;
    }
    assert!(running.alive(), "ended with its output");
    Ok(Completion::Completed)
}
