//! What folders are for, by the attribute that a server gives them, and by the names that mail programs give them.

use serde::{Deserialize, Serialize};

/// What a folder is for (RFC 6154, and INBOX).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpecialUse {
    /// Where new mail arrives.
    Inbox,
    /// Mail that was sent.
    Sent,
    /// Mail not yet sent.
    Drafts,
    /// Deleted mail.
    Trash,
    /// Spam.
    Junk,
    /// Kept mail.
    Archive,
}

/// A use: its attribute on the wire, its name in JSON, files and on the screen, and the folder names that mean it.
struct Use {
    special: SpecialUse,
    attribute: &'static str,
    label: &'static str,
    /// Lower case; a line a language, English first.
    names: &'static [&'static str],
}

/// The names in English and the languages of most mail programs: German, French, Spanish, Italian, Portuguese, Dutch, Polish,
/// Czech, Slovak, Hungarian, Romanian, Russian, Ukrainian, Bulgarian, Greek, Turkish, Swedish, Danish, Norwegian, Finnish,
/// Croatian, Slovenian, Hebrew, Arabic, Japanese, Chinese, Korean, Vietnamese, Thai.
#[rustfmt::skip]
const USES: [Use; 6] = [
    Use {
        special: SpecialUse::Inbox,
        attribute: "",
        label: "inbox",
        names: &[
            "inbox", "in",
            "posteingang",
            "boîte de réception", "courrier entrant", "réception",
            "bandeja de entrada", "buzón de entrada", "entrada",
            "posta in arrivo", "in arrivo",
            "caixa de entrada", "a receber",
            "postvak in", "inkomend",
            "skrzynka odbiorcza", "odebrane", "poczta przychodząca",
            "doručená pošta", "došlá pošta",
            "prijatá pošta",
            "beérkezett üzenetek", "bejövő levelek", "bejövő",
            "mesaje primite", "primite",
            "входящие",
            "вхідні",
            "входящи", "пощенска кутия",
            "εισερχόμενα",
            "gelen kutusu", "gelen",
            "inkorgen", "inkorg",
            "indbakke",
            "innboks", "innboksen",
            "saapuneet", "saapuneet-kansio",
            "ulazna pošta", "primljeno",
            "prejeto",
            "דואר נכנס",
            "البريد الوارد", "علبة الوارد",
            "受信トレイ", "受信箱",
            "收件箱", "收件匣",
            "받은 편지함",
            "hộp thư đến",
            "กล่องจดหมายเข้า",
        ],
    },
    Use {
        special: SpecialUse::Sent,
        attribute: "\\Sent",
        label: "sent",
        names: &[
            "sent", "sent items", "sent messages", "sent-mail", "sent mail", "sent objects",
            "gesendet", "gesendete objekte", "gesendete elemente", "gesendete nachrichten", "postausgang gesendet",
            "envoyés", "éléments envoyés", "messages envoyés", "courrier envoyé", "objets envoyés",
            "enviados", "elementos enviados", "mensajes enviados", "correo enviado",
            "inviata", "posta inviata", "elementi inviati", "messaggi inviati", "inviati",
            "itens enviados", "mensagens enviadas", "correio enviado", "e-mails enviados",
            "verzonden", "verzonden items", "verzonden berichten", "verstuurd",
            "wysłane", "elementy wysłane", "poczta wysłana",
            "odeslaná pošta", "odeslané", "odeslané položky",
            "odoslaná pošta", "odoslané", "odoslané položky",
            "elküldött", "elküldött elemek", "elküldött üzenetek",
            "trimise", "elemente trimise", "mesaje trimise",
            "отправленные", "отправленные элементы",
            "надіслані", "відправлені",
            "изпратени", "изпратена поща",
            "απεσταλμένα", "σταλμένα",
            "gönderilmiş öğeler", "gönderilmiş", "gönderilenler", "gönderilmiş postalar",
            "skickat", "skickade", "skickade objekt", "skickade meddelanden",
            "sendt", "sendt post", "sendte meddelelser", "sendt mail",
            "sendte elementer", "sendte meldinger",
            "lähetetyt", "lähetetyt viestit",
            "poslano", "poslana pošta", "poslane stavke",
            "poslani elementi",
            "פריטים שנשלחו", "נשלח", "דואר שנשלח",
            "العناصر المرسلة", "البريد المرسل", "المرسلة",
            "送信済みアイテム", "送信済み", "送信済みトレイ", "送信済みメール",
            "已发送邮件", "已发送", "已发送消息", "寄件備份", "已傳送的郵件", "已发邮件",
            "보낸 편지함", "보낸 메일함",
            "thư đã gửi", "đã gửi",
            "รายการที่ส่ง",
        ],
    },
    Use {
        special: SpecialUse::Drafts,
        attribute: "\\Drafts",
        label: "drafts",
        names: &[
            "drafts", "draft",
            "entwürfe", "entwurf",
            "brouillons", "brouillon",
            "borradores", "borrador",
            "bozze", "bozza",
            "rascunhos", "rascunho",
            "concepten", "concept",
            "kopie robocze", "szkice", "wersje robocze", "robocze",
            "koncepty", "rozepsané", "rozepsaná pošta",
            "rozpísané",
            "piszkozatok", "piszkozat",
            "ciorne", "schițe",
            "черновики",
            "чернетки",
            "чернови",
            "πρόχειρα",
            "taslaklar",
            "utkast",
            "kladder", "kladde",
            "kladd",
            "luonnokset",
            "skice", "nacrti",
            "osnutki",
            "טיוטות",
            "المسودات", "مسودات",
            "下書き",
            "草稿", "草稿箱", "草稿匣",
            "임시 보관함",
            "thư nháp", "bản nháp",
            "แบบร่าง",
        ],
    },
    Use {
        special: SpecialUse::Trash,
        attribute: "\\Trash",
        label: "trash",
        names: &[
            "trash", "deleted items", "deleted messages", "deleted", "bin",
            "papierkorb", "gelöschte objekte", "gelöschte elemente", "gelöschte nachrichten", "gelöscht",
            "corbeille", "éléments supprimés", "messages supprimés", "objets supprimés",
            "papelera", "elementos eliminados", "eliminados", "papelera de reciclaje",
            "cestino", "posta eliminata", "elementi eliminati", "messaggi eliminati",
            "lixo", "itens excluídos", "itens eliminados", "lixeira", "reciclagem", "excluídos",
            "prullenbak", "verwijderde items", "verwijderde berichten", "prullenmand",
            "kosz", "elementy usunięte", "usunięte",
            "koš", "odstraněná pošta", "odstraněné položky",
            "kôš", "odstránená pošta", "odstránené položky",
            "kuka", "törölt elemek", "lomtár", "törölt",
            "gunoi", "elemente șterse", "coș de gunoi",
            "удаленные", "удалённые", "корзина",
            "видалені", "кошик",
            "изтрити", "кошче",
            "διαγραμμένα", "απορρίμματα", "κάδος απορριμμάτων",
            "silinmiş öğeler", "çöp kutusu", "silinmiş", "çöp",
            "borttaget", "borttagna objekt", "papperskorgen", "papperskorg",
            "slettet post", "slettede elementer", "papirkurv",
            "søppel",
            "poistetut", "roskakori", "poistetut viestit",
            "otpad", "izbrisano", "smeće",
            "smeti",
            "פריטים שנמחקו", "אשפה",
            "العناصر المحذوفة", "المهملات", "سلة المهملات",
            "削除済みアイテム", "ごみ箱", "ゴミ箱",
            "已删除邮件", "已删除", "垃圾桶", "刪除的郵件", "废纸篓", "回收站",
            "지운 편지함", "휴지통",
            "thùng rác",
            "รายการที่ถูกลบ", "ถังขยะ",
        ],
    },
    Use {
        special: SpecialUse::Junk,
        attribute: "\\Junk",
        label: "junk",
        names: &[
            "junk", "spam", "junk e-mail", "junk mail", "junk email", "bulk mail",
            "junk-e-mail", "spamverdacht", "werbung", "unerwünscht", "unerwünschte werbung",
            "courrier indésirable", "indésirables", "pourriel", "courriers indésirables",
            "correo no deseado", "correo electrónico no deseado", "no deseado",
            "posta indesiderata", "indesiderata",
            "lixo eletrônico", "lixo eletrónico", "correio electrónico de lixo", "não solicitado",
            "ongewenste e-mail", "ongewenst", "ongewenste mail", "reclame",
            "wiadomości-śmieci", "niechciane",
            "nevyžádaná pošta", "nevyžádané",
            "nevyžiadaná pošta", "nevyžiadané",
            "levélszemét", "kéretlen",
            "mesaje nedorite", "nedorite",
            "нежелательная почта", "спам",
            "небажана пошта",
            "нежелана поща",
            "ανεπιθύμητα", "ανεπιθύμητη αλληλογραφία",
            "önemsiz e-posta", "önemsiz",
            "skräppost",
            "uønsket post", "uønsket mail",
            "søppelpost", "uønsket e-post",
            "roskaposti",
            "neželjena pošta", "neželjeno",
            "neželena pošta",
            "דואר זבל",
            "البريد غير الهام", "بريد مزعج",
            "迷惑メール",
            "垃圾邮件", "垃圾郵件",
            "정크 메일", "스팸 메일함", "스팸함",
            "thư rác",
            "อีเมลขยะ",
        ],
    },
    Use {
        special: SpecialUse::Archive,
        attribute: "\\Archive",
        label: "archive",
        names: &[
            "archive", "archives", "all mail",
            "archiv",
            "archivage",
            "archivo", "archivados", "archivo de mensajes",
            "archivio", "archivia",
            "arquivo", "arquivo morto", "arquivados",
            "archief",
            "archiwum",
            "archivovat",
            "archív",
            "archívum",
            "arhivă",
            "архив",
            "архів",
            "αρχείο", "αρχειοθήκη",
            "arşiv",
            "arkiv",
            "arkisto",
            "arhiva",
            "arhiv",
            "ארכיון",
            "الأرشيف", "أرشيف",
            "アーカイブ",
            "存档", "归档", "封存",
            "보관함", "보관",
            "lưu trữ",
            "ที่เก็บถาวร",
        ],
    },
];

impl SpecialUse {
    /// The use that a LIST attribute such as `\Sent` names, whatever its case.
    pub fn from_attribute(attribute: &str) -> Option<Self> {
        let is_known = |one: &&Use| !one.attribute.is_empty() && one.attribute.eq_ignore_ascii_case(attribute);
        USES.iter().find(is_known).map(|one| one.special)
    }

    /// The use that a folder of this name commonly has, in any of the known languages.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase();
        USES.iter().find(|one| one.names.contains(&name.as_str())).map(|one| one.special)
    }

    /// The use of that name in files and on the screen.
    pub fn from_label(label: &str) -> Option<Self> {
        USES.iter().find(|one| one.label == label).map(|one| one.special)
    }

    /// The name in JSON, files and on the screen, such as `sent`.
    pub fn label(self) -> &'static str {
        USES.iter().find(|one| one.special == self).map_or("", |one| one.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_are_known_by_attribute_and_by_name() {
        assert_eq!(SpecialUse::from_attribute("\\sent"), Some(SpecialUse::Sent));
        assert_eq!(SpecialUse::from_attribute(""), None);
        assert_eq!(SpecialUse::from_name("Deleted Items"), Some(SpecialUse::Trash));
        assert_eq!(SpecialUse::from_name("Projects"), None);
        assert_eq!(SpecialUse::Junk.label(), "junk");
    }

    #[test]
    fn names_are_known_in_many_languages() {
        for (name, special) in [
            ("Gesendete Objekte", SpecialUse::Sent),
            ("Éléments supprimés", SpecialUse::Trash),
            ("Черновики", SpecialUse::Drafts),
            ("受信トレイ", SpecialUse::Inbox),
            ("Roskaposti", SpecialUse::Junk),
            ("Archiwum", SpecialUse::Archive),
            ("ΕΙΣΕΡΧΌΜΕΝΑ", SpecialUse::Inbox),
        ] {
            assert_eq!(SpecialUse::from_name(name), Some(special), "{name}");
        }
    }

    #[test]
    fn no_name_has_two_uses_or_capitals() {
        let mut seen = std::collections::HashSet::new();
        for name in USES.iter().flat_map(|one| one.names) {
            assert_eq!(*name, name.to_lowercase());
            assert!(seen.insert(name), "{name} stands for two uses");
        }
    }
}
