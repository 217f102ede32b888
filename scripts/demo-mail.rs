//! Makes the invented mail of `scripts/demo`: `cargo run --example demo-mail -- FOLDER`.

#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "shares the mail of the tests, and stops where something is not as it must be"
)]

use std::path::Path;

#[path = "../tests/common/mail.rs"]
mod mail;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1).ok_or_else(|| anyhow::anyhow!("usage: demo-mail FOLDER"))?;
    Ok(mail::demo(Path::new(&folder))?)
}
