//! Draws a terminal screen as SVG, cell by cell, for the pictures in `screenshots/`: the same bytes for the same screen.
//!
//! Cells are 9 by 18 pixels. Lines, blocks and shades are drawn as shapes, since glyphs leave seams between cells.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use vt100::{Cell, Color, Screen};

const WIDTH: u16 = 9;
const HEIGHT: u16 = 18;
const BASELINE: u16 = 14;
const FONT_SIZE: u16 = 15;
const FOREGROUND: Rgb = Rgb(0xd6, 0xd6, 0xd6);
const BACKGROUND: Rgb = Rgb(0x16, 0x18, 0x1d);

/// The sixteen named colours, as many dark terminals show them.
const NAMED: [Rgb; 16] = [
    Rgb(0x28, 0x2c, 0x34),
    Rgb(0xe0, 0x6c, 0x75),
    Rgb(0x98, 0xc3, 0x79),
    Rgb(0xe5, 0xc0, 0x7b),
    Rgb(0x61, 0xaf, 0xef),
    Rgb(0xc6, 0x78, 0xdd),
    Rgb(0x56, 0xb6, 0xc2),
    Rgb(0xab, 0xb2, 0xbf),
    Rgb(0x5c, 0x63, 0x70),
    Rgb(0xff, 0x7b, 0x86),
    Rgb(0xb5, 0xe0, 0x90),
    Rgb(0xff, 0xd8, 0x8f),
    Rgb(0x82, 0xc4, 0xff),
    Rgb(0xde, 0x9a, 0xf0),
    Rgb(0x7a, 0xd6, 0xe2),
    Rgb(0xff, 0xff, 0xff),
];

#[derive(Clone, Copy, PartialEq, Eq)]
struct Rgb(u8, u8, u8);

impl Rgb {
    fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }

    /// This colour with so many percent of another.
    fn mixed(self, other: Self, percent: u16) -> Self {
        let mix = |one: u8, two: u8| {
            u8::try_from((u16::from(one) * (100 - percent) + u16::from(two) * percent) / 100).unwrap()
        };
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }
}

/// Draws a screen as SVG.
pub fn svg(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let (width, height) = (columns * WIDTH, rows * HEIGHT);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"DejaVu Sans Mono\" font-size=\"{FONT_SIZE}\" shape-rendering=\"crispEdges\" xml:space=\"preserve\">\n"
    );
    rect(&mut out, (0, 0, width, height), BACKGROUND);
    let mut glyphs = String::new();
    for row in 0..rows {
        for column in 0..columns {
            let Some(cell) = screen.cell(row, column) else { continue };
            if !cell.is_wide_continuation() {
                let cursor = !screen.hide_cursor() && screen.cursor_position() == (row, column);
                draw(&mut out, &mut glyphs, cell, (column * WIDTH, row * HEIGHT), cursor);
            }
        }
    }
    out.push_str(&glyphs);
    out.push_str("</svg>\n");
    out
}

/// Draws a screen as PNG, by `rsvg-convert` and Debian's `fonts-dejavu-core`.
pub fn write_png(screen: &Screen, path: &Path) {
    let source = path.with_extension("svg");
    fs::write(&source, svg(screen)).unwrap();
    let status = Command::new("rsvg-convert").arg("--output").arg(path).arg(&source).status();
    assert!(status.expect("rsvg-convert is needed: install librsvg2-bin and fonts-dejavu-core").success());
    fs::remove_file(source).unwrap();
}

/// Draws one cell: its background and shapes to `out`, its letter to `glyphs`.
fn draw(out: &mut String, glyphs: &mut String, cell: &Cell, (x, y): (u16, u16), cursor: bool) {
    let (mut fore, mut back) = (rgb(cell.fgcolor(), FOREGROUND), rgb(cell.bgcolor(), BACKGROUND));
    if let (true, Color::Idx(index @ 0..8)) = (cell.bold(), cell.fgcolor()) {
        fore = NAMED[usize::from(index) + 8];
    }
    if cell.dim() {
        fore = fore.mixed(back, 45);
    }
    if cell.inverse() != cursor {
        std::mem::swap(&mut fore, &mut back);
    }
    let width = if cell.is_wide() { 2 * WIDTH } else { WIDTH };
    if back != BACKGROUND {
        rect(out, (x, y, width, HEIGHT), back);
    }
    if cell.underline() {
        rect(out, (x, y + HEIGHT - 2, width, 1), fore);
    }
    let text = cell.contents();
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (None | Some(' '), None) => {}
        (Some(letter), None) if shape(out, letter, (x, y), fore, back) => {}
        _ => letter(glyphs, cell, text, (x, y), fore),
    }
}

fn letter(glyphs: &mut String, cell: &Cell, text: &str, (x, y): (u16, u16), fore: Rgb) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let bold = if cell.bold() { " font-weight=\"bold\"" } else { "" };
    let italic = if cell.italic() { " font-style=\"italic\"" } else { "" };
    let base = y + BASELINE;
    _ = writeln!(glyphs, "<text x=\"{x}\" y=\"{base}\" fill=\"{}\"{bold}{italic}>{text}</text>", fore.hex());
}

fn rect(out: &mut String, (x, y, width, height): (u16, u16, u16, u16), fill: Rgb) {
    let fill = fill.hex();
    _ = writeln!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"/>");
}

/// Draws a letter that is a line, a block or a shade. Gives whether it is one.
fn shape(out: &mut String, letter: char, (x, y): (u16, u16), fore: Rgb, back: Rgb) -> bool {
    if let Some(arms) = arms(letter) {
        lines(out, arms, (x, y), fore);
        return true;
    }
    let eighths = |number: u32, of: u16| u16::try_from((number * u32::from(of) + 4) / 8).unwrap();
    let code = letter as u32;
    match letter {
        '▀' => rect(out, (x, y, WIDTH, HEIGHT / 2), fore),
        '▁'..='█' => {
            let height = eighths(code - 0x2580, HEIGHT);
            rect(out, (x, y + HEIGHT - height, WIDTH, height), fore);
        }
        '▉'..='▏' => rect(out, (x, y, eighths(0x2590 - code, WIDTH), HEIGHT), fore),
        '▐' => rect(out, (x + WIDTH / 2, y, WIDTH - WIDTH / 2, HEIGHT), fore),
        '░' => rect(out, (x, y, WIDTH, HEIGHT), back.mixed(fore, 25)),
        '▒' => rect(out, (x, y, WIDTH, HEIGHT), back.mixed(fore, 50)),
        '▓' => rect(out, (x, y, WIDTH, HEIGHT), back.mixed(fore, 75)),
        '▔' => rect(out, (x, y, WIDTH, HEIGHT / 8), fore),
        '▕' => rect(out, (x + WIDTH - 1, y, 1, HEIGHT), fore),
        _ => return false,
    }
    true
}

/// The weight of the arms of a box-drawing letter: up, right, down, left; 0 none, 1 light, 2 heavy, 3 double.
fn arms(letter: char) -> Option<[u8; 4]> {
    const TABLE: [(&str, [u8; 4]); 38] = [
        ("─╌┄┈", [0, 1, 0, 1]),
        ("│╎┆┊", [1, 0, 1, 0]),
        ("━╍┅┉", [0, 2, 0, 2]),
        ("┃╏┇┋", [2, 0, 2, 0]),
        ("═", [0, 3, 0, 3]),
        ("║", [3, 0, 3, 0]),
        ("┌╭", [0, 1, 1, 0]),
        ("┐╮", [0, 0, 1, 1]),
        ("└╰", [1, 1, 0, 0]),
        ("┘╯", [1, 0, 0, 1]),
        ("├", [1, 1, 1, 0]),
        ("┤", [1, 0, 1, 1]),
        ("┬", [0, 1, 1, 1]),
        ("┴", [1, 1, 0, 1]),
        ("┼", [1, 1, 1, 1]),
        ("┏", [0, 2, 2, 0]),
        ("┓", [0, 0, 2, 2]),
        ("┗", [2, 2, 0, 0]),
        ("┛", [2, 0, 0, 2]),
        ("┣", [2, 2, 2, 0]),
        ("┫", [2, 0, 2, 2]),
        ("┳", [0, 2, 2, 2]),
        ("┻", [2, 2, 0, 2]),
        ("╋", [2, 2, 2, 2]),
        ("╔", [0, 3, 3, 0]),
        ("╗", [0, 0, 3, 3]),
        ("╚", [3, 3, 0, 0]),
        ("╝", [3, 0, 0, 3]),
        ("╠", [3, 3, 3, 0]),
        ("╣", [3, 0, 3, 3]),
        ("╦", [0, 3, 3, 3]),
        ("╩", [3, 3, 0, 3]),
        ("╬", [3, 3, 3, 3]),
        ("╴", [0, 0, 0, 1]),
        ("╵", [1, 0, 0, 0]),
        ("╶", [0, 1, 0, 0]),
        ("╷", [0, 0, 1, 0]),
        ("╸", [0, 0, 0, 2]),
    ];
    TABLE.iter().find(|(letters, _)| letters.contains(letter)).map(|(_, arms)| *arms)
}

/// Draws the arms from the middle of a cell to its edges.
fn lines(out: &mut String, [up, right, down, left]: [u8; 4], (x, y): (u16, u16), fill: Rgb) {
    // Where the lines of a weight lie across, from the middle: offset and thickness.
    let strokes = |weight: u8| -> &'static [(u16, u16)] {
        match weight {
            0 => &[],
            1 => &[(1, 1)],
            2 => &[(0, 3)],
            _ => &[(0, 1), (2, 1)],
        }
    };
    let (middle_x, middle_y) = (x + WIDTH / 2 - 1, y + HEIGHT / 2 - 1);
    for (offset, thickness) in strokes(up) {
        rect(out, (middle_x + offset, y, *thickness, HEIGHT / 2 + 1), fill);
    }
    for (offset, thickness) in strokes(down) {
        rect(out, (middle_x + offset, middle_y + 1, *thickness, HEIGHT - HEIGHT / 2), fill);
    }
    for (offset, thickness) in strokes(left) {
        rect(out, (x, middle_y + offset, WIDTH / 2 + 1, *thickness), fill);
    }
    for (offset, thickness) in strokes(right) {
        rect(out, (middle_x + 1, middle_y + offset, WIDTH - WIDTH / 2, *thickness), fill);
    }
}

fn rgb(color: Color, default: Rgb) -> Rgb {
    match color {
        Color::Default => default,
        Color::Rgb(red, green, blue) => Rgb(red, green, blue),
        Color::Idx(index @ 0..16) => NAMED[usize::from(index)],
        Color::Idx(index @ 16..232) => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            let cube = index - 16;
            Rgb(level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        Color::Idx(index) => {
            let grey = 8 + 10 * (index - 232);
            Rgb(grey, grey, grey)
        }
    }
}
