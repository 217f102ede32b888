//! A key press: to the topmost dialog, or by the table of actions to what it does.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{
    browsing, dialogs, ending, examining, finding, jobs, marking, planning, queueing, ranges, reading, serverside, ways,
};
use crate::transfer::Mode;
use crate::ui::actions::{Action, function_of};
use crate::ui::dialog::{Dialog, basket, help, palette, places, rules, sort};
use crate::ui::effect::Effect;
use crate::ui::model::{Escape, Model};
use crate::ui::pane::{Focus, Side};

/// Takes a key.
pub(crate) fn press(model: &mut Model, key: &KeyEvent) {
    model.note = None;
    let key = &apart(model, key);
    let pressed = after_escape(model, key);
    let action = model.keys.action_of(&pressed);
    match action {
        // These work whatever is open.
        Some(Action::StopJob) => ending::interrupt(model),
        Some(Action::Redraw) => model.ask(Effect::Redraw),
        Some(Action::Suspend) => model.ask(Effect::Suspend),
        _ if !model.dialogs.is_empty() => dialogs::press(model, &pressed),
        Some(action) => perform(model, action),
        None => {}
    }
}

/// Esc and a letter in one packet arrive as Alt and the letter; they are pressed one after the other.
fn apart(model: &mut Model, key: &KeyEvent) -> KeyEvent {
    let KeyCode::Char(letter) = key.code else { return *key };
    if !key.modifiers.contains(KeyModifiers::ALT) || letter.is_ascii_digit() {
        return *key;
    }
    let escape = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
    if !model.dialogs.is_empty() {
        dialogs::press(model, &escape);
    } else if model.running().is_none() {
        // A hand on Alt must not stop a transfer.
        perform(model, Action::Cancel);
    }
    KeyEvent::new(key.code, key.modifiers - KeyModifiers::ALT)
}

/// The key, or the F-key if it is a digit after Esc. Any other key makes a waiting Esc do what it does.
fn after_escape(model: &mut Model, key: &KeyEvent) -> KeyEvent {
    let Some(escape) = model.escape.take() else { return *key };
    match key.code {
        KeyCode::Char(digit @ '0'..='9') if key.modifiers.is_empty() && model.dialogs.is_empty() => {
            model.here().focus = escape.focus;
            if let Some(filter) = &escape.filter {
                finding::filter(model, filter);
            }
            let (modifiers, code) = function_of(digit);
            return KeyEvent::new(code, modifiers);
        }
        _ if escape.stops => ending::stop_job_safely(model),
        _ => {}
    }
    // A second Esc says the same as the first.
    if escape.stops && key.code == KeyCode::Esc { KeyEvent::new(KeyCode::Null, KeyModifiers::NONE) } else { *key }
}

/// Does what an action says.
pub(crate) fn perform(model: &mut Model, action: Action) {
    match action {
        Action::Help => model.dialogs.push(Dialog::Help(help::Help::default())),
        Action::Commands => model.dialogs.push(Dialog::Palette(palette::Palette::new())),
        Action::View => browsing::preview(model),
        Action::Copy => planning::open_plan(model, Mode::Copy),
        Action::Move => planning::open_plan(model, Mode::Move),
        Action::Places => model.dialogs.push(Dialog::Places(places::Places::default())),
        Action::Rules => model.dialogs.push(Dialog::Rules(rules::Rules::default())),
        Action::NewFolder => serverside::new_folder(model),
        Action::Rename if model.side == Side::Local => examining::ask(model),
        Action::Rename => serverside::rename(model),
        Action::Delete => serverside::delete(model),
        Action::Quit => ending::quit(model),
        Action::SwitchPane => model.side = model.side.other(),
        Action::Up => browsing::step(model, -1),
        Action::Down => browsing::step(model, 1),
        Action::PageUp => browsing::page(model, -1),
        Action::PageDown => browsing::page(model, 1),
        Action::First => browsing::step(model, isize::MIN),
        Action::Last => browsing::step(model, isize::MAX),
        Action::Open => browsing::open(model),
        Action::Expand => browsing::expand(model),
        Action::Back => browsing::back(model),
        Action::Mark => marking::toggle(model),
        Action::MarkUp => ranges::mark_and_go(model, -1),
        Action::MarkDown => ranges::mark_and_go(model, 1),
        Action::Range => ranges::begin_or_mark(model),
        Action::Thread => ranges::thread(model),
        Action::Basket => model.dialogs.push(Dialog::Basket(basket::Basket::default())),
        Action::MarkPattern => marking::ask_pattern(model, true),
        Action::UnmarkPattern => marking::ask_pattern(model, false),
        Action::Invert => marking::invert(model),
        Action::MarkAll => marking::mark_all(model),
        Action::UnmarkAll => marking::unmark_all(model),
        Action::Filter => finding::ask_filter(model),
        Action::Sort => model.dialogs.push(Dialog::Sort(sort::SortBy)),
        Action::Find => finding::ask(model),
        Action::FindNext if model.find.is_empty() => serverside::new_folder(model),
        Action::FindNext => finding::next(model, true),
        Action::FindPrevious => finding::next(model, false),
        Action::Transfers => queueing::open(model),
        Action::Jobs => jobs::open(model),
        Action::Failures => queueing::failures(model, None),
        Action::Flag => serverside::ask_flag(model),
        Action::Expunge => serverside::expunge(model),
        Action::Subscribe => serverside::subscribe(model),
        Action::SwapPanes => ways::swap(model),
        Action::Connect => browsing::connect_dialog(model, None),
        Action::OpenStore => browsing::ask_store(model),
        Action::StoreOptions => reading::ask(model),
        Action::Reread => browsing::reread(model),
        Action::Cancel => escape(model),
        // These come here from the palette; their keys work whatever is open.
        Action::Redraw => model.ask(Effect::Redraw),
        Action::Suspend => model.ask(Effect::Suspend),
        Action::StopJob => ending::interrupt(model),
    }
}

/// Esc without a dialog: stops a running job, unless a digit follows; else the nearest thing that can be closed.
fn escape(model: &mut Model) {
    let focus = model.here().focus;
    if model.here().range.take().is_some() {
        return;
    }
    let filter = model.here().filter_text().map(str::to_owned);
    let stops = model.running().is_some() && filter.is_none();
    let is_filtered = filter.is_some();
    model.escape = Some(Escape { at: model.now, focus, filter, stops });
    if is_filtered {
        finding::filter(model, "");
        return;
    }
    if stops {
        return;
    }
    if focus == Focus::List {
        model.here().focus = Focus::Tree;
    } else if model.shown().is_some() {
        model.is_shown = false;
    } else {
        model.find.clear();
    }
}
