//! The names of accounts in a tree of Windows Mail or Windows Live Mail. Used by the eml store, which reads its messages.
//!
//! An account's directory holds `account{GUID}.oeaccount`, XML in UTF-16 or UTF-8 with the name that the program shows. Read
//! marks and the true names of folders lie in a database (ESE), which is not read. Source: facts/formats.md 1.9.

use super::dir::{Entry, Kind};
use super::file;

const START: &str = "account{";
const END: &str = ".oeaccount";
const MAX_FILE: u64 = 1024 * 1024;
const ELEMENT: &str = "<Account_Name";
const ELEMENT_END: &str = "</Account_Name>";

/// The name of the account whose directory has these entries.
pub(super) fn account_name(entries: &[Entry]) -> Option<String> {
    let is_account = |entry: &&Entry| {
        let name = entry.text().to_lowercase();
        entry.kind == Kind::File && name.starts_with(START) && name.ends_with(END)
    };
    let bytes = file::whole(&entries.iter().find(is_account)?.path, MAX_FILE).ok()?;
    element(&String::from_utf8_lossy(&super::eml::decoded(&bytes)))
}

/// The text of the element in a document, its few possible references resolved.
fn element(document: &str) -> Option<String> {
    let (_, rest) = document.split_once(ELEMENT)?;
    let (_, rest) = rest.split_once('>')?;
    let (name, _) = rest.split_once(ELEMENT_END)?;
    let name = name.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    let name = name.replace("&amp;", "&").trim().to_owned();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_found_in_the_document() {
        for (document, name) in [
            (
                "<MessageAccount><Account_Name type=\"SZ\">Anna &amp; Co</Account_Name></MessageAccount>",
                Some("Anna & Co"),
            ),
            ("<Account_Name type=\"SZ\"></Account_Name>", None),
            ("<Account_Name", None),
            ("", None),
        ] {
            assert_eq!(element(document).as_deref(), name, "{document}");
        }
    }
}
