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

/// User and system time of all children that have ended.
pub(crate) fn children_cpu() -> Duration {
    // Fields 16 and 17 of proc(5) `stat`, in ticks of 10 ms; the name in field 2 may hold blanks.
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks =
        after_name.split_whitespace().skip(13).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
    Duration::from_millis(ticks * 10)
}
