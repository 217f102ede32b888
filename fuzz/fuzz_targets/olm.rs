//! Fuzzes the reader of olm stores.

#![no_main]

libfuzzer_sys::fuzz_target!(init: mailferry_fuzz::start(), |input: &[u8]| {
    mailferry_fuzz::run("olm", input);
});
