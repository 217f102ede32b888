//! `ls`: the folders, or messages, of a SOURCE or TARGET.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::imap::{ImapError, RemoteMessage, Session, Target, connect};
use crate::mail::display::{clean, display};
use crate::mail::units::{bytes as size, thousands};
use crate::mail::{DateSource, Envelope, Flags, FolderPath, InternalDate, Sha256Sum, SpecialUse};
use crate::store::{Damage, Doubt, Examined, Examiner, Found, Hidden, Store, StoreError, Survey, Walk};

use super::accounts;
use super::exit::{Failure, code};
use super::options::{Options, StoreOptions};
use super::output::{json_line, line};
use super::patience::patiently;
use super::sources::SourceArgument;
use super::text;

#[derive(Args)]
pub struct Arguments {
    /// A SOURCE path or a TARGET URL
    #[arg(value_name = "SOURCE|TARGET")]
    path: OsString,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    store: StoreOptions,
    /// List messages too
    #[arg(long)]
    messages: bool,
    /// With --messages: the SHA-256 of each message as it would be appended, or as the server has it
    #[arg(long, requires = "messages")]
    digest: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Messages fetched at once from a server.
const WINDOW: u32 = 500;

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let path = text(&arguments.path)?;
    let mut listing = Listing { arguments, is_damaged: false };
    let listed = match accounts::target(path)? {
        Some(target) => listing.target(&target),
        None => listing.source(path),
    };
    match listed {
        Err(Stop::Failed(failure)) => Err(failure),
        // A reader that closed the pipe has seen enough.
        Err(Stop::Closed) => Ok(ExitCode::from(code::OK)),
        Ok(()) => Ok(ExitCode::from(if listing.is_damaged { code::PARTIAL } else { code::OK })),
    }
}

/// Why a listing ends early.
enum Stop {
    Closed,
    Failed(Failure),
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

impl<E: Into<Failure>> From<E> for Stop
where
    E: std::error::Error,
{
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// One folder's line.
struct FolderRow<'a> {
    path: &'a FolderPath,
    format: &'a str,
    messages: u64,
    bytes: Option<u64>,
    special: Option<SpecialUse>,
}

/// One message's line.
struct MessageRow {
    id: String,
    size: u64,
    digest: Option<Sha256Sum>,
    internal_date: Option<InternalDate>,
    date_from: DateSource,
    flags: Flags,
    keywords: Vec<String>,
    from: String,
    subject: String,
    message_id: Option<String>,
    warnings: Vec<String>,
}

struct Listing<'a> {
    arguments: &'a Arguments,
    is_damaged: bool,
}

impl Listing<'_> {
    fn source(&mut self, path: &str) -> Result<(), Stop> {
        let source = SourceArgument::parse(path).map_err(Stop::Failed)?;
        let options = self.arguments.store.open();
        let survey = source.survey(&options)?;
        self.survey(&survey)?;
        let mut store = source.open_surveyed(&survey, &options)?;
        let mut examiner = Examiner::default();
        for folder in source.folders(store.as_mut())? {
            let (mut damages, mut hidden) = (Vec::new(), BTreeMap::new());
            let count = store.count(&folder.path, &mut |found| {
                match found {
                    Found::Damage(damage) => damages.push(damage),
                    Found::Hidden(kind) => *hidden.entry(kind).or_insert(0) += 1,
                    Found::Message(_) | Found::Progress { .. } => {}
                }
                Walk::Continue(())
            })?;
            self.folder(&FolderRow {
                path: &folder.path,
                format: store.format_of(&folder.path).name,
                messages: count.messages,
                bytes: Some(count.bytes),
                special: folder.special,
            })?;
            if self.arguments.messages {
                // Names what the cheaper count may not have seen.
                self.local_messages(&mut examiner, &mut *store, &folder.path)?;
                continue;
            }
            for damage in &damages {
                self.damage(damage)?;
            }
            for (kind, messages) in hidden {
                self.hidden(&folder.path, kind, messages)?;
            }
        }
        Ok(())
    }

    /// What was found, and why; a single file says so itself.
    fn survey(&self, survey: &Survey) -> Result<(), Stop> {
        for found in survey.sightings() {
            let (path, at) = (clean(&found.path.to_string_lossy()), clean(&found.at.to_string()));
            let evidence = clean(&found.evidence);
            if self.arguments.json {
                json_line(
                    json!({"event": "store", "path": path, "folder": at, "format": found.format, "evidence": evidence}),
                )?;
            } else if survey.sightings().count() > 1 {
                let at = if at.is_empty() { String::new() } else { format!(" as {at}") };
                line(&format!("{}: {path}{at}\n    {evidence}", found.title))?;
            }
        }
        for (path, reason) in &survey.unseen {
            let (path, reason) = (clean(&path.to_string_lossy()), clean(reason));
            if self.arguments.json {
                json_line(json!({"event": "unseen", "path": path, "reason": reason}))?;
            } else {
                line(&format!("  - not looked at: {path}: {reason}"))?;
            }
        }
        Ok(())
    }

    /// Every message is read, so that size and digest are those of the bytes that would be appended.
    fn local_messages(
        &mut self,
        examiner: &mut Examiner,
        store: &mut dyn Store,
        folder: &FolderPath,
    ) -> Result<(), Stop> {
        let mut ended = Ok(());
        // Whether it was broken off is known already: `ended` says why.
        let _ = examiner.examine(store, folder, &mut |examined| {
            ended = match examined {
                Examined::Message { envelope, size, digest, doubts } => {
                    let digest = self.arguments.digest.then_some(digest);
                    self.message(folder, &local_row(envelope, size, digest, &doubts))
                }
                Examined::Unreadable(envelope, error) => self.unreadable(envelope, error),
                Examined::Damage(damage) => self.damage(damage),
                Examined::Hidden(kind, messages) => self.hidden(folder, kind, messages),
            };
            if ended.is_ok() { Walk::Continue(()) } else { Walk::Break(()) }
        })?;
        ended
    }

    fn target(&mut self, target: &Target) -> Result<(), Stop> {
        let account = self.arguments.options.account(target).map_err(Stop::Failed)?;
        let mut session = patiently(|| connect(&account))?;
        let folders = session.folders()?;
        for folder in folders.iter().filter(|folder| folder.can_select && folder.path.starts_with(&target.folder)) {
            let messages = match session.counts(&folder.path) {
                Ok(counts) => u64::from(counts.messages),
                Err(error @ ImapError::Refused { .. }) => {
                    let (file, reason) = (folder.path.to_string().into(), error.to_string());
                    self.damage(&Damage { file, offset: 0, reason })?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            self.folder(&FolderRow {
                path: &folder.path,
                format: "imap",
                messages,
                bytes: None,
                special: folder.special,
            })?;
            if self.arguments.messages {
                self.remote_messages(&mut session, &folder.path)?;
            }
        }
        session.logout();
        Ok(())
    }

    fn remote_messages(&mut self, session: &mut Session, folder: &FolderPath) -> Result<(), Stop> {
        let exists = session.examine(folder)?.exists;
        let mut first = 1;
        while first <= exists {
            let last = exists.min(first.saturating_add(WINDOW - 1));
            for message in session.window(first, last)? {
                let digest = if self.arguments.digest {
                    session.content(message.uid, message.size)?.map(|content| Sha256Sum::of(&content))
                } else {
                    None
                };
                self.message(folder, &remote_row(message, digest))?;
            }
            first = last + 1;
        }
        Ok(session.leave()?)
    }

    fn folder(&self, row: &FolderRow<'_>) -> Result<(), Stop> {
        let special = row.special.map(SpecialUse::label);
        let path = clean(&row.path.to_string());
        if self.arguments.json {
            json_line(json!({"event": "folder", "path": path, "format": row.format, "messages": row.messages,
                "bytes": row.bytes, "special": special}))?;
        } else {
            let bytes = row.bytes.map(size).unwrap_or_default();
            let path = if path.is_empty() { "(all)".to_owned() } else { path };
            let special = special.map(|special| format!("  [{special}]")).unwrap_or_default();
            line(&format!("{:>9} {bytes:>10}  {path}{special}", thousands(row.messages)))?;
        }
        Ok(())
    }

    fn message(&self, folder: &FolderPath, row: &MessageRow) -> Result<(), Stop> {
        if self.arguments.json {
            json_line(message_json(folder, row))?;
            return Ok(());
        }
        let date = row.internal_date.map_or_else(|| "no date".to_owned(), InternalDate::to_day);
        let unread = if row.flags.contains(Flags::SEEN) { ' ' } else { 'N' };
        let (from, subject) = (display(&row.from, 24), display(&row.subject, 60));
        let digest = row.digest.map(|digest| format!("  {digest}")).unwrap_or_default();
        line(&format!("  {unread} {date:<10} {:>9}  {from:<24}  {subject}{digest}", size(row.size)))?;
        for warning in &row.warnings {
            line(&format!("  ? {}: {warning}", clean(&row.id)))?;
        }
        Ok(())
    }

    fn damage(&mut self, damage: &Damage) -> Result<(), Stop> {
        self.is_damaged = true;
        if self.arguments.json {
            let (file, reason) = (clean(&damage.file.to_string_lossy()), clean(&damage.reason));
            json_line(json!({"event": "damage", "file": file, "offset": damage.offset, "reason": reason}))?;
        } else {
            line(&format!("  ! {}", clean(&damage.to_string())))?;
        }
        Ok(())
    }

    /// Says how many messages of a folder are not carried, and why.
    fn hidden(&self, folder: &FolderPath, kind: Hidden, messages: u64) -> Result<(), Stop> {
        if self.arguments.json {
            let folder = clean(&folder.to_string());
            json_line(json!({"event": "hidden", "folder": folder, "kind": kind.label(), "messages": messages}))?;
        } else {
            line(&format!("  - {} not carried: {}", thousands(messages), kind.label()))?;
        }
        Ok(())
    }

    fn unreadable(&mut self, envelope: &Envelope, error: &StoreError) -> Result<(), Stop> {
        let (file, reason) = (envelope.locator.id().into(), error.to_string());
        self.damage(&Damage { file, offset: envelope.locator.offset, reason })
    }
}

fn local_row(envelope: &Envelope, size: u64, digest: Option<Sha256Sum>, doubts: &[Doubt]) -> MessageRow {
    MessageRow {
        id: envelope.locator.id(),
        size,
        digest,
        internal_date: envelope.internal_date,
        date_from: envelope.date_from,
        flags: envelope.flags,
        keywords: envelope.keywords.clone(),
        from: envelope.from.clone(),
        subject: envelope.subject.clone(),
        message_id: envelope.message_id.clone(),
        warnings: doubts.iter().map(|doubt| clean(&doubt.text())).collect(),
    }
}

fn remote_row(message: RemoteMessage, digest: Option<Sha256Sum>) -> MessageRow {
    MessageRow {
        id: message.uid.to_string(),
        size: message.size,
        digest,
        internal_date: message.internal_date,
        date_from: DateSource::Store,
        flags: message.flags,
        keywords: message.keywords,
        from: message.from,
        subject: message.subject,
        message_id: None,
        warnings: Vec::new(),
    }
}

fn message_json(folder: &FolderPath, row: &MessageRow) -> Value {
    let flags: Vec<&str> = row.flags.names().collect();
    let keywords: Vec<String> = row.keywords.iter().map(|keyword| clean(keyword)).collect();
    json!({"event": "message", "folder": clean(&folder.to_string()), "id": clean(&row.id), "size": row.size,
        "sha256": row.digest.map(|digest| digest.to_string()),
        "internal_date": row.internal_date.map(InternalDate::to_rfc3339), "date_from": row.date_from.label(),
        "flags": flags, "keywords": keywords, "from": clean(&row.from), "subject": clean(&row.subject),
        "message_id": row.message_id.as_deref().map(clean), "warnings": row.warnings})
}
