//! What patterns mean, and where they are wrong.

use super::*;
use crate::mail::InternalDate;
use crate::ui::list::{Extra, Row};
use crate::ui::marks::Key;

/// 2004-03-12.
const TODAY: i64 = 12_489;

fn row() -> Row {
    Row {
        key: Key::Remote(1),
        size: 2_100_000,
        date: Some(InternalDate::from_unix(TODAY * 86_400)),
        flags: Flags::FLAGGED,
        is_doubtful: false,
        attached: Some(true),
        links: [0; 3],
        from: "Kerstin Holm".into(),
        subject: "Re: girders (R&D) and bolts".into(),
        extra: Extra::new(
            "holm@bridge.example",
            "Anna <anna@x>, b@y",
            "<1@bridge>",
            &["Work".into(), "$label1".into()],
        ),
    }
}

fn fits(text: &str) -> Fit {
    Pattern::parse(text, TODAY).unwrap_or_else(|fault| panic!("{text}: {fault:?}")).fits(&row())
}

#[test]
fn plain_words_are_one_text_whatever_signs_they_hold() {
    for yes in ["girders", "re: GIRDERS", "holm", "bridge.example", "(R&D)", "R&D", "*bolts", "d) and bolts", "re:*"] {
        assert_eq!(fits(yes), Fit::Yes, "{yes}");
    }
    for no in ["bolts girders", "anna", "\"girders*\"", "bolts*"] {
        assert_eq!(fits(no), Fit::No, "{no}");
    }
}

#[test]
fn items_and_operators_mean_what_mutt_means() {
    for yes in [
        "~f holm",
        "~f ^kerstin",
        "~f @bridge\\.",
        "~t anna ~s girders",
        "~s 'girders .r&d'",
        "=s (R&D) ~F",
        "~d 2004-03 ~z >1M",
        "~d <1w",
        "~N ~F ~A",
        "~i 1@bridge",
        "~y work",
        "~y ^\\$label1$",
        "!~s plans",
        "! ~f anna !~R",
        "~f anna | ~f kerstin",
        "~f anna|~f kerstin",
        "~f anna or ~f kerstin",
        "(~f anna | girders) & ~N",
        "girders and ~N",
        "girders and not ~R",
        "not (~R | ~s plans)",
        "/gird(er|el)s?/",
        "~f anna || ~F && ~N",
        "~N~F",
        "!(!(girders))",
    ] {
        assert_eq!(fits(yes), Fit::Yes, "{yes}");
    }
    for no in
        ["~f anna", "~s ^girders", "~t holm", "~R", "!~F", "~z <1M", "~d >2004", "~f anna & ~F", "~D", "~Q", "!girders"]
    {
        assert_eq!(fits(no), Fit::No, "{no}");
    }
}

#[test]
fn what_is_not_known_is_neither_yes_nor_no() {
    let mut unknown = Row { date: None, attached: None, ..row() };
    unknown.extra = Extra::new("", &format!("{}…", "a@b, ".repeat(30)), "", &[]);
    let fits = |text: &str| Pattern::parse(text, TODAY).unwrap().fits(&unknown);
    for text in ["~A", "!~A", "~d 2004", "~t zoe", "!~t zoe", "~A ~N", "~A | ~R"] {
        assert_eq!(fits(text), Fit::Unknown, "{text}");
    }
    assert_eq!((fits("~A ~R"), fits("~A | ~N"), fits("~t a@b")), (Fit::No, Fit::Yes, Fit::Yes));
}

#[test]
fn a_fault_has_its_place_and_says_what_would_be_right() {
    for (text, at, why) in [
        ("", 0, "missing"),
        ("~f", 2, "from"),
        ("~f anna |", 9, "missing"),
        ("| ~F", 0, "before |"),
        ("(~F", 0, "not closed"),
        ("~F ) x", 3, "no ( before"),
        ("()", 1, "before )"),
        ("~x", 0, "there is no ~x; there are ~f ~t"),
        ("~b text", 0, "whole messages"),
        ("~from anna", 2, "a blank is missing"),
        ("~s \"open", 3, "no second"),
        ("~s [ab", 3, "unclosed character class"),
        ("ü ~s ä(b", 8, "unclosed group"),
        ("~d yesterdays", 3, "dates: 2004"),
        ("~z big", 3, "sizes: 500"),
    ] {
        let fault = Pattern::parse(text, TODAY).unwrap_err();
        assert_eq!(fault.at, at, "{text}: {fault:?}");
        assert!(fault.why.contains(why), "{text}: {fault:?}");
    }
    assert!(Pattern::parse(&"(".repeat(5000), TODAY).is_err());
    assert!(Pattern::parse(&"!".repeat(5000), TODAY).is_err());
}

#[test]
fn folders_have_names_only() {
    let pattern = |text| Pattern::parse(text, TODAY).unwrap();
    assert!(pattern("sent | draft*").fits_name("Drafts"));
    assert!(pattern("!sent").fits_name("Drafts"));
    assert_eq!(pattern("a ~N").needs_messages().map(|fault| fault.at), Some(2));
    assert!(pattern("a").needs_messages().is_none());
}

#[test]
fn whatever_is_typed_gives_a_pattern_or_a_fault_inside_the_text() {
    const PIECES: [&str; 22] = [
        "~f", "~d", "~z", "~", "=s", "!", "(", ")", "|", "&", "\"", "'", "\\", " ", "a", "ü", "[", "*", "/", "not ",
        "or ", "<2001",
    ];
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..30_000 {
        let text: String = (0..next(9)).map(|_| PIECES[next(PIECES.len())]).collect();
        match Pattern::parse(&text, TODAY) {
            Ok(pattern) => drop(pattern.fits(&row())),
            Err(fault) => assert!(text.is_char_boundary(fault.at), "{text}: {fault:?}"),
        }
    }
}
