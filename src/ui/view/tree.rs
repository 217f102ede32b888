//! The folders of a pane, by `tui-tree-widget`. Only what is open is handed to it, so closed trees cost nothing.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::StatefulWidget as _;
use tui_tree_widget::{Tree, TreeItem, TreeState};
use unicode_width::UnicodeWidthStr as _;

use super::paint;
use crate::mail::units::thousands;
use crate::mail::{SpecialUse, display};
use crate::ui::marks::Extent;
use crate::ui::pane::{Focus, Pane};
use crate::ui::theme::Theme;
use crate::ui::tree::{Node, Tally};

/// Draws the tree.
pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    pane: &Pane,
    focused: bool,
    state: &mut TreeState<usize>,
    theme: Theme,
) {
    let visible = pane.tree.visible();
    let span = pane.span().filter(|_| pane.focus == Focus::Tree).and_then(|(first, last)| visible.get(first..=last));
    let items: Vec<TreeItem<'_, usize>> =
        pane.tree.tops().filter_map(|at| item(pane, at, (0, area.width), span, theme)).collect();
    state.close_all();
    for at in visible.iter().copied() {
        if pane.tree.node(at).is_some_and(|node| pane.tree.shows_below(node)) {
            state.open(pane.tree.trail(at));
        }
    }
    state.select(pane.cursor().map(|at| pane.tree.trail(at)).unwrap_or_default());
    let Ok(tree) = Tree::new(&items) else {
        paint::text(buf, area.x, area.y, area.width, "! the folders can't be shown", theme.bad());
        return;
    };
    let tree = tree
        .node_open_symbol("▾")
        .node_closed_symbol("▸")
        .node_no_children_symbol(" ")
        .highlight_style(theme.cursor(focused && pane.focus == Focus::Tree));
    tree.render(area, buf, state);
}

/// A node with its open children; a closed one gets a placeholder, so that it is drawn as one that can be opened.
fn item(
    pane: &Pane,
    at: usize,
    (depth, width): (u16, u16),
    span: Option<&[usize]>,
    theme: Theme,
) -> Option<TreeItem<'static, usize>> {
    let node = pane.tree.node(at)?;
    let shown = |child: &&usize| pane.tree.is_kept(**child);
    let children = if pane.tree.shows_below(node) {
        node.children
            .iter()
            .filter(shown)
            .filter_map(|child| item(pane, *child, (depth + 1, width), span, theme))
            .collect()
    } else {
        node.children.first().map(|child| TreeItem::new_leaf(*child, "")).into_iter().collect()
    };
    let room = usize::from(width.saturating_sub(depth * 2 + 1));
    TreeItem::new(at, text(pane, node, at, room, span, theme), children).ok()
}

/// `*Name      use   1,234`: mark, name, what the folder is for, count.
fn text(pane: &Pane, node: &Node, at: usize, room: usize, span: Option<&[usize]>, theme: Theme) -> Line<'static> {
    let is_in_range = span.is_some_and(|range| range.contains(&at));
    let (mark, style) = match pane.extent(at) {
        Extent::Whole => ("*", theme.marked()),
        Extent::Part => ("+", theme.marked()),
        Extent::None if is_in_range => (">", theme.marked()),
        Extent::None => (" ", theme.text()),
    };
    let count = count(pane, node, at);
    let special = node.special.filter(|special| !is_plain(node, *special)).map(SpecialUse::label).unwrap_or_default();
    let right = if special.is_empty() { count.clone() } else { format!("{special} {count:>7}") };
    let for_name = room.saturating_sub(2 + right.width() + 1);
    let name = display(&node.label, for_name);
    let gap = room.saturating_sub(1 + name.width() + right.width() + 1);
    Line::from(vec![
        Span::styled(mark, style),
        Span::styled(name, style),
        Span::raw(" ".repeat(gap)),
        Span::styled(special, theme.hint()),
        Span::raw(if special.is_empty() { format!("{count} ") } else { format!(" {count:>7} ") }),
    ])
}

/// Whether the name says already what the folder is for.
fn is_plain(node: &Node, special: SpecialUse) -> bool {
    node.label.eq_ignore_ascii_case(special.label())
}

/// The messages in a folder; for a store or mailbox those of all its folders; `…` while that is not known.
fn count(pane: &Pane, node: &Node, at: usize) -> String {
    if node.is_top() && !node.children.is_empty() {
        let (sum, complete) = pane.tree.sum(at);
        return match (complete, sum) {
            (true, _) => thousands(sum),
            (false, 0) => "…".into(),
            (false, _) => format!("≥{}", thousands(sum)),
        };
    }
    match node.tally {
        _ if !node.holds => String::new(),
        Tally::Unknown => "…".into(),
        Tally::Failed => "!".into(),
        Tally::Known { messages, .. } => thousands(messages),
    }
}
