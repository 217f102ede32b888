//! What a process takes: its time and the peak of its memory. Used by benches and by every run of a test.

use std::fs;
use std::process::Child;
use std::time::Duration;

/// The high-water mark of a process's memory in MiB, read until it ends.
pub fn peak_of(mut child: Child) -> f64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0_u32;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        peak = peak.max(high_water(&text));
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "{ended}");
            return f64::from(peak) / 1024.0;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The high-water mark of this process's memory in MiB.
pub fn own_peak() -> f64 {
    f64::from(high_water(&fs::read_to_string("/proc/self/status").unwrap())) / 1024.0
}

/// What the text of a `status` file in `/proc` tells, in KiB; nothing once the process has ended.
pub fn high_water(status: &str) -> u32 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
