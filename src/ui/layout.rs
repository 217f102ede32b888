//! Where everything is on the screen, as a pure function of its size. `view` draws there; `update` learns page sizes.

use ratatui::layout::Rect;

use super::pane::Side;

/// Below this width one pane is shown at a time.
const TWO_PANES: u16 = 60;
/// Below this nothing sensible can be shown.
const SMALLEST: (u16, u16) = (40, 10);

/// One pane's places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PaneLayout {
    /// All of it with its borders; the bottom border is the status line's.
    pub frame: Rect,
    /// The folders.
    pub tree: Rect,
    /// The line between folders and messages, borders included.
    pub divider: Rect,
    /// The messages.
    pub list: Rect,
}

/// The whole screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Whether there is no room for anything.
    pub is_too_small: bool,
    /// The left pane, if shown.
    pub local: Option<PaneLayout>,
    /// The right pane, if shown.
    pub remote: Option<PaneLayout>,
    /// The bars with the line above them; empty without a job.
    pub bars: Rect,
    /// The status line, which is the bottom border.
    pub status: Rect,
    /// The key bar.
    pub keys: Rect,
}

impl Layout {
    /// The places for that size, with that many lines of bars.
    pub(crate) fn of((width, height): (u16, u16), bar_lines: usize, side: Side) -> Self {
        let bars = u16::try_from(bar_lines).unwrap_or(0);
        let bars = if bars == 0 { 0 } else { (bars + 1).min(height / 3) };
        let body = height.saturating_sub(2 + bars);
        let (local, remote) = if width < TWO_PANES {
            let whole = Rect::new(0, 0, width, body);
            (Some(whole).filter(|_| side == Side::Local), Some(whole).filter(|_| side == Side::Remote))
        } else {
            let left = width / 2;
            (Some(Rect::new(0, 0, left, body)), Some(Rect::new(left, 0, width - left, body)))
        };
        Self {
            is_too_small: width < SMALLEST.0 || height < SMALLEST.1,
            local: local.map(pane),
            remote: remote.map(pane),
            bars: Rect::new(0, body, width, bars),
            status: Rect::new(0, height.saturating_sub(2), width, 1),
            keys: Rect::new(0, height.saturating_sub(1), width, 1),
        }
    }

    /// The place of a side's pane, if it is shown.
    pub(crate) fn pane(&self, side: Side) -> Option<PaneLayout> {
        match side {
            Side::Local => self.local,
            Side::Remote => self.remote,
        }
    }
}

fn pane(frame: Rect) -> PaneLayout {
    let inner = Rect::new(frame.x + 1, frame.y + 1, frame.width.saturating_sub(2), frame.height.saturating_sub(1));
    let lines = inner.height.saturating_sub(1);
    let above = lines * 9 / 20;
    PaneLayout {
        frame,
        tree: Rect { height: above, ..inner },
        divider: Rect::new(frame.x, inner.y + above, frame.width, 1.min(inner.height)),
        list: Rect { y: inner.y + above + 1, height: lines - above, ..inner },
    }
}

/// A rectangle in the middle of the screen, for a dialog that wants this size.
pub(crate) fn centred(size: (u16, u16), width: u16, height: u16) -> Rect {
    let width = width.min(size.0.saturating_sub(2));
    let height = height.min(size.1.saturating_sub(2));
    Rect::new((size.0 - width.min(size.0)) / 2, (size.1 - height.min(size.1)) / 2, width, height)
}

/// As much of the screen as text of that width needs: all of it on a narrow one.
pub(crate) fn page(size: (u16, u16), width: u16) -> Rect {
    let width = if size.0 < width + 8 { size.0 } else { width };
    Rect::new((size.0 - width) / 2, 0, width, size.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_a_layout_and_everything_is_inside() {
        for width in 0..130 {
            for height in 0..50 {
                let layout = Layout::of((width, height), 4, Side::Remote);
                let pane = layout.remote.unwrap();
                if !layout.is_too_small {
                    assert!(pane.list.bottom() <= layout.bars.y, "{width}x{height}");
                    assert!(pane.list.height > 0 && pane.tree.height > 0, "{width}x{height}");
                    assert_eq!(layout.local.is_some(), width >= TWO_PANES);
                }
            }
        }
    }

    #[test]
    fn a_dialog_never_leaves_the_screen() {
        assert_eq!(centred((80, 24), 60, 10), Rect::new(10, 7, 60, 10));
        assert_eq!(centred((40, 10), 60, 20), Rect::new(1, 1, 38, 8));
        assert_eq!(centred((0, 0), 60, 20), Rect::new(0, 0, 0, 0));
    }
}
