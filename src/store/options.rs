//! What a user may say of a store before it is opened. Used by whoever opens one, and by the formats that it concerns.

use std::path::PathBuf;
use std::str::FromStr;

use encoding_rs::Encoding;
use serde::{Deserialize, Serialize};

use super::company::Company;
use super::{Folder, Store, Survey, dbx, mbox, oe_mac, oe_mac5, oe4, packed};

/// How a store is to be read where it does not say so itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OpenOptions {
    /// The name of its format; else it is detected.
    pub format: Option<String>,
    /// The code page of its folders' names, where they carry none (Outlook Express); else it is guessed.
    pub code_page: Option<CodePage>,
    /// Whether deleted messages are shown too, in folders called "Recovered", where a format keeps them.
    pub recovered: bool,
    /// What becomes of Gmail's labels.
    pub labels: Labels,
    /// The stores beside it; set where a survey found several.
    #[serde(skip)]
    pub company: Company,
    /// Where long lists are kept for the next time, in a directory of the user's own; else they are not. What is carried
    /// is read without it.
    #[serde(skip)]
    pub cache: Option<PathBuf>,
}

impl OpenOptions {
    /// Only the format is said, or not even that.
    pub fn of_format(format: Option<&str>) -> Self {
        Self { format: format.map(str::to_owned), ..Self::default() }
    }
}

/// What is left to the user about how a store is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Whether deleted messages are shown.
    Recovered,
    /// The code page of folders' names.
    CodePage,
    /// What becomes of Gmail's labels.
    Labels,
}

impl Choice {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Recovered, Self::CodePage, Self::Labels];

    /// Those that make a difference to what a survey found, opened with these folders.
    pub fn of(survey: &Survey, store: &dyn Store, folders: &[Folder]) -> Vec<Self> {
        let mut formats: Vec<&str> = survey.sightings().map(|found| found.format).collect();
        if formats.iter().any(|format| packed::is_own(format)) {
            formats.extend(folders.iter().map(|folder| store.format_of(&folder.path).name));
        }
        Self::ALL.into_iter().filter(|choice| choice.formats().iter().any(|format| formats.contains(format))).collect()
    }

    /// The formats that it is about.
    fn formats(self) -> Vec<&'static str> {
        match self {
            Self::Recovered => {
                [&dbx::FORMAT, &oe4::FORMAT, &oe_mac::FORMAT, &oe_mac5::FORMAT].map(|format| format.name).into()
            }
            Self::CodePage => vec![dbx::FORMAT.name],
            Self::Labels => vec![mbox::FORMAT.name],
        }
    }
}

/// What becomes of the labels in a Google Takeout mbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Labels {
    /// A message stays in its file's folder, and its labels become keywords.
    #[default]
    Keywords,
    /// A message goes into the folder that its label names; other labels become keywords.
    Folders,
}

/// A code page by any of its usual names ("windows-1251", "Shift_JIS", "latin2").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodePage(&'static Encoding);

impl CodePage {
    /// The decoder for it.
    pub(super) fn encoding(self) -> &'static Encoding {
        self.0
    }
}

impl FromStr for CodePage {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let number = name.trim_start_matches("cp").trim_start_matches("CP");
        let alias = NUMBERS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name);
        let encoding = Encoding::for_label(alias.unwrap_or(name).as_bytes())
            .or_else(|| Encoding::for_label(format!("windows-{number}").as_bytes()));
        encoding
            .map(Self)
            .ok_or_else(|| format!("there is no code page \"{name}\"; write it like windows-1251 or Shift_JIS"))
    }
}

impl TryFrom<String> for CodePage {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<CodePage> for String {
    fn from(page: CodePage) -> Self {
        page.0.name().to_owned()
    }
}

/// Windows' numbers of code pages that have other names elsewhere.
const NUMBERS: [(&str, &str); 5] =
    [("932", "Shift_JIS"), ("936", "GBK"), ("949", "EUC-KR"), ("950", "Big5"), ("866", "IBM866")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_page_goes_by_its_number_or_any_usual_name() {
        for (name, known) in
            [("1251", "windows-1251"), ("cp1250", "windows-1250"), ("932", "Shift_JIS"), ("latin2", "ISO-8859-2")]
        {
            assert_eq!(name.parse::<CodePage>().unwrap().encoding().name(), known);
        }
        assert!("klingon".parse::<CodePage>().is_err());
    }
}
