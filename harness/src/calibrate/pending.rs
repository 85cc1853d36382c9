//! Tests that have a number and a goal and can't be run yet.

use super::{Class, Run, Test};

pub(super) const TESTS: &[Test] = &[
    Test {
        id: "K15",
        class: Class::Full,
        title: "a client that is too slow is told from a server that is",
        goal: "always labelled",
        source: "TechEmpower issue 5207",
        seconds: 60,
        run: Run::NotYet,
    },
    Test {
        id: "K17",
        class: Class::Full,
        title: "clones of one server in a whole run",
        goal: "none told from the others",
        source: "no benchmark is known to publish it",
        seconds: 1_200,
        run: Run::NotYet,
    },
    Test {
        id: "K23",
        class: Class::Full,
        title: "a hog on either CPU, a client that was stopped for 50 ms",
        goal: "95 % annotated, at most 5 % falsely",
        source: "Petrini et al., SC'03, on what noise does",
        seconds: 120,
        run: Run::NotYet,
    },
    Test {
        id: "K28",
        class: Class::Full,
        title: "a whole run twice",
        goal: "no verdicts that contradict; medians of cost within 5 %",
        source: "Collberg & Proebsting 2016 on repeatability",
        seconds: 2_400,
        run: Run::NotYet,
    },
    Test {
        id: "K29",
        class: Class::Full,
        title: "a pause of 200 ms on 1 of 10,000 connections",
        goal: "shows in its gap and in the fairness index; the others' p99 \
               within 5 %",
        source: "Jain, Chiu & Hawe 1984 on fairness",
        seconds: 30,
        run: Run::NotYet,
    },
];
