//! Lines of bounded width.
//!
//! Refuses to do: hyphenate.

use crate::units::Plain;

/// No line of a table is wider, in columns of a terminal.
pub const WIDTH: usize = 110;

/// Columns that a text takes on a terminal. Scripts whose letters are wide
/// are counted as such; a letter too many is better than a line too wide.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

const fn columns(c: char) -> usize {
    match c {
        '\u{0}'..='\u{10ff}' | '\u{2000}'..='\u{2bff}' => 1,
        _ => 2,
    }
}

/// At most `limit` columns; an ellipsis shows what is missing.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    if width(text) <= limit {
        return text.into();
    }
    let mut short = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += columns(c);
        if used > limit {
            break;
        }
        short.push(c);
    }
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// A sentence below a table, wrapped to [`WIDTH`].
#[must_use]
pub fn paragraph(text: &str) -> String {
    let mut lines = wrap(text, "  ", "").join("\n");
    lines.push('\n');
    lines
}

/// Words on as many lines as [`WIDTH`] asks for; every line but the first
/// begins with `indent`, every line but the last ends with `tail`.
pub(super) fn wrap(text: &str, indent: &str, tail: &str) -> Vec<String> {
    wrap_words(text.split(' '), indent, tail)
}

/// The same for words that may hold blanks of their own, such as a flag and
/// its value.
pub(super) fn wrap_words<'a>(
    words: impl IntoIterator<Item = &'a str>,
    indent: &str,
    tail: &str,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let room = WIDTH - width(tail);
    for word in words {
        let word = shorten(word, room - width(indent));
        if !line.is_empty() && width(&line) + 1 + width(&word) > room {
            line.push_str(tail);
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    lines.push(line);
    lines
}

/// `10k/s`, `12.5k/s`, `500/s`.
pub(crate) fn rate(per_s: f64) -> String {
    if per_s >= 1_000.0 && (per_s / 100.0).fract() == 0.0 {
        format!("{}k/s", per_s / 1_000.0)
    } else if per_s >= 10_000.0 {
        format!("{}/s", Plain(per_s))
    } else {
        format!("{per_s}/s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_wrap_and_carry_their_marks() {
        let text = "word ".repeat(40);
        let lines = wrap(text.trim_end(), "  ", " \\");
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| width(line) <= WIDTH));
        assert!(lines[0].ends_with(" \\") && lines[1].starts_with("  word"));
        assert!(!lines[1].ends_with('\\'));
    }

    #[test]
    fn a_word_longer_than_a_line_is_cut() {
        let lines = wrap(&"x".repeat(500), "", "");
        assert_eq!(lines.len(), 1);
        assert_eq!(width(&lines[0]), WIDTH);
    }

    #[test]
    fn wide_letters_count_twice() {
        assert_eq!(width("±µ×–…≥"), 6);
        assert_eq!(width("漢字"), 4);
        assert_eq!(shorten("漢字漢字", 5), "漢字…");
    }

    #[test]
    fn rates_are_labels() {
        let labels = [
            (10_000.0, "10k/s"),
            (12_500.0, "12.5k/s"),
            (500.0, "500/s"),
            (1_234.0, "1234/s"),
            (123_456.0, "123k/s"),
        ];
        for (per_s, label) in labels {
            assert_eq!(rate(per_s), label);
        }
    }
}
