//! Decides which CPUs serve and which drive.

use std::collections::BTreeMap;

use super::{Placement, Settings};

/// A CPU this process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// Its number.
    pub id: u32,
    /// Its physical core: siblings share one.
    pub core: u32,
    /// Its NUMA node.
    pub node: u32,
}

/// CPUs of the server and of the client.
///
/// `split` takes one CPU of each core of the largest NUMA node and gives the
/// server a third of them, but at least one; from 8 on one is kept free for
/// the harness. With a single CPU both share it.
#[must_use]
pub fn place(cpus: &[Cpu], placement: Placement) -> (Vec<u32>, Vec<u32>) {
    let all: Vec<u32> = cpus.iter().map(|cpu| cpu.id).collect();
    if placement == Placement::Shared || all.len() < 2 {
        return (all.clone(), all);
    }
    let alike = largest_node(cpus);
    let mut usable = one_of_each_core(&alike);
    if usable.len() < 2 {
        usable = alike.iter().map(|cpu| cpu.id).collect();
    }
    if usable.len() < 2 {
        usable = all;
    }
    let server = (usable.len() / 3).max(1);
    let kept = usize::from(usable.len() >= 8);
    let client = usable[server..usable.len() - kept].to_vec();
    usable.truncate(server);
    (usable, client)
}

fn largest_node(cpus: &[Cpu]) -> Vec<Cpu> {
    let mut nodes: BTreeMap<u32, Vec<Cpu>> = BTreeMap::new();
    for &cpu in cpus {
        nodes.entry(cpu.node).or_default().push(cpu);
    }
    nodes
        .into_values()
        .reduce(|best, next| if next.len() > best.len() { next } else { best })
        .unwrap_or_default()
}

fn one_of_each_core(cpus: &[Cpu]) -> Vec<u32> {
    let mut cores: BTreeMap<u32, u32> = BTreeMap::new();
    for cpu in cpus {
        cores.entry(cpu.core).or_insert(cpu.id);
    }
    let mut ids: Vec<u32> = cores.into_values().collect();
    ids.sort_unstable();
    ids
}

impl Settings {
    /// The CPUs of servers and client, each once.
    #[must_use]
    pub fn watched_cpus(&self) -> Vec<u32> {
        let mut cpus = [&self.server_cpus[..], &self.client_cpus].concat();
        cpus.sort_unstable();
        cpus.dedup();
        cpus
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(count: u32) -> Vec<Cpu> {
        (0..count).map(|id| Cpu { id, core: id, node: 0 }).collect()
    }

    #[test]
    fn server_and_client_never_share_a_cpu_where_there_are_two() {
        for count in 2..64 {
            let (server, client) = place(&plain(count), Placement::Split);
            assert!(!server.is_empty() && !client.is_empty());
            assert!(server.iter().all(|cpu| !client.contains(cpu)));
        }
    }

    #[test]
    fn the_split_is_a_third_and_one_is_kept_from_eight_on() {
        let sizes = |count| {
            let (server, client) = place(&plain(count), Placement::Split);
            (server.len(), client.len())
        };
        assert_eq!(sizes(1), (1, 1));
        assert_eq!(sizes(2), (1, 1));
        assert_eq!(sizes(4), (1, 3));
        assert_eq!(sizes(6), (2, 4));
        assert_eq!(sizes(8), (2, 5));
        assert_eq!(sizes(24), (8, 15));
    }

    #[test]
    fn siblings_and_other_nodes_are_left_out() {
        let mut cpus: Vec<Cpu> =
            (0..8).map(|id| Cpu { id, core: id % 4, node: 0 }).collect();
        cpus.push(Cpu { id: 8, core: 9, node: 1 });
        let (server, client) = place(&cpus, Placement::Split);
        assert_eq!((server, client), (vec![0], vec![1, 2, 3]));
    }

    #[test]
    fn two_siblings_are_better_than_one_cpu_for_both() {
        let cpus =
            [Cpu { id: 0, core: 0, node: 0 }, Cpu { id: 1, core: 0, node: 0 }];
        assert_eq!(place(&cpus, Placement::Split), (vec![0], vec![1]));
    }

    #[test]
    fn shared_gives_both_everything() {
        let (server, client) = place(&plain(3), Placement::Shared);
        assert_eq!((server, client), (vec![0, 1, 2], vec![0, 1, 2]));
    }
}
