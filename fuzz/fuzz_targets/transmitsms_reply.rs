//! libFuzzer's way into [`volley_fuzz::transmitsms_reply`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| volley_fuzz::transmitsms_reply(data));
