//! A program in a real pseudo-terminal: type keys, wait for what the screen shows, see that the terminal is restored.

use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use vt100::{MouseProtocolMode, Parser, Screen};

/// How long a wait lasts before the test fails, where nothing else is said.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// What keys send in a terminal like xterm.
pub mod key {
    pub const ENTER: &str = "\r";
    pub const ESC: &str = "\x1b";
    pub const TAB: &str = "\t";
    pub const BACKSPACE: &str = "\x7f";
    pub const INSERT: &str = "\x1b[2~";
    pub const DELETE: &str = "\x1b[3~";
    pub const UP: &str = "\x1b[A";
    pub const DOWN: &str = "\x1b[B";
    pub const RIGHT: &str = "\x1b[C";
    pub const LEFT: &str = "\x1b[D";
    pub const HOME: &str = "\x1b[H";
    pub const END: &str = "\x1b[F";
    pub const PAGE_UP: &str = "\x1b[5~";
    pub const PAGE_DOWN: &str = "\x1b[6~";
    pub const CTRL_C: &str = "\x03";
    pub const CTRL_Z: &str = "\x1a";
    /// F1 to F12.
    pub const F: [&str; 12] = [
        "\x1bOP", "\x1bOQ", "\x1bOR", "\x1bOS", "\x1b[15~", "\x1b[17~", "\x1b[18~", "\x1b[19~", "\x1b[20~", "\x1b[21~",
        "\x1b[23~", "\x1b[24~",
    ];
}

/// A program in a terminal. Killed when dropped.
pub struct Pty {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Arc<Mutex<Box<dyn Write + Send>>>,
    shared: Arc<(Mutex<Seen>, Condvar)>,
    settings_before: String,
}

/// What came out of the program.
struct Seen {
    parser: Parser<Queries>,
    raw: Vec<u8>,
    /// Where each piece of it ends, and when it came.
    pieces: Vec<(usize, Instant)>,
    ended: bool,
}

/// Answers the questions a program asks its terminal, as xterm would.
struct Queries {
    answers: Vec<u8>,
}

impl vt100::Callbacks for Queries {
    fn unhandled_csi(
        &mut self,
        screen: &mut Screen,
        first: Option<u8>,
        _second: Option<u8>,
        params: &[&[u16]],
        last: char,
    ) {
        match (first, params, last) {
            (None, [[6]], 'n') => {
                let (row, column) = screen.cursor_position();
                self.answers.extend(format!("\x1b[{};{}R", row + 1, column + 1).bytes());
            }
            (None, _, 'c') => self.answers.extend(b"\x1b[?62;22c"),
            _ => {}
        }
    }
}

impl Pty {
    /// Starts mailferry with these arguments, at 80 columns by 24 rows, with `home` as its home and for all its files.
    pub fn mailferry(home: &Path, arguments: &[&str]) -> Self {
        Self::mailferry_sized(home, arguments, 80, 24)
    }

    /// Starts mailferry in a terminal of a certain size.
    pub fn mailferry_sized(home: &Path, arguments: &[&str], columns: u16, rows: u16) -> Self {
        Self::start(home, home, arguments, columns, rows)
    }

    /// Starts mailferry in another directory than its home.
    pub fn mailferry_in(home: &Path, directory: &Path, arguments: &[&str]) -> Self {
        Self::start(home, directory, arguments, 80, 24)
    }

    fn start(home: &Path, directory: &Path, arguments: &[&str], columns: u16, rows: u16) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_mailferry"));
        command.args(arguments);
        command.env("HOME", home);
        command.cwd(directory);
        for variable in
            ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "MAILFERRY_PASSWORD", "NO_COLOR"]
        {
            command.env_remove(variable);
        }
        Self::spawn(command, columns, rows)
    }

    /// Starts any program. Terminal, language and time zone are fixed unless the command sets them.
    pub fn spawn(mut command: CommandBuilder, columns: u16, rows: u16) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("TZ", "UTC")] {
            let inherited = std::env::var_os(name);
            if command.get_env(name).map(ToOwned::to_owned) == inherited {
                command.env(name, value);
            }
        }
        command.env_remove("LC_ALL");
        if command.get_cwd().is_none() {
            command.cwd(std::env::current_dir().unwrap());
        }
        let settings_before = settings(&*pair.master);
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave); // so that the end of the program is the end of its output
        let keyboard = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let parser = Parser::new_with_callbacks(nonzero(rows), nonzero(columns), 0, Queries { answers: Vec::new() });
        let shared =
            Arc::new((Mutex::new(Seen { parser, raw: Vec::new(), pieces: Vec::new(), ended: false }), Condvar::new()));
        let mut output = pair.master.try_clone_reader().unwrap();
        thread::spawn({
            let (shared, keyboard) = (Arc::clone(&shared), Arc::clone(&keyboard));
            move || {
                let mut piece = [0; 8192];
                loop {
                    let count = output.read(&mut piece).unwrap_or(0);
                    let mut seen = shared.0.lock().unwrap();
                    let came = Instant::now();
                    seen.raw.extend_from_slice(&piece[..count]);
                    let end = seen.raw.len();
                    seen.pieces.push((end, came));
                    seen.parser.process(&piece[..count]);
                    seen.ended = count == 0;
                    let answers = std::mem::take(&mut seen.parser.callbacks_mut().answers);
                    drop(seen);
                    shared.1.notify_all();
                    if count == 0 {
                        break;
                    }
                    if !answers.is_empty() {
                        _ = keyboard.lock().unwrap().write_all(&answers);
                    }
                }
            }
        });
        Self { child, master: pair.master, keyboard, shared, settings_before }
    }

    /// Types: plain text, or [`key`]s.
    pub fn type_keys(&self, keys: &str) {
        let mut keyboard = self.keyboard.lock().unwrap();
        keyboard.write_all(keys.as_bytes()).unwrap();
        keyboard.flush().unwrap();
    }

    /// Waits until the screen shows a text within one line.
    #[track_caller]
    pub fn wait_for_text(&self, text: &str, patience: Duration) {
        let found = self.wait(patience, |screen| screen.contents().contains(text));
        assert!(found, "the screen never showed {text:?}:\n{}", self.screen_text());
    }

    /// [`Self::wait_for_text`] with the usual patience.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_for_text(text, PATIENCE);
    }

    /// Waits until the screen shows a text and the frame that it belongs to is drawn to its end.
    #[track_caller]
    pub fn wait_for_frame(&self, text: &str) {
        self.wait_for(text);
        let (seen, changed) = &*self.shared;
        let is_whole = |seen: &mut Seen| !seen.raw.ends_with(b"\x1b[?2026l") && !seen.ended;
        let seen = changed.wait_timeout_while(seen.lock().unwrap(), PATIENCE, is_whole).unwrap().0;
        assert!(seen.parser.screen().contents().contains(text), "{text:?} was shown for a moment only");
    }

    /// Waits until the screen no longer shows a text.
    #[track_caller]
    pub fn wait_gone(&self, text: &str) {
        let gone = self.wait(PATIENCE, |screen| !screen.contents().contains(text));
        assert!(gone, "the screen still shows {text:?}:\n{}", self.screen_text());
    }

    /// Waits until the screen is as `condition` wants it.
    #[track_caller]
    pub fn wait_until(&self, condition: impl FnMut(&Screen) -> bool) {
        let met = self.wait(PATIENCE, condition);
        assert!(met, "the screen never was as expected:\n{}", self.screen_text());
    }

    /// Whether the screen is as `condition` wants it before the patience or the program ends.
    fn wait(&self, patience: Duration, mut condition: impl FnMut(&Screen) -> bool) -> bool {
        let end = Instant::now() + patience;
        let (seen, changed) = &*self.shared;
        let mut seen = seen.lock().unwrap();
        loop {
            if condition(seen.parser.screen()) {
                return true;
            }
            let left = end.saturating_duration_since(Instant::now());
            if seen.ended || left.is_zero() {
                return false;
            }
            seen = changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// The screen as it is now.
    pub fn screen(&self) -> Screen {
        self.shared.0.lock().unwrap().parser.screen().clone()
    }

    /// The text on the screen as it is now, without blanks at the ends of lines.
    pub fn screen_text(&self) -> String {
        self.screen().contents()
    }

    /// Puts the cursor of the plan on the folder of that name.
    #[track_caller]
    pub fn go_to_row(&self, name: &str) {
        let text = self.screen_text();
        let rows = text.lines().skip_while(|line| !line.contains("From here")).skip(1);
        let at = rows.into_iter().position(|line| line.contains(&format!(" {name} "))).expect("a folder of the plan");
        self.type_keys(&format!("g{}", "j".repeat(at)));
    }

    /// Everything the program has sent so far.
    pub fn raw_output(&self) -> Vec<u8> {
        self.shared.0.lock().unwrap().raw.clone()
    }

    /// Types keys, waits until nothing has come for so long (ten times as long for the first of it), and gives how many
    /// bytes came, and how long after the keys the last of them.
    pub fn answer(&self, keys: &str, quiet: Duration) -> (usize, Duration) {
        let before = self.shared.0.lock().unwrap().raw.len();
        let typed = Instant::now();
        self.type_keys(keys);
        let (seen, changed) = &*self.shared;
        let mut seen = seen.lock().unwrap();
        loop {
            let answered = seen.pieces.last().map(|(_, came)| *came).filter(|came| *came > typed);
            let (last, patience) = answered.map_or((typed, quiet * 10), |came| (came, quiet));
            let left = (last + patience).saturating_duration_since(Instant::now());
            if left.is_zero() || seen.ended {
                return (seen.raw.len() - before, last - typed);
            }
            seen = changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Types keys and gives how long after them the last byte of the first whole frame came that `is_right` likes.
    #[track_caller]
    pub fn frame_after(&self, keys: &str, is_right: impl Fn(&Screen) -> bool) -> Duration {
        const END: &[u8] = b"\x1b[?2026l";
        let mut from = self.shared.0.lock().unwrap().raw.len();
        let typed = Instant::now();
        self.type_keys(keys);
        let (seen, changed) = &*self.shared;
        let mut seen = seen.lock().unwrap();
        loop {
            let frames = seen.raw[from..].windows(END.len()).rposition(|bytes| bytes == END);
            if let Some(at) = frames.filter(|_| is_right(seen.parser.screen())) {
                let end = from + at + END.len();
                return seen.pieces.iter().find(|(to, _)| *to >= end).unwrap().1 - typed;
            }
            from += frames.map_or(0, |at| at + END.len());
            assert!(typed.elapsed() < PATIENCE, "no frame came:\n{}", seen.parser.screen().contents());
            seen = changed.wait_timeout(seen, PATIENCE).unwrap().0;
        }
    }

    /// Changes the size of the terminal; the program gets SIGWINCH.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.shared.0.lock().unwrap().parser.screen_mut().set_size(nonzero(rows), nonzero(columns));
        self.master.resize(size(columns, rows)).unwrap();
    }

    /// The process id of the program.
    pub fn id(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let status = std::process::Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end of the program and of its output, and gives its exit code.
    #[track_caller]
    pub fn wait_exit(&mut self) -> u32 {
        let end = Instant::now() + PATIENCE;
        let (seen, changed) = &*self.shared;
        let mut seen = seen.lock().unwrap();
        while !seen.ended {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the program does not end:\n{}", seen.parser.screen().contents());
            seen = changed.wait_timeout(seen, left).unwrap().0;
        }
        self.child.wait().unwrap().exit_code()
    }

    /// Fails unless the terminal is as a shell wants it back. For use after [`Self::wait_exit`].
    #[track_caller]
    pub fn assert_restored(&self) {
        let screen = self.screen();
        assert!(!screen.alternate_screen(), "still on the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is still hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is still on");
        assert!(!screen.application_cursor(), "the cursor keys still send application codes");
        assert_eq!(screen.mouse_protocol_mode(), MouseProtocolMode::None, "the mouse is still captured");
        assert_eq!(settings(&*self.master), self.settings_before, "the line settings (stty) are not as before");
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The line settings of a terminal, as `stty -a` shows them.
fn settings(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios())
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn nonzero(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}
