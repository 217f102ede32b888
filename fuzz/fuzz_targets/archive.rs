//! Fuzzes the reader of archive stores.

#![no_main]

libfuzzer_sys::fuzz_target!(init: mailferry_fuzz::start(), |input: &[u8]| {
    mailferry_fuzz::run("archive", input);
});
