//! `volley init`: a campaign file with every key there is, and a list and a rate card to try it on.

mod settings;

use crate::{
    account::{self, SIM},
    cmd::Voice,
    fault::Fault,
    output,
};
use clap::builder::PossibleValuesParser;
use serde::Serialize;
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};
use volley_core::Capabilities;
use volley_provider::{
    credentials::Credentials,
    registry::{self, Settings},
};

/// The campaign file; what stands between two `@` is filled in.
const CAMPAIGN: &str = include_str!("init/campaign.toml");

/// A provider that has no adapter of its own, as an example of how one is described.
const DEFINITION: &str = include_str!("init/twilio.toml");

/// Numbers that nobody has, and what they cost: of a country that the provider reaches.
struct Country {
    region: &'static str,
    recipients: &'static str,
    rates: &'static str,
}

const AUSTRALIA: Country = Country {
    region: "AU",
    recipients: include_str!("init/recipients-au.csv"),
    rates: include_str!("init/rates-au.csv"),
};

const AMERICA: Country = Country {
    region: "US",
    recipients: include_str!("init/recipients-us.csv"),
    rates: include_str!("init/rates-us.csv"),
};

/// What was written, for scripts.
#[derive(Serialize)]
struct Begun<'a> {
    schema: u8,
    provider: &'a str,
    campaign: String,
    written: Vec<String>,
    /// Files that were there and stayed as they are.
    kept: Vec<String>,
    /// Environment variables that the credentials are read from.
    credentials: Vec<String>,
    next: String,
}

/// The kinds of providers that a campaign can be begun for.
pub(crate) fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new([SIM].into_iter().chain(registry::kinds().map(|(kind, _)| kind)))
}

pub(crate) fn run(target: &Path, kind: &str, voice: Voice) -> Result<u8, Fault> {
    let names_a_file = target.extension().is_some_and(|extension| extension == "toml") && !target.is_dir();
    let (campaign, name) = if names_a_file {
        (target.to_owned(), name_of(target.file_stem().unwrap_or_default().to_string_lossy().as_ref()))
    } else {
        let whole = std::path::absolute(target)?;
        let whole = whole.canonicalize().unwrap_or(whole);
        let last = whole.file_name().unwrap_or_default().to_string_lossy();
        (tidy(target).join("campaign.toml"), name_of(&last))
    };
    let directory = campaign.parent().unwrap_or(Path::new("")).to_owned();
    if campaign.symlink_metadata().is_ok() {
        return Err(taken(&campaign));
    }
    let country = country_of(kind);
    let mut beside = vec![("recipients.csv", country.recipients), ("rates.csv", country.rates)];
    if kind == "http" {
        beside.push(("provider.toml", DEFINITION));
    }
    let text = text(kind, &name, &campaign)?;

    if !directory.as_os_str().is_empty() {
        fs::create_dir_all(&directory).map_err(|fault| unwritable(&directory, &fault))?;
    }
    let (mut written, mut kept) = (vec![shown(&campaign)], Vec::new());
    for (file, content) in beside {
        let path = directory.join(file);
        let is_new = write_new(&path, content).map_err(|fault| unwritable(&path, &fault))?;
        if is_new { &mut written } else { &mut kept }.push(shown(&path));
    }
    // The campaign last: where it is, all that it names is.
    if !write_new(&campaign, &text).map_err(|fault| unwritable(&campaign, &fault))? {
        return Err(taken(&campaign));
    }

    let credentials: Vec<String> = needs(kind)?.iter().map(|part| variable(kind, part)).collect();
    let command = if credentials.is_empty() { "preview" } else { "check" };
    let next = format!("volley {command} {}", quoted(&campaign));
    let begun =
        Begun { schema: 1, provider: kind, campaign: shown(&campaign), written, kept, credentials, next };
    if voice.json {
        output::json(&begun)?;
    } else {
        show(&begun, voice);
    }
    Ok(0)
}

fn show(begun: &Begun<'_>, voice: Voice) {
    let talk = |line: String| output::talk(voice.quiet, &line);
    talk(format!("written: {}", output::inert(&begun.written.join(", "))));
    if !begun.kept.is_empty() {
        talk(format!("kept as it was: {}", output::inert(&begun.kept.join(", "))));
    }
    if begun.provider == SIM {
        talk(
            "it sends to a simulated gateway; `volley init --provider KIND` begins one for a real provider"
                .to_owned(),
        );
    } else {
        talk(format!("first export {}", begun.credentials.join(" and ")));
    }
    talk(format!("next: {}", output::inert(&begun.next)));
}

/// The campaign file for a provider of `kind`, to be written to `path`.
fn text(kind: &str, name: &str, path: &Path) -> Result<String, Fault> {
    let capabilities = capabilities(kind)?;
    let (sender, sender_note) = match kind {
        // It takes numbers alone.
        "multitel" => ("12025550100", "a number of the account's"),
        _ if capabilities.sender.required => ("Volley", "the provider wants one"),
        _ => ("Volley", "without one the provider picks"),
    };
    let own: String = settings::own(kind)
        .iter()
        .map(|setting| {
            let mark = if setting.in_force { "" } else { "# " };
            line(&format!("{mark}{} = {}", setting.name, setting.value), setting.meaning)
        })
        .collect();
    let base_url_note =
        if kind == SIM { "e.g.; where `volley sim` is, for a real kind" } else { "where the provider is" };
    let base_url = match kind {
        SIM => "http://127.0.0.1:8025".to_owned(),
        "http" => registry::declaration(DEFINITION)?.base_url.unwrap_or_default(),
        _ => registry::default_base_url(kind).unwrap_or_default().to_owned(),
    };
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let filled = [
        ("name", name.to_owned()),
        ("file", quoted(Path::new(file.as_ref()))),
        ("sender", sender.to_owned()),
        ("sender_note", sender_note.to_owned()),
        ("region", country_of(kind).region.to_owned()),
        ("kind", kind.to_owned()),
        ("own", own),
        ("base_url", line(&format!("# base_url = \"{base_url}\""), base_url_note)),
        ("rate", capabilities.rate.to_string()),
        ("max_in_flight", capabilities.max_in_flight.to_string()),
        ("chunk", capabilities.default_chunk.to_string()),
        ("timeout", format!("{}s", capabilities.timeout.as_secs())),
        ("auth", auth(kind)?),
    ];
    Ok(filled
        .iter()
        .fold(CAMPAIGN.to_owned(), |text, (mark, value)| text.replace(&format!("@{mark}@"), value)))
}

/// The section `[provider.auth]` for `kind`.
fn auth(kind: &str) -> Result<String, Fault> {
    let needs = needs(kind)?;
    if needs.is_empty() {
        return Ok(
            "# No credentials: the gateway lives inside `volley send`, and nothing leaves this machine.\n"
                .to_owned(),
        );
    }
    let mut section =
        String::from("[provider.auth]                      # never a secret here: where it is\n");
    for part in needs {
        let name = variable(kind, part);
        section += &line(&format!("{part}_env = \"{name}\""), "the environment variable with it");
        let file = format!("# {part}_file = \"{part}.secret\"");
        section += &line(&file, &format!("e.g.; instead of {part}_env: a file with mode 0600"));
    }
    Ok(section)
}

/// A line of the file, its comment in the column of the others where there is room.
fn line(key: &str, comment: &str) -> String {
    format!("{key:<36} # {comment}\n")
}

/// The environment variable that a part of the credentials is read from.
fn variable(kind: &str, part: &str) -> String {
    let provider = if kind == "http" { "twilio" } else { kind };
    format!("{provider}_{part}").to_uppercase()
}

/// The parts of the credentials that an account has.
fn needs(kind: &str) -> Result<Vec<&'static str>, Fault> {
    Ok(match kind {
        "http" => registry::declaration(DEFINITION)?.needs,
        _ => registry::needs(kind).to_vec(),
    })
}

/// What the provider can do, which its defaults follow from.
fn capabilities(kind: &str) -> Result<Capabilities, Fault> {
    let protocol = if kind == SIM { "transmitsms" } else { kind };
    if let Some(capabilities) = account::usual_capabilities(protocol) {
        return Ok(capabilities);
    }
    let nobodys = || Some("-".into());
    let settings = Settings {
        options: [("definition".to_owned(), DEFINITION.to_owned())].into(),
        credentials: Credentials { account: nobodys(), token: nobodys(), ..Credentials::default() },
        ..Settings::default()
    };
    Ok(registry::adapter(protocol, settings)?.capabilities().clone())
}

fn country_of(kind: &str) -> &'static Country {
    match kind {
        "multitel" | "http" => &AMERICA,
        _ => &AUSTRALIA,
    }
}

/// `text` as the name of a campaign: what cannot stand in one becomes a hyphen.
fn name_of(text: &str) -> String {
    let fits = |character: char| matches!(character, 'a'..='z' | '0'..='9');
    let lower = text.to_lowercase();
    let words: Vec<&str> =
        lower.split(|character| !fits(character)).filter(|word| !word.is_empty()).collect();
    let mut name = words.join("-");
    name.truncate(64);
    if name.is_empty() { "campaign".to_owned() } else { name }
}

/// Writes a file that is not there yet; whether it was not.
fn write_new(path: &Path, content: &str) -> io::Result<bool> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(content.as_bytes()).map(|()| true),
        Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// `.` adds nothing to a path that people read.
fn tidy(directory: &Path) -> PathBuf {
    if directory == Path::new(".") { PathBuf::new() } else { directory.to_owned() }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// `path` as a shell reads it.
fn quoted(path: &Path) -> String {
    let text = shown(path);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,:=@%".contains(&byte);
    if text.bytes().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn taken(path: &Path) -> Fault {
    Fault::usage(format!("{} is there already and stays as it is", path.display()))
        .hint("name another file or directory, or move it away")
}

fn unwritable(path: &Path, fault: &io::Error) -> Fault {
    Fault::new(1, format!("{} could not be written: {fault}", path.display())).hint("choose another place")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Account, SIM_OPTIONS};
    use std::collections::BTreeSet;
    use tempfile::TempDir;
    use volley_plan::{Campaign, CampaignError};

    /// Keys that are used in place of another one.
    const INSTEAD: [(&str, &str); 1] = [("message.file", "message.text")];

    /// Keys that are used with another one that is not in force.
    const WITH: [(&str, &str); 5] = [
        ("rates.rounding", "rates.decimals"),
        ("rates.decimals", "rates.rounding"),
        ("provider.inbox_field", "provider.sms_inbox"),
        ("provider.receipt_method", "provider.receipt_url"),
        ("provider.reply_method", "provider.reply_url"),
    ];

    fn all_kinds() -> Vec<(&'static str, &'static [&'static str])> {
        [(SIM, SIM_OPTIONS)].into_iter().chain(registry::kinds()).collect()
    }

    fn text_for(kind: &str) -> String {
        text(kind, "spring-sale", Path::new("spring-sale.toml")).unwrap_or_else(|fault| panic!("{fault:?}"))
    }

    /// A line of a campaign file that sets a key: its dotted key, and whether it is in force.
    fn keys_of(text: &str) -> Vec<(usize, String, bool)> {
        let mut section = String::new();
        let mut keys = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if let Some(name) = line.strip_prefix('[') {
                section = format!("{}.", name.split(']').next().expect("a name"));
                continue;
            }
            let (bare, in_force) = line.strip_prefix("# ").map_or((line, true), |bare| (bare, false));
            let Some((key, _)) = bare.split_once(" = ") else { continue };
            if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
                keys.push((number, format!("{section}{key}"), in_force));
            }
        }
        keys
    }

    /// `text` with the line that sets `key` in force, or out of it.
    fn switched(text: &str, key: &str, on: bool) -> String {
        let keys = keys_of(text);
        let (number, ..) = keys.iter().find(|(_, known, _)| known == key).unwrap_or_else(|| panic!("{key}"));
        let switch = |(index, line): (usize, &str)| match (index == *number, on) {
            (true, true) => format!("{}\n", line.trim_start_matches("# ")),
            (true, false) => format!("# {line}\n"),
            (false, _) => format!("{line}\n"),
        };
        text.lines().enumerate().map(switch).collect()
    }

    fn read(folder: &TempDir, text: &str) -> Result<Campaign, CampaignError> {
        let path = folder.path().join("spring-sale.toml");
        fs::write(&path, text).expect("a file");
        fs::write(folder.path().join("message.txt"), "Hi {{name}}").expect("a file");
        fs::write(folder.path().join("provider.toml"), DEFINITION).expect("a file");
        Campaign::load(&path, &volley_plan::Overrides::default(), &all_kinds())
    }

    #[test]
    fn every_key_of_every_kind_is_shown_once() {
        for (kind, own) in all_kinds() {
            let text = text_for(kind);
            let unfilled = text.lines().find(|line| line.matches('@').count() > 1);
            assert_eq!(unfilled, None, "{kind}: a mark that nothing fills in");
            let shown: Vec<String> = keys_of(&text).into_iter().map(|(_, key, _)| key).collect();
            let distinct: BTreeSet<&str> = shown.iter().map(String::as_str).collect();
            assert_eq!(shown.len(), distinct.len(), "{kind}: a key twice: {shown:?}");
            let auth = needs(kind).expect("known");
            let auth = auth
                .iter()
                .flat_map(|part| [format!("provider.auth.{part}_env"), format!("provider.auth.{part}_file")]);
            let expected: BTreeSet<String> = Campaign::keys()
                .filter(|key| *key != "provider.face" || kind == SIM)
                .map(str::to_owned)
                .chain(own.iter().map(|key| format!("provider.{key}")))
                .chain(["message.defaults".to_owned()])
                .chain(auth)
                .collect();
            let expected: BTreeSet<&str> = expected.iter().map(String::as_str).collect();
            assert_eq!(distinct, expected, "{kind}");
        }
    }

    #[test]
    fn every_line_that_is_not_in_force_can_be() {
        let folder = TempDir::new().expect("a directory");
        for (kind, _) in all_kinds() {
            let text = text_for(kind);
            read(&folder, &text).unwrap_or_else(|fault| panic!("{kind}: {fault}"));
            for (_, key, _) in keys_of(&text).into_iter().filter(|(_, _, in_force)| !in_force) {
                let mut changed = switched(&text, &key, true);
                for (_, other) in WITH.iter().filter(|(one, _)| *one == key) {
                    changed = switched(&changed, other, true);
                }
                for (_, other) in INSTEAD.iter().filter(|(one, _)| *one == key) {
                    changed = switched(&changed, other, false);
                }
                if let Some(part) = key.strip_suffix("_file") {
                    changed = switched(&changed, &format!("{part}_env"), false);
                }
                let campaign = read(&folder, &changed);
                let campaign = campaign.unwrap_or_else(|fault| panic!("{kind}: {key}: {fault}"));
                let account =
                    Account::of(&campaign).unwrap_or_else(|fault| panic!("{kind}: {key}: {fault:?}"));
                let able = account.capabilities();
                assert!(able.is_ok(), "{kind}: {key}: {able:?}");
            }
        }
    }

    #[test]
    fn what_is_shown_as_a_default_changes_nothing() {
        let folder = TempDir::new().expect("a directory");
        for (kind, _) in all_kinds() {
            let text = text_for(kind);
            let usual = read(&folder, &text).expect("a campaign");
            for (number, key, in_force) in keys_of(&text) {
                let line = text.lines().nth(number).expect("a line");
                // What an adapter makes of its own settings shows in its requests alone.
                let is_common = Campaign::keys().any(|common| common == key);
                if in_force || line.contains("e.g.;") || !is_common {
                    continue;
                }
                let set = read(&folder, &switched(&text, &key, true)).expect("a campaign");
                let told = |campaign: &Campaign| {
                    let (message, provider) = (&campaign.message, &campaign.provider);
                    format!(
                        "{:?} {:?} {:?} {:?} {:?} {:?}",
                        (message.encoding, message.folding, message.max_segments),
                        &campaign.recipients,
                        (campaign.limits.max_recipients, campaign.limits.window),
                        &campaign.rates,
                        campaign.counting.over(&capabilities(kind).expect("known").profile),
                        &provider.settings,
                    )
                };
                assert_eq!(told(&set), told(&usual), "{kind}: {key}");
            }
        }
    }

    #[test]
    fn a_name_holds_what_a_name_may() {
        for (text, name) in [
            ("spring-sale", "spring-sale"),
            ("Spring Sale 2026!", "spring-sale-2026"),
            ("Überraschung", "berraschung"),
            ("世界", "campaign"),
            ("", "campaign"),
            (&"x".repeat(70), &"x".repeat(64)),
        ] {
            assert_eq!(name_of(text), name);
        }
    }

    #[test]
    fn a_path_is_one_word_for_the_shell() {
        for (path, word) in
            [("a/b.toml", "a/b.toml"), ("my sale.toml", "'my sale.toml'"), ("it's", r"'it'\''s'")]
        {
            assert_eq!(quoted(Path::new(path)), word);
        }
    }
}
