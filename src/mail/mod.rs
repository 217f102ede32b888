//! What mail is, without any I/O. Used by every other module; uses none of them.

pub mod canonical;
pub mod date;
pub mod details;
pub mod display;
pub mod envelope;
pub mod fingerprint;
pub mod flags;
pub mod folder;
mod guard;
pub mod header;
mod html;
pub mod lines;
pub mod meaning;
pub mod mutf7;
pub mod preview;
pub mod repair;
pub mod special_use;
pub mod units;

pub use date::{DateRule, DateSource, InternalDate};
pub use display::display;
pub use envelope::{Envelope, Locator, Warning};
pub use fingerprint::{Digest, Fingerprint, Sha256Sum};
pub use flags::Flags;
pub use folder::FolderPath;
pub use repair::Repair;
pub use special_use::SpecialUse;
