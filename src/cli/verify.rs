//! `verify`: compares SOURCEs with a TARGET and changes nothing.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::mail::Repair;
use crate::mail::display::clean;
use crate::mail::units::thousands;
use crate::store::Walk;
use crate::transfer::{Difference, Finding, VerifyError, draft, verify};

use super::exit::{Failure, code};
use super::options::{DateOption, Options, StoreOptions, VerifyOption, Wish, mapping, repair, wished};
use super::output::{Printer, json_line, line};
use super::password::SourceOptions;
use super::patience::patiently;
use super::sources;

#[derive(Args)]
pub struct Arguments {
    /// One or more SOURCEs, then the TARGET
    #[arg(required = true, num_args = 2.., value_names = ["SOURCE", "TARGET"])]
    paths: Vec<OsString>,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    login: SourceOptions,
    #[command(flatten)]
    store: StoreOptions,
    /// How surely messages are compared
    #[arg(long, value_name = "HOW", default_value = "size")]
    verify: VerifyOption,
    /// The repairs that the mail was carried with
    #[arg(long, value_name = "REPAIRS", value_delimiter = ',', value_parser = repair)]
    repair: Vec<(Repair, Wish)>,
    /// The rules that the folders were named by
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Where the internal dates came from
    #[arg(long, value_name = "RULE", default_value = "auto")]
    date_from: DateOption,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Store(error) => error.into(),
            VerifyError::Imap(error) => error.into(),
            VerifyError::Stopped => Self::local(error.to_string()),
        }
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut printer = Printer::new(arguments.json, false);
    let (sources, target) = sources::split(&arguments.paths, &arguments.options, &arguments.login)?;
    let (selections, remarks) = sources::count(sources::open(&sources, &target, &arguments.store.open())?, None)?;
    for remark in &remarks {
        printer.remark(remark);
    }
    let place = target.place(&arguments.options)?;
    let mut session = patiently(|| place.open())?;
    let mapping = mapping(arguments.map.as_deref(), arguments.date_from)?;
    let plan = draft(selections, target.folder(), &session.terms()?, &mapping).plan();
    let plan = place.fit(plan).map_err(|error| Failure::usage(error.to_string()))?;
    let accounts = sources::accounts(&sources);
    let repairs = wished(&arguments.repair, Wish::On);
    let compared = verify(&plan, &mut session, &accounts, arguments.verify.into(), &repairs, &mut |finding| {
        let printed = if arguments.json { json_line(json_of(&finding)) } else { line(&text_of(&finding)) };
        if printed.is_err() { Walk::Break(()) } else { Walk::Continue(()) } // a closed pipe wants no more
    })?;
    session.logout();
    let count = |difference| compared.differences.get(&difference).copied().unwrap_or(0);
    let (missing, extra) = (count(Difference::Missing), count(Difference::Extra));
    let (different, unreadable) = (count(Difference::Different), count(Difference::Unreadable));
    let _ = if arguments.json {
        json_line(json!({"event": "verify.end", "same": compared.same, "missing": missing, "extra": extra,
            "different": different, "unreadable": unreadable}))
    } else {
        let counts = [(missing, "missing"), (extra, "extra"), (different, "different"), (unreadable, "unreadable")];
        let counts = counts.map(|(number, word)| format!("{} {word}", thousands(number))).join(", ");
        line(&format!("{} messages are the same; {counts}", thousands(compared.same)))
    };
    Ok(ExitCode::from(if compared.differences.is_empty() { code::OK } else { code::PARTIAL }))
}

/// `missing: Inbox 1078.M2 "Girders" (Archive)`
fn text_of(finding: &Finding) -> String {
    let mut text = format!("{}:", finding.difference.label());
    for part in [finding.folder.to_string(), finding.id.clone()] {
        if !part.is_empty() {
            text += &format!(" {}", clean(&part));
        }
    }
    if !finding.subject.is_empty() {
        text += &format!(" \"{}\"", clean(&finding.subject));
    }
    let uid = finding.uid.map(|uid| format!(", UID {uid}")).unwrap_or_default();
    text += &format!(" ({}{uid})", clean(&finding.target.to_string()));
    if !finding.detail.is_empty() {
        text += &format!(": {}", clean(&finding.detail));
    }
    text
}

fn json_of(finding: &Finding) -> serde_json::Value {
    json!({"event": "difference", "kind": finding.difference.label(), "folder": clean(&finding.folder.to_string()),
        "id": clean(&finding.id), "target": clean(&finding.target.to_string()), "uid": finding.uid,
        "subject": clean(&finding.subject), "detail": clean(&finding.detail)})
}
