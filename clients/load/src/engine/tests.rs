//! What the loop asks of the kernel.

use super::*;

fn engine(cpus: Vec<u32>, connections: u32, index: u32) -> Engine {
    let spec = wire::Spec {
        protocol: wire::PROTOCOL,
        addr: "127.0.0.1:9".parse().unwrap(),
        connections,
        payload_bytes: 100,
        seed: 1,
        max_connecting: 4,
        stall_ms: 1000,
        cpus,
        server_pids: vec![],
        softirq_cpus: vec![],
        watched_cpus: vec![],
        count_packets: false,
        stay_awake: false,
        work: wire::Work::Classic,
    };
    let bell = Arc::new(Engine::new_bell().unwrap());
    Engine::new(Arc::new(Shared::new(&spec)), index, bell).unwrap()
}

#[test]
fn a_wait_is_not_rounded_up_to_milliseconds() {
    crate::clock::sharpen_timers().unwrap();
    let mut engine = engine(vec![], 1, 0);
    // The fastest of many, so that a busy machine does not matter.
    let fastest_ns = (0..200)
        .map(|_| {
            let begin_ns = now_ns();
            assert_eq!(engine.poll(Some(200_000)).unwrap(), 0);
            now_ns() - begin_ns
        })
        .min()
        .unwrap();
    assert!((200_000..900_000).contains(&fastest_ns), "{fastest_ns} ns");
}

#[test]
fn a_client_with_a_cpu_of_its_own_stays_awake_for_an_echo() {
    let far_ns = |engine: &Engine| engine.now + 10 * MS;
    for alone in [false, true] {
        let mut engine = engine(vec![], 1, 0);
        let shared = Arc::get_mut(&mut engine.shared).unwrap();
        shared.spec.stay_awake = alone;
        let idle_ns = engine.wait_ns(far_ns(&engine));
        assert!(idle_ns > 9 * MS, "nothing to wait for: {idle_ns} ns");
        engine.outstanding = 1;
        let waiting_ns = engine.wait_ns(far_ns(&engine));
        assert_eq!(waiting_ns == 0, alone, "{waiting_ns} ns");
    }
}

#[test]
fn loops_share_the_connections_and_the_allowance() {
    let loops: Vec<_> =
        (0..3).map(|index| engine(vec![0, 1, 2], 10, index)).collect();
    let sizes: Vec<_> = loops.iter().map(|l| l.tally().requested).collect();
    assert_eq!(sizes, [3, 3, 4]);
    for connection in 0..10 {
        let owners =
            loops.iter().filter(|l| l.slot(connection).is_some()).count();
        assert_eq!(owners, 1, "connection {connection}");
    }
    assert!(loops.iter().all(|l| l.allowance() == 1));
}

#[test]
fn there_are_no_more_loops_than_connections() {
    let shared = engine(vec![0, 1, 2], 2, 0).shared;
    assert_eq!(shared.loops, 2);
}
