//! `check`: connect, log in, and show what the server can do.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::imap::{Target, connect};
use crate::mail::FolderPath;
use crate::mail::display::clean;
use crate::mail::units::bytes;
use crate::transfer::{Room, left};

use super::accounts;
use super::exit::{Failure, code};
use super::options::Options;
use super::output::{json_line, line, quota};
use super::patience::patiently;
use super::text;

#[derive(Args)]
pub struct Arguments {
    /// The TARGET URL
    #[arg(value_name = "TARGET")]
    target: OsString,
    #[command(flatten)]
    options: Options,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Capabilities worth a word, and what they are good for.
const ABILITIES: [(&str, &str); 6] = [
    ("UIDPLUS", "tells the UID of each appended message; deletes single messages"),
    ("MULTIAPPEND", "takes many messages in one command"),
    ("LITERAL+", "takes messages without a round trip each"),
    ("SPECIAL-USE", "says which folders are Sent, Drafts, Trash, Junk"),
    ("QUOTA", "tells how much room is left"),
    ("COMPRESS=DEFLATE", "compresses the connection"),
];

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let named = text(&arguments.target)?;
    // What names none is told as a TARGET that can't be read.
    let target = accounts::target(named)?.map_or_else(|| Target::parse(named), Ok)?;
    let account = arguments.options.account(&target)?;
    let mut session = patiently(|| connect(&account))?;
    let folders = session.folders()?;
    let (delimiter, prefix) = session.hierarchy();
    let (delimiter, prefix) = (delimiter.map(String::from), clean(prefix));
    let inbox = FolderPath::new(["INBOX"]);
    let room = Room::of(&mut session, std::slice::from_ref(&inbox))?;
    let warnings: Vec<String> = session.take_warnings().iter().map(|text| clean(text)).collect();
    let capabilities: Vec<String> = session.capabilities().iter().map(|capability| clean(capability)).collect();
    let printed = if arguments.json {
        json_line(json!({"event": "check", "host": account.host, "port": account.port, "user": clean(&account.user),
            "security": account.security.scheme(), "delimiter": delimiter, "prefix": prefix, "folders": folders.len(),
            "append_limit": room.largest(&inbox), "usual_limit": room.usual(&inbox),
            "server": room.kind.map(|kind| kind.name), "bytes_a_day": room.kind.and_then(|kind| kind.bytes_a_day),
            "quotas": room.quotas.iter().map(quota).collect::<Vec<_>>(), "capabilities": capabilities, "warnings": warnings}))
    } else {
        let mut text = format!("{} port {}: logged in as {}", account.host, account.port, clean(&account.user));
        text += &format!("\nconnection    {}", account.security.label());
        text += &format!("\nfolders       {}, delimiter {}", folders.len(), delimiter.as_deref().unwrap_or("none"));
        if !prefix.is_empty() {
            text += &format!(", all below {prefix}");
        }
        for (name, limit) in limits(&room, &inbox) {
            text += &format!("\n{name:<13} {limit}");
        }
        for warning in &warnings {
            text += &format!("\nwarning       {warning}");
        }
        for (capability, meaning) in ABILITIES {
            let sign = if session.has(capability) { "yes" } else { "no " };
            text += &format!("\n{capability:<18} {sign}  {meaning}");
        }
        line(&format!("{text}\ncapabilities  {}", capabilities.join(" ")))
    };
    session.logout();
    // A reader that closed the pipe has seen enough.
    let _ = printed;
    Ok(ExitCode::from(code::OK))
}

/// What the server limits, as far as that is known, each with a word for it.
fn limits(room: &Room, inbox: &FolderPath) -> Vec<(&'static str, String)> {
    let mut limits = Vec::new();
    limits.extend(room.kind.map(|kind| ("kind", kind.name.to_owned())));
    limits.extend(room.largest(inbox).map(|largest| ("largest", bytes(largest))));
    let usual = room.usual(inbox).map(bytes);
    limits.extend(usual.map(|usual| ("largest", format!("{usual}, unless its administrator set that otherwise"))));
    limits.extend(room.kind.and_then(|kind| kind.bytes_a_day).map(|most| ("a day", bytes(most))));
    limits.extend(room.quotas.iter().filter_map(left).map(|left| ("left", left)));
    limits
}
