//! What a MAPI message says for the store: whether it is mail at all, its flags, keywords and dates.

use super::{Object, headers, tags};
use crate::mail::details::Details;
use crate::mail::envelope::Summary;
use crate::mail::{DateSource, Envelope, Flags, InternalDate, Locator, Warning};

/// Classes of what Outlook keeps beside mail; `.` and more may follow ([MS-OXOABK], [MS-OXOCNTC] and their like).
const NOT_MAIL: [&str; 9] = [
    "IPM.Contact",
    "IPM.AbchPerson",
    "IPM.DistList",
    "IPM.Appointment",
    "IPM.Task",
    "IPM.StickyNote",
    "IPM.Activity",
    "IPM.Configuration",
    "IPM.Microsoft",
];

/// Bits of [`tags::MESSAGE_FLAGS`] ([MS-OXCMSG] 2.2.1.6).
const READ: i64 = 0x1;
const UNSENT: i64 = 0x8;
const HAS_ATTACHMENTS: i64 = 0x10;
/// Values of [`tags::LAST_VERB`] ([MS-OXOMSG] 2.2.1.20).
const REPLIED: [i64; 2] = [102, 103];
const FORWARDED: i64 = 104;
/// Values of [`tags::ICON_INDEX`] ([MS-OXOMSG] 2.2.1.20).
const REPLIED_ICON: i64 = 0x105;
const FORWARDED_ICON: i64 = 0x106;
/// Value of [`tags::FLAG_STATUS`]; 1 is one that was dealt with ([MS-OXOFLAG] 2.2.1.1).
const FLAGGED: i64 = 2;

/// Whether an object is a message. What has an unknown class is one: carrying too much is better than losing mail.
pub(in crate::store) fn is_mail(object: &Object) -> bool {
    let class = object.properties.text(tags::MESSAGE_CLASS).unwrap_or_default();
    let is = |kind: &str| {
        let (start, rest) = class.split_at(class.floor_char_boundary(kind.len()));
        start.eq_ignore_ascii_case(kind) && (rest.is_empty() || rest.starts_with('.'))
    };
    !NOT_MAIL.iter().any(|kind| is(kind))
}

/// The flags and keywords of a message.
fn marks(object: &Object) -> (Flags, Vec<String>) {
    let number = |tag| object.properties.number(tag).unwrap_or_default();
    let (state, verb, icon) = (number(tags::MESSAGE_FLAGS), number(tags::LAST_VERB), number(tags::ICON_INDEX));
    let known = [
        (state & READ != 0, Flags::SEEN),
        (state & UNSENT != 0, Flags::DRAFT),
        (REPLIED.contains(&verb) || icon == REPLIED_ICON, Flags::ANSWERED),
        (number(tags::FLAG_STATUS) == FLAGGED, Flags::FLAGGED),
    ];
    let flags = known.iter().filter(|(is_set, _)| *is_set).fold(Flags::NONE, |flags, (_, flag)| flags | *flag);
    let mut keywords = object.categories.clone();
    if verb == FORWARDED || icon == FORWARDED_ICON {
        keywords.push("$Forwarded".to_owned());
    }
    (flags, keywords)
}

/// Whether a message has attachments, as Outlook noted it.
fn has_attachments(object: &Object) -> Option<bool> {
    object.properties.number(tags::MESSAGE_FLAGS).map(|state| state & HAS_ATTACHMENTS != 0)
}

/// When a message arrived: its delivery; else, as its header and then its properties have it.
fn internal_date(object: &Object, summary: &Summary) -> (Option<InternalDate>, DateSource) {
    let time = |tag| object.properties.time(tag).map(InternalDate::from_unix).filter(|date| date.is_sane());
    let candidates = [
        (time(tags::DELIVERY_TIME), DateSource::Store),
        (summary.sane_received(), DateSource::Received),
        (summary.sane_date(), DateSource::Date),
        (time(tags::CREATION_TIME), DateSource::Store),
    ];
    let found = candidates.into_iter().find_map(|(date, rule)| Some((date?, rule)));
    found.map_or((None, DateSource::None), |(date, rule)| (Some(date), rule))
}

/// What a list shows of a message. Needs the properties of [`tags::LISTED`] only.
pub(in crate::store) fn envelope(object: &Object, locator: Locator) -> Envelope {
    let summary = Summary::of(&headers::compose(object));
    let (flags, keywords) = marks(object);
    let (internal_date, date_from) = internal_date(object, &summary);
    Envelope {
        size: locator.length,
        locator,
        flags,
        keywords,
        internal_date,
        date_from,
        from: summary.from,
        subject: summary.subject,
        message_id: summary.message_id,
        details: Box::new(Details { attached: has_attachments(object), ..summary.details }),
        warnings: if internal_date.is_none() { vec![Warning::NoDate] } else { Vec::new() },
    }
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::*;

    fn object(values: &[(tags::Tag, i64)]) -> Object {
        let mut object = Object::default();
        for (tag, number) in values {
            object.properties.insert(*tag, Value::Number(*number));
        }
        object
    }

    #[test]
    fn flags_are_read_from_properties() {
        for (values, flags, keywords) in [
            (&[(tags::MESSAGE_FLAGS, 1)][..], Flags::SEEN, ""),
            (&[(tags::MESSAGE_FLAGS, 9), (tags::LAST_VERB, 103)], Flags::SEEN | Flags::DRAFT | Flags::ANSWERED, ""),
            (&[(tags::ICON_INDEX, 0x106), (tags::FLAG_STATUS, 2)], Flags::FLAGGED, "$Forwarded"),
            (&[(tags::LAST_VERB, 104), (tags::FLAG_STATUS, 1)], Flags::NONE, "$Forwarded"),
            (&[], Flags::NONE, ""),
        ] {
            let (set, words) = marks(&object(values));
            assert_eq!((set, words.join(" ").as_str()), (flags, keywords), "{values:?}");
        }
    }

    #[test]
    fn only_what_is_known_to_be_no_mail_is_none() {
        for (class, mail) in [
            ("IPM.Note", true),
            ("IPM.Note.SMIME", true),
            ("REPORT.IPM.Note.NDR", true),
            ("IPM.Schedule.Meeting.Request", true),
            ("IPM.TaskRequest", true),
            ("IPM.Post", true),
            ("", true),
            ("ipm.contact", false),
            ("IPM.Task", false),
            ("IPM.Appointment.Occurrence", false),
        ] {
            let mut object = Object::default();
            object.properties.insert(tags::MESSAGE_CLASS, Value::Text(class.into()));
            assert_eq!(is_mail(&object), mail, "{class}");
        }
    }

    #[test]
    fn the_delivery_time_comes_first() {
        let mut object = Object::default();
        object.properties.insert(tags::CLIENT_SUBMIT_TIME, Value::Time(126_000_000_000_000_000));
        assert_eq!(internal_date(&object, &Summary::of(&headers::compose(&object))).1, DateSource::Date);
        object.properties.insert(tags::DELIVERY_TIME, Value::Time(127_000_000_000_000_000));
        let found = internal_date(&object, &Summary::default());
        assert_eq!((found.0.map(InternalDate::unix), found.1), (Some(1_055_526_400), DateSource::Store));
    }
}
