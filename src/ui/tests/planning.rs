//! The plan, changed in place and weighed; the rules for folders; the repairs that are asked for.

use super::screens::running;
use super::world::{World, path};
use crate::imap::{Kind, Quota};
use crate::mail::{DateRule, DateSource, FolderPath, Repair};
use crate::transfer::{self, Event, FolderPlan, Ids, Outcome, Room, Rule, Speed, Terms, Weight};
use crate::ui::dialog::Dialog;
use crate::ui::effect::{Effect, JournalRequest, ServerRequest, StoreRequest};
use crate::ui::event::{Event as Happening, JournalEvent, Rules, ServerEvent, StoreEvent};

/// A plan for the whole store.
pub(super) fn planned(size: (u16, u16)) -> World {
    let mut world = World::new(size);
    world.keys("<Home> <F5>");
    world
}

fn targets(world: &World) -> Vec<String> {
    let Some(Dialog::Plan(plan)) = world.model.dialogs.last() else { panic!("no plan is open") };
    let row = |row: &transfer::DraftFolder| {
        let (from, to) = (&row.folder.folder, &row.folder.target);
        if row.is_left { format!("{from} -") } else { format!("{from} > {to}") }
    };
    plan.draft.folders.iter().map(row).collect()
}

fn weighings(world: &World) -> Vec<(u64, FolderPlan, transfer::Scale)> {
    let asked = |effect: &Effect| match effect {
        Effect::Store(StoreRequest::Weigh { generation, folder, scale, .. }) => {
            Some((*generation, (**folder).clone(), scale.clone()))
        }
        _ => None,
    };
    world.effects.iter().filter_map(asked).collect()
}

fn weigh_all(world: &mut World, asked: &[(u64, FolderPlan, transfer::Scale)], weight: &Weight) {
    for (generation, folder, _) in asked {
        let of = Box::new((folder.source.clone(), folder.folder.clone()));
        let weight = Some(weight.clone());
        world.happens(Happening::Store(StoreEvent::Weighed { generation: *generation, of, weight }));
    }
}

#[test]
fn names_dates_and_what_is_left_out_are_changed_in_place() {
    let mut world = planned((80, 24));
    let before = targets(&world);
    assert!(before.len() > 3, "{before:?}");
    world.keys("e");
    for _ in 0..40 {
        world.keys("<Backspace>");
    }
    world.keys("Old? mail/In<Enter>");
    assert_eq!(targets(&world)[0], format!("{} > Old? mail/In", before[0].split(" > ").next().unwrap()));
    assert!(targets(&world)[1].ends_with("> Old? mail/In/Receipts"), "what lies below follows: {:?}", targets(&world));
    let renamed = targets(&world);
    // A name that was not finished is none.
    world.keys("<Down>exyz<Esc>");
    assert_eq!(targets(&world), renamed);
    world.keys(" d");
    assert!(targets(&world)[1].ends_with(" -"), "{:?}", targets(&world));
    world.keys(" ");
    assert_eq!(targets(&world), renamed, "taken in again");
    world.keys(" <Enter>");
    let job = world.effects.iter().rev().find_map(|effect| match effect {
        Effect::StartJob(job) => Some(job),
        _ => None,
    });
    let plan = &job.expect("the job starts").plan;
    assert_eq!(plan.folders.len(), before.len() - 1, "what is left out is not carried");
    assert_eq!(plan.folders[0].target, path("Old? mail/In"));
    assert!(world.asked(|effect| *effect_is(effect) == StoreRequest::StopWeighing));
    // The rules stay for the next plan, until they are dropped.
    world.keys("<F5>");
    assert_eq!(world.model.mapping.rules.len(), 2);
    world.keys("<Backspace><Down><Backspace>");
    assert_eq!(targets(&world), before[..2]);
}

fn effect_is(effect: &Effect) -> &StoreRequest {
    match effect {
        Effect::Store(request) => request,
        _ => &StoreRequest::StopList,
    }
}

#[test]
fn the_dates_of_a_folder_go_round() {
    let mut world = planned((80, 24));
    let rule = |world: &World| match world.model.dialogs.last() {
        Some(Dialog::Plan(plan)) => plan.draft.folders[0].folder.dates,
        _ => panic!("no plan is open"),
    };
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(rule(&world));
        world.keys("d");
    }
    assert_eq!(seen, [DateRule::Auto, DateRule::Received, DateRule::Date, DateRule::Auto]);
}

#[test]
fn everything_left_out_is_no_job() {
    let mut world = planned((80, 24));
    for at in 0..targets(&world).len() {
        // What lies below one that is left out is left out with it.
        world.keys(if targets(&world)[at].ends_with(" -") { "<Down>" } else { " <Down>" });
    }
    world.keys("<Enter>");
    assert!(!world.asked(|effect| matches!(effect, Effect::StartJob(_))));
    assert!(matches!(world.model.dialogs.last(), Some(Dialog::Plan(_))));
}

#[test]
fn rules_are_typed_changed_dropped_saved_and_loaded() {
    let mut world = World::new((80, 24));
    world.keys("<F2>");
    assert!(world.screen().contains("There are none"));
    world.keys("aProjects > Work<Enter>ause:trash > -<Enter>");
    assert_eq!(world.model.mapping.rules.len(), 2);
    world.keys("<Down>e");
    for _ in 0..30 {
        world.keys("<Backspace>");
    }
    world.keys("use:sent > /Gesendet/Alt<Enter>");
    assert!(world.screen().contains("all sent folders"));
    world.keys("anonsense<Enter>");
    assert!(world.screen().contains("This is no rule"));
    world.keys("<Esc>");
    assert_eq!(world.model.mapping.rules.len(), 2);
    world.keys("S<Enter>");
    let saved = world.effects.iter().find_map(|effect| match effect {
        Effect::SaveMapping(mapping, path) => Some((mapping.clone(), path.clone())),
        _ => None,
    });
    let (mapping, file) = saved.expect("the rules are saved");
    assert_eq!((mapping.rules.len(), file.to_str()), (2, Some("mailferry-map.toml")));
    world.happens(Happening::Mapping(Ok(Rules::Written(file.clone()))));
    world.keys("<Home>dd");
    assert!(world.model.mapping.rules.is_empty());
    world.keys("L<Enter>");
    assert!(world.asked(|effect| matches!(effect, Effect::LoadMapping(path) if *path == file)));
    world.happens(Happening::Mapping(Ok(Rules::Read(mapping, file))));
    assert_eq!(world.model.mapping.rules.len(), 2);
    world.keys("<Esc><Home> <F5>");
    let work = targets(&world).iter().filter(|row| row.contains("> Work")).count();
    assert!(work > 0, "{:?}", targets(&world));
}

/// What the mailbox was asked last about its room.
fn room_asked(world: &World) -> Option<(u64, Vec<FolderPath>)> {
    let asked = |request| match request {
        ServerRequest::Room { generation, folders } => Some((generation, folders)),
        _ => None,
    };
    world.server_requests().into_iter().filter_map(asked).next_back()
}

/// A server that takes 20 MB a message, and has 1 MB and 1,000 messages left.
fn tight(folders: &[FolderPath]) -> Room {
    let of = folders.iter().cloned().collect();
    let quota = Quota { bytes: Some(1_000_000), messages: Some(1000), folders: of, ..Quota::default() };
    let largest = folders.iter().map(|folder| (folder.clone(), Some(20_000_000))).collect();
    Room { largest, quotas: vec![quota], ..Room::default() }
}

/// A plan onto a server that has little room, with the speed of an earlier job.
pub(super) fn limited(size: (u16, u16)) -> World {
    let mut world = World::new(size);
    world.keys("<Home> <F5>");
    let (generation, folders) = room_asked(&world).unwrap();
    world.server(ServerEvent::Room(generation, tight(&folders)));
    let speed_asked = world.effects.iter().find_map(|effect| match effect {
        Effect::Journal(JournalRequest::Speed { generation, .. }) => Some(*generation),
        _ => None,
    });
    let speed = Speed { messages: 1000, bytes: 10_000_000, seconds: 30 };
    world.happens(Happening::Journal(JournalEvent::Speed(speed_asked.unwrap(), Some(speed))));
    world
}

fn listed() -> Weight {
    let dates = [(DateSource::Received, 8), (DateSource::Mtime, 2)].into();
    Weight { messages: 10, bytes: 5_000_000, dates, doubtful: 2, sizes: [1000, 21_000_000].into(), ..Weight::default() }
}

/// The same, its folders weighed.
pub(super) fn weighed(size: (u16, u16)) -> World {
    let mut world = limited(size);
    let asked = weighings(&world);
    assert_eq!(asked.len(), targets(&world).len());
    assert!(asked.iter().all(|(_, _, scale)| !scale.reads));
    weigh_all(&mut world, &asked, &listed());
    world
}

/// The same, every message read, and what the server has held against it.
pub(super) fn examined(size: (u16, u16)) -> World {
    let mut world = weighed(size);
    world.effects.clear();
    world.keys("<F4>");
    let ids: Vec<_> = world
        .server_requests()
        .into_iter()
        .filter_map(|request| match request {
            ServerRequest::Ids { generation, folder } => Some((generation, folder)),
            _ => None,
        })
        .collect();
    assert!(!ids.is_empty());
    let at_once = weighings(&world).len();
    for (generation, folder) in ids {
        world.server(ServerEvent::Ids(generation, folder, Ids::new()));
    }
    let asked = weighings(&world);
    assert!(at_once < asked.len() && asked.len() == targets(&world).len());
    let repairs = Some([(Repair::Nul, 3), (Repair::LongLines, 1)].into());
    weigh_all(&mut world, &asked, &Weight { already: Some(4), already_bytes: 40_000, repairs, ..listed() });
    world
}

#[test]
fn a_plan_tells_what_is_known_of_folders_and_what_limits_them() {
    let mut world = limited((80, 24));
    let told = |world: &mut World, words: &str| {
        let screen = world.screen();
        assert!(screen.contains(words), "{words}: {screen}");
    };
    told(&mut world, "and 1,000 messages left: NOT ENOUGH");
    told(&mut world, "at the speed of last time");
    let mut world = weighed((80, 24));
    told(&mut world, "! 6 messages are larger than the server takes");
    told(&mut world, "12 with a doubtful date");
    let mut world = examined((80, 24));
    told(&mut world, "24 already there");
    assert!(!world.screen().contains("and 4,332 messages."), "what is there already needs no room");
    told(&mut world, "nul 18");
    // What was asked for an older plan is dropped.
    let before = weighings(&world);
    world.keys("<Esc><F5>");
    weigh_all(&mut world, &before, &Weight { doubtful: 99, ..Weight::default() });
    assert!(!world.screen().contains("99"));
}

#[test]
fn a_plan_asks_what_the_mailbox_takes_once_for_each_set_of_folders() {
    let mut world = planned((80, 24));
    let (first, folders) = room_asked(&world).unwrap();
    let target = |row: &String| row.split(" > ").nth(1).unwrap().to_owned();
    let names = |folders: &[FolderPath]| folders.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&folders), targets(&world).iter().map(target).collect::<Vec<_>>());
    world.keys("dd<Down>");
    assert_eq!(room_asked(&world).unwrap().0, first, "dates change nothing");
    world.keys("e-other<Enter>");
    let (second, folders) = room_asked(&world).unwrap();
    assert!(second != first && names(&folders).iter().any(|name| name.ends_with("-other")), "{folders:?}");
    // What is told of the folders before is no more news.
    world.server(ServerEvent::Room(first, tight(&folders)));
    assert!(!world.screen().contains("NOT ENOUGH"));
    world.server(ServerEvent::Room(second, tight(&folders)));
    assert!(world.screen().contains("NOT ENOUGH"));
}

#[test]
fn what_a_kind_of_server_is_known_to_refuse_is_warned_of() {
    let mut world = planned((80, 24));
    let (generation, _) = room_asked(&world).unwrap();
    let kind = Kind::of("The Microsoft Exchange IMAP4 service is ready.", &[]);
    world.server(ServerEvent::Room(generation, Room { kind, ..Room::default() }));
    assert!(world.screen().contains("Exchange takes messages of up to 10.4 MB unless"), "{}", world.screen());
    let asked = weighings(&world);
    weigh_all(&mut world, &asked, &listed());
    let screen = world.screen();
    assert!(screen.contains("! 6 messages are larger than the 10.4 MB that Exchange takes unless"), "{screen}");
    assert!(screen.contains("1 perhaps too big for the server"), "{screen}");
}

/// A plan with names that clash, that the server can't hold, and that are below one that takes none.
pub(super) fn odd(size: (u16, u16)) -> World {
    let mut world = World::new(size);
    let mut folders = world.model.link.terms.folders.clone();
    folders[4].can_have_children = false; // Trash
    let namespace = crate::imap::Namespace { delimiter: Some('/'), ..crate::imap::Namespace::default() };
    world.server(ServerEvent::Terms(Terms { folders, namespace }));
    for (from, to) in
        [("Inbox", "inbox2"), ("Projects", "INBOX2"), ("Sent Items", "Trash/Sent"), ("Projects/Bridge", "a%2Fb\u{7}橋")]
    {
        world.model.mapping.set(Rule { to: Some(to.into()), ..Rule::about(&path(from), None) });
    }
    world.keys("<Home> <F5><Down><Down>");
    world
}

#[test]
fn oddities_of_names_have_signs_that_need_no_colour() {
    let screen = odd((120, 40)).screen();
    for words in ["! Inbox ", "! Projects ", "* Projects/Bridge ", "! Sent Items", "differs only in case from inbox2"] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
}

/// A job has ended, and a message waits for a repair.
pub(super) fn repair_asked(size: (u16, u16)) -> World {
    let mut world = running(size);
    world.job(Event::NeedsRepair { repairs: vec![Repair::Nul] });
    world.job(Event::JobEnd { outcome: Outcome::Partial, reason: String::new() });
    world
}

#[test]
fn repairs_go_round_and_are_asked_for_at_the_jobs_end() {
    let mut world = planned((80, 24));
    world.keys("R  <Down> ");
    assert_eq!((&*world.model.repairs, &*world.model.asks), (&[Repair::FromLine][..], &[Repair::Nul][..]));
    world.keys("<Esc>");
    assert!(world.screen().contains("from-line on, nul ask"));
    let mut world = repair_asked((80, 24));
    assert!(world.screen().contains("NUL bytes are left out"));
    let ticket = world.model.queue.current().unwrap().ticket;
    world.keys("y");
    let retried = world.model.queue.get(ticket).unwrap();
    assert!(retried.job().is_some_and(|job| job.repairs.contains(&Repair::Nul)), "it is tried again");
}
