//! The server. The only module that names the `imap` and `native_tls` crates.
//!
//! A [`Session`] is one logged-in connection, owned by one thread; [`connect`] makes one from an [`Account`]. Below it lies
//! the wire, which bounds time and size, vets what the crate is given to read, and tells a [`Trace`] what is said.

mod account;
mod ahead;
mod answer;
mod append;
mod connect;
mod error;
mod fetch;
mod limits;
mod messages;
mod names;
mod open;
mod session;
mod socket;
mod trace;
mod upload;
mod wire;

pub use account::{Account, ConnectOptions, Security, TIMEOUT, Target, TargetError};
pub use ahead::Opening;
pub use append::{AppendError, Appended, Launched, Outgoing, Stored};
pub use connect::{connect, connect_to};
pub use error::{ImapError, Refusal, Scope};
pub use fetch::{HeldMessage, RemoteMessage};
pub use limits::{Kind, Quota};
pub use names::{Namespace, RemoteFolder};
pub use open::Selected;
pub use session::{Counts, Session};
pub use socket::Canceller;
pub use trace::{Trace, TraceError};
pub use upload::MOST_COMMANDS;
