//! The laws of a campaign file.

use std::{cell::LazyCell, fs, path::Path, time::Duration};
use tempfile::TempDir;
use volley_core::{MAX_SEGMENTS, Micros};
use volley_plan::{Campaign, CampaignError, Overrides};
use volley_provider::registry;

/// Exit codes of the contract that a campaign file can end a run with: a bad file, a missing one.
const EXIT_CODES: [u8; 2] = [2, 10];

/// Settings that only `kind = "sim"` has.
const SIM: (&str, &[&str]) = ("sim", &["ledger", "faults", "seed", "accounts"]);

thread_local! {
    /// A folder with the message file that seeds name.
    static FOLDER: LazyCell<TempDir> = LazyCell::new(|| {
        let folder = tempfile::tempdir().expect("a folder for campaign files");
        fs::write(folder.path().join("message.txt"), "Hi {{name}}\n").expect("room for a message");
        folder
    });
}

/// `data` is a campaign file.
///
/// Laws: it is an error with an exit code of the contract and a message that is safe to show, or
/// a campaign of which every value is in range; it means the same when it is read again; a flag
/// wins over the file.
pub fn campaign_toml(data: &[u8]) {
    // A message file may be anything that opens, and a device never ends.
    if data.windows(4).any(|window| window == b"/dev") {
        return;
    }
    FOLDER.with(|folder| {
        let path = folder.path().join("campaign.toml");
        crate::write_anew(&path, data);
        let kinds: Vec<(&str, &[&str])> = registry::kinds().chain([SIM]).collect();
        let load = |overrides: &Overrides| Campaign::load(&path, overrides, &kinds);
        let once = load(&Overrides::default());
        let again = load(&Overrides::default());
        let flag = ("limits.max_recipients".to_owned(), "7".to_owned());
        let with_flag = load(&Overrides { flags: vec![flag], ..Overrides::default() });
        match (once, again) {
            (Ok(campaign), Ok(again)) => {
                judge(&campaign, &path, &kinds);
                assert_eq!(shown(&campaign), shown(&again), "read twice");
                let flagged = with_flag.expect("a good flag spoils no campaign");
                assert_eq!(flagged.limits.max_recipients, 7, "a flag wins over the file");
                assert_eq!(flagged.name, campaign.name, "a flag changes its own key alone");
            }
            (Err(error), Err(again)) => {
                judge_error(&error);
                assert_eq!(error.to_string(), again.to_string(), "read twice");
            }
            (once, again) => panic!("read twice: {once:?} and {again:?}"),
        }
    });
}

fn judge(campaign: &Campaign, path: &Path, kinds: &[(&str, &[&str])]) {
    let name = &campaign.name;
    let is_name_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    assert!((1..=64).contains(&name.len()) && name.bytes().all(is_name_byte), "the name {name:?}");
    assert_eq!(campaign.journal_path().parent(), path.parent(), "the journal lies beside the file");
    assert!(campaign.sender.as_ref().is_none_or(|sender| !sender.trim().is_empty()), "a blank sender");

    let message = &campaign.message;
    assert!((1..=MAX_SEGMENTS).contains(&message.max_segments), "{} segments", message.max_segments);
    let variables: Vec<String> =
        message.template.variables().iter().map(|name| name.to_lowercase()).collect();
    for default in message.defaults.keys() {
        // Names are one name in any case, with blanks around them or not.
        let is_variable = variables.iter().any(|variable| variable.trim() == default.trim().to_lowercase());
        assert!(is_variable, "a default for {default:?}, which the text does not have");
    }

    let recipients = &campaign.recipients;
    assert!(recipients.number.iter().all(|name| !name.trim().is_empty()), "a column without a name");
    let delimits = |byte: u8| byte == b'\t' || byte.is_ascii_punctuation() && byte != b'"';
    assert!(recipients.delimiter.is_none_or(delimits), "the delimiter {:?}", recipients.delimiter);

    let limits = &campaign.limits;
    assert!(limits.max_recipients >= 1, "a campaign to nobody");
    assert!(limits.max_cost.is_none_or(|cost| cost >= Micros::ZERO), "a cap below zero");

    let provider = &campaign.provider;
    let own = kinds.iter().find(|(kind, _)| *kind == provider.kind).expect("a known kind").1;
    assert!(provider.settings.keys().all(|name| own.contains(&name.as_str())), "a setting of another kind");
    let is_protocol = registry::kinds().any(|(kind, _)| kind == provider.protocol);
    assert!(is_protocol, "the protocol {:?}", provider.protocol);
    assert!(provider.max_in_flight != Some(0) && provider.chunk != Some(0), "requests for nobody");
    let hour = Duration::from_hours(1);
    assert!(provider.timeout.is_none_or(|time| !time.is_zero() && time <= hour), "{:?}", provider.timeout);
    if let Some(url) = &provider.base_url {
        let (scheme, rest) = url.split_once("://").expect("an address has a scheme");
        let is_safe = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
        assert!(is_safe && !rest.is_empty(), "the address {url:?}");
        assert!(!url.ends_with('/') && !rest.contains(['?', '#', ' ']), "the address {url:?}");
    }
    let secrets = ["key", "secret", "account", "token", "username", "password"];
    assert!(provider.auth.keys().all(|name| secrets.contains(&name.as_str())), "a secret nobody knows");
}

fn judge_error(error: &CampaignError) {
    let code = error.exit_code();
    assert!(EXIT_CODES.contains(&code), "exit code {code} for: {error}");
    // The campaign file is there; only what it names can be missing.
    let is_missing = matches!(error, CampaignError::MissingMessage { .. });
    assert_eq!(code == 10, is_missing, "exit code {code} for: {error}");
    assert!(!matches!(error, CampaignError::Missing { .. }), "the file is there: {error}");
    crate::assert_inert(&error.to_string());
}

/// What a campaign means, but for the message, which shows nothing of itself.
fn shown(campaign: &Campaign) -> String {
    let Campaign { name, sender, send_at, message, recipients, limits, provider, rates, .. } = campaign;
    let (kind, protocol, url) = (&provider.kind, &provider.protocol, &provider.base_url);
    let (encoding, most, defaults) = (message.encoding, message.max_segments, &message.defaults);
    let (settings, auth, rate) = (&provider.settings, &provider.auth, &provider.rate);
    let requests = (provider.max_in_flight, provider.chunk, provider.timeout);
    format!(
        "{name} {sender:?} {send_at:?} {encoding:?} {most} {defaults:?} {recipients:?} {limits:?} {kind} \
         {protocol} {url:?} {settings:?} {auth:?} {rate:?} {requests:?} {rates:?}"
    )
}
