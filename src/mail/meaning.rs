//! Whether two messages say the same though their bytes differ: proof "semantic" (facts/servers.md 7, level C), for servers
//! that take mail apart and write it anew, as Exchange does.

use mail_parser::{Address, HeaderName, HeaderValue, Message, MessageParser, PartType};
use sha2::{Digest as _, Sha256};

use super::guard::{MAX_INPUT, guarded};

/// What a message says.
#[derive(Debug, PartialEq, Eq)]
struct Meaning {
    /// From, To, Cc, Subject, Date and Message-ID.
    fields: [String; 6],
    /// The texts, whitespace folded, and the contents of all other parts, as digests; sorted.
    texts: Vec<[u8; 32]>,
    others: Vec<[u8; 32]>,
}

/// How deep messages within messages are looked at.
const MAX_DEPTH: usize = 20;

/// Whether `copy` has the same sender, recipients, subject, date, id and parts as `sent`. A copy may have a text more, since
/// Exchange renders text and HTML of what came as one of them. Messages over 8 MiB are not compared.
pub fn same_meaning(sent: &[u8], copy: &[u8]) -> bool {
    if sent.len().max(copy.len()) > MAX_INPUT {
        return false;
    }
    let (sent, copy) = (sent.to_vec(), copy.to_vec());
    let Some((sent, copy)) = guarded(move || Some((meaning(&sent)?, meaning(&copy)?))) else { return false };
    sent.fields == copy.fields && sent.others == copy.others && is_within(&sent.texts, &copy.texts)
}

/// Whether each of the sorted `some` is in the sorted `all`, as often.
fn is_within(some: &[[u8; 32]], all: &[[u8; 32]]) -> bool {
    let mut rest = all.iter();
    some.iter().all(|one| rest.any(|other| other == one))
}

fn meaning(message: &[u8]) -> Option<Meaning> {
    let parsed = MessageParser::default().parse(message)?;
    let (mut texts, mut others) = (Vec::new(), Vec::new());
    leaves(&parsed, MAX_DEPTH, &mut texts, &mut others);
    texts.sort_unstable();
    others.sort_unstable();
    let fields = [
        addresses(parsed.from()),
        addresses(parsed.to()),
        addresses(parsed.cc()),
        folded(parsed.subject().unwrap_or_default()),
        parsed.date().map(|date| date.to_timestamp().to_string()).unwrap_or_default(),
        parsed.message_id().unwrap_or_default().to_owned(),
    ];
    Some(Meaning { fields, texts, others })
}

fn addresses(all: Option<&Address<'_>>) -> String {
    let one = |address: &mail_parser::Addr<'_>| {
        format!(
            "{} <{}>",
            folded(address.name().unwrap_or_default()),
            address.address().unwrap_or_default().to_lowercase()
        )
    };
    all.map(|all| all.iter().map(one).collect::<Vec<_>>().join(", ")).unwrap_or_default()
}

fn leaves(message: &Message<'_>, depth: usize, texts: &mut Vec<[u8; 32]>, others: &mut Vec<[u8; 32]>) {
    for part in &message.parts {
        match &part.body {
            PartType::Text(text) | PartType::Html(text) => {
                let text = folded(text);
                if !text.is_empty() {
                    texts.push(Sha256::digest(text.as_bytes()).into());
                }
            }
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => others.push(Sha256::digest(bytes).into()),
            PartType::Message(inner) if depth > 0 => {
                if let Some(HeaderValue::Text(subject)) = inner.header(HeaderName::Subject) {
                    others.push(Sha256::digest(folded(subject).as_bytes()).into());
                }
                leaves(inner, depth - 1, texts, others);
            }
            PartType::Message(inner) => others.push(Sha256::digest(inner.raw_message()).into()),
            PartType::Multipart(_) => {}
        }
    }
}

/// The words alone: lines may be wrapped elsewhere, and blanks at their ends lost.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &[u8] = b"Received: by x\r\nFrom: Anna Weber <anna@x.example>\r\nTo: b@y.example, c@y.example\r\n\
        Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\nDate: Mon, 1 Mar 2004 10:00:00 +0100\r\nMessage-ID: <1@x>\r\n\
        MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nA long line of words\r\n\
        --a\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAwQF\r\n--a--\r\n";

    /// The same as another program writes it.
    fn rendered(text: &str, picture: &str, subject: &str) -> Vec<u8> {
        format!(
            "Message-ID: <1@x>\r\nFrom: \"Anna Weber\" <ANNA@x.example>\r\nTo: <b@y.example>, <c@y.example>\r\n\
             Subject: {subject}\r\nDate: Mon, 1 Mar 2004 09:00:00 -0000\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=\"----_=_NextPart\"\r\n\r\n------_=_NextPart\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{text}\r\n\
             ------_=_NextPart\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n{picture}\r\n\
             ------_=_NextPart--\r\n"
        )
        .into_bytes()
    }

    #[test]
    fn a_message_written_anew_says_the_same_and_one_that_lost_something_does_not() {
        let (text, picture, subject) = ("A long line\r\n of=20words", "AAEC\r\nAwQF", "=?iso-8859-1?Q?Gr=FC=DFe?=");
        assert!(same_meaning(SENT, &rendered(text, picture, subject)));
        assert!(!same_meaning(SENT, &rendered("A long line", picture, subject)));
        assert!(!same_meaning(SENT, &rendered(text, "AAECAwQG", subject)));
        assert!(!same_meaning(SENT, &rendered(text, picture, "Gruesse")));
        assert!(!same_meaning(SENT, b""));
    }

    #[test]
    fn a_deeply_nested_message_does_not_break_the_program() {
        let bomb = b"Content-Type: message/rfc822\r\n\r\n".repeat(100_000);
        same_meaning(&bomb, &bomb);
    }
}
