//! What becomes of jobs in the queue.

use std::time::Instant;

use super::*;
use crate::transfer::{Failed, Mode};

fn three() -> (Queue, [Ticket; 3], Instant) {
    let (mut queue, now) = (Queue::default(), Instant::now());
    let tickets = ["anna", "anna", "bert"].map(|user| queue.add(Job::for_mailbox_of(user), now));
    assert!(matches!(queue.advance(now), Some(Deed::Start(_))));
    let start = Event::JobStart { job: "7".parse().unwrap(), mode: Mode::Copy, folders: 1, messages: 9, bytes: 9 };
    queue.happened(&start, now);
    (queue, tickets, now)
}

fn stages(queue: &Queue) -> Vec<Stage> {
    queue.entries().iter().map(|entry| entry.stage).collect()
}

fn end(outcome: Outcome) -> Event {
    Event::JobEnd { outcome, reason: String::new() }
}

fn started(deed: Option<Deed>) -> Job {
    match deed {
        Some(Deed::Start(job)) => *job,
        other => panic!("{other:?}"),
    }
}

#[test]
fn jobs_run_one_after_the_other() {
    let (mut queue, _, now) = three();
    assert_eq!(stages(&queue), [Stage::Running, Stage::Waiting, Stage::Waiting]);
    assert!(queue.advance(now).is_none(), "one at a time");
    assert_eq!(started(queue.happened(&end(Outcome::Complete), now)).target.account().unwrap().user, "anna");
    assert_eq!(started(queue.happened(&end(Outcome::Partial), now)).target.account().unwrap().user, "bert");
    assert!(queue.happened(&end(Outcome::Complete), now).is_none());
    assert!(queue.is_idle() && queue.rest().is_empty());
    assert_eq!(stages(&queue), [Stage::Ended; 3]);
}

#[test]
fn a_paused_job_stops_holds_back_the_others_and_goes_on_under_its_number() {
    let (mut queue, [first, second, third], now) = three();
    assert!(matches!(queue.order(&Order::Pause(first), now), Some(Deed::Stop)));
    assert!(queue.happened(&end(Outcome::Stopped), now).is_none());
    assert_eq!(stages(&queue), [Stage::Paused, Stage::Waiting, Stage::Waiting]);
    let resumed = started(queue.order(&Order::GoOn(first), now));
    assert_eq!(resumed.resumes, Some("7".parse().unwrap()));
    queue.order(&Order::Pause(first), now);
    queue.happened(&end(Outcome::Stopped), now);
    let other = started(queue.order(&Order::Earlier(second), now));
    assert_eq!(
        (other.target.account().unwrap().user.as_str(), other.resumes),
        ("anna", None),
        "one that is put before it runs"
    );
    queue.order(&Order::Pause(third), now);
    assert!(queue.happened(&end(Outcome::Complete), now).is_none());
}

#[test]
fn a_job_that_completes_while_it_is_asked_to_pause_has_ended() {
    let (mut queue, [first, ..], now) = three();
    queue.order(&Order::Pause(first), now);
    assert!(matches!(queue.happened(&end(Outcome::Complete), now), Some(Deed::Start(_))));
    assert_eq!(queue.entries()[0].stage, Stage::Ended);
}

#[test]
fn waiting_jobs_change_places_and_the_running_one_keeps_its_own() {
    let (mut queue, [first, second, third], now) = three();
    queue.order(&Order::Earlier(third), now);
    queue.order(&Order::Earlier(third), now);
    let order: Vec<Ticket> = queue.entries().iter().map(|entry| entry.ticket).collect();
    assert_eq!(order, [first, third, second]);
    queue.order(&Order::Later(third), now);
    queue.order(&Order::Later(first), now);
    let order: Vec<Ticket> = queue.entries().iter().map(|entry| entry.ticket).collect();
    assert_eq!(order, [first, second, third]);
}

#[test]
fn a_cancelled_job_ends_and_the_next_one_runs_and_a_second_cancel_cuts_it_off() {
    let (mut queue, [first, second, third], now) = three();
    assert!(queue.order(&Order::Cancel(second), now).is_none());
    assert!(matches!(queue.order(&Order::Cancel(first), now), Some(Deed::Stop)));
    assert!(matches!(queue.order(&Order::Cancel(first), now), Some(Deed::Abort)));
    assert_eq!(started(queue.happened(&end(Outcome::Stopped), now)).target.account().unwrap().user, "bert");
    assert_eq!(queue.running().unwrap().ticket, third);
}

#[test]
fn a_job_that_ends_early_holds_back_those_to_its_mailbox_alone() {
    let (mut queue, [_, second, _], now) = three();
    assert!(queue.happened(&end(Outcome::ServerLost), now).is_none(), "the second is the next, and held");
    assert_eq!(stages(&queue), [Stage::Ended, Stage::Held, Stage::Waiting]);
    assert!(matches!(queue.order(&Order::Cancel(second), now), Some(Deed::Start(_))));
}

#[test]
fn what_failed_is_tried_again_with_repairs_also_when_asked_for_too_early() {
    let (mut queue, [first, second, third], now) = three();
    let failed = Failed {
        folder: crate::mail::FolderPath::root(),
        id: "1".into(),
        subject: String::new(),
        reason: "NUL".into(),
        server_text: String::new(),
        hint: String::new(),
        messages: 1,
    };
    queue.happened(&Event::Failed { index: 0, failed }, now);
    queue.order(&Order::Cancel(second), now);
    queue.order(&Order::Cancel(third), now);
    queue.order(&Order::Retry(first, vec![Repair::Nul]), now);
    assert!(queue.get(first).unwrap().is_tried_again());
    let again = started(queue.happened(&end(Outcome::Partial), now));
    assert_eq!((again.repairs, again.resumes), (vec![Repair::Nul], Some("7".parse().unwrap())));
    queue.happened(&end(Outcome::Partial), now);
    let third_try = started(queue.order(&Order::Retry(first, Repair::ALL.to_vec()), now));
    assert_eq!(third_try.repairs, Repair::ALL);
    queue.happened(&end(Outcome::Complete), now);
    assert!(queue.order(&Order::Retry(first, Vec::new()), now).is_none(), "nothing is left to try");
}

#[test]
fn what_is_left_to_another_process_is_the_running_job_and_all_behind_it() {
    let (mut queue, [_, second, _], now) = three();
    queue.order(&Order::Pause(second), now);
    assert!(matches!(queue.order(&Order::Leave, now), Some(Deed::Stop)));
    assert!(queue.happened(&end(Outcome::Stopped), now).is_none());
    let rest = queue.rest();
    let paused: Vec<bool> = rest.iter().map(|(_, _, is_paused)| *is_paused).collect();
    assert_eq!(paused, [false, true, false]);
    assert_eq!(rest[0].0.resumes, Some("7".parse().unwrap()));
}

#[test]
fn stopping_holds_back_what_waits() {
    let (mut queue, _, now) = three();
    assert!(matches!(queue.order(&Order::Stop, now), Some(Deed::Stop)));
    assert!(queue.happened(&end(Outcome::Stopped), now).is_none());
    assert_eq!(stages(&queue), [Stage::Ended, Stage::Paused, Stage::Paused]);
}

#[test]
fn no_password_leaves_the_process() {
    let (queue, ..) = three();
    let json = serde_json::to_string(&queue).unwrap();
    assert!(!json.contains("secret") && json.contains("anna@host"), "{json}");
    let there: Queue = serde_json::from_str(&json).unwrap();
    assert_eq!(stages(&there), stages(&queue));
}
