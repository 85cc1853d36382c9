//! Takes the announce line apart. Pure.

use std::net::SocketAddr;

use crate::record::Announce;

/// Reads `LISTENING 127.0.0.1:43817 pid=123 backend=epoll workers=2
/// buffer=4096` and nothing else.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn parse(text: &str) -> Result<Announce, String> {
    let wrong = |what: &str| {
        let shown: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(120)
            .collect();
        format!("{what} in its announce: {:?}", shown.trim())
    };
    let (line, rest) =
        text.split_once('\n').ok_or_else(|| wrong("no end of line"))?;
    if !rest.is_empty() {
        return Err(wrong("more than one line"));
    }
    let mut words = line.split(' ');
    if words.next() != Some("LISTENING") {
        return Err(wrong("no LISTENING"));
    }
    let addr: SocketAddr = words
        .next()
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| wrong("no address"))?;
    if addr.port() == 0 {
        return Err(wrong("port 0"));
    }
    if !addr.ip().is_loopback() {
        return Err(wrong("an address that is not loopback"));
    }
    let fields: Vec<(&str, &str)> =
        words.filter_map(|word| word.split_once('=')).collect();
    let field = |name: &str| {
        fields
            .iter()
            .find_map(|&(key, value)| (key == name).then_some(value))
            .ok_or_else(|| wrong(&format!("no {name}=")))
    };
    let number = |name: &str| -> Result<u32, String> {
        let value = field(name)?;
        value.parse().map_err(|_| wrong(&format!("no number after {name}=")))
    };
    Ok(Announce {
        addr,
        pid: number("pid")?,
        backend: field("backend")?.to_owned(),
        workers: number("workers")?,
        buffer: number("buffer")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_contract_is_understood() {
        let line = "LISTENING 127.0.0.1:43817 pid=123 backend=epoll \
                    workers=2 buffer=4096\n";
        let announce = parse(line).unwrap();
        assert_eq!(announce.addr, "127.0.0.1:43817".parse().unwrap());
        assert_eq!(announce.pid, 123);
        assert_eq!(announce.backend, "epoll");
        assert_eq!((announce.workers, announce.buffer), (2, 4096));
        let six = line.replace("127.0.0.1", "[::1]");
        assert!(parse(&six).unwrap().addr.is_ipv6());
    }

    #[test]
    fn every_other_line_is_refused_with_the_reason() {
        let good = "LISTENING 127.0.0.1:1 pid=1 backend=e workers=1 buffer=1\n";
        assert!(parse(good).is_ok());
        let cases = [
            ("", "no end of line"),
            ("hello\n", "no LISTENING"),
            ("LISTENING here\n", "no address"),
            (&good.replace(":1 ", ":0 "), "port 0"),
            (&good.replace("127.0.0.1", "0.0.0.0"), "not loopback"),
            (&good.replace("pid=1", "pid=x"), "no number after pid="),
            (&good.replace("backend=e ", ""), "no backend="),
            (&good.repeat(2), "more than one line"),
        ];
        for (line, why) in cases {
            let error = parse(line).unwrap_err();
            assert!(error.contains(why), "{line:?}: {error}");
            assert!(!error.contains('\n') && !error.contains('\u{1b}'));
        }
    }
}
