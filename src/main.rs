//! The program: reads the command line, runs it, gives the exit code. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    mailferry::cli::main()
}
