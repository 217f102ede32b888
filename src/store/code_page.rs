//! The code page of a store's names: they carry none, and are in that of the PC that wrote them. Never needed for mail.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, WINDOWS_1252};

/// The code page that fits all `names` best. Short names alone say too little, so they are judged together.
pub(super) fn guess<'a>(names: impl IntoIterator<Item = &'a [u8]>) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let mut seen = false;
    for name in names.into_iter().filter(|name| !name.is_ascii()) {
        seen = true;
        detector.feed(name, false);
        detector.feed(b"\n", false);
    }
    if seen { detector.guess(None, Utf8Detection::Deny) } else { WINDOWS_1252 }
}

/// A name as text.
pub(super) fn decode(name: &[u8], code_page: &'static Encoding) -> String {
    code_page.decode_without_bom_handling(name).0.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_store_tell_their_code_page() {
        for (label, names) in [
            ("windows-1252", &["Posteingang", "Gelöschte Objekte", "Entwürfe", "Gesendete Objekte", "Bücher"][..]),
            ("windows-1251", &["Входящие", "Исходящие", "Отправленные", "Удаленные", "Черновики"]),
            ("windows-1250", &["Doručená pošta", "Odeslaná pošta", "Odstraněná pošta", "Koncepty"]),
            ("Shift_JIS", &["受信トレイ", "送信トレイ", "送信済みアイテム", "削除済みアイテム", "下書き"]),
            ("windows-1252", &["Inbox", "Outbox"]),
        ] {
            let code_page = Encoding::for_label(label.as_bytes()).unwrap();
            let raw: Vec<_> = names.iter().map(|name| code_page.encode(name).0.into_owned()).collect();
            let guessed = guess(raw.iter().map(Vec::as_slice));
            assert_eq!(guessed.name(), code_page.name());
            let shown: Vec<_> = raw.iter().map(|name| decode(name, guessed)).collect();
            assert_eq!(shown, names);
        }
    }
}
