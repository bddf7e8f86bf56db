//! Measuring: rounds in turn, medians, memory and processor time.

use std::fs;
use std::time::Duration;

/// The median of some figures; NaN of none.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    match figures.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => figures[n / 2],
        n => (figures[n / 2 - 1] + figures[n / 2]) / 2.0,
    }
}

/// One line of a result: the peer's figure, ours, and ours as a share of the peer's.
pub(crate) fn report(what: &str, unit: &str, peer: (&str, f64), ours: f64, bar: &str) {
    println!(
        "{what:<44} {peer_name:>18} {peer:>10.0} {unit:<6} nuages {ours:>10.0} {unit:<6} ratio {ratio:.2}   (bar {bar})",
        peer_name = peer.0,
        peer = peer.1,
        ratio = ours / peer.1,
    );
}

/// A line of `/proc/self/status`, in MiB.
pub(crate) fn memory_mib(line: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|l| l.strip_prefix(line)?.trim_start_matches(':').trim().strip_suffix(" kB"));
    found.and_then(|kib| kib.trim().parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

/// The median of what `ours` is of `peers`, round by round: a machine that is slow for a while is slow for both.
pub(crate) fn ratio(ours: &[f64], peers: &[f64]) -> f64 {
    median(ours.iter().zip(peers).map(|(ours, peer)| ours / peer).collect())
}

/// User and system time so far of a process and those that it started, theirs included.
pub(crate) fn tree_cpu(root: u32) -> Duration {
    // The parent is field 4 of proc(5) `stat`, user and system time are 14 and 15.
    let mut processes: Vec<(u32, u32, u64)> = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let number = |place: usize| after_name(&stat).nth(place).and_then(|field| field.parse::<u64>().ok());
        if let (Some(parent), Some(user), Some(system)) = (number(1), number(11), number(12)) {
            processes.push((id, u32::try_from(parent).unwrap_or(0), user + system));
        }
    }
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(id) = tree.get(next).copied() {
        tree.extend(processes.iter().filter(|(_, parent, _)| *parent == id).map(|(child, ..)| *child));
        next += 1;
    }
    let ticks = processes.iter().filter(|(id, ..)| tree.contains(id)).map(|(.., ticks)| ticks).sum::<u64>();
    Duration::from_millis(ticks * 10)
}

/// User and system time of all children that have ended.
pub(crate) fn children_cpu() -> Duration {
    // Fields 16 and 17 of proc(5) `stat`, in ticks of 10 ms; the name in field 2 may hold blanks.
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = after_name(&stat).skip(13).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
    Duration::from_millis(ticks * 10)
}

/// The fields of proc(5) `stat` from the third on: the second is a name, which may hold blanks and brackets.
fn after_name(stat: &str) -> std::str::SplitWhitespace<'_> {
    stat.rsplit(')').next().unwrap_or_default().split_whitespace()
}
