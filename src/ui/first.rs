//! The first start on this account: known by a file that is not there yet. Then a few keys are told.

use std::fs;
use std::path::PathBuf;

/// What a first start says in the status line, until a key is pressed.
pub(crate) const HINT: &str = "new here? ? shows the keys, : all commands";

/// Whether the program was never started before, as far as can be told; from now on it was.
pub(crate) fn is_first() -> bool {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || variable("HOME").map(|home| home.join(".local/state"));
    let Some(state) = variable("XDG_STATE_HOME").filter(|path| path.is_absolute()).or_else(home) else { return false };
    let file = state.join("mailferry/started");
    if file.exists() {
        return false;
    }
    // Where nothing can be kept it would be the first start for ever.
    file.parent().is_some_and(|folder| fs::create_dir_all(folder).is_ok()) && fs::write(&file, "").is_ok()
}
