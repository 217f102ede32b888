//! Esc and a key that is a sequence of its own, in one packet, as slow lines deliver them.
//!
//! crossterm 0.29 takes the two escape bytes for one Esc (`sys/unix/parse.rs`) and the rest of the sequence for letters,
//! each of which would do something. They are put together again.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

/// As many events as the longest of these sequences has: `[24;2~`.
const LONGEST: usize = 6;

/// Whether more events can belong to a key that follows an Esc.
pub(crate) fn may_go_on(burst: &[Event]) -> bool {
    matches!(burst.first(), Some(Event::Key(key)) if key.code == KeyCode::Esc)
        && burst.len() <= LONGEST
        && match letters(burst).as_bytes() {
            [] => burst.len() == 1,
            [b'[' | b'O'] | [b'[', b'['] => true,
            [b'[', rest @ ..] => rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b';'),
            _ => false,
        }
}

/// The burst with the letters after its Esc as the key that they are, if they are one.
pub(crate) fn joined(mut burst: Vec<Event>) -> Vec<Event> {
    if let (Some(Event::Key(first)), Some(key)) = (burst.first(), key(&letters(&burst)))
        && first.code == KeyCode::Esc
    {
        burst.truncate(1);
        burst.push(Event::Key(key));
    }
    burst
}

/// What came after the first event, as long as it is plain letters.
fn letters(burst: &[Event]) -> String {
    let letter = |event: &Event| match event {
        Event::Key(KeyEvent { code: KeyCode::Char(letter), modifiers, .. })
            if (*modifiers - KeyModifiers::SHIFT).is_empty() =>
        {
            Some(*letter)
        }
        _ => None,
    };
    burst.iter().skip(1).map_while(letter).collect()
}

/// The key of a sequence (ECMA-48 CSI and SS3, as xterm, rxvt, VT220 and the Linux console send it).
fn key(sequence: &str) -> Option<KeyEvent> {
    let (parameters, last) = match sequence.as_bytes() {
        [b'[', b'[', last @ b'A'..=b'E'] => return Some(KeyCode::F(1 + last - b'A').into()),
        [b'O', last] => ("", *last),
        [b'[', .., last] => (&sequence[1..sequence.len() - 1], *last),
        _ => return None,
    };
    let (number, modifier) = parameters.split_once(';').unwrap_or((parameters, "1"));
    let code = match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'Z' => KeyCode::BackTab,
        b'P'..=b'S' => KeyCode::F(1 + last - b'P'),
        b'~' => match number.parse::<u8>().ok()? {
            1 | 7 => KeyCode::Home,
            2 => KeyCode::Insert,
            3 => KeyCode::Delete,
            4 | 8 => KeyCode::End,
            5 => KeyCode::PageUp,
            6 => KeyCode::PageDown,
            number @ 11..=15 => KeyCode::F(number - 10),
            number @ 17..=21 => KeyCode::F(number - 11),
            number @ 23..=24 => KeyCode::F(number - 12),
            _ => return None,
        },
        _ => return None,
    };
    let held = modifier.parse::<u8>().ok()?.checked_sub(1)?;
    let modifiers = [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)]
        .into_iter()
        .filter(|(bit, _)| held & bit != 0)
        .fold(KeyModifiers::NONE, |all, (_, one)| all | one);
    Some(KeyEvent::new(code, modifiers))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What crossterm makes of Esc and a sequence in one packet.
    fn burst(letters: &str) -> Vec<Event> {
        let letter = |letter: char| Event::Key(KeyCode::Char(letter).into());
        std::iter::once(Event::Key(KeyCode::Esc.into())).chain(letters.chars().map(letter)).collect()
    }

    #[test]
    fn a_key_after_an_esc_is_a_key_and_no_letters() {
        for (sequence, code, modifiers) in [
            ("[B", KeyCode::Down, KeyModifiers::NONE),
            ("OA", KeyCode::Up, KeyModifiers::NONE),
            ("[15~", KeyCode::F(5), KeyModifiers::NONE),
            ("[21~", KeyCode::F(10), KeyModifiers::NONE),
            ("[[C", KeyCode::F(3), KeyModifiers::NONE),
            ("OR", KeyCode::F(3), KeyModifiers::NONE),
            ("[1;2B", KeyCode::Down, KeyModifiers::SHIFT),
            ("[24;5~", KeyCode::F(12), KeyModifiers::CONTROL),
            ("[6~", KeyCode::PageDown, KeyModifiers::NONE),
        ] {
            let whole = burst(sequence);
            assert!((1..whole.len()).all(|end| may_go_on(&whole[..end])), "{sequence} is read to its end");
            assert!(!may_go_on(&whole), "{sequence} has an end");
            let [escape, key] = <[Event; 2]>::try_from(joined(whole)).unwrap();
            assert_eq!((escape, key), (Event::Key(KeyCode::Esc.into()), Event::Key(KeyEvent::new(code, modifiers))));
        }
    }

    #[test]
    fn all_else_stays_as_it_came() {
        for letters in ["", "q", "[", "[q", "[99~", "[1;0B", "O9", "12"] {
            assert_eq!(joined(burst(letters)), burst(letters));
        }
        assert!(!may_go_on(&burst("q")) && !may_go_on(&burst("[1234567")));
        assert!(!may_go_on(&burst("")[1..]), "nothing to go on with");
        let down = vec![Event::Key(KeyCode::Char('[').into()), Event::Key(KeyCode::Char('B').into())];
        assert!(!may_go_on(&down[..1]), "only after an Esc");
        assert_eq!(joined(down.clone()), down);
    }
}
