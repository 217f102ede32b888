//! Keys of dialogs, and the commands that dialogs give.

use crossterm::event::{KeyCode, KeyEvent};

use super::{
    browsing, carrying, ending, finding, jobs, keys, marking, places, planning, queueing, reading, rules, serverside,
    ways,
};
use crate::mail::FolderPath;
use crate::store::LocalPlace;
use crate::ui::dialog::error::Problem;
use crate::ui::dialog::help::Help;
use crate::ui::dialog::prompt::Purpose;
use crate::ui::dialog::repairs::Repairs;
use crate::ui::dialog::rules::Rules;
use crate::ui::dialog::topics;
use crate::ui::dialog::{Answer, Command, Dialog};
use crate::ui::effect::{Effect, ServerRequest, StoreRequest};
use crate::ui::event::Trouble;
use crate::ui::model::{LinkState, Model};

/// Gives a key to the topmost dialog and does what it says.
pub(crate) fn press(model: &mut Model, key: &KeyEvent) {
    let asks_help =
        |dialog: &Dialog| key.code == KeyCode::F(1) || key.code == KeyCode::Char('?') && !dialog.takes_text();
    if let Some(dialog) = model.dialogs.last().filter(|dialog| asks_help(dialog) && !matches!(dialog, Dialog::Help(_)))
    {
        let (name, keys) = topics::of(dialog);
        model.dialogs.push(Dialog::Help(Help::of(name, keys)));
        return;
    }
    let Some(mut dialog) = model.dialogs.pop() else { return };
    match (dialog.press(key, model), dialog) {
        (Answer::Stay, dialog) => model.dialogs.push(dialog),
        (Answer::Close, _) => {}
        (Answer::Finish(Command::StartJob), Dialog::Plan(plan)) => carrying::start(model, *plan),
        (Answer::Finish(command), _) => run(model, command),
        (Answer::Do(command), dialog) => {
            model.dialogs.push(dialog);
            run(model, command);
        }
    }
}

/// Shows an error.
pub(crate) fn problem(model: &mut Model, title: &str, trouble: &Trouble) {
    model.dialogs.push(Dialog::Error(Problem::new(title, trouble)));
}

fn run(model: &mut Model, command: Command) {
    match command {
        Command::Connect(account) => ending::start_connecting(model, *account),
        Command::OpenAccount(account) => ways::open_account(model, *account),
        Command::Flag(flags, is_set) => serverside::flag(model, flags, is_set),
        Command::Expunge(folder) => model.ask(Effect::Server(ServerRequest::Expunge(folder))),
        Command::Subscribe(folder, is_subscribed) => {
            model.ask(Effect::Server(ServerRequest::Subscribe(folder, is_subscribed)));
        }
        Command::CancelConnect => {
            model.link.connection = model.next_generation();
            model.link.state = LinkState::None;
            model.ask(Effect::Disconnect);
        }
        // Only a plan gives it, and `press` takes it from there.
        Command::StartJob => {}
        Command::Entered(purpose, text) => entered(model, purpose, &text),
        Command::Perform(action) => keys::perform(model, action),
        Command::GoTo(side, place) => browsing::go_to(model, side, &place),
        Command::Unmark(side, place) => model.pane_mut(side).marks.unmark_folder(&place),
        Command::UnmarkEverything => {
            model.local.marks.take();
            model.remote.marks.take();
        }
        Command::Sort(sort) => finding::sort(model, sort),
        Command::ReadStore(source, options) => reading::again(model, source, options),
        Command::Filter(text) => finding::filter(model, &text),
        Command::Delete { folders, messages } => serverside::delete_confirmed(model, folders, messages),
        Command::ShowFailure(ticket, place) => queueing::show(model, ticket, place),
        Command::ShowFailures(ticket) => queueing::failures(model, Some(ticket)),
        Command::ShowAnswers(ticket, reason) => queueing::show_answers(model, ticket, reason),
        Command::AskSave(ticket, reason) => queueing::ask_save(model, ticket, reason),
        Command::AskCancel(ticket) => queueing::ask_cancel(model, ticket),
        Command::Retry(ticket) => queueing::retry(model, ticket),
        Command::AskRepair(ticket) => queueing::ask_repair(model, ticket),
        Command::Order(order) => queueing::order(model, order),
        Command::Leave(quit) => ending::leave(model, quit),
        Command::Quit(quit) => model.ask(Effect::Quit(quit)),
        Command::PreviewOther(lines, page) => {
            browsing::step(model, lines);
            browsing::preview(model);
            if let Some(Dialog::Preview(preview)) = model.dialogs.last_mut() {
                preview.begin_on(page);
            }
        }
        Command::ShowReport(job) => jobs::report(model, job),
        Command::Resume(job) => jobs::resume(model, job),
        Command::AskUndo(past) => jobs::ask_undo(model, &past),
        Command::Undo(job, place) => jobs::undo(model, job, *place),
        Command::AcceptRewriting(job) => jobs::accept_rewriting(model, job),
        Command::GoToPlace(place) => places::go(model, place),
        Command::StopWeighing => model.ask(Effect::Store(StoreRequest::StopWeighing)),
        Command::ExaminePlan => planning::examine(model),
        Command::OpenRules => model.dialogs.push(Dialog::Rules(Rules::default())),
        Command::OpenRepairs => model.dialogs.push(Dialog::Repairs(Repairs::default())),
        Command::Rule(rule) => rules::set(model, rule),
        Command::DropRule(rule) => rules::drop(model, &rule),
        Command::AskRule(at) => rules::ask(model, at),
        Command::AskSaveRules => rules::ask_file(model, Purpose::SaveRules),
        Command::AskLoadRules => rules::ask_file(model, Purpose::LoadRules),
        Command::NextWish(repair) => rules::next_wish(model, repair),
        Command::StopReading => model.ask(Effect::Store(StoreRequest::StopExamining)),
        Command::StopAndQuit(quit) => ending::stop_and_quit(model, quit),
    }
}

fn entered(model: &mut Model, purpose: Purpose, text: &str) {
    match purpose {
        Purpose::MarkPattern => marking::by_pattern(model, text, true),
        Purpose::UnmarkPattern => marking::by_pattern(model, text, false),
        Purpose::Find => {
            text.clone_into(&mut model.find);
            finding::next(model, true);
        }
        Purpose::Filter(_) => finding::filtered(model, text),
        Purpose::NewFolder(above) => {
            let folder = above.join(&FolderPath::parse(text.trim()));
            model.say(format!("making {folder} …"));
            model.ask(Effect::Server(ServerRequest::Create(folder)));
        }
        Purpose::Rename(folder) => {
            let parent = folder.parent().unwrap_or_default();
            let renamed = parent.join(&FolderPath::parse(text.trim()));
            model.say(format!("renaming {folder} …"));
            model.ask(Effect::Server(ServerRequest::Rename(folder, renamed)));
        }
        Purpose::OpenStore => {
            let path = model.path_of(text);
            browsing::open_store(model, path, true);
        }
        Purpose::OpenRight => {
            let place = LocalPlace::guess(text.trim());
            let path = model.path_of(&place.path.to_string_lossy());
            ending::start_connecting(model, LocalPlace { path, ..place });
        }
        Purpose::Rule(at) => rules::typed(model, at, text),
        Purpose::SaveRules => {
            let path = model.path_of(text);
            rules::save(model, path);
        }
        Purpose::LoadRules => {
            let path = model.path_of(text);
            model.ask(Effect::LoadMapping(path));
        }
        Purpose::Save(ticket, reason) => queueing::save(model, ticket, reason, text),
    }
}
