//! F, third part: command lines that are wrong.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::case::Case;
use super::lab::Lab;
use super::verdict::{Outcome, ensure, fail, within};
use crate::process::{Confine, ExitKind};

pub(crate) const CASES: &[Case] =
    &[Case::must("F12", "bad arguments", refused).times(1, 1).quick()];

/// Lines that no server may accept, words separated by blanks; `''` is an
/// empty word.
const BAD: [&str; 60] = [
    "--addr x",
    "--addr ''",
    "--addr 127.0.0.1",
    "--addr 127.0.0.1:",
    "--addr :8080",
    "--addr 8080",
    "--addr 127.0.0.1:70000",
    "--addr 127.0.0.1:-1",
    "--addr 127.0.0.1:1e3",
    "--addr 127.0.0.1:0x50",
    "--addr 127.0.0:0",
    "--addr 127.1:0",
    "--addr 2130706433:0",
    "--addr 0177.0.0.1:0",
    "--addr 127.0.0.01:0",
    "--addr 0x7f.0.0.1:0",
    "--addr 0x7f000001:0",
    "--addr [127.0.0.1]:0",
    "--addr localhost:0",
    "--addr 127.0.0.1.1:0",
    "--addr 256.0.0.1:0",
    "--addr [::1:0",
    "--addr ::1]:0",
    "--addr [::1]",
    "--addr [:::1]:0",
    "--addr [::1%lo:0",
    "--addr http://127.0.0.1:0",
    "--addr",
    "--workers 0",
    "--workers -1",
    "--workers 1e30",
    "--workers two",
    "--workers 1.5",
    "--workers ''",
    "--workers 99999999999999999999",
    "--workers",
    "--backlog 0",
    "--backlog -5",
    "--backlog 65536",
    "--backlog many",
    "--backlog ''",
    "--backlog",
    "--buffer-bytes 0",
    "--buffer-bytes -1",
    "--buffer-bytes 65537",
    "--buffer-bytes 4k",
    "--buffer-bytes NaN",
    "--buffer-bytes",
    "--spin-us -5",
    "--spin-us 99999999999999999999",
    "--spin-us soon",
    "--spin-us",
    "--drain-ms soon",
    "--drain-ms ''",
    "--drain-ms -1",
    "--drain-ms",
    "--no-such-flag",
    "--no-such-flag 1",
    "stray",
    "--addr 127.0.0.1:0 stray words",
];

fn refused(lab: &mut Lab<'_>) -> Outcome {
    let word = |word: &str| OsString::from(word.trim_matches('\''));
    let mut lines: Vec<Vec<OsString>> =
        BAD.iter().map(|line| line.split(' ').map(word).collect()).collect();
    let no_text = OsString::from_vec(vec![b'1', 0xff, 0xfe]);
    lines.push(vec!["--workers".into(), no_text.clone()]);
    lines.push(vec!["--addr".into(), no_text]);
    let every = lab.pick(6, 1, 1);
    let first = lab.index(every);
    for line in lines.into_iter().skip(first).step_by(every) {
        one(lab, line)?;
    }
    // And a good line still starts it.
    lab.start()
}

fn one(lab: &Lab<'_>, line: Vec<OsString>) -> Outcome {
    let shown = format!("{line:?}");
    let Err(ended) =
        lab.attempt_raw(line, Confine::default(), lab.volume_ms(5_000))?
    else {
        return fail(format!("{shown}: exit code 2"), "it serves");
    };
    let said = ended.stderr.trim();
    ensure(
        ended.exit.kind == ExitKind::Code(2),
        format!("{shown}: exit code 2"),
        format!("{}: {said}", ended.exit.kind),
    )?;
    within("the refusal", ended.took, lab.volume_ms(1_000))?;
    ensure(
        ended.stdout.is_empty(),
        format!("{shown}: nothing on stdout"),
        ended.stdout,
    )?;
    let traces = ["panicked", "Traceback", "backtrace", "terminate", "   at "];
    let traced = traces.iter().any(|trace| said.contains(trace));
    ensure(
        said.contains("error") && said.len() < 1_000 && !traced,
        format!("{shown}: an error of a line, no trace"),
        format!("{said:?}"),
    )
}
