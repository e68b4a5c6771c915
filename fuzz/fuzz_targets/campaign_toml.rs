//! libFuzzer's way into [`volley_fuzz::campaign_toml`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| volley_fuzz::campaign_toml(data));
