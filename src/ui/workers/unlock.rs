//! Gets the password of an account of the settings, in a thread of its own: a command may take its time.

use crossbeam_channel::Sender;

use super::spawn;
use crate::imap::Account;
use crate::ui::KnownAccount;
use crate::ui::event::{Event, Trouble};
use crate::ui::pane::Side;

/// Gets it; the answer comes as an event.
pub(crate) fn start(known: KnownAccount, side: Side, events: &Sender<Event>) {
    let news = events.clone();
    spawn("get a password", events, move || {
        let password = known.unlock.as_ref().map_or_else(|| Err("nothing names one".to_owned()), |unlock| unlock());
        let account = password.map(|password| Account {
            host: known.target.host.clone(),
            port: known.target.port,
            security: known.target.security,
            user: known.target.user.clone().unwrap_or_default(),
            password,
            options: known.options.clone(),
        });
        let account = account.map(Box::new).map_err(|text| Trouble {
            text,
            hint: "see password-file and password-command of this account in config.toml".into(),
        });
        // Nobody listens any more when the program is ending.
        let _ = news.send(Event::Unlocked(side, account));
    });
}
