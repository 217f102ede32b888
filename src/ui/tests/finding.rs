//! Finding, filtering, sorting.

use super::world::{World, rows};
use crate::ui::effect::ServerRequest;
use crate::ui::event::{Event as Happening, ServerEvent, StoreEvent};
use crate::ui::list::Row;
use crate::ui::marks::Key;
use crate::ui::model::{Trial, Trying};
use crate::ui::update::patience;

/// The messages of a folder are listed and have the keys.
fn bridge() -> World {
    let mut world = World::new((80, 24));
    world.keys("/Bridge<Enter>");
    world.list_arrives();
    world.keys("<Enter>");
    world
}

fn subjects(world: &World) -> Vec<String> {
    let list = &world.model.local.list;
    list.shown_rows().iter().map(|at| list.row(*at).unwrap().subject.chars().take(8).collect()).collect()
}

#[test]
fn a_filter_works_while_it_is_typed_and_escape_takes_it_back() {
    let mut world = bridge();
    world.keys("<End>fplans");
    assert_eq!(subjects(&world), ["plans v3", "Re: plan"]);
    assert!(world.screen().contains("2 of 5 fit"), "{}", world.screen());
    world.keys(" x");
    assert_eq!(subjects(&world), [""; 0]);
    world.keys("<Esc>");
    assert_eq!(subjects(&world).len(), 5);
    assert_eq!(world.model.local.list.cursor, 4, "the cursor is where it was");
    world.keys("f~f holm<Enter>");
    assert_eq!(subjects(&world), ["Re: gird", "Re: plan"]);
    assert!(world.screen().contains("filter: ~f holm"));
    world.keys("<Esc>");
    assert_eq!(subjects(&world).len(), 5);
}

#[test]
fn what_is_marked_under_a_filter_is_what_is_shown() {
    let mut world = bridge();
    world.keys("f~f holm<Enter>a<Esc>");
    assert_eq!(world.model.local.marks.totals().messages, 2);
    world.keys("f~f braun<Enter>*<Esc>");
    assert_eq!(world.model.local.marks.totals().messages, 3);
    world.keys("f~f holm<Enter><Home><Down> <Esc>");
    assert_eq!(world.model.local.marks.totals().messages, 2);
    let marked = |at: usize| world.model.local.is_row_marked(world.model.local.list.row(at).unwrap());
    assert_eq!([0, 1, 2].map(marked), [true, true, false]);
}

#[test]
fn a_wrong_pattern_shows_its_fault_and_enter_does_nothing_by_half() {
    let mut world = bridge();
    world.keys("+~f (ab");
    let screen = world.screen();
    let lines: Vec<&str> = screen.lines().collect();
    let (typed, fault) = (lines[21], lines[22]);
    assert!(fault.contains("unclosed group"), "{screen}");
    assert_eq!(typed.find('('), fault.find('^'), "{screen}");
    world.keys("<Enter>");
    assert!(!world.model.dialogs.is_empty());
    world.keys("<Backspace><Backspace><Backspace>holm");
    assert!(world.screen().contains("2 of 5 fit"), "{}", world.screen());
    world.keys("<Enter>");
    assert_eq!(world.model.local.marks.totals().messages, 2);
}

#[test]
fn what_a_header_does_not_tell_is_said() {
    let mut world = bridge();
    world.keys("+~A");
    assert!(world.screen().contains("2 of 5 fit, 1 not known"), "{}", world.screen());
    world.keys("<Enter>");
    assert_eq!(world.model.local.marks.totals().messages, 2);
    assert!(world.screen().contains("marked 2 messages; 1 not known"), "{}", world.screen());
}

#[test]
fn folders_are_filtered_by_name_and_show_what_lies_above_them() {
    let mut world = World::new((80, 24));
    world.keys("fold");
    let shown = |world: &World| -> Vec<String> {
        let tree = &world.model.local.tree;
        tree.visible().into_iter().map(|at| tree.node(at).unwrap().label.to_string()).collect()
    };
    assert_eq!(shown(&world), ["Anna", "Projects", "Bridge", "Old plans"]);
    assert_eq!(world.model.local.place.as_ref().unwrap().path.name(), "Old plans");
    world.keys("<Enter><Esc>");
    assert!(shown(&world).contains(&"Sent Items".to_owned()));
    world.keys("f~N");
    assert!(world.screen().contains("names only"), "{}", world.screen());
}

#[test]
fn search_takes_the_language_and_goes_both_ways() {
    let mut world = bridge();
    world.keys("/~f holm<Enter>");
    assert_eq!(world.model.local.list.cursor, 2);
    world.keys("n");
    assert_eq!(world.model.local.list.cursor, 0);
    world.keys("N");
    assert_eq!(world.model.local.list.cursor, 2);
    world.keys("/~f nobody<Enter>");
    assert!(world.screen().contains("is not here"));
}

#[test]
fn sorting_keeps_the_cursor_on_its_message_and_the_order_it_is_carried_in() {
    let mut world = bridge();
    world.keys("<Down>sf");
    assert_eq!(subjects(&world)[0], "plans v3");
    assert_eq!(world.model.local.list.number(world.model.local.list.cursor), Some(1));
    world.keys("ss");
    assert_eq!(subjects(&world)[4], "plans v3");
    world.keys("ss");
    assert_eq!(subjects(&world)[0], "plans v3");
    assert!(world.screen().contains("by size ↓"), "{}", world.screen());
    world.keys("f~f holm<Enter>");
    assert_eq!(subjects(&world), ["Re: gird", "Re: plan"]);
    world.keys("<Esc><Home>so");
    assert_eq!(subjects(&world)[0], "Re: gird");
}

#[test]
fn rows_that_come_later_are_filtered_too() {
    let mut world = World::new((80, 24));
    world.keys("/Bridge<Enter>");
    let generation = world.model.local.list.generation;
    world.happens(Happening::Store(StoreEvent::Rows { generation, rows: rows(), progress: (1, 2) }));
    world.keys("<Enter>f~f holm<Enter>");
    world.happens(Happening::Store(StoreEvent::Rows { generation, rows: rows(), progress: (1, 2) }));
    assert_eq!(subjects(&world).len(), 4);
}

#[test]
fn half_a_million_messages_are_filtered_in_slices_and_keys_do_not_wait() {
    let mut world = World::new((80, 24));
    world.keys("/Bridge<Enter>");
    let generation = world.model.local.list.generation;
    let many: Vec<Row> = (0..100_000)
        .map(|at| Row { key: Key::Remote(at), ..rows()[usize::try_from(at % 5).unwrap()].clone() })
        .collect();
    world.happens(Happening::Store(StoreEvent::Rows { generation, rows: many, progress: (1, 2) }));
    world.happens(Happening::Store(StoreEvent::ListEnd { generation, result: Ok(0) }));
    world.keys("<Enter>f~f holm");
    assert!(world.screen().contains("not read yet"), "{}", world.screen());
    let mut steps = 0;
    while patience(&world.model).is_some() {
        world.after(steps);
        steps += 1;
        assert!(steps < 100);
    }
    assert!(world.screen().contains("40,000 of 100,000 fit"), "{}", world.screen());
}

#[test]
fn a_filter_on_the_server_reads_on_until_all_was_looked_at() {
    let mut world = World::new((80, 24));
    world.keys("<Tab><Down>");
    let generation = world.model.remote.list.generation;
    world.server(ServerEvent::Opened(generation, 1000, 7));
    world.keys("<Enter>f~f holm");
    let mut asked = Vec::new();
    loop {
        let requests = world.server_requests();
        world.effects.clear();
        let windows: Vec<_> = requests
            .into_iter()
            .filter_map(|request| match request {
                ServerRequest::Window { chunk, first, last, .. } => Some((chunk, first, last)),
                _ => None,
            })
            .collect();
        if windows.is_empty() {
            break;
        }
        for (chunk, first, last) in windows {
            asked.push(chunk);
            let row = |uid: u32| Row { key: Key::Remote(uid), ..rows()[usize::try_from(uid % 5).unwrap()].clone() };
            world.server(ServerEvent::Window(generation, chunk, (first..=last).map(row).collect()));
        }
    }
    assert_eq!(asked, [0, 1, 2, 3, 4]);
    assert!(world.screen().contains("400 of 1,000 fit"), "{}", world.screen());
    assert!(matches!(&world.model.trial, Some(Trial { trying: Trying::Filter, .. })));
}

#[test]
fn escape_under_a_filter_does_not_stop_a_transfer() {
    use crate::transfer::{Event, Mode};
    use crate::ui::effect::Effect;
    let mut world = bridge();
    world.keys("f~f holm<Enter><F5><Enter>");
    world.job(Event::JobStart { job: "1".parse().unwrap(), mode: Mode::Copy, folders: 1, messages: 10, bytes: 10 });
    world.keys("<Esc>");
    world.after(3_000);
    assert!(!world.asked(|effect| matches!(effect, Effect::StopJob)));
    assert_eq!(subjects(&world).len(), 5);
    world.keys("<Esc>");
    world.after(6_000);
    assert!(world.asked(|effect| matches!(effect, Effect::StopJob)));
}

#[test]
fn a_hundred_thousand_messages_are_sorted_in_steps_and_keys_do_not_wait() {
    let mut world = World::new((80, 24));
    world.keys("/Bridge<Enter>");
    let generation = world.model.local.list.generation;
    let row = |at: u32| Row {
        key: Key::Remote(at),
        size: u64::from(at.wrapping_mul(2_654_435_761) % 1000),
        subject: format!("Re: {}", at.wrapping_mul(2_654_435_761) % 777).into(),
        ..rows()[0].clone()
    };
    let many: Vec<Row> = (0..100_000).map(row).collect();
    world.happens(Happening::Store(StoreEvent::Rows { generation, rows: many.clone(), progress: (1, 2) }));
    world.happens(Happening::Store(StoreEvent::ListEnd { generation, result: Ok(0) }));
    world.keys("<Enter><Down><Down>");
    let mut wanted: Vec<usize> = (0..many.len()).collect();
    for (keys, is_down) in [("ss", false), ("ss", true), ("st", false), ("st", true)] {
        world.keys(keys);
        let mut steps = 0;
        while patience(&world.model).is_some() {
            if steps == 3 {
                world.keys("<Down><Up>");
            }
            world.after(steps);
            steps += 1;
            assert!(steps < 100);
        }
        assert!(steps > 10, "in steps");
        let topic = |at: usize| many[at].subject.trim_start_matches("Re: ").to_owned();
        wanted.sort_by(|a, b| {
            let order = if keys == "ss" { many[*a].size.cmp(&many[*b].size) } else { topic(*a).cmp(&topic(*b)) };
            let order = if is_down { order.reverse() } else { order };
            order.then(a.cmp(b))
        });
        let list = &world.model.local.list;
        assert_eq!(list.shown_rows(), wanted, "{keys} {is_down}");
        assert_eq!(list.number(list.cursor), Some(2), "the cursor stays on its message");
    }
}
