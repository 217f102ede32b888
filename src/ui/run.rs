//! The terminal, the loop, and the hands that do what the state wants done.

use std::io::{self, BufWriter, Stdout, Write as _};
use std::panic;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::queue;
use crossterm::style::Print;
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;

use super::desk::{Desk, Next};
use super::event::Event;
use super::first;
use super::keymap::Keymap;
use super::model::{Carrier, Model, Redraw};
use super::theme::Theme;
use super::update::{connect_dialog, open_account, open_store, patience, start_connecting, update};
use super::view::{Scrolls, view};
use super::workers::{far, input, signals};
use super::{Ended, Options, Quit, Rest, UiError};

/// Events that may wait. Workers wait when there are more, so a terminal that hangs costs no memory.
const QUEUE: usize = 1024;
/// Twenty frames a second at most, four when only numbers change: it runs over SSH.
const BRISK: Pace = Pace { soon: Duration::from_millis(50), later: Duration::from_millis(250) };
/// Where the line is slow.
const SLOW: Pace = Pace { soon: Duration::from_millis(250), later: Duration::from_secs(1) };
/// A key is answered at once; only keys that come faster than anybody types, by repetition or paste, share a frame.
const KEY_FRAME: Duration = Duration::from_millis(10);
/// How long events are taken in before the screen is drawn all the same.
const BATCH: Duration = Duration::from_millis(20);

/// How long after a frame the next one may come.
#[derive(Clone, Copy)]
struct Pace {
    /// For something that the user waits for.
    soon: Duration,
    /// For numbers.
    later: Duration,
}

type Screen = Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// Opens the screen and stays until the user, a signal or the end of the terminal ends it.
pub(crate) fn run(mut options: Options) -> Result<Ended, UiError> {
    let (sender, events) = bounded(QUEUE);
    let theme = Theme::new(&options.screen.palette, options.screen.ascii).coarse(options.screen.slow);
    let pace = if options.screen.slow { SLOW } else { BRISK };
    let keys = Keymap::new(&options.keys).map_err(UiError::Keys)?;
    let size = crossterm::terminal::size().unwrap_or((80, 24));
    let mut model = Model::new(&options, size, Instant::now());
    model.keys = keys;
    model.clock = (model.now, crate::mail::InternalDate::here());
    model.directories.0 = std::env::current_dir().unwrap_or_default();
    model.directories.1 = std::env::var_os("HOME").map(Into::into);
    let guard = Guard::new(model.mouse.is_some()).map_err(UiError::Terminal)?;
    let mut terminal = screen().map_err(UiError::Terminal)?;
    let mut scrolls = Scrolls::default();
    // The first frame comes before anything is opened: something to look at within a blink.
    let mut sight = Sight { is_blind: false, drawn: Instant::now(), pace };
    sight.draw(&mut terminal, &mut model, &mut scrolls, theme);
    signals::start(&sender).map_err(UiError::Terminal)?;
    input::start(&sender);
    let far = options.attached.take().map(|guest| far::start(guest, options.state.clone(), &sender));
    let mut desk = Desk::new(&sender, far);
    if first::is_first() {
        model.say(first::HINT);
    }
    begin(&mut model, options);
    let quit = go_on(&mut model, &mut desk, &events, &mut terminal, &mut scrolls, &mut sight, theme);
    drop(guard);
    // ratatui's drop complains on standard error when the terminal is gone, which panics if that is gone as well.
    std::mem::forget(terminal);
    let rest = |(job, progress, is_paused): (_, &crate::transfer::Progress, _)| Rest {
        job,
        carried: progress.carried(),
        is_paused,
    };
    Ok(Ended {
        quit,
        rest: model.queue.rest().into_iter().map(rest).collect(),
        is_leaving: model.carrier == Carrier::Leaving,
    })
}

/// Opens what the command line named, and asks for what it did not.
fn begin(model: &mut Model, options: Options) {
    let no_sources = options.sources.is_empty() && options.mailboxes.is_empty();
    for path in options.sources {
        open_store(model, path, false);
    }
    for account in options.mailboxes {
        open_account(model, account);
    }
    match (options.local, options.account, options.prefill) {
        (Some(place), ..) => start_connecting(model, place),
        (None, Some(account), _) => start_connecting(model, account),
        // What runs there is looked at first; the mailbox only on demand.
        (None, None, target) if model.is_attached() => {
            model.target = target;
            super::update::show_transfers(model);
        }
        (None, None, target) => connect_dialog(model, target.as_ref()),
    }
    if no_sources && !model.is_attached() {
        super::update::ask_store(model);
    }
    model.redraw = model.redraw.max(Redraw::Soon);
}

fn screen() -> io::Result<Screen> {
    Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, io::stdout())))
}

/// Buttons and wheel with their places. Not by crossterm, which asks for every move of the pointer too: over SSH that costs.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// The loop: take in what happened, do what is wanted, draw if something changed. Idle, it sleeps.
fn go_on(
    model: &mut Model,
    desk: &mut Desk,
    events: &Receiver<Event>,
    terminal: &mut Screen,
    scrolls: &mut Scrolls,
    sight: &mut Sight,
    theme: Theme,
) -> Quit {
    // What `begin` asked for.
    let mut event = Some(Event::Tick(Instant::now()));
    loop {
        let started = Instant::now();
        let mut is_clock = true;
        while let Some(mut here) = event.take() {
            if let Event::Mouse(mouse) = &mut here {
                mouse.tops = scrolls.tops();
            }
            if is_clock {
                is_clock = false;
                if let Some(quit) = handle(model, desk, terminal, sight, Event::Tick(started)) {
                    return quit;
                }
            }
            if let Some(quit) = handle(model, desk, terminal, sight, here) {
                return quit;
            }
            if started.elapsed() < BATCH {
                event = events.try_recv().ok();
            }
        }
        let wait = match sight.due(model.redraw) {
            Some(Duration::ZERO) => {
                // The size may be ahead of the signal that tells it.
                if let Ok((width, height)) = crossterm::terminal::size()
                    && (width, height) != model.size
                    && let Some(quit) = handle(model, desk, terminal, sight, Event::Resized(width, height))
                {
                    return quit;
                }
                if !sight.draw(terminal, model, scrolls, theme) {
                    event = Some(Event::TerminalGone);
                    continue;
                }
                patience(model)
            }
            due => due.into_iter().chain(patience(model)).min(),
        };
        event = match wait {
            None => Some(events.recv().unwrap_or(Event::TerminalGone)),
            Some(wait) => match events.recv_timeout(wait) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) => Some(Event::Tick(Instant::now())),
                Err(RecvTimeoutError::Disconnected) => Some(Event::TerminalGone),
            },
        };
    }
}

/// One event through the state, and its effects into the world.
fn handle(model: &mut Model, desk: &mut Desk, terminal: &mut Screen, sight: &mut Sight, event: Event) -> Option<Quit> {
    if matches!(event, Event::TerminalGone) {
        if sight.is_blind {
            return None;
        }
        sight.is_blind = true;
    }
    for effect in update(model, event) {
        match desk.carry_out(effect) {
            Next::GoOn => {}
            Next::Redraw => afresh(model, terminal),
            Next::Retake => {
                // If it can't be had, the next frame finds out.
                let _ = take_terminal(model.mouse.is_some());
                afresh(model, terminal);
            }
            Next::Suspend => {
                suspend(model.mouse.is_some());
                afresh(model, terminal);
            }
            Next::Quit(quit) => return Some(quit),
        }
    }
    None
}

/// Clears the screen, so that the next frame draws all of it.
///
/// Not by `Terminal::clear`: ratatui 0.30 asks the terminal for the cursor's place there, and waits two seconds for an
/// answer that the keyboard thread takes away.
fn afresh(model: &mut Model, terminal: &mut Screen) {
    let (width, height) = crossterm::terminal::size().unwrap_or(model.size);
    // A terminal that can't be cleared is gone, which the next frame finds out.
    let _ = terminal.resize(Rect::new(0, 0, width, height));
    model.redraw = model.redraw.max(Redraw::Soon);
}

/// What is known of the screen's being seen.
struct Sight {
    /// Whether the terminal is gone; nothing is drawn then.
    is_blind: bool,
    /// When it was drawn last.
    drawn: Instant,
    /// How often it may be drawn.
    pace: Pace,
}

impl Sight {
    /// How long until the screen is to be drawn; `None` if it need not be.
    fn due(&self, redraw: Redraw) -> Option<Duration> {
        let pause = match redraw {
            Redraw::No => return None,
            Redraw::Later => self.pace.later,
            Redraw::Soon => self.pace.soon,
            Redraw::AtOnce => KEY_FRAME,
        };
        (!self.is_blind).then(|| pause.saturating_sub(self.drawn.elapsed()))
    }

    /// Draws a frame. Says no when the terminal does not take it.
    fn draw(&mut self, terminal: &mut Screen, model: &mut Model, scrolls: &mut Scrolls, theme: Theme) -> bool {
        model.redraw = Redraw::No;
        let mut frame = |terminal: &mut Screen| -> io::Result<()> {
            queue!(terminal.backend_mut(), BeginSynchronizedUpdate)?;
            terminal.draw(|frame| view(frame, model, scrolls, theme))?;
            execute!(terminal.backend_mut(), EndSynchronizedUpdate)
        };
        let drawn = frame(terminal);
        self.drawn = Instant::now();
        match drawn {
            Ok(()) => true,
            Err(_) => self.is_blind,
        }
    }
}

/// Keeps the terminal ours, and gives it back however this ends.
struct Guard;

impl Guard {
    fn new(mouse: bool) -> io::Result<Self> {
        let ui_thread = thread::current().id();
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // Other threads' panics are caught and told on the screen; printing here would only garble it.
            if thread::current().id() == ui_thread {
                restore();
                before(info);
            }
        }));
        take_terminal(mouse)?;
        Ok(Self)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
        if !thread::panicking() {
            // The hook before ours is inside it and can't be had back; the default one is what it was.
            let _ = panic::take_hook();
        }
    }
}

fn take_terminal(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
    if mouse { execute!(io::stdout(), Print(MOUSE_ON)) } else { Ok(()) }
}

/// Gives the terminal back as it was.
pub(crate) fn restore() {
    // A terminal that is gone needs nothing restored.
    let _ = execute!(
        io::stdout(),
        EndSynchronizedUpdate,
        Print(MOUSE_OFF),
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
    let _ = io::stdout().flush();
}

/// Stops this process as Ctrl-Z does, until the shell continues it.
fn suspend(mouse: bool) {
    restore();
    // Nothing can be done if the system refuses: the screen comes back at once.
    let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP);
    // SIGCONT takes the terminal again; here too, should the system not have stopped us.
    let _ = take_terminal(mouse);
}
