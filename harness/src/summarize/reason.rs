//! What became of a trial, in one plain sentence.
//!
//! Whatever a server, a build or a manifest wrote is foreign: it is stripped
//! of everything that could move a cursor or forge a line before it is shown.
//!
//! Refuses to do: keep a whole log. The record has it.

use wire::{Fault, FaultKind};

use crate::record::Outcome;
use crate::units::Count;

/// Longest piece of foreign text in a sentence, in characters.
const QUOTE: usize = 200;

/// Why a trial gave no figure; `None` for a measured one.
#[must_use]
pub fn reason(outcome: &Outcome) -> Option<String> {
    Some(match outcome {
        Outcome::Measured(_) => return None,
        Outcome::Skipped { reason, .. } => plain(reason),
        Outcome::Unsupported { reason } => {
            format!("the platform lacks something: {}", plain(reason))
        }
        Outcome::BuildFailed { log } => said("no program came of it", log),
        Outcome::NeverReady { why, log } => said(&plain(why), log),
        Outcome::Crashed { exit, log } => said(&plain(exit), log),
        Outcome::Corrupted(fault) => corrupted(fault),
        Outcome::Incomplete { connections: c, during } => format!(
            "{} of {} connections were served during {}: \
             {} refused, {} reset, {} timed out",
            Count(c.established.into()),
            Count(c.requested.into()),
            plain(during),
            Count(c.refused.into()),
            Count(c.reset.into()),
            Count(c.timed_out.into()),
        ),
        Outcome::Stalled { during, log } => said(
            &format!("echoes were owed for too long during {}", plain(during)),
            log,
        ),
        Outcome::Interrupted => "the run was interrupted".into(),
        Outcome::HarnessError { message } => {
            format!("not the server's fault: {}", plain(message))
        }
    })
}

fn said(what: &str, log: &str) -> String {
    match log.lines().map(plain).rfind(|line| !line.is_empty()) {
        Some(last) => format!("{what}; last written: {last}"),
        None => what.into(),
    }
}

fn corrupted(fault: &Fault) -> String {
    let what = match &fault.kind {
        FaultKind::Wrong => "wrong bytes".to_owned(),
        FaultKind::Short { missing } => {
            format!("{} bytes too few", Count(*missing))
        }
        FaultKind::Surplus => "surplus bytes".to_owned(),
        FaultKind::Mixed { other, other_offset } => {
            format!(
                "bytes of connection {other} from its offset {other_offset}"
            )
        }
    };
    format!(
        "connection {} received {what} at offset {}: expected {}, got {}",
        fault.connection,
        fault.offset,
        hex(&fault.expected),
        hex(&fault.actual),
    )
}

fn hex(bytes: &str) -> String {
    /// Eight bytes are enough to recognise what came.
    const SHOWN: usize = 16;
    let bytes = plain(bytes);
    match bytes.char_indices().nth(SHOWN) {
        _ if bytes.is_empty() => "nothing".into(),
        Some((end, _)) => format!("{}…", &bytes[..end]),
        None => bytes,
    }
}

/// Foreign text as one harmless line: escape sequences, control characters
/// and those that reorder or hide text are gone, white space is one blank.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_csi(&mut chars),
            c if c.is_whitespace() || c.is_control() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c if reorders_or_hides(c) => {}
            c => out.push(c),
        }
    }
    shorten(out.trim(), QUOTE)
}

/// At most `limit` characters; an ellipsis shows what is missing.
fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.into();
    }
    let mut short: String =
        text.chars().take(limit.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// After ESC: a control sequence, an operating system command (title, link)
/// up to its terminator, or a single character.
fn skip_escape(chars: &mut Chars<'_>) {
    match chars.next() {
        Some('[') => skip_csi(chars),
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || c == '\u{9c}' {
                    return;
                }
                if c == '\u{1b}' {
                    let _backslash = chars.next_if_eq(&'\\');
                    return;
                }
            }
        }
        _ => {}
    }
}

/// Parameters, then one final character.
fn skip_csi(chars: &mut Chars<'_>) {
    for c in chars.by_ref() {
        if ('\u{40}'..='\u{7e}').contains(&c) {
            return;
        }
    }
}

const fn reorders_or_hides(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_becomes_one_harmless_line() {
        let cases = [
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}shown", "shown"),
            ("\u{1b}]8;;http://x\u{1b}\\link", "link"),
            ("two\r\nlines\tand\u{0}more", "two lines and more"),
            ("a\u{202e}b\u{200b}c\u{2066}d", "abcd"),
            ("\u{9b}2Jgone", "gone"),
            ("  trimmed \u{7}", "trimmed"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
        ];
        for (foreign, harmless) in cases {
            assert_eq!(plain(foreign), harmless, "{foreign:?}");
        }
        assert_eq!(plain(&"x".repeat(1_000)).chars().count(), QUOTE);
    }

    #[test]
    fn a_mix_up_names_both_connections() {
        let fault = Fault {
            kind: FaultKind::Mixed { other: 7, other_offset: 300 },
            connection: 12,
            offset: 400,
            expected: "0a0b".into(),
            actual: "00112233445566778899".into(),
        };
        assert_eq!(
            reason(&Outcome::Corrupted(fault)).unwrap(),
            "connection 12 received bytes of connection 7 from its offset \
             300 at offset 400: expected 0a0b, got 0011223344556677…"
        );
    }

    #[test]
    fn the_last_line_of_a_log_is_quoted() {
        let outcome = Outcome::Crashed {
            exit: "signal 11 (SIGSEGV)".into(),
            log: "one\n\u{1b}[1mpanic: out of threads\n\n".into(),
        };
        assert_eq!(
            reason(&outcome).unwrap(),
            "signal 11 (SIGSEGV); last written: panic: out of threads"
        );
        let silent =
            Outcome::NeverReady { why: "no announce".into(), log: "".into() };
        assert_eq!(reason(&silent).unwrap(), "no announce");
    }
}
