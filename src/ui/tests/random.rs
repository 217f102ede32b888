//! Whatever is typed, nothing breaks, and the totals of the marks are right.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::world::{World, rows};
use crate::transfer::{Event, Mode, Outcome};
use crate::ui::effect::{Effect, ServerRequest, StoreRequest};
use crate::ui::event::{Event as Happening, Mouse, MouseKind, ServerEvent, StoreEvent};
use crate::ui::list::Row;
use crate::ui::marks::Key;

/// Marsaglia's xorshift: the same keys on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u16) -> u16 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u16::try_from(self.0 % u64::from(sides)).unwrap()
    }

    fn key(&mut self) -> KeyEvent {
        const LETTERS: &[u8] = b"hjklgGnN/+-*au pcmxwArRdOqyJ?5\\abfsvtbF:~(!|<>2dzNA.'=t";
        const CODES: [KeyCode; 14] = [
            KeyCode::Up,
            KeyCode::Down,
            KeyCode::Left,
            KeyCode::Right,
            KeyCode::Enter,
            KeyCode::Esc,
            KeyCode::Tab,
            KeyCode::Backspace,
            KeyCode::Home,
            KeyCode::End,
            KeyCode::PageUp,
            KeyCode::PageDown,
            KeyCode::Insert,
            KeyCode::Delete,
        ];
        match self.roll(10) {
            0..=4 => KeyEvent::new(CODES[usize::from(self.roll(14))], KeyModifiers::NONE),
            5 => KeyEvent::new(KeyCode::F(u8::try_from(self.roll(10)).unwrap() + 1), KeyModifiers::NONE),
            6 if self.roll(4) > 0 => {
                let code = if self.roll(2) == 0 { KeyCode::Up } else { KeyCode::Down };
                KeyEvent::new(code, KeyModifiers::SHIFT)
            }
            6 => KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL),
            _ => {
                let letter = LETTERS[usize::from(self.roll(u16::try_from(LETTERS.len()).unwrap()))];
                KeyEvent::new(KeyCode::Char(letter.into()), KeyModifiers::NONE)
            }
        }
    }
}

/// Answers what was asked, as the workers would; not always.
fn answer(world: &mut World, dice: &mut Dice) {
    for effect in std::mem::take(&mut world.effects) {
        if dice.roll(8) == 0 {
            continue;
        }
        match effect {
            Effect::Store(StoreRequest::List { generation, .. }) => {
                world.happens(Happening::Store(StoreEvent::Rows { generation, rows: rows(), progress: (1, 2) }));
                if dice.roll(3) > 0 {
                    world.happens(Happening::Store(StoreEvent::ListEnd { generation, result: Ok(1) }));
                }
            }
            Effect::Server(ServerRequest::Open { generation, .. }) => {
                world.server(ServerEvent::Opened(generation, u32::from(dice.roll(1000)), 7));
            }
            Effect::Server(ServerRequest::Window { generation, chunk, first, last }) => {
                let row = |uid: u32| Row { key: Key::Remote(uid), ..rows()[0].clone() };
                world.server(ServerEvent::Window(generation, chunk, (first..=last).map(row).collect()));
            }
            Effect::StartJob(_) => world.job(Event::JobStart {
                job: "1".parse().unwrap(),
                mode: Mode::Copy,
                folders: 1,
                messages: 9,
                bytes: 9,
            }),
            Effect::StopJob | Effect::AbortJob => {
                world.job(Event::JobEnd { outcome: Outcome::Stopped, reason: String::new() });
            }
            Effect::Journal(request) => super::jobs::answer(world, &request, dice.roll(3) > 0),
            Effect::Connect(..) => world.connect(),
            Effect::Store(StoreRequest::Preview { generation, .. }) => {
                let result = crate::ui::workers::reading::pages(b"Subject: x\r\n\r\ntext", 40, false);
                world.happens(Happening::Store(StoreEvent::Preview { generation, result }));
            }
            _ => {}
        }
    }
    world.effects.clear();
}

#[test]
fn a_hundred_thousand_random_keys_break_nothing() {
    let mut world = World::new((80, 24));
    world.model.mouse = Some(crate::ui::model::Clicks::default());
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for step in 0..100_000u64 {
        let key = dice.key();
        world.happens(Happening::Key(key));
        if step % 16 == 0 {
            let kind = [MouseKind::Click, MouseKind::Click, MouseKind::Up, MouseKind::Down][usize::from(dice.roll(4))];
            let mouse = Mouse { kind, at: (dice.roll(90), dice.roll(30)), tops: [usize::from(dice.roll(4)); 2] };
            world.happens(Happening::Mouse(mouse));
        }
        world.after(step * 97);
        answer(&mut world, &mut dice);
        for pane in [&world.model.local, &world.model.remote] {
            assert_eq!(pane.marks.totals(), pane.marks.recount(), "after {step} keys, the last {key:?}");
            assert!(pane.list.shown() == 0 || pane.list.cursor < pane.list.shown(), "after {step} keys");
            assert!(pane.list.shown() <= pane.list.len());
        }
        assert!(world.model.dialogs.len() < 50);
        if step % 100 == 0 {
            let size = if step % 5000 == 0 { (500, 200) } else { (dice.roll(160), dice.roll(60)) };
            world.happens(Happening::Resized(size.0, size.1));
            world.screen();
            world.happens(Happening::Resized(80, 24));
            world.screen();
        }
    }
}
