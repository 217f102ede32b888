//! Processor time, as the kernel counts it in `/proc`: that of the programs that were run, and that of a server.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// In which `/proc` counts, whatever the kernel's own ticks (USER_HZ).
const TICKS: f64 = 100.0;

/// Of all children that have ended, in seconds.
pub fn of_children() -> f64 {
    ticks("self")[2..].iter().sum()
}

/// Of all processes of a server and of their children that have ended, in seconds; waits until it rests.
pub fn of_server(folder: &Path) -> f64 {
    let mut before = -1.0;
    loop {
        let now = all_of(folder);
        if now <= before {
            return now;
        }
        before = now;
        thread::sleep(Duration::from_millis(60)); // several ticks
    }
}

/// Each process of Dovecot's has the name of its folder in its own.
fn all_of(folder: &Path) -> f64 {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let processes =
        fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_of = |process: &String| {
        let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        process.parse::<u32>().is_ok() && String::from_utf8_lossy(&line).contains(&name)
    };
    processes.filter(is_of).map(|process| ticks(&process).iter().sum::<f64>()).sum()
}

/// Own time in user and system mode, and the same of children that have ended, in seconds (proc(5), fields 14 to 17).
fn ticks(process: &str) -> [f64; 4] {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default().split_ascii_whitespace();
    let mut found = [0.0; 4];
    for (place, field) in found.iter_mut().zip(fields.skip(11)) {
        *place = field.parse::<f64>().unwrap_or(0.0) / TICKS;
    }
    found
}
