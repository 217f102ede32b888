//! The only place where state changes: an event in, effects out. Pure: no I/O, and the time comes with the events.

mod browsing;
mod carrying;
mod choosing;
mod dialogs;
mod ending;
mod examining;
mod finding;
mod jobs;
mod keys;
mod marking;
mod mouse;
mod places;
mod planning;
mod queueing;
mod ranges;
mod reading;
mod rules;
mod server;
mod serverside;
mod stores;
pub(crate) mod ways;

use super::effect::{Effect, ServerRequest};
use super::event::{Event, Trouble};
use super::model::{Model, Redraw};
use super::pane::Side;

pub(crate) use browsing::{ask_store, connect_dialog, open_store};
pub(crate) use ending::{patience, start_connecting};
pub(crate) use queueing::open as show_transfers;
pub(crate) use ways::open_account;

/// Changes the state by one event and says what is to be done outside.
pub(crate) fn update(model: &mut Model, event: Event) -> Vec<Effect> {
    let urgency = match &event {
        Event::Tick(_) => Redraw::No,
        Event::Job(_)
        | Event::Far(super::event::FarEvent::Happened(_))
        | Event::Store(super::event::StoreEvent::Counts(_)) => Redraw::Later,
        Event::Key(_) | Event::Paste(_) | Event::Mouse(_) => Redraw::AtOnce,
        _ => Redraw::Soon,
    };
    model.redraw = model.redraw.max(urgency);
    match event {
        Event::Tick(now) => ending::tick(model, now),
        Event::Key(key) => keys::press(model, &key),
        Event::Mouse(mouse) => mouse::happened(model, &mouse),
        Event::Paste(text) => {
            if let Some(dialog) = model.dialogs.last_mut() {
                dialog.paste(&text);
            }
        }
        Event::Resized(width, height) => {
            model.size = (width, height);
            // A terminal that shrank and grew again before it was drawn has the old size and lost what it showed.
            model.ask(Effect::Redraw);
        }
        Event::Signal(number) => ending::signal(model, number),
        Event::TerminalGone => ending::terminal_gone(model),
        Event::SuspendAsked => model.ask(Effect::Suspend),
        Event::Continued => model.ask(Effect::Retake),
        Event::Store(event) => stores::happened(model, event),
        Event::Server(connection, event) => server::happened(model, connection, event),
        Event::Journal(event) => jobs::happened(model, event),
        Event::Job(events) => carrying::happened(model, &events),
        Event::Far(event) => queueing::far(model, event),
        Event::Saved(saved) => queueing::saved(model, &saved),
        Event::Unlocked(side, result) => places::unlocked(model, side, result.map(|account| *account)),
        Event::Mapping(result) => rules::happened(model, result),
        Event::Broken(text) => {
            // It may have been the undo, which then says no more.
            model.undoing = None;
            let hint =
                "this is a fault of mailferry; nothing was lost. Go on, or start it again and report it".to_owned();
            dialogs::problem(model, "A part of mailferry broke", &Trouble { text, hint });
        }
    }
    settle(model);
    model.take_effects()
}

/// After every event: the lists follow the folder cursors, filters follow what is typed, the cursors are on the screen,
/// and what is on the screen is asked for.
fn settle(model: &mut Model) {
    for side in [Side::Local, Side::Remote] {
        browsing::follow(model, side);
        model.pane_mut(side).keep_range();
    }
    finding::keep_up(model);
    finding::work(model);
    let for_count = finding::wanted(model);
    for side in [Side::Local, Side::Remote] {
        let height = model.layout().pane(side).map_or(1, |pane| usize::from(pane.list.height));
        let list = &mut model.pane_mut(side).list;
        list.settle(height);
        if side == Side::Remote {
            let generation = list.generation;
            let mut missing = list.missing(list.offset, height);
            missing.extend(for_count.filter(|chunk| list.asks_for(*chunk)));
            let wanted: Vec<(usize, (u32, u32))> =
                missing.into_iter().map(|chunk| (chunk, list.numbers(chunk))).collect();
            for (chunk, (first, last)) in wanted {
                model.ask(Effect::Server(ServerRequest::Window { generation, chunk, first, last }));
            }
        }
    }
}
