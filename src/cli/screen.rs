//! Options of the screen, for every command that opens it: they lie over the settings.

use clap::Args;

use crate::config;
use crate::ui::Screen;

#[derive(Args)]
pub struct ScreenOptions {
    /// Draw with ASCII characters only; the default without UTF-8 and on simple terminals
    #[arg(long)]
    ascii: bool,
    /// Draw running transfers rarely and coarsely: for a line of a few hundred bytes a second
    #[arg(long)]
    slow: bool,
}

impl ScreenOptions {
    /// How the screen is drawn; without colours where the user wants none anywhere.
    pub fn over(&self, settings: &config::Settings) -> Screen {
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Screen {
            ascii: self.ascii || settings.ascii.unwrap_or_else(is_simple_terminal),
            slow: self.slow || settings.slow,
            mouse: settings.mouse,
            palette: if is_plain { settings.mono.clone() } else { settings.palette.clone() },
        }
    }
}

/// No UTF-8, or a terminal that draws no lines.
fn is_simple_terminal() -> bool {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = variable("LC_ALL").or_else(|| variable("LC_CTYPE")).or_else(|| variable("LANG")).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    let is_utf8 = locale.contains("utf-8") || locale.contains("utf8");
    let terminal = variable("TERM").unwrap_or_default();
    !is_utf8 || ["linux", "dumb"].contains(&terminal.as_str()) || terminal.starts_with("vt")
}
