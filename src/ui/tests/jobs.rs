//! The jobs of the journal on the screen: their list, reports, going on, taking back, and the consent to rewriting.

use secrecy::ExposeSecret as _;

use super::world::{World, account, path};
use crate::imap::Security;
use crate::transfer::{
    Chosen, Event, Failed, FolderPlan, Job, JobId, Kept, Limits, Mode, Outcome, PastJob, Plan, Settings, Source, Speed,
    Tally, Undone, Verify,
};
use crate::ui::dialog::Dialog;
use crate::ui::effect::{Effect, JournalRequest, ServerRequest};
use crate::ui::event::{Event as Happening, JournalEvent, Page, Past, Trouble};
use crate::ui::workers::journal::{report_lines, undone_lines};

const REWRITING: &str = "the server writes mail anew, so that no copy can be proven byte for byte; nothing more is moved. \
    To move all the same, say --accept-rewriting";

fn settings(mode: Mode) -> Settings {
    let account = account();
    Settings {
        local: None,
        sources: Vec::new(),
        host: account.host,
        port: 143,
        security: Security::StartTls,
        user: account.user,
        options: account.options,
        mode,
        verify: Verify::Full,
        connections: Some(3),
        accept_rewriting: false,
        repairs: Vec::new(),
        asks: Vec::new(),
        limits: Limits { rate: Some(1000), bytes_per_day: None },
    }
}

pub(super) fn number(id: i64) -> JobId {
    id.to_string().parse().unwrap()
}

fn past(id: i64, mode: Mode, outcome: Option<Outcome>, reason: &str, tally: Tally) -> Past {
    let job = PastJob {
        id: number(id),
        settings: settings(mode),
        started: 1_700_000_000,
        ended: outcome.map(|_| 1_700_000_100),
        outcome,
        reason: reason.into(),
        already: 10,
    };
    Past { job, began: "2026-11-24 10:12".into(), folders: 3, messages: 1210, tally }
}

fn tally(stored: u64, moved: u64, unknown: u64) -> Tally {
    Tally { stored, moved, removable: stored.saturating_sub(moved), unknown }
}

/// Jobs that ended in every way; one is of somebody else with an evil name.
fn all() -> Vec<Past> {
    let mut other = past(2, Mode::Copy, Some(Outcome::ServerLost), "gone \x1b[31m", tally(3, 0, 0));
    other.job.settings.user = "橋の設計図\u{202e}".into();
    vec![
        past(12, Mode::Move, None, "", tally(700, 650, 30)),
        past(11, Mode::Move, Some(Outcome::Partial), REWRITING, tally(1, 0, 0)),
        past(7, Mode::Copy, Some(Outcome::Stopped), "", tally(800, 0, 0)),
        other,
        past(1, Mode::Copy, Some(Outcome::Complete), "", tally(1200, 0, 0)),
    ]
}

fn plan() -> Plan {
    let folder = |name: &str, target: &str, messages| FolderPlan {
        source: Source { path: "/mnt/old-pc/Anna".into(), options: crate::store::OpenOptions::default() },
        folder: path(name),
        chosen: Chosen::All,
        target: path(target),
        exists: true,
        messages,
        bytes: messages * 1000,
        dates: crate::mail::DateRule::Auto,
    };
    Plan { folders: vec![folder("Inbox", "INBOX", 1200), folder("橋", "Archive/橋", 10)] }
}

fn report(columns: usize) -> Vec<Page> {
    let failed = Failed {
        folder: path("Inbox"),
        id: "1078.M2".into(),
        subject: String::new(),
        reason: "cannot append to INBOX: NO [TOOBIG] too big".into(),
        server_text: "NO [TOOBIG] too big \x1b]0;PWN\x07".into(),
        hint: "the server takes no message of this size: raise its limit, or leave the message out".into(),
        messages: 1,
    };
    let Past { job, tally, .. } = past(12, Mode::Move, Some(Outcome::Partial), "", tally(700, 650, 30));
    let when = "2026-11-24 10:12 to 2026-11-24 10:30";
    vec![Page { name: "Report", lines: report_lines(&job, when, &plan(), tally, (&[], &[failed]), columns) }]
}

fn undo_pages(columns: usize) -> Vec<Page> {
    let kept = |id: &str, uid, reason: &str| Kept { folder: path("INBOX"), id: id.into(), uid, reason: reason.into() };
    let undone = Undone {
        removed: 798,
        gone: 1,
        folders: vec![path("Archive/橋")],
        kept: vec![
            kept("1078.M2", 7, "it was changed since (flags, date or content)"),
            kept("", 0, "something is in it"),
        ],
    };
    vec![Page { name: "Undo", lines: undone_lines(&undone, "anna@mail.example.org", columns) }]
}

fn trouble() -> Trouble {
    Trouble { text: "the journal is damaged".into(), hint: "move it away".into() }
}

/// Answers as the worker would, or as one whose journal is damaged.
pub(super) fn answer(world: &mut World, request: &JournalRequest, is_good: bool) {
    let event = match request {
        JournalRequest::List { generation, .. } => {
            JournalEvent::List(*generation, if is_good { Ok(all()) } else { Err(trouble()) })
        }
        JournalRequest::Report { generation, columns, .. } => {
            JournalEvent::Report(*generation, if is_good { Ok(report(*columns)) } else { Err(trouble()) })
        }
        JournalRequest::Speed { generation, .. } => {
            let speed = is_good.then_some(Speed { messages: 1000, bytes: 1_000_000, seconds: 20 });
            JournalEvent::Speed(*generation, speed)
        }
        JournalRequest::Load { generation, job, .. } => {
            let found = all().into_iter().find(|past| past.job.id == *job);
            let job = found.map(|past| Box::new((past.job, plan()))).filter(|_| is_good);
            JournalEvent::Loaded(*generation, job.ok_or_else(trouble))
        }
        JournalRequest::Undo { generation, job, columns, .. } => {
            let pages = if is_good { Ok(undo_pages(*columns)) } else { Err(trouble()) };
            JournalEvent::Undone(*generation, *job, pages)
        }
    };
    world.happens(Happening::Journal(event));
}

fn asked(world: &World) -> Vec<JournalRequest> {
    let request = |effect: &Effect| match effect {
        Effect::Journal(request) => Some(request.clone()),
        _ => None,
    };
    world.effects.iter().filter_map(request).collect()
}

/// Answers the newest request.
pub(super) fn answered(world: &mut World) {
    let request = asked(world).pop().expect("the journal was asked");
    answer(world, &request, true);
}

pub(super) fn listed(size: (u16, u16)) -> World {
    let mut world = World::new(size);
    world.keys("J");
    answered(&mut world);
    world
}

fn started(world: &World) -> Option<&Job> {
    world.effects.iter().find_map(|effect| match effect {
        Effect::StartJob(job) => Some(&**job),
        _ => None,
    })
}

#[test]
fn the_jobs_are_told_without_colour_and_without_jobs_too() {
    let mut world = listed((80, 24));
    let screen = world.draw(crate::ui::theme::Theme::named("mono", true));
    assert!(screen.is_ascii() && screen.contains("some not carried"), "{screen}");
    let mut empty = World::new((80, 24));
    empty.keys("J");
    let generation = empty.model.generation;
    empty.happens(Happening::Journal(JournalEvent::List(generation, Ok(Vec::new()))));
    assert!(empty.screen().contains("no jobs yet"));
    empty.keys("<Enter>ru");
    assert_eq!(empty.model.dialogs.len(), 1);
}

#[test]
fn the_jobs_fit_every_screen() {
    let mut world = listed((80, 24));
    for width in (1..130).step_by(3) {
        for height in [1, 5, 10, 24] {
            world.happens(Happening::Resized(width, height));
            world.screen();
        }
    }
}

#[test]
fn the_list_is_read_by_a_worker_and_an_old_answer_is_dropped() {
    let mut world = World::new((80, 24));
    world.keys("w");
    world.keys("J");
    assert!(matches!(world.model.dialogs.as_slice(), [Dialog::Jobs(_)]));
    assert!(matches!(asked(&world).as_slice(), [JournalRequest::List { state, .. }] if state.as_os_str() == "/state"));
    assert!(world.screen().contains("reading"));
    world.happens(Happening::Journal(JournalEvent::List(0, Ok(all()))));
    assert!(world.screen().contains("reading"), "that was no answer to this question");
    let generation = world.model.generation;
    world.happens(Happening::Journal(JournalEvent::List(generation, Err(trouble()))));
    let screen = world.screen();
    assert!(screen.contains("damaged") && screen.contains("Move it away"), "{screen}");
    world.keys("<Enter>");
    assert!(world.model.dialogs.is_empty());
}

#[test]
fn a_report_that_was_closed_does_not_come_back() {
    let mut world = listed((80, 24));
    world.keys("<Enter><Esc>");
    answered(&mut world);
    assert!(matches!(world.model.dialogs.as_slice(), [Dialog::Jobs(_)]));
    world.keys("<Enter>");
    let request = asked(&world).pop().unwrap();
    answer(&mut world, &request, false);
    assert!(world.screen().contains("Move it away"));
}

#[test]
fn a_job_goes_on_as_it_began_with_the_connected_accounts_password() {
    let mut world = listed((80, 24));
    world.keys("r");
    assert!(started(&world).is_none());
    let requests = asked(&world);
    let Some(JournalRequest::Load { job, .. }) = requests.last() else { panic!("{requests:?}") };
    assert_eq!(*job, number(12));
    answered(&mut world);
    let job = started(&world).unwrap();
    assert_eq!(
        (job.resumes, job.mode, job.verify, job.connections),
        (Some(number(12)), Mode::Move, Verify::Full, Some(3))
    );
    assert_eq!((job.limits.rate, job.accept_rewriting), (Some(1000), false));
    assert_eq!((job.plan.clone(), job.target.account().unwrap().password.expose_secret()), (plan(), "secret"));
    assert_eq!(
        job.target.account().unwrap().port,
        993,
        "by the connection that is known to work, not by that of the journal"
    );
    assert!(world.model.dialogs.is_empty() && world.model.running().is_some());
}

#[test]
fn a_job_of_another_mailbox_is_told_where_to_connect_and_not_started() {
    let mut world = listed((80, 24));
    world.keys("<Down><Down><Down>r");
    answered(&mut world);
    let screen = world.screen();
    assert!(screen.contains("Close this, connect to 橋") && !screen.contains("reading job"), "{screen}");
    assert!(started(&world).is_none());
    world.keys("<Enter>u");
    assert!(matches!(world.model.dialogs.as_slice(), [Dialog::Jobs(_), Dialog::Error(_)]));
    world.keys("<Enter>");
    world.model.link = crate::ui::model::Link::default();
    world.keys("<Up>u");
    assert!(world.screen().contains("and there is no"), "{}", world.screen());
}

#[test]
fn the_mailbox_is_the_same_by_another_way_and_another_for_another_authorization() {
    let mut world = listed((80, 24));
    let account = world.model.link.account.as_mut().unwrap();
    (account.host, account.port) = ("MAIL.example.org".into(), 1143);
    world.keys("u");
    assert!(matches!(world.model.dialogs.last(), Some(Dialog::Confirm(_))));
    world.keys("n");
    world.model.link.account.as_mut().unwrap().options.authorization = Some("bert".into());
    world.keys("u");
    assert!(matches!(world.model.dialogs.last(), Some(Dialog::Error(_))));
}

#[test]
fn while_a_transfer_runs_it_does_not_go_on_twice_and_no_job_is_taken_back() {
    let mut world = World::new((80, 24));
    world.keys("<F5><Enter>");
    world.job(Event::JobStart { job: number(12), mode: Mode::Copy, folders: 1, messages: 10, bytes: 10 });
    world.effects.clear();
    world.keys("J");
    answered(&mut world);
    assert!(world.screen().contains("running"));
    for (key, words) in [("r", "job 12 is in the queue already"), ("u", "a transfer is running")] {
        world.keys(key);
        assert!(world.screen().contains(words), "{}", world.screen());
    }
    assert!(matches!(asked(&world).as_slice(), [JournalRequest::List { .. }]));
    world.job(Event::JobEnd { outcome: Outcome::Complete, reason: String::new() });
    assert!(matches!(asked(&world).as_slice(), [.., JournalRequest::List { .. }]), "its end is to be seen");
    assert_eq!(asked(&world).len(), 2);
}

#[test]
fn a_job_is_taken_back_only_after_yes_and_nothing_else_begins_meanwhile() {
    let mut world = listed((80, 24));
    world.keys("<Down><Down>u");
    assert!(world.screen().contains("800 messages that job 7 appended"), "{}", world.screen());
    world.keys("<Enter>");
    assert!(!asked(&world).iter().any(|request| matches!(request, JournalRequest::Undo { .. })), "No is the default");
    world.keys("uy");
    let requests = asked(&world);
    let Some(JournalRequest::Undo { job, place, .. }) = requests.last() else { panic!("{requests:?}") };
    assert_eq!((*job, place.label().as_str()), (number(7), "anna@mail.example.org"));
    world.keys("<Esc>r");
    assert!(world.screen().contains("job 7 is being taken back"), "{}", world.screen());
    world.keys("<Esc><F5><Enter>");
    assert!(started(&world).is_none() && matches!(world.model.dialogs.as_slice(), [Dialog::Plan(_)]));
    world.keys("<Esc>q");
    assert!(world.screen().contains("Quitting breaks that off"), "{}", world.screen());
    world.keys("<Esc>");

    world.effects.clear();
    answer(&mut world, requests.last().unwrap(), true);
    assert!(world.server_requests().contains(&ServerRequest::Folders));
    let screen = world.screen();
    assert!(screen.contains("798 messages removed") && screen.contains("changed since"), "{screen}");
    assert!(world.model.undoing.is_none());
}

#[test]
fn an_undo_that_fails_says_why_and_what_to_do() {
    let mut world = listed((80, 24));
    world.keys("<Down><Down>uy");
    let request = asked(&world).pop().unwrap();
    answer(&mut world, &request, false);
    assert!(world.screen().contains("Move it away") && world.model.undoing.is_none());
    world.keys("<Enter>");
    assert!(matches!(world.model.dialogs.as_slice(), [Dialog::Jobs(_)]));
    assert!(matches!(asked(&world).last(), Some(JournalRequest::List { .. })));
}

/// A move of job 11 that runs.
fn moving(size: (u16, u16)) -> World {
    let mut world = World::new(size);
    world.keys("<F6><Enter>");
    world.job(Event::JobStart { job: number(11), mode: Mode::Move, folders: 1, messages: 10, bytes: 10 });
    world.effects.clear();
    world
}

/// The same, refused: the server writes mail anew.
pub(super) fn refused(size: (u16, u16)) -> World {
    let mut world = moving(size);
    world.job(Event::JobEnd { outcome: Outcome::Partial, reason: REWRITING.into() });
    world
}

#[test]
fn a_move_goes_on_with_consent_where_the_server_writes_mail_anew() {
    let mut world = refused((80, 24));
    world.keys("<Enter>");
    assert!(!world.model.accept_rewriting && asked(&world).is_empty(), "No is the default");

    let mut world = refused((80, 24));
    world.keys("y");
    answered(&mut world);
    let job = started(&world).unwrap();
    assert_eq!((job.resumes, job.accept_rewriting), (Some(number(11)), true));
    assert!(world.model.accept_rewriting && world.model.dialogs.is_empty());

    let mut typing = moving((80, 24));
    typing.keys("f");
    typing.job(Event::JobEnd { outcome: Outcome::Partial, reason: REWRITING.into() });
    typing.keys("y");
    assert!(!typing.model.accept_rewriting, "the letter was meant for the prompt");
    typing.keys("<Esc>");
    assert!(typing.screen().contains("in this session?"));

    let mut other = moving((80, 24));
    other.job(Event::JobEnd { outcome: Outcome::Partial, reason: "something else".into() });
    assert!(other.model.dialogs.is_empty());
}
