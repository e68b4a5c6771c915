//! libFuzzer's way into [`volley_fuzz::segments`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| volley_fuzz::segments(data));
