//! libFuzzer's way into [`volley_fuzz::provider_answers`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| volley_fuzz::provider_answers(data));
