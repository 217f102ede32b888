//! Dialogs: a stack of them, the topmost has the keys. One file each; what they want done they say by a [`Command`].

pub(crate) mod basket;
pub(crate) mod confirm;
pub(crate) mod connect;
pub(crate) mod error;
pub(crate) mod failures;
pub(crate) mod field;
pub(crate) mod flag;
pub(crate) mod help;
pub(crate) mod jobs;
pub(crate) mod palette;
pub(crate) mod places;
pub(crate) mod plan;
pub(crate) mod preview;
pub(crate) mod prompt;
pub(crate) mod repairs;
pub(crate) mod rules;
pub(crate) mod scroll;
pub(crate) mod sort;
pub(crate) mod store_options;
pub(crate) mod topics;
pub(crate) mod transfers;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;

use crate::imap::Account;
use crate::mail::{Flags, FolderPath, Repair};
use crate::store::OpenOptions;
use crate::transfer::{JobId, Order, Place as TargetPlace, Rule, Ticket};

use super::Quit;
use super::actions::Action;
use super::event::Past;
use super::list::Sort;
use super::model::Model;
use super::pane::Side;
use super::theme::Theme;
use super::tree::Place;

/// A dialog.
pub(crate) enum Dialog {
    /// What is marked.
    Basket(basket::Basket),
    /// A question with a few answers.
    Confirm(confirm::Confirm),
    /// Server, user and password.
    Connect(Box<connect::Connect>),
    /// Something went wrong.
    Error(error::Problem),
    /// What was not carried.
    Failures(failures::Failures),
    /// Which flag messages get.
    Flag(flag::FlagAs),
    /// The keys.
    Help(help::Help),
    /// The jobs in the journal.
    Jobs(jobs::Jobs),
    /// Every action by its name.
    Palette(palette::Palette),
    /// Accounts and stores.
    Places(places::Places),
    /// What would go where.
    Plan(Box<plan::PlanDialog>),
    /// A message.
    Preview(preview::PreviewDialog),
    /// A line of text.
    Prompt(prompt::Prompt),
    /// Which repairs are made.
    Repairs(repairs::Repairs),
    /// Which folder becomes which.
    Rules(rules::Rules),
    /// What messages are sorted by.
    Sort(sort::SortBy),
    /// How a store is read.
    StoreOptions(store_options::StoreOptions),
    /// The running transfer in full.
    Transfers(transfers::Transfers),
}

/// What a dialog makes of a key.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It stays.
    Stay,
    /// It is closed and nothing else happens.
    Close,
    /// It is closed, and this is done.
    Finish(Command),
    /// This is done, and it stays.
    Do(Command),
}

/// What a dialog wants done.
#[derive(Debug)]
pub(crate) enum Command {
    /// Connect.
    Connect(Box<Account>),
    /// Open a mailbox on the left.
    OpenAccount(Box<Account>),
    /// Set this flag of what is chosen on the right, or take it away.
    Flag(Flags, bool),
    /// Remove what is marked as deleted in this folder.
    Expunge(FolderPath),
    /// Subscribe to this folder, or end that.
    Subscribe(FolderPath, bool),
    /// Forget the connection that is being made.
    CancelConnect,
    /// Carry out the plan on top of the stack.
    StartJob,
    /// A text was entered.
    Entered(prompt::Purpose, String),
    /// Do what this key of the panes does.
    Perform(Action),
    /// Go to this folder.
    GoTo(Side, Place),
    /// Take all marks off this folder.
    Unmark(Side, Place),
    /// Take all marks away, on both sides.
    UnmarkEverything,
    /// Sort the messages.
    Sort(Option<Sort>),
    /// Read a store of the left pane anew, like that.
    ReadStore(usize, OpenOptions),
    /// Put this filter in force.
    Filter(String),
    /// Delete on the server.
    Delete {
        /// These folders, deepest first.
        folders: Vec<FolderPath>,
        /// These messages, by folder.
        messages: Vec<(FolderPath, Vec<u32>)>,
    },
    /// Show one failure of a job in full.
    ShowFailure(Ticket, usize),
    /// Show what a job did not carry.
    ShowFailures(Ticket),
    /// Show what the server answered, for one of the reasons.
    ShowAnswers(Ticket, usize),
    /// Ask where to save the messages that failed for one of the reasons.
    AskSave(Ticket, usize),
    /// End a job of the queue; asks if it runs.
    AskCancel(Ticket),
    /// Try again what a job did not carry.
    Retry(Ticket),
    /// Ask whether it is tried again with repairs.
    AskRepair(Ticket),
    /// Give an order to the queue.
    Order(Order),
    /// Leave the jobs to another process, and end.
    Leave(Quit),
    /// End at once; nothing runs here.
    Quit(Quit),
    /// Show what a job of the journal did.
    ShowReport(JobId),
    /// Go on with a job of the journal.
    Resume(JobId),
    /// Ask whether a job may be taken back.
    AskUndo(Box<Past>),
    /// Take a job back.
    Undo(JobId, Box<TargetPlace>),
    /// Go on with a move onto a server that writes mail anew.
    AcceptRewriting(JobId),
    /// Go to an account or a store.
    GoToPlace(places::Chosen),
    /// What was asked of a plan's folders is not waited for any more.
    StopWeighing,
    /// Read every message of the plan.
    ExaminePlan,
    /// Show the rules for folders.
    OpenRules,
    /// Show the repairs.
    OpenRepairs,
    /// Add this rule, or change the one about the same folder.
    Rule(Rule),
    /// Take away the rule about the same folder.
    DropRule(Rule),
    /// Ask for a rule, or for another text of that one.
    AskRule(Option<usize>),
    /// Ask where to write the rules.
    AskSaveRules,
    /// Ask where to read rules.
    AskLoadRules,
    /// Change what is done about this repair.
    NextWish(Repair),
    /// What was asked to be read is not waited for any more.
    StopReading,
    /// Preview the message that is so many further on, on that page.
    PreviewOther(isize, usize),
    /// Stop the job after the running message, and then end.
    StopAndQuit(Quit),
}

impl Dialog {
    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent, model: &Model) -> Answer {
        match self {
            Self::Basket(dialog) => dialog.press(key, model),
            Self::Confirm(dialog) => dialog.press(key),
            Self::Connect(dialog) => dialog.press(key),
            Self::Error(dialog) => dialog.press(key, model),
            Self::Failures(dialog) => dialog.press(key, model),
            Self::Flag(_) => flag::FlagAs::press(key),
            Self::Help(dialog) => dialog.press(key, model),
            Self::Jobs(dialog) => dialog.press(key, model),
            Self::Palette(dialog) => dialog.press(key),
            Self::Places(dialog) => dialog.press(key, model),
            Self::Plan(dialog) => dialog.press(key, model),
            Self::Preview(dialog) => dialog.press(key, model),
            Self::Prompt(dialog) => dialog.press(key, model),
            Self::Repairs(dialog) => dialog.press(key, model),
            Self::Rules(dialog) => dialog.press(key, model),
            Self::Sort(_) => sort::SortBy::press(key, model),
            Self::StoreOptions(dialog) => dialog.press(key),
            Self::Transfers(dialog) => dialog.press(key, model),
        }
    }

    /// Whether letters are text here.
    pub(crate) fn takes_text(&self) -> bool {
        let is_typing = match self {
            Self::Plan(plan) => plan.is_typing(),
            Self::StoreOptions(options) => options.is_typing(),
            _ => false,
        };
        is_typing || matches!(self, Self::Connect(_) | Self::Palette(_) | Self::Prompt(_))
    }

    /// Takes pasted text. Only input fields do anything with it.
    pub(crate) fn paste(&mut self, pasted: &str) {
        match self {
            Self::Connect(dialog) => dialog.paste(pasted),
            Self::Palette(dialog) => dialog.paste(pasted),
            Self::Plan(dialog) => dialog.paste(pasted),
            Self::Prompt(dialog) => dialog.paste(pasted),
            Self::StoreOptions(dialog) => dialog.paste(pasted),
            _ => {}
        }
    }

    /// Draws it over what is there.
    pub(crate) fn draw(&self, buf: &mut Buffer, model: &Model, theme: Theme) {
        match self {
            Self::Basket(dialog) => dialog.draw(buf, model, theme),
            Self::Confirm(dialog) => dialog.draw(buf, model.size, theme),
            Self::Connect(dialog) => dialog.draw(buf, model.size, theme),
            Self::Error(dialog) => dialog.draw(buf, model.size, theme),
            Self::Failures(dialog) => dialog.draw(buf, model, theme),
            Self::Flag(dialog) => dialog.draw(buf, model, theme),
            Self::Help(dialog) => dialog.draw(buf, model, theme),
            Self::Jobs(dialog) => dialog.draw(buf, model, theme),
            Self::Palette(dialog) => dialog.draw(buf, model, theme),
            Self::Places(dialog) => dialog.draw(buf, model, theme),
            Self::Plan(dialog) => dialog.draw(buf, model, theme),
            Self::Preview(dialog) => dialog.draw(buf, model.size, theme),
            Self::Prompt(dialog) => dialog.draw(buf, model, theme),
            Self::Repairs(dialog) => dialog.draw(buf, model, theme),
            Self::Rules(dialog) => dialog.draw(buf, model, theme),
            Self::Sort(_) => sort::SortBy::draw(buf, model, theme),
            Self::StoreOptions(dialog) => dialog.draw(buf, model.size, theme),
            Self::Transfers(dialog) => dialog.draw(buf, model, theme),
        }
    }
}

/// Whether a key closes any dialog that only shows something.
pub(crate) fn closes(key: &KeyEvent) -> bool {
    matches!(key.code, KeyCode::Esc | KeyCode::Char('q') | KeyCode::F(10))
}
