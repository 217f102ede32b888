//! Unpacks compressed rich text ([MS-OXRTFCP]). By hand, since the crate for it allocates what the data claims.

use crate::store::bytes::{place, u32_at};

/// Length of the head: size of the rest, size of the text, kind, checksum.
const HEAD: usize = 16;
const PACKED: u32 = 0x7546_5A4C;
const PLAIN: u32 = 0x414C_454D;
/// A reference copies at most this many bytes.
const LONGEST: usize = 17;
/// The window; what it starts with is below.
const WINDOW: usize = 4096;
const START: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

/// The text. `None` if the data is not what it claims to be; a text that was cut off comes as far as it goes.
pub(in crate::store::mapi) fn unpack(data: &[u8]) -> Option<Vec<u8>> {
    let size = place(u32_at(data, 4)?);
    let packed = data.get(HEAD..)?;
    match u32_at(data, 8)? {
        PLAIN => Some(packed.get(..size.min(packed.len()))?.to_vec()),
        PACKED => Some(expand(packed, size)),
        _ => None,
    }
}

fn expand(packed: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(size.min(packed.len().saturating_mul(LONGEST)));
    let mut window = START.to_vec();
    window.resize(WINDOW, b' ');
    let mut at = START.len();
    let mut put = |window: &mut Vec<u8>, at: &mut usize, byte: u8| {
        if let Some(place) = window.get_mut(*at) {
            *place = byte;
        }
        *at = (*at + 1) % WINDOW;
        out.push(byte);
    };
    let mut rest = packed.iter().copied();
    'all: while let Some(control) = rest.next() {
        for bit in 0..8 {
            let Some(first) = rest.next() else { break 'all };
            if control >> bit & 1 == 0 {
                put(&mut window, &mut at, first);
                continue;
            }
            let Some(second) = rest.next() else { break 'all };
            let offset = usize::from(first) << 4 | usize::from(second >> 4);
            if offset == at {
                break 'all; // the end mark
            }
            for step in 0..usize::from(second & 0xF) + 2 {
                let byte = window.get((offset + step) % WINDOW).copied().unwrap_or_default();
                put(&mut window, &mut at, byte);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specification_are_unpacked() {
        // [MS-OXRTFCP] 4.1
        let simple: &[u8] = &[
            0x2d, 0x00, 0x00, 0x00, 0x2b, 0x00, 0x00, 0x00, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0x00,
            0x0a, 0x00, 0x72, 0x63, 0x70, 0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09,
            0x00, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f, 0xa0,
        ];
        let crossing: &[u8] = &[
            0x1a, 0x00, 0x00, 0x00, 0x1c, 0x00, 0x00, 0x00, 0x4c, 0x5a, 0x46, 0x75, 0xe2, 0xd4, 0x4b, 0x51, 0x41, 0x00,
            0x04, 0x20, 0x57, 0x58, 0x59, 0x5a, 0x0d, 0x6e, 0x7d, 0x01, 0x0e, 0xb0,
        ];
        assert_eq!(unpack(simple).unwrap(), b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
        assert_eq!(unpack(crossing).unwrap(), b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}");
    }

    #[test]
    fn what_lies_about_its_size_costs_nothing() {
        let mut lying = vec![0xff; 8];
        lying.extend(PACKED.to_le_bytes());
        lying.extend([0; 4]);
        assert_eq!(unpack(&lying), Some(Vec::new()));
        assert_eq!(unpack(&lying[..11]), None);
        assert_eq!(unpack(&[0; 40]), None);
    }
}
