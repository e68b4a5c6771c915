//! libFuzzer's way into [`volley_fuzz::csv_row`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| volley_fuzz::csv_row(data));
