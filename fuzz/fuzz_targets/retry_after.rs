//! libFuzzer's way into [`volley_fuzz::retry_after`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| volley_fuzz::retry_after(data));
