//! Fuzzes the reader of oe4 stores.

#![no_main]

libfuzzer_sys::fuzz_target!(init: mailferry_fuzz::start(), |input: &[u8]| {
    mailferry_fuzz::run("oe4", input);
});
