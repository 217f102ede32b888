//! What commands and answers of IMAP are made of, as the server in memory ([`super::mailbox`]) reads and writes them.

/// The words of a command, quotes taken off.
pub fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars();
    while let Some(ch) = chars.next() {
        match ch {
            '"' => is_quoted = !is_quoted,
            '\\' if is_quoted => word.extend(chars.next()),
            ' ' if !is_quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(ch),
        }
    }
    words.push(word);
    words
}

/// UIDs as APPENDUID has them: a range, where they are one (RFC 4315).
pub fn uid_set(uids: &[u32]) -> String {
    match uids {
        [first, .., last] if uids.iter().zip(*first..).all(|(uid, next)| *uid == next) => format!("{first}:{last}"),
        _ => uids.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
    }
}

/// Whether a set of UIDs or sequence numbers has this one, which is the last there is or not.
pub fn contains(set: &str, number: u32, is_last: bool) -> bool {
    set.split(',').any(|range| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let first: u32 = first.parse().unwrap_or(u32::MAX);
        match last {
            "*" => number >= first || is_last, // n:* has the last message even below n
            _ => (first..=last.parse().unwrap_or(0)).contains(&number),
        }
    })
}

/// The header of a message, with the empty line after it.
pub fn header(message: &[u8]) -> Vec<u8> {
    let end = message.windows(4).position(|window| window == b"\r\n\r\n").map_or(message.len(), |at| at + 4);
    message[..end].to_vec()
}
