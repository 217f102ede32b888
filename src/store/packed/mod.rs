//! Packed mail. Used by Maildir, whose files may be packed one by one.

mod decoder;

pub(super) use decoder::{Packing, SNIFF, Unpacked};
