//! Who sent a message and who got it, as names with addresses.

use super::{Object, Properties, tags};
use crate::store::mime::header::NO_ADDRESS;

/// One person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    /// The name, which may be empty.
    pub(super) name: String,
    /// The address.
    pub(super) address: String,
}

/// Where the address of a person is written.
struct Place {
    name: tags::Tag,
    kind: tags::Tag,
    address: tags::Tag,
    smtp: tags::Tag,
}

const AUTHOR: Place = Place {
    name: tags::REPRESENTING_NAME,
    kind: tags::REPRESENTING_TYPE,
    address: tags::REPRESENTING_ADDRESS,
    smtp: tags::REPRESENTING_SMTP,
};
const SENDER: Place =
    Place { name: tags::SENDER_NAME, kind: tags::SENDER_TYPE, address: tags::SENDER_ADDRESS, smtp: tags::SENDER_SMTP };
const RECIPIENT: Place = Place {
    name: tags::DISPLAY_NAME,
    kind: tags::ADDRESS_TYPE,
    address: tags::EMAIL_ADDRESS,
    smtp: tags::SMTP_ADDRESS,
};

/// The author, and the sender where that is another.
pub(super) fn authors(object: &Object) -> (Option<Person>, Option<Person>) {
    let sender = person(&object.properties, &SENDER);
    match person(&object.properties, &AUTHOR) {
        Some(author) => {
            let other = sender.filter(|sender| sender.address != author.address && sender.address != NO_ADDRESS);
            (Some(author), other)
        }
        None => (sender, None),
    }
}

/// A kind of recipient: its number in [`tags::RECIPIENT_TYPE`], the header field, the names of all as one text.
pub(super) const KINDS: [(i64, &str, tags::Tag); 3] =
    [(1, "To", tags::DISPLAY_TO), (2, "Cc", tags::DISPLAY_CC), (3, "Bcc", tags::DISPLAY_BCC)];

/// The recipients of a kind; from the names alone, if the store has no more.
pub(super) fn recipients(object: &Object, kind: i64, names: tags::Tag) -> Vec<Person> {
    /// Higher bits say how sending went ([MS-OXOMSG] 2.2.3.1).
    const KIND: i64 = 0xF;
    let of_kind = |one: &&Properties| one.number(tags::RECIPIENT_TYPE).unwrap_or(1) & KIND == kind;
    let all: Vec<_> = object.recipients.iter().filter(of_kind).filter_map(|one| person(one, &RECIPIENT)).collect();
    if !all.is_empty() {
        return all;
    }
    let text = object.properties.text(names).unwrap_or_default();
    let shown = text.split(';').map(str::trim).filter(|name| !name.is_empty());
    shown.map(|name| complete(name, None)).collect()
}

fn person(properties: &Properties, place: &Place) -> Option<Person> {
    let is_internet = |address: &String| address.contains('@');
    let name = properties.text(place.name);
    let address = properties.text(place.address);
    let exchange = properties.text(place.kind).is_some_and(|kind| kind.eq_ignore_ascii_case("EX"));
    let smtp = properties.text(place.smtp).filter(is_internet);
    let known = smtp.or_else(|| address.clone().filter(|address| !exchange && is_internet(address)));
    if name.is_none() && address.is_none() && known.is_none() {
        return None;
    }
    let known = known.or_else(|| address.filter(|_| exchange).map(|address| exchange_address(&address)));
    Some(complete(&name.unwrap_or_default(), known))
}

/// A name with its address; the name may hold the address in one of the forms that programs show.
fn complete(name: &str, address: Option<String>) -> Person {
    let inner =
        name.rsplit_once(['<', '(', '[']).map(|(before, rest)| (before, rest.trim_end_matches(['>', ')', ']'])));
    let shown = inner.filter(|(_, inner)| inner.contains('@') && !inner.contains(' '));
    let address = address.or_else(|| {
        let plain = Some(name.trim_matches('\'')).filter(|name| name.contains('@') && !name.contains(' '));
        shown.map(|(_, inner)| inner).or(plain).map(str::to_owned)
    });
    let address = address.unwrap_or_else(|| NO_ADDRESS.to_owned());
    let same = |name: &str| name.eq_ignore_ascii_case(&address);
    let bare = match shown {
        Some((before, inner)) if same(inner) => before,
        _ => name,
    };
    let bare = bare.trim();
    let unquoted = bare.strip_prefix('\'').and_then(|bare| bare.strip_suffix('\'')).unwrap_or(bare);
    let unquoted = unquoted.strip_prefix('"').and_then(|bare| bare.strip_suffix('"')).unwrap_or(unquoted);
    Person { name: if same(unquoted) { String::new() } else { unquoted.to_owned() }, address }
}

/// Exchange's own addresses, `/O=ORG/…/CN=RECIPIENTS/CN=JDOE`, lead nowhere outside; the last name is what tells people
/// apart, and `.invalid` says that it is no address (RFC 2606).
fn exchange_address(name: &str) -> String {
    let last = name.rsplit('=').next().unwrap_or_default();
    let plain: String = last.chars().filter(|ch| ch.is_ascii_alphanumeric() || "-_.".contains(*ch)).take(64).collect();
    if plain.is_empty() { NO_ADDRESS.to_owned() } else { format!("{plain}@exchange.invalid") }
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::*;

    fn shown(person: &Person) -> String {
        format!("{}|{}", person.name, person.address)
    }

    #[test]
    fn a_person_has_the_best_address_there_is() {
        for (name, kind, address, smtp, expected) in [
            ("Ann", "SMTP", "a@b", "", "Ann|a@b"),
            ("Ann", "EX", "/O=X/CN=ANN", "a@b", "Ann|a@b"),
            ("Ann", "EX", "/O=X/CN=ANN", "", "Ann|ANN@exchange.invalid"),
            ("'a@b'", "SMTP", "a@b", "", "|a@b"),
            ("Ann (a@b)", "SMTP", "a@b", "", "Ann|a@b"),
            ("Ann <a@b>", "", "", "", "Ann|a@b"),
            ("Ann", "FAX", "Ann@+49 1", "", "Ann|Ann@+49 1"),
            ("Ann", "", "", "", "Ann|unknown@address.invalid"),
        ] {
            let mut properties = Properties::default();
            let tags = [tags::DISPLAY_NAME, tags::ADDRESS_TYPE, tags::EMAIL_ADDRESS, tags::SMTP_ADDRESS];
            for (tag, text) in tags.into_iter().zip([name, kind, address, smtp]) {
                properties.insert(tag, Value::Text(text.into()));
            }
            assert_eq!(person(&properties, &RECIPIENT).map(|person| shown(&person)).as_deref(), Some(expected));
        }
        assert_eq!(person(&Properties::default(), &RECIPIENT), None);
    }

    #[test]
    fn names_alone_are_better_than_nothing() {
        let mut object = Object::default();
        object.properties.insert(tags::DISPLAY_TO, Value::Text("Ann; b@c ;".into()));
        let all = recipients(&object, 1, tags::DISPLAY_TO);
        assert_eq!(all.iter().map(shown).collect::<Vec<_>>(), ["Ann|unknown@address.invalid", "|b@c"]);
        assert!(recipients(&object, 2, tags::DISPLAY_CC).is_empty());
    }
}
