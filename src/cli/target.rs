//! TARGET arguments: an account by its URL, or a Maildir or mbox on this machine.

use crate::imap::Target;
use crate::mail::FolderPath;
use crate::store::LocalPlace;
use crate::transfer::Place;

use super::accounts;
use super::exit::Failure;
use super::options::Options;

/// A TARGET as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetArgument {
    /// `imaps://user@host/Folder`
    Server(Target),
    /// `maildir:PATH#Folder`, `mbox:PATH`, or the path of what is there
    Local(LocalPlace, FolderPath),
}

impl TargetArgument {
    /// Reads a TARGET; a `#` that belongs to an existing path is no separator.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        if let Some(target) = accounts::target(text)? {
            return Ok(Self::Server(target));
        }
        let whole = LocalPlace::parse(text).filter(|place| place.path.exists() || !text.contains('#'));
        let place = whole.map(|place| (place, FolderPath::root())).or_else(|| {
            let (path, folder) = text.rsplit_once('#')?;
            Some((LocalPlace::parse(path)?, FolderPath::parse(folder)))
        });
        place.map(|(place, folder)| Self::Local(place, folder)).ok_or_else(|| {
            Failure::usage(format!(
                "\"{text}\" is no TARGET; write imaps://user@host/Folder, maildir:PATH or mbox:PATH"
            ))
        })
    }

    /// The folder that it names; the top if none.
    pub fn folder(&self) -> &FolderPath {
        match self {
            Self::Server(target) => &target.folder,
            Self::Local(_, folder) => folder,
        }
    }

    /// Whether a single folder goes into the TARGET itself.
    pub fn is_one_folder(&self) -> bool {
        !self.folder().is_root() || matches!(self, Self::Local(place, _) if place.is_file())
    }

    /// Where it is, with the password if it takes one.
    pub fn place(&self, options: &Options) -> Result<Place, Failure> {
        match self {
            Self::Server(target) => options.account(target).map(Place::Server),
            Self::Local(place, _) => Ok(Place::Local(place.clone())),
        }
    }

    /// Whether it is on a server.
    pub fn is_server(&self) -> bool {
        matches!(self, Self::Server(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_url_or_a_place_on_this_machine() {
        let local = |text: &str| match TargetArgument::parse(text) {
            Ok(TargetArgument::Local(place, folder)) => (place.label(), folder.to_string()),
            _ => Default::default(),
        };
        assert!(TargetArgument::parse("imaps://a@h/x").is_ok_and(|target| target.is_server()));
        assert_eq!(local("maildir:/no/such#Old/2004"), ("maildir:/no/such".into(), "Old/2004".into()));
        assert_eq!(local("/no/such.mbox"), ("mbox:/no/such.mbox".into(), String::new()));
        assert!(TargetArgument::parse("/no/such").is_err());
    }
}
