//! The state machine driven byte by byte and in arbitrary pieces.

use proptest::prelude::*;
use wire::FaultKind;

use super::*;

const PATTERN: Pattern = Pattern::new(9);

/// A connection with messages of these lengths, due at 10, 20, …, of
/// which `sent` bytes were written at 1000.
fn conn(lengths: &[u32], sent: usize) -> Conn {
    let mut conn = Conn::new(4);
    for (index, length) in (1_u64..).zip(lengths) {
        conn.enqueue(*length, index * 10, true);
    }
    if sent > 0 {
        let mut out = vec![0; sent];
        assert_eq!(conn.fill(PATTERN, &mut out), sent);
        conn.wrote(sent, 1000);
    }
    conn
}

fn echo(from: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    PATTERN.fill(4, from, &mut bytes);
    bytes
}

/// Feeds `bytes` cut into pieces and returns the last verdict and the
/// completed messages.
fn feed(
    conn: &mut Conn,
    bytes: &[u8],
    pieces: &[usize],
) -> (Verdict, Vec<Message>) {
    let mut complete = Vec::new();
    let mut verdict = Verdict::Right;
    let mut rest = bytes;
    let mut pieces = pieces.iter().cycle();
    while !rest.is_empty() {
        let length = pieces.next().map_or(1, |n| *n).min(rest.len());
        let (piece, tail) = rest.split_at(length);
        verdict = conn.receive(PATTERN, piece, &mut complete);
        rest = tail;
    }
    (verdict, complete)
}

#[test]
fn an_echo_byte_by_byte_completes_its_message_with_the_last() {
    let mut conn = conn(&[100], 100);
    let bytes = echo(0, 100);
    let (verdict, complete) = feed(&mut conn, &bytes[..99], &[1]);
    assert_eq!((verdict, complete.len()), (Verdict::Right, 0));
    assert!(conn.is_partial());
    let (verdict, complete) = feed(&mut conn, &bytes[99..], &[1]);
    assert_eq!((verdict, complete.len()), (Verdict::Right, 1));
    assert_eq!(complete[0].intended_ns, 10);
    assert_eq!(complete[0].written_ns, 1000);
    assert_eq!((conn.outstanding(), conn.is_partial()), (0, false));
}

#[test]
fn the_time_of_writing_is_that_of_the_first_byte() {
    let mut conn = conn(&[100, 100], 0);
    conn.wrote(150, 1);
    conn.wrote(50, 2);
    let (_, complete) = feed(&mut conn, &echo(0, 200), &[200]);
    let times: Vec<_> = complete.iter().map(|m| m.written_ns).collect();
    assert_eq!(times, [1, 1]);
}

#[test]
fn a_write_that_ends_with_a_message_does_not_begin_the_next() {
    let mut conn = conn(&[100, 100], 100);
    assert_eq!(conn.unsent(), 100);
    let censored: Vec<_> = conn.censor().collect();
    assert_eq!(censored.len(), 1);
    assert_eq!(censored[0].written_ns, 0);
    assert_eq!((conn.unsent(), conn.outstanding()), (0, 100));
}

#[test]
fn a_message_that_is_begun_is_not_censored() {
    let mut conn = conn(&[100, 100, 100], 101);
    assert_eq!(conn.censor().count(), 1);
    assert_eq!(conn.unsent(), 99);
    assert_eq!(conn.pending().count(), 2);
}

#[test]
fn censoring_all_leaves_a_connection_that_goes_on() {
    let mut conn = conn(&[32], 32);
    assert_eq!(feed(&mut conn, &echo(0, 32), &[32]).1.len(), 1);
    conn.enqueue(100, 50, true);
    assert_eq!(conn.censor().count(), 1);
    conn.enqueue(8, 60, false);
    let mut out = [0; 64];
    assert_eq!(conn.fill(PATTERN, &mut out), 8);
    assert_eq!(out[..8], echo(32, 8));
}

#[test]
fn a_damaged_byte_is_named_once_all_that_is_due_has_come() {
    let mut conn = conn(&[100], 100);
    let mut bytes = echo(0, 100);
    bytes[70] ^= 0x80;
    let (verdict, complete) = feed(&mut conn, &bytes[..99], &[1]);
    assert_eq!((verdict, complete.len()), (Verdict::Suspect, 0));
    let (verdict, _) = feed(&mut conn, &bytes[99..], &[1]);
    assert_eq!(verdict, Verdict::Damaged);
    let fault = conn.fault(PATTERN, 10);
    assert_eq!(fault.kind, FaultKind::Wrong);
    assert_eq!((fault.connection, fault.offset), (4, 70));
    assert_eq!(fault.expected.len(), 60);
    assert_ne!(fault.expected, fault.actual);
}

#[test]
fn a_rest_that_never_comes_is_short() {
    let mut conn = conn(&[100], 100);
    feed(&mut conn, &echo(0, 60), &[7]);
    assert!(conn.is_partial() && !conn.is_suspect());
    let fault = conn.fault(PATTERN, 10);
    assert_eq!(fault.kind, FaultKind::Short { missing: 40 });
    assert_eq!(fault.offset, 60);
}

proptest! {
    #[test]
    fn any_cut_of_the_echo_completes_every_message(
        lengths in prop::collection::vec(1_u32..300, 1..8),
        pieces in prop::collection::vec(1_usize..120, 1..10),
    ) {
        let total = lengths.iter().sum::<u32>() as usize;
        let mut conn = conn(&lengths, total);
        let (verdict, complete) =
            feed(&mut conn, &echo(0, total), &pieces);
        prop_assert_eq!(verdict, Verdict::Right);
        prop_assert_eq!(complete.len(), lengths.len());
        prop_assert_eq!(conn.outstanding(), 0);
    }

    #[test]
    fn any_cut_of_a_damaged_echo_names_the_same_fault(
        pieces in prop::collection::vec(1_usize..120, 1..10),
        at in 0_usize..240, damage in 0..5,
    ) {
        let mut bytes = echo(0, 300);
        let kind = match damage {
            0 => { bytes[at] ^= 1; FaultKind::Wrong }
            1 => {
                bytes.drain(at..at + 5);
                FaultKind::Short { missing: 5 }
            }
            2 => {
                let again = bytes[at..at + 20].to_vec();
                bytes.splice(at + 20..at + 20, again);
                FaultKind::Surplus
            }
            3 => { bytes.extend(echo(200, 100)); FaultKind::Surplus }
            _ => {
                PATTERN.fill(8, 1000, &mut bytes[at..at + 30]);
                FaultKind::Mixed { other: 8, other_offset: 1000 }
            }
        };
        let mut conn = conn(&[300], 300);
        let (verdict, _) = feed(&mut conn, &bytes, &pieces);
        prop_assert_ne!(verdict, Verdict::Right);
        let fault = conn.fault(PATTERN, 10);
        // By chance the first damaged bytes may equal the right ones.
        let moved = match (&fault.kind, fault.offset) {
            (FaultKind::Mixed { other, other_offset }, offset) => {
                prop_assert_eq!(*other, 8);
                prop_assert_eq!(other_offset - 1000, offset - at as u64);
                true
            }
            _ => false,
        };
        prop_assert!(moved || fault.kind == kind, "{:?}", fault);
    }
}
