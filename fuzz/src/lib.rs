//! Laws that hold for any bytes, one plain function a target.
//!
//! A function takes what a fuzzer made up, feeds it to the real crates and panics where a law is
//! broken; whatever the bytes, it returns otherwise. The libFuzzer programs in `fuzz_targets` are
//! one line each; `tests/seeds.rs` runs the same functions on a stable toolchain.
#![forbid(unsafe_code)]

mod answers; // whatever a provider says
mod campaign_toml; // a campaign file
mod csv_row; // a list of recipients, through the planner's pass
mod reply; // a provider's answer
mod retry_after; // how long a provider asks to wait
mod segments; // a text, cut into segments

use std::{fs, io, path::Path};

pub use answers::provider_answers;
pub use campaign_toml::campaign_toml;
pub use csv_row::csv_row;
pub use reply::{mesms_reply, transmitsms_reply};
pub use retry_after::retry_after;
pub use segments::segments;

/// A target by name.
pub type Target = (&'static str, fn(&[u8]));

/// Every target, in the order of their names.
pub const TARGETS: [Target; 7] = [
    ("campaign_toml", campaign_toml),
    ("csv_row", csv_row),
    ("mesms_reply", mesms_reply),
    ("provider_answers", provider_answers),
    ("retry_after", retry_after),
    ("segments", segments),
    ("transmitsms_reply", transmitsms_reply),
];

/// Writes `data` to a new file at `path`. Some file systems put a file that is cut to nothing and
/// written again onto the disk at once, which takes a hundred times as long.
fn write_anew(path: &Path, data: &[u8]) {
    if let Err(error) = fs::remove_file(path) {
        assert_eq!(error.kind(), io::ErrorKind::NotFound, "{}: {error}", path.display());
    }
    fs::write(path, data).expect("room for an input");
}

/// Panics where `message` could steer the terminal it is shown on.
fn assert_inert(message: &str) {
    let steers = |c: char| c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    assert!(!message.is_empty(), "an error without a message");
    assert!(!message.contains(steers), "an error that is not safe to show: {message:?}");
}
