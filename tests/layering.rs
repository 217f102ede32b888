//! The direction of dependencies (design.md section 2) held against the sources.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Each module with those it may use.
const MAY_USE: [(&str, &[&str]); 8] = [
    ("mail", &["mail"]),
    ("config", &["config"]),
    ("store", &["store", "mail"]),
    ("imap", &["imap", "mail"]),
    ("transfer", &["transfer", "store", "imap", "mail"]),
    ("detached", &["detached", "transfer", "imap", "mail"]),
    ("ui", &["ui", "detached", "transfer", "store", "imap", "mail", "config"]),
    ("cli", &["cli", "ui", "detached", "transfer", "store", "imap", "mail", "config"]),
];

/// Crates that one module alone may name.
const OWNED: [(&str, &str); 6] = [
    ("ratatui", "ui"),
    ("crossterm", "ui"),
    ("tui_tree_widget", "ui"),
    ("imap_proto", "imap"),
    ("native_tls", "imap"),
    ("clap", "cli"),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The code of a file without comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// The modules named by `crate::NAME` and `crate::{NAME, …}`.
fn used_modules(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => {
                let group = group.split('}').next().unwrap();
                used.extend(group.split(',').map(|name| name.trim().split("::").next().unwrap().to_owned()));
            }
            None => used.push(rest.chars().take_while(|ch| ch.is_alphanumeric() || *ch == '_').collect()),
        }
    }
    used.retain(|name| !name.is_empty());
    used
}

fn names_crate(code: &str, name: &str) -> bool {
    [format!("{name}::"), format!("use {name};")].iter().any(|sign| {
        code.match_indices(sign.as_str()).any(|(at, _)| {
            let before = code[..at].chars().next_back();
            !before.is_some_and(|ch| ch.is_alphanumeric() || ch == '_' || ch == ':')
        })
    })
}

#[test]
fn modules_use_only_what_lies_below_them() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = 0;
    for (module, may_use) in MAY_USE {
        for path in sources(&source.join(module)) {
            files += 1;
            for used in used_modules(&code(&path)) {
                assert!(may_use.contains(&used.as_str()), "{} uses {used}", path.display());
            }
        }
    }
    assert!(files > 30, "only {files} files were looked at");
}

#[test]
fn each_module_keeps_its_crates_to_itself() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for path in sources(&source) {
        let module =
            path.strip_prefix(&source).unwrap().components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let code = code(&path);
        for (name, owner) in OWNED {
            assert!(module == owner || !names_crate(&code, name), "{} names {name}", path.display());
        }
        for part in ["Session", "Client", "types", "Error"] {
            let in_crate = format!("imap::{part}");
            let named = code
                .match_indices(&in_crate)
                .any(|(at, _)| !code[..at].ends_with("crate::") && !code[..at].ends_with("mailferry::"));
            assert!(module == "imap" || !named, "{} names the imap crate", path.display());
        }
    }
}

#[test]
fn the_checks_can_fail() {
    assert_eq!(used_modules("use crate::ui::x; crate::{mail::Flags, store}"), ["ui", "mail", "store"]);
    assert!(names_crate("use ratatui::Frame;", "ratatui"));
    assert!(!names_crate("use crate::imap::x;", "imap"));
}
