//! A folder made and opened in one round trip, behind what is on its way: over a long line each step that is waited for takes
//! longer than the mail of a small folder. Used by the engine, through [`Session`], where mail flies.

use crate::mail::FolderPath;

use super::error::ImapError;
use super::names::quoted;
use super::open::{self, Purpose};
use super::session::{Session, says_exists};

/// A folder that was asked for and not waited for.
pub struct Opening {
    path: FolderPath,
    /// The tags of CREATE and SUBSCRIBE, if it was not there.
    making: Option<(String, String)>,
    asked: open::Asked,
}

impl Session {
    /// Asks for a folder to be opened for writing, and made before if it is not there, and does not wait: [`Self::made`]
    /// reads the answers, before anything else is asked. `None` where that takes more steps, or there is no use in it.
    pub fn ask_to_open(&mut self, folder: &FolderPath) -> Result<Option<Opening>, ImapError> {
        if !self.flies() || self.is_foreseen(folder) {
            return Ok(None);
        }
        let (path, is_there) = match self.can_select(folder) {
            Some(true) => (folder.clone(), true),
            Some(false) => return Ok(None),
            None => (self.namespace().takeable(folder, false), folder.segments() == ["INBOX"]),
        };
        let has_parent = path.depth() == 1 || path.parent().is_some_and(|parent| self.can_select(&parent).is_some());
        if !is_there && !has_parent {
            return Ok(None);
        }
        let name = self.wire_name(&path);
        let quoted = quoted(&name)?;
        let making = |verb: &str| self.wire.give_aside(&format!("{verb} {quoted}"));
        let making = if is_there { None } else { Some((making("CREATE")?, making("SUBSCRIBE")?)) };
        self.close_unseen();
        Ok(Some(Opening { path, making, asked: open::ask(&self.wire, &name, Purpose::Write)? }))
    }

    /// Waits for what [`Self::ask_to_open`] asked for, and adds what was made to `new`, whatever happens then: the next
    /// [`Self::create`] and [`Self::select`] of the folder need not wait. A refusal is theirs to tell, for they know other ways.
    pub fn made(&mut self, opening: &Opening, new: &mut Vec<FolderPath>) -> Result<(), ImapError> {
        let Opening { path, making, asked } = opening;
        // First of all, for what is said meanwhile is said of the folder: the other two say nothing but their results.
        let opened = asked.opened(&self.wire, String::new);
        let mut is_refused = false;
        if let Some((create, subscribe)) = making {
            let refusal = self.wire.result(create, 0, |_| ())?.refusal();
            is_refused = refusal.as_ref().is_some_and(|refusal| !says_exists(refusal));
            new.extend(refusal.is_none().then(|| path.clone()));
            self.wire.result(subscribe, 0, |_| ())?;
        }
        match opened {
            Ok(opened) => {
                self.is_there(path, &asked.name);
                self.foresee(asked.name.clone(), opened);
            }
            // Some servers take a subscription to what is not there.
            Err(ImapError::Refused { .. }) if is_refused => {
                self.wire.command(&format!("UNSUBSCRIBE {}", quoted(&asked.name)?), 0, |_| ())?;
            }
            Err(ImapError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
