//! The queue on the screen: jobs that wait, pause, change places and are tried again; leaving them to another process, and
//! looking on from afar.

use super::jobs::number;
use super::screens::running;
use super::world::{World, path};
use crate::mail::Repair;
use crate::transfer::{Event, Failed, Line, Mode, Order, Outcome, Pause, Saved, Stage};
use crate::ui::Quit;
use crate::ui::dialog::Dialog;
use crate::ui::effect::Effect;
use crate::ui::event::{Event as Happening, FarEvent, Trouble};
use crate::ui::model::Carrier;

fn failed(id: &str, subject: &str, reason: &str, server: &str) -> Event {
    let failed = Failed {
        folder: path("Projects/Bridge"),
        id: id.into(),
        subject: subject.into(),
        reason: reason.into(),
        server_text: server.into(),
        hint: "take it out of the message".into(),
        messages: 1,
    };
    Event::Failed { index: 0, failed }
}

/// A job that runs on two connections with some failures, and two that wait for it.
pub(super) fn busy(size: (u16, u16)) -> World {
    let mut world = running(size);
    let line = Line::Waits { seconds: 221, pause: Pause::Asked, reason: "Request is throttled \x1b[31m".into() };
    world.job(Event::Connection { number: 1, line: Line::Carries(0) });
    world.job(Event::Connection { number: 2, line });
    world.job(failed("@2", "橋の設計図 \u{202e}gpj", "it holds a NUL byte", ""));
    world.job(failed("@3", "", "it holds a NUL byte", ""));
    world.keys("<F5><Enter><F6><Enter>");
    world
}

fn starts(world: &World) -> usize {
    world.effects.iter().filter(|effect| matches!(effect, Effect::StartJob(_))).count()
}

fn stages(world: &World) -> Vec<Stage> {
    world.model.queue.entries().iter().map(|entry| entry.stage).collect()
}

fn end(outcome: Outcome) -> Event {
    Event::JobEnd { outcome, reason: String::new() }
}

fn start_of(id: i64) -> Event {
    Event::JobStart { job: number(id), mode: Mode::Copy, folders: 1, messages: 5, bytes: 5 }
}

#[test]
fn the_queue_fits_every_screen() {
    for keys in ["w", "wx<Enter>", "q", "wxR", "wxs"] {
        let mut world = busy((80, 24));
        world.keys(keys);
        for width in (1..130).step_by(7) {
            for height in [1, 3, 5, 10, 13, 24] {
                world.happens(Happening::Resized(width, height));
                world.screen();
            }
        }
        world.happens(Happening::Resized(40, 10));
        let screen = world.screen();
        assert!(screen.contains("Esc") || screen.contains("n no"), "{keys}: {screen}");
        assert!(keys != "q" || screen.contains("[ Stop safely and quit ]"), "{screen}");
    }
}

#[test]
fn a_second_copy_waits_for_the_first_and_then_runs() {
    let mut world = busy((80, 24));
    assert_eq!(starts(&world), 1);
    assert!(world.screen().contains("2 more in the queue"), "{}", world.screen());
    world.job(end(Outcome::Complete));
    assert_eq!((starts(&world), stages(&world)), (2, vec![Stage::Ended, Stage::Running, Stage::Waiting]));
    world.job(end(Outcome::Complete));
    world.job(end(Outcome::Complete));
    assert_eq!(starts(&world), 3);
}

#[test]
fn jobs_pause_change_places_go_on_and_are_taken_out() {
    let mut world = busy((80, 24));
    world.keys("wp");
    assert!(world.asked(|effect| matches!(effect, Effect::StopJob)));
    assert!(world.screen().contains("pausing"), "{}", world.screen());
    world.job(end(Outcome::Stopped));
    assert_eq!((starts(&world), stages(&world)[0]), (1, Stage::Paused));
    assert!(world.model.dialogs.len() == 1, "a pause is no bad news");
    world.keys("<Down><Down>");
    let last = world.model.queue.entries()[2].ticket;
    world.keys("++");
    assert_eq!(world.model.queue.entries()[0].ticket, last);
    assert_eq!((starts(&world), stages(&world)[0]), (2, Stage::Running), "it was put before the paused one");
    world.job(start_of(2));
    world.keys("d");
    assert!(world.screen().contains("End job 2?"), "{}", world.screen());
    world.keys("<Enter>");
    assert_eq!(stages(&world)[0], Stage::Running, "No is the default");
    world.keys("dy");
    assert_eq!(stages(&world)[0], Stage::Stopping(crate::transfer::Why::Cancel));
    world.job(end(Outcome::Stopped));
    world.keys("<Down>p");
    assert_eq!((starts(&world), stages(&world)[1]), (3, Stage::Running));
    world.keys("<Down>d");
    assert_eq!(stages(&world)[2], Stage::Ended, "what has not begun is taken out unasked");
}

#[test]
fn failures_are_tried_again_repaired_saved_and_shown_by_reason() {
    let mut world = busy((80, 24));
    world.keys("wxr");
    assert!(world.screen().contains("tried again when the job has ended"), "{}", world.screen());
    world.keys("a");
    assert!(world.screen().contains("NO [TOOBIG] too big"), "{}", world.screen());
    world.keys("<Esc><Down>a");
    assert!(world.screen().contains("the server said nothing"), "{}", world.screen());
    world.keys("<Enter><Down><Enter>");
    assert!(matches!(world.model.dialogs.last(), Some(Dialog::Error(_))));
    world.keys("<Esc>Ry");
    world.job(end(Outcome::Partial));
    let again = &world.model.queue.entries()[0];
    assert!(again.stage == Stage::Running && again.job().unwrap().repairs == Repair::ALL, "{:?}", again.stage);
    let mut world = busy((80, 24));
    world.keys("x<Down>s<Enter>");
    let saved = world.effects.iter().find_map(|effect| match effect {
        Effect::Save { failures, directory, .. } => Some((failures.len(), directory.clone())),
        _ => None,
    });
    assert_eq!(saved, Some((2, "not-carried-1".into())));
    let done = Saved { messages: 2, directory: "/x".into(), troubles: Vec::new() };
    world.happens(Happening::Saved(done.clone()));
    assert!(world.screen().contains("2 messages saved in /x"), "{}", world.screen());
    world.happens(Happening::Saved(Saved { troubles: vec!["gone".into()], ..done }));
    assert!(matches!(world.model.dialogs.last(), Some(Dialog::Error(_))));
}

#[test]
fn damage_alone_is_counted_at_the_end_and_listed() {
    let mut world = busy((80, 24));
    world.keys("wx");
    world.job(Event::Damage {
        index: 0,
        text: "/mail/old.dbx at byte 4,711: a chain of bodies runs in a circle".into(),
    });
    let screen = world.screen();
    assert!(screen.contains("3 messages, 1 damaged place"), "{screen}");
    world.keys("<End>R");
    assert!(world.screen().contains("runs in a circle"), "damage can not be repaired: {}", world.screen());
    let mut world = running((80, 24));
    world.job(end(Outcome::Partial));
    world.keys("<Esc><F5><Enter>");
    world.job(start_of(2));
    world.job(Event::Damage {
        index: 0,
        text: "/mail/old.dbx at byte 4,711: a chain of bodies runs in a circle".into(),
    });
    world.job(end(Outcome::Partial));
    assert!(world.screen().contains("; 1 damaged (x lists them)"), "{}", world.screen());
    world.keys("x");
    assert!(world.screen().contains("! damaged  /mail/old.dbx at byte"), "{}", world.screen());
    world.keys("r<Esc>");
    assert_eq!(starts(&world), 2, "there is nothing to try again");
}

#[test]
fn leaving_lets_the_batch_end_and_takes_all_along() {
    let mut world = busy((80, 24));
    world.keys("ql");
    assert!(world.asked(|effect| matches!(effect, Effect::StopJob)));
    assert!(!world.asked(|effect| matches!(effect, Effect::Quit(_))));
    world.job(end(Outcome::Stopped));
    assert!(world.asked(|effect| matches!(effect, Effect::Quit(Quit::Normal))));
    assert_eq!(world.model.carrier, Carrier::Leaving);
    let rest = world.model.queue.rest();
    assert_eq!((rest.len(), rest[0].0.resumes, starts(&world)), (3, Some(number(1)), 1));
}

#[test]
fn a_hang_up_leaves_the_jobs_if_that_is_set_and_stops_them_else() {
    for (is_set, carrier) in [(true, Carrier::Leaving), (false, Carrier::Here)] {
        let mut world = busy((80, 24));
        world.model.leave_running = is_set;
        world.happens(Happening::TerminalGone);
        world.happens(Happening::Signal(1));
        world.job(end(Outcome::Stopped));
        assert!(world.asked(|effect| matches!(effect, Effect::Quit(Quit::Signal(1)))));
        assert_eq!((world.model.carrier, starts(&world)), (carrier, 1));
        assert_eq!(world.model.queue.rest().len(), if is_set { 3 } else { 2 });
    }
}

/// A screen that looks on.
pub(super) fn attached(size: (u16, u16)) -> World {
    let queue = busy(size).model.queue;
    let there = serde_json::from_str(&serde_json::to_string(&queue).unwrap()).unwrap();
    let mut world = World::new(size);
    world.model.carrier = Carrier::Far;
    world.happens(Happening::Far(FarEvent::All(Box::new(there))));
    world
}

#[test]
fn a_screen_that_looks_on_sends_its_orders_to_the_other_process() {
    let mut world = attached((80, 24));
    let first = world.model.queue.entries()[0].ticket;
    world.keys("wp");
    let ordered = |effect: &Effect| matches!(effect, Effect::Far(Order::Pause(ticket)) if *ticket == first);
    assert!(world.asked(ordered) && !world.asked(|effect| matches!(effect, Effect::StopJob)));
    world.keys("<Esc><F5><Enter>");
    assert!(world.asked(|effect| matches!(effect, Effect::HandOver(_))) && starts(&world) == 0);
    let trouble = Trouble { text: "the journal is damaged".into(), hint: String::new() };
    world.happens(Happening::Far(FarEvent::NotTaken(trouble)));
    assert!(world.screen().contains("journal is damaged"));
    world.keys("<Esc>");
    let done = Event::FolderEnd { index: 0 };
    world.happens(Happening::Far(FarEvent::Happened(vec![done, end(Outcome::Complete)])));
    assert_eq!(stages(&world)[0], Stage::Ended);
    assert_eq!(starts(&world), 0, "the other process starts what is next");
}

#[test]
fn quitting_a_screen_that_looks_on_leaves_the_jobs_or_stops_them() {
    let mut world = attached((80, 24));
    world.keys("ql");
    assert!(world.asked(|effect| matches!(effect, Effect::Quit(Quit::Normal))));
    assert!(!world.asked(|effect| matches!(effect, Effect::Far(_))));
    let mut world = attached((80, 24));
    world.keys("qs");
    assert!(world.asked(|effect| matches!(effect, Effect::Far(Order::Stop))));
    assert!(!world.asked(|effect| matches!(effect, Effect::Quit(_))));
    world.happens(Happening::Far(FarEvent::Happened(vec![end(Outcome::Stopped)])));
    assert!(world.asked(|effect| matches!(effect, Effect::Quit(Quit::Normal))));
    let mut world = attached((80, 24));
    world.happens(Happening::Signal(1));
    assert!(world.asked(|effect| matches!(effect, Effect::Quit(Quit::Signal(1)))), "the job is not ours to end");
}

#[test]
fn when_the_other_process_is_gone_this_one_carries_jobs_out_itself() {
    let mut world = attached((80, 24));
    world.happens(Happening::Far(FarEvent::Gone));
    assert!(world.screen().contains("is gone"), "{}", world.screen());
    world.keys("<Esc><F5><Enter>");
    assert_eq!(starts(&world), 1);
}
