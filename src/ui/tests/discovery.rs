//! Help, palette, keys of one's own: whatever there is can be found, and what is said of keys is true.

use super::world::World;
use crate::ui::dialog::Dialog;
use crate::ui::dialog::topics;
use crate::ui::keymap::Keymap;

#[test]
fn the_palette_does_what_it_names() {
    let mut world = World::new((80, 24));
    world.keys(":basket<Enter>");
    assert!(matches!(world.model.dialogs.as_slice(), [Dialog::Basket(_)]));
    world.keys("<Esc><F9>mark-all<Enter>");
    assert_eq!(world.model.local.marks.totals().folders, 6);
    world.keys(":unmark all<Enter>");
    assert!(world.model.local.marks.is_empty());
    world.keys(":zzz<Enter>");
    assert!(world.model.dialogs.is_empty());
}

#[test]
fn every_screen_has_its_own_help_with_its_keys() {
    for keys in ["b", "A", ":", "<F5>", "+", "<F7>", "s", "w", "x", "J", "<Tab><Down><Down>d"] {
        let mut world = World::new((80, 24));
        world.keys(keys);
        let (name, keys_there) = topics::of(world.model.dialogs.last().unwrap());
        world.keys("<F1>");
        let screen = world.screen();
        assert!(screen.contains(name), "{keys}: {screen}");
        for (key, _) in keys_there.iter().take(4) {
            assert!(screen.contains(key), "{keys}: {key} {screen}");
        }
        world.keys("<Esc>");
        assert_eq!(world.model.dialogs.len(), 1, "back where it was asked");
    }
}

#[test]
fn keys_of_ones_own_work_and_are_shown() {
    let mut world = World::new((80, 24));
    let text = "[screen]\nkeys = \"vim\"\n[keys]\nbasket = [\"F2\", \"B\"]\n";
    let settings = crate::config::read(text, std::path::Path::new("c.toml")).unwrap();
    world.model.keys = Keymap::new(&settings.keys).unwrap();
    world.keys("b");
    assert!(world.model.dialogs.is_empty());
    world.keys("B");
    assert!(matches!(world.model.dialogs.last(), Some(Dialog::Basket(_))));
    world.keys("<Esc>:basket");
    assert!(world.screen().contains("F2 B"), "{}", world.screen());
}

#[test]
fn pasted_text_goes_into_the_line_that_is_typed_and_nowhere_else() {
    use crate::ui::event::Event;
    for (keys, text) in [("f", "plans"), ("/", "a\u{1b}b\r\n"), (":", "quit\r"), ("O", "/tmp\n")] {
        let mut world = World::new((80, 24));
        world.keys(keys);
        world.happens(Event::Paste(text.into()));
        assert_eq!(world.model.dialogs.len(), 1, "a line end in pasted text is not Enter: {keys}");
        world.screen();
    }
}
