//! The rules for folders and the repairs: changed in their dialogs and in the plan, kept in files.

use std::path::PathBuf;

use crate::mail::Repair;
use crate::mail::units::{plural, thousands};
use crate::transfer::{Order, Rule, Ticket};
use crate::ui::dialog::confirm::Confirm;
use crate::ui::dialog::prompt::{Prompt, Purpose};
use crate::ui::dialog::repairs;
use crate::ui::dialog::{Command, Dialog};
use crate::ui::effect::Effect;
use crate::ui::event::{Rules, Trouble};
use crate::ui::model::Model;

use super::{dialogs, planning};

/// Where rules are kept unless the user says otherwise.
const USUAL_FILE: &str = "mailferry-map.toml";

/// Adds a rule, or changes the one about the same folder.
pub(crate) fn set(model: &mut Model, rule: Rule) {
    model.mapping.set(rule);
    planning::rules_changed(model);
}

/// Takes the rule about a folder away.
pub(crate) fn drop(model: &mut Model, rule: &Rule) {
    if !model.mapping.drop(rule) {
        model.say("there is no rule about this very folder");
    }
    planning::rules_changed(model);
}

/// Asks for a new rule, or for another text of that one.
pub(crate) fn ask(model: &mut Model, at: Option<usize>) {
    let text = at.and_then(|at| model.mapping.rules.get(at)).map(Rule::text).unwrap_or_default();
    model.dialogs.push(Dialog::Prompt(Prompt::new(Purpose::Rule(at), &text)));
}

/// A rule was typed.
pub(crate) fn typed(model: &mut Model, at: Option<usize>, text: &str) {
    let before = at.and_then(|at| model.mapping.rules.get(at)).cloned();
    match before.clone().unwrap_or_default().with_text(text) {
        Ok(rule) => {
            if let Some(before) = before {
                model.mapping.drop(&before);
            }
            set(model, rule);
        }
        Err(why) => {
            let hint =
                "write FOLDER > NAME, or FOLDER > - to leave it out; use:trash stands for every Trash".to_owned();
            dialogs::problem(model, "This is no rule", &Trouble { text: why.to_owned(), hint });
        }
    }
}

/// Asks for the file to write, or to read.
pub(crate) fn ask_file(model: &mut Model, purpose: Purpose) {
    if purpose == Purpose::SaveRules && model.mapping.rules.is_empty() {
        model.warn("there are no rules to save");
        return;
    }
    let file = model.map_file.as_ref().map_or_else(|| USUAL_FILE.into(), |file| file.to_string_lossy());
    let prompt = Prompt::new(purpose, &file);
    model.dialogs.push(Dialog::Prompt(prompt));
}

/// Writes the rules.
pub(crate) fn save(model: &mut Model, path: PathBuf) {
    model.ask(Effect::SaveMapping(model.mapping.clone(), path));
}

/// Rules were read or written, or could not be.
pub(crate) fn happened(model: &mut Model, result: Result<Rules, Trouble>) {
    match result {
        Ok(Rules::Read(mapping, path)) => {
            model.say(format!("{} read from {}", plural(mapping.rules.len() as u64, "rule"), path.display()));
            (model.mapping, model.map_file) = (mapping, Some(path));
            planning::rules_changed(model);
        }
        Ok(Rules::Written(path)) => {
            model.say(format!("written to {}: --map uses it again", path.display()));
            model.map_file = Some(path);
        }
        Err(trouble) => dialogs::problem(model, "The rules can't be kept or used", &trouble),
    }
}

/// Off becomes ask, ask on, on off.
pub(crate) fn next_wish(model: &mut Model, repair: Repair) {
    let (is_on, asks) = (model.repairs.contains(&repair), model.asks.contains(&repair));
    model.repairs.retain(|known| *known != repair);
    model.asks.retain(|known| *known != repair);
    match (is_on, asks) {
        (true, _) => {}
        (_, true) => model.repairs.push(repair),
        _ => model.asks.push(repair),
    }
    model.repairs.sort();
    model.asks.sort();
}

/// Asks for the repairs that messages of a job wait for, if any do.
pub(crate) fn ask_repairs(model: &mut Model, ticket: Ticket) {
    let Some(asked) = model.queue.get(ticket).map(|entry| &entry.progress.asked).filter(|asked| !asked.is_empty())
    else {
        return;
    };
    let repairs: Vec<Repair> = asked.keys().copied().collect();
    let mut lines = vec!["Messages were not sent, since they need repair and you are to be asked:".to_owned()];
    lines.extend(
        asked.iter().map(|(repair, count)| format!("- {} of them: {}", thousands(*count), repairs::words(*repair))),
    );
    lines.push("They are changed on the server only, and each is told in the report.".to_owned());
    let yes = Command::Order(Order::Retry(ticket, repairs));
    model.dialogs.push(Dialog::Confirm(Confirm::new("Repair?", lines, "No").choice("Yes, repair and send", yes)));
}
