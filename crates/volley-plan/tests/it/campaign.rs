//! What a campaign file says, and what is refused with which words.

use crate::world::World;
use std::{path::PathBuf, time::Duration};
use volley_core::{
    Alphabet, BreakAt, ConcatRef, Language, Micros, National, Pacing, Profile, Rounding, Shifts, UnixMillis,
};
use volley_plan::{
    Campaign, CampaignError, Duplicates, Input, InputEncoding, Overrides, Rates, SecretSource, TextEncoding,
};

const SMALL: &str = "name = \"spring-sale\"\nmessage.text = \"Hi {{name}}\"\nrecipients.file = \"list.csv\"\n\
                     [provider]\nkind = \"transmitsms\"\n";

fn load(text: &str) -> Result<Campaign, CampaignError> {
    World::new().load_with(text, &Overrides::default())
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn overridden(environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Campaign, CampaignError> {
    let overrides = Overrides { environment: pairs(environment), flags: pairs(flags) };
    World::new().load_with(SMALL, &overrides)
}

#[test]
fn every_key_of_the_contract_means_something() {
    let world = World::new();
    let text = r#"
name = "spring-sale"
sender = "ShopAlert"
schedule = "2026-12-01T09:00:00+11:00"
[message]
text = "Hi {{name}}"
encoding = "gsm7"
smart = false
max_segments = 3
defaults = { name = "there" }
[recipients]
file = "lists/people.csv"
region = "AU"
number = ["msisdn", "phone"]
suppress = ["optouts.csv", "/srv/optouts.csv"]
duplicates = "last"
encoding = "windows-874"
delimiter = "\t"
[limits]
max_cost = "150.00"
max_recipients = 2_500
per_recipient = "2/7d"
history = "../texts.db"
patience = "2h"
[provider]
kind = "fonedynamics"
base_url = "https://api.example.com/"
rate = ["2/s", "1_000/h"]
pacing = "spaced"
least_round_trip = "20ms"
max_in_flight = 4
chunk = 100
timeout = "500ms"
property_sid = "S1"
[provider.auth]
account_env = "FONE_ACCOUNT"
token_file = "token.txt"
[rates]
file = "rates.csv"
"#;
    let campaign = world.load_with(text, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((campaign.name.as_str(), campaign.sender.as_deref()), ("spring-sale", Some("ShopAlert")));
    assert_eq!(campaign.send_at, Some(UnixMillis(1_796_076_000_000)));
    assert_eq!(campaign.journal_path(), world.path("spring-sale.volley"));
    let message = &campaign.message;
    assert_eq!(message.template.variables(), ["name"]);
    assert_eq!((message.encoding, message.max_segments), (TextEncoding::Gsm7, 3));
    assert_eq!(message.defaults.get("name").map(String::as_str), Some("there"));
    let recipients = &campaign.recipients;
    assert_eq!(recipients.input, Input::File(world.path("lists/people.csv")));
    assert_eq!(recipients.region.map(|region| region.to_string()).as_deref(), Some("AU"));
    assert_eq!(recipients.number, ["msisdn", "phone"]);
    assert_eq!(recipients.suppress, [world.path("optouts.csv"), PathBuf::from("/srv/optouts.csv")]);
    assert_eq!((recipients.duplicates, recipients.encoding), (Duplicates::Last, InputEncoding::Windows874));
    assert_eq!(recipients.delimiter, Some(b'\t'));
    assert_eq!(campaign.limits.max_cost, Some(Micros(150_000_000)));
    assert_eq!(campaign.limits.max_recipients, 2_500);
    assert_eq!(campaign.limits.per_recipient, "2/7d".parse().ok());
    assert_eq!(campaign.limits.history, Some(world.path("../texts.db")));
    assert_eq!(campaign.limits.patience, Some(Duration::from_hours(2)));
    let provider = &campaign.provider;
    assert_eq!(provider.pacing, Some(Pacing::Spaced));
    assert_eq!(provider.least_round_trip, Some(Duration::from_millis(20)));
    assert_eq!((provider.kind.as_str(), provider.protocol.as_str()), ("fonedynamics", "fonedynamics"));
    assert_eq!(provider.base_url.as_deref(), Some("https://api.example.com"));
    assert_eq!(provider.rate.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2/s", "1000/h"]);
    assert_eq!((provider.max_in_flight, provider.chunk), (Some(4), Some(100)));
    assert_eq!(provider.timeout, Some(Duration::from_millis(500)));
    assert_eq!(provider.settings.get("property_sid").map(String::as_str), Some("S1"));
    assert_eq!(provider.auth.get("account"), Some(&SecretSource::Environment("FONE_ACCOUNT".to_owned())));
    assert_eq!(provider.auth.get("token"), Some(&SecretSource::File(world.path("token.txt"))));
    let rates = Rates { file: world.path("rates.csv"), rounding: Rounding::Exact };
    assert_eq!(campaign.rates, Some(rates));
}

#[test]
fn what_is_not_written_takes_the_contracts_default() {
    let campaign = load(SMALL).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((campaign.sender, campaign.send_at, campaign.rates), (None, None, None));
    assert_eq!((campaign.message.encoding, campaign.message.max_segments), (TextEncoding::Auto, 10));
    assert_eq!(campaign.recipients.duplicates, Duplicates::First);
    assert_eq!((campaign.recipients.encoding, campaign.recipients.delimiter), (InputEncoding::Auto, None));
    assert_eq!((campaign.limits.max_cost, campaign.limits.max_recipients), (None, 2_000_000));
    assert_eq!((campaign.limits.per_recipient, campaign.limits.history), (None, None));
    assert_eq!((campaign.limits.patience, campaign.provider.least_round_trip), (None, None));
    assert_eq!(campaign.provider.pacing, None);
    assert_eq!((campaign.provider.base_url, campaign.provider.chunk), (None, None));
    assert!(campaign.provider.rate.is_empty() && campaign.provider.auth.is_empty());
}

#[test]
fn a_cap_on_texts_has_a_history_beside_the_campaign_file_and_a_history_needs_no_cap() {
    let world = World::new();
    for (limits, history) in
        [("per_recipient = \"2/7d\"", "volley-history.db"), ("history = \"texts.db\"", "texts.db")]
    {
        let text = format!("{SMALL}[limits]\n{limits}\n");
        let campaign =
            world.load_with(&text, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(campaign.limits.history, Some(world.path(history)), "{limits}");
    }
}

#[test]
fn a_message_file_is_the_text_without_its_mark_and_last_newline() {
    let world = World::new();
    world.write("message.txt", "\u{FEFF}Hi {{name}}\r\nBye\r\n");
    world.write("list.csv", "phone,name\n0491570006,Ann\n");
    let text = SMALL.replace("message.text = \"Hi {{name}}\"", "message.file = \"message.txt\"");
    let campaign = world.load_with(&text, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
    let mut international = campaign;
    international.recipients.region = "AU".parse().ok();
    let (_, taken) = crate::world::run(&international, &crate::world::offer()).expect("a plan");
    assert_eq!(taken.messages[0].2, "Hi Ann\nBye");
}

#[test]
fn standard_input_is_a_dash() {
    let campaign = load(&SMALL.replace("list.csv", "-")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(campaign.recipients.input, Input::Stdin);
}

#[test]
fn the_simulator_speaks_as_its_face_says() {
    let sim = SMALL.replace("\"transmitsms\"", "\"sim\"");
    for (face, protocol) in [("", "transmitsms"), ("face = \"mesms\"\n", "mesms")] {
        let campaign = load(&format!("{sim}{face}")).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((campaign.provider.kind.as_str(), campaign.provider.protocol.as_str()), ("sim", protocol));
    }
    assert!(load(&format!("{sim}face = \"sim\"\n")).is_err());
}

/// What follows the file's path in an error on `text`.
fn message(text: &str) -> String {
    let world = World::new();
    let error = world.load_with(text, &Overrides::default()).expect_err(text);
    assert_eq!(error.exit_code(), 2, "{error}");
    let message = error.to_string();
    assert!(!message.contains('\n'), "{message}");
    let file = world.path("spring.toml").display().to_string();
    message
        .strip_prefix(&file)
        .unwrap_or_else(|| panic!("does not start with the file: {message}"))
        .to_owned()
}

#[test]
fn slips_name_the_line_the_key_and_what_was_meant() {
    for (line, expected) in [
        (
            "base_ulr = \"https://x.example\"",
            "there is no key `provider.base_ulr`; did you mean `provider.base_url`?",
        ),
        ("max_cost = \"5\"", "there is no key `provider.max_cost`; did you mean `limits.max_cost`?"),
        (
            "property_sid = \"S\"",
            "provider.property_sid is a setting of kind = \"fonedynamics\", this provider has none like it; remove it",
        ),
        ("validty = 5", "there is no key `provider.validty`; did you mean `provider.validity`?"),
        ("face = \"mesms\"", "`provider.face` is `mesms`; only kind = \"sim\" has a face: remove it"),
        ("chunk = \"500\"", "`provider.chunk` is the text `500`; write a whole number without quotes"),
        ("chunk = 0", "`provider.chunk` is `0`; write a whole number from 1 to 4294967295"),
        (
            "chunk = 99999999999999999999",
            "`provider.chunk` is the number 99999999999999999999; write a whole number",
        ),
        (
            "rate = 2",
            "`provider.rate` is the number 2; write a text in quotes, or a list of them in brackets",
        ),
        (
            "rate = [\"2/s\", \"3/x\"]",
            "`provider.rate` is `3/x`; write a rate like \"2/s\", or a list of them",
        ),
        ("timeout = \"30\"", "`provider.timeout` is `30`; write a time of at most an hour with its unit"),
        ("pacing = \"strictly\"", "`provider.pacing` is `strictly`; write \"strict\" or \"spaced\""),
        (
            "least_round_trip = \"1s\"",
            "`provider.least_round_trip` is `1s`; write a time of less than a second with its unit",
        ),
        (
            "[limits]\npatience = \"31d\"",
            "`limits.patience` is `31d`; write a time of at most 30 days with its unit, like \"10m\"",
        ),
        ("base_url = \"http://api.example.com\"", "plain http is for loopback addresses only: use https"),
        ("base_url = \"api.example.com\"", "write an address like https://api.example.com"),
        ("auth = \"x\"", "`provider.auth` is a single value; it is a section: write [provider.auth]"),
        (
            "auth.kee_env = \"X\"",
            "there is no key `provider.auth.kee_env`; did you mean `provider.auth.key_env`?",
        ),
        ("[limits]\nmax_cost = 150.0", "`limits.max_cost` is the number 150.0; write a text in quotes"),
        (
            "[limits]\nmax_cost = \"-1\"",
            "`limits.max_cost` is `-1`; write an amount in quotes that is not negative",
        ),
        ("[limits]\nmax_recipients = 0", "`limits.max_recipients` is `0`; write a whole number from 1"),
        (
            "[limits]\nper_recipient = \"7d\"",
            "`limits.per_recipient` is `7d`; write it like \"2/7d\" or \"1/24h\": 1 to 1000 texts in 1s to 366d",
        ),
        ("[limits]\nper_recipient = \"0/7d\"", "`limits.per_recipient` is `0/7d`; write it like \"2/7d\""),
        ("[limits]\nper_recipient = 2", "`limits.per_recipient` is the number 2; write a text in quotes"),
        ("[limits]\nhistory = \" \"", "`limits.history` is ` `; name a file"),
        ("\n[limitz]", "there is no key `limitz`; did you mean `limits`?"),
        ("[message.defaults]\nnmae = \"x\"", "the text has no {{nmae}}: did you mean `name`?"),
        (
            "[message.defaults]\nname = \"\\u202e\"",
            "`message.defaults.name` is `\\u{202e}`; take out control characters",
        ),
    ] {
        let message = message(&format!("{SMALL}{line}\n"));
        let number = 5 + line.matches('\n').count() + 1;
        assert!(message.starts_with(&format!(", line {number}: ")), "{line}: {message}");
        assert!(message.contains(expected), "{line}: {message}");
    }
}

#[test]
fn values_out_of_their_set_name_the_set() {
    for (from, to, expected) in [
        ("spring-sale", "Spring Sale", "line 1: `name` is `Spring Sale`; use 1 to 64 of a-z, 0-9 and -"),
        ("spring-sale", "", "line 1: `name` is empty"),
        (
            "\"transmitsms\"",
            "\"transmitsm\"",
            "line 5: `provider.kind` is `transmitsm`; did you mean `transmitsms`?",
        ),
        ("Hi {{name}}", "Hi {{name", "line 2: line 1, column 4 of the text: `{{` without `}}`"),
        ("Hi {{name}}", " ", "line 2: the text is empty"),
        ("[provider]", "sender = \" \"\n[provider]", "line 4: `sender` is ` `; name a sender"),
        (
            "[provider]",
            "schedule = \"2026-12-01T09:00:00\"\n[provider]",
            "line 4: `schedule` is `2026-12-01T09:00:00`; write a time with its offset",
        ),
        (
            "[provider]",
            "message.file = \"m.txt\"\n[provider]",
            "line 2: `message.text` and `message.file` are both set; remove one",
        ),
        (
            "[provider]",
            "message.max_segments = 256\n[provider]",
            "`message.max_segments` is `256`; write a whole number from 1 to 255",
        ),
        (
            "[provider]",
            "message.encoding = \"latin\"\n[provider]",
            "`message.encoding` is `latin`; write \"auto\" or \"gsm7\"",
        ),
        (
            "Hi {{name}}\"",
            "“Hi” {{name}}\"\nmessage.encoding = \"gsm7\"",
            "line 2: `message.text` is a text with `“` (U+201C); message.encoding is gsm7",
        ),
        (
            "[provider]",
            "recipients.region = \"Australia\"\n[provider]",
            "`recipients.region` is `Australia`; write a country as two letters, like AU",
        ),
        (
            "[provider]",
            "recipients.duplicates = \"all\"\n[provider]",
            "write \"first\", \"last\" or \"fail\"",
        ),
        (
            "[provider]",
            "recipients.encoding = \"latin1\"\n[provider]",
            "`recipients.encoding` is `latin1`; write \"auto\"",
        ),
        (
            "[provider]",
            "recipients.delimiter = \"\\\"\"\n[provider]",
            "write \"auto\", or one sign that is not a quote",
        ),
        (
            "[provider]",
            "recipients.allow = [\"AU\", \"XX\"]\n[provider]",
            "`recipients.allow` is `XX`; name countries as two letters each",
        ),
        ("[provider]", "recipients.allow = []\n[provider]", "`recipients.allow` is empty; name countries"),
        (
            "[provider]",
            "recipients.types = \"landline\"\n[provider]",
            "`recipients.types` is `landline`; name kinds of numbers: mobile, fixed, fixed_or_mobile, toll_free",
        ),
        (
            "[provider]",
            "recipients.number = [\"\"]\n[provider]",
            "`recipients.number` is empty; name the columns",
        ),
    ] {
        let message = message(&SMALL.replace(from, to));
        assert!(message.contains(expected), "{to}: {message}");
    }
}

#[test]
fn the_campaign_overrides_how_the_provider_counts() {
    let text = "name = \"a\"\nprovider.kind = \"transmitsms\"\nmessage.text = \"Hi\"\n\
                recipients.file = \"list.csv\"\n";
    let counting = |section: &str| {
        let campaign = World::new().load_with(&format!("{text}{section}"), &Overrides::default());
        campaign.unwrap_or_else(|error| panic!("{section}: {error}")).counting
    };
    let theirs = Profile { max_characters: Some(612), max_segments: 4, ..Profile::STANDARD };
    assert_eq!(counting("").over(&theirs), theirs);
    let all = counting(
        "[segments]\nconcat_ref = 16\nbreak = \"grapheme\"\nallow = [\"turkish\", \"spanish\"]\n\
         without = \"€\"\nmax_characters = 918\n",
    );
    let expected = Profile {
        alphabet: Alphabet::Without("€".to_owned()),
        concat_ref: ConcatRef::Bits16,
        break_at: BreakAt::Grapheme,
        national: National::Allow([Language::Turkish, Language::Spanish].into_iter().collect()),
        max_segments: 4,
        max_characters: Some(918),
        substitutions: theirs.substitutions,
    };
    assert_eq!(all.over(&theirs), expected);
    let shifts = Shifts { locking: None, single: Some(Language::Spanish) };
    assert_eq!(counting("segments.single = \"spanish\"\n").national, Some(National::Use(shifts)));
    for (section, expected) in [
        (
            "segments.locking = \"spanish\"",
            "`segments.locking` is `spanish`; write a language with national tables: turkish, portuguese, bengali",
        ),
        (
            "segments.allow = [\"klingon\"]",
            "`segments.allow` is `klingon`; write languages with national tables: turkish, spanish",
        ),
        (
            "segments.allow = \"hindi\"\nsegments.single = \"hindi\"",
            "`segments.allow` and `segments.single` are both set; remove one",
        ),
        (
            "segments.without = \"ก\"",
            "`segments.without` is `ก`; write characters of GSM-7 that the route does not carry",
        ),
        ("segments.break = \"word\"", "`segments.break` is `word`; write \"char\" or \"grapheme\""),
        ("segments.breaks = \"char\"", "there is no key `segments.breaks`; did you mean `segments.break`?"),
        ("segments.max_characters = 0", "`segments.max_characters` is `0`; write a whole number from 1"),
    ] {
        let error = World::new().load_with(&format!("{text}{section}\n"), &Overrides::default());
        let error = error.expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn rounding_is_a_rule_and_its_decimals() {
    let text = "name = \"a\"\nprovider.kind = \"transmitsms\"\nmessage.text = \"Hi\"\n\
                recipients.file = \"list.csv\"\n";
    let load = |section: &str| World::new().load_with(&format!("{text}{section}\n"), &Overrides::default());
    let file = "rates.file = \"rates.csv\"\n";
    for (section, rounding) in [
        ("", Rounding::Exact),
        ("rates.rounding = \"total\"\nrates.decimals = 2", Rounding::Total(2)),
        ("rates.rounding = \"per_message\"\nrates.decimals = 3", Rounding::PerMessage(3)),
    ] {
        let rates = load(&format!("{file}{section}")).expect("a campaign").rates;
        assert_eq!(rates.map(|rates| rates.rounding), Some(rounding), "{section}");
    }
    let wanted = "rates.rounding = \"total\"\nrates.decimals = 2";
    for (section, expected) in [
        (wanted.to_owned(), "`rates.file` is missing; name the rate card, or remove rates.rounding"),
        (format!("{file}rates.decimals = 2"), "`rates.decimals` is `2`; it goes with rates.rounding"),
        (
            format!("{file}rates.rounding = \"total\""),
            "`rates.decimals` is missing; say to how many decimals",
        ),
        (
            format!("{file}rates.rounding = \"up\""),
            "`rates.rounding` is `up`; write \"per_message\" or \"total\"",
        ),
    ] {
        let error = load(&section).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn gsm7_takes_a_look_alike_where_it_is_folded() {
    let load = |smart: &str| {
        let text = format!(
            "name = \"a\"\nprovider.kind = \"transmitsms\"\nrecipients.file = \"list.csv\"\n\
             [message]\ntext = \"Don’t {{{{x}}}}\"\nencoding = \"gsm7\"\ndefaults = {{ x = \"–\" }}\n{smart}"
        );
        World::new().load_with(&text, &Overrides::default())
    };
    let error = load("").expect_err("an apostrophe of typographers").to_string();
    assert!(error.contains("message.encoding is gsm7"), "{error}");
    load("smart = true\n").expect("it is folded");
}

#[test]
fn what_this_version_cannot_do_is_refused_and_never_ignored() {
    let message = message(&SMALL.replace("[provider]", "message.encoding = \"ucs2\"\n[provider]"));
    let expected = "`message.encoding`: this version does not force UCS-2, because no provider of it can be told to; remove it or";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn broken_toml_names_line_and_column_on_one_line_and_repeats_nothing() {
    for (text, start) in [
        ("name = \"x\"\nsender = ShopAlert\n", ", line 2, column 10: "),
        ("[provider.auth]\nkey = hunter2\n", ", line 2, column 7: "),
        ("[provider.auth]\nkey = \"hunter2\n", ", line 2, column 15: "),
        ("[provider.auth]\nkey = \"a\"\nkey = \"hunter2\"\n", ", line 3, column 1: "),
    ] {
        let message = message(text);
        assert!(message.starts_with(start) && !message.contains("hunter2"), "{message}");
    }
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    for line in [
        "[provider.auth]\nkey = \"hunter2!\"",
        "[provider.auth]\npassword = 42424242",
        "[provider.auth]\nkey_env = \"hunter2!\"",
        "[provider.auth]\nkey_env = 42424242",
        "[provider.auth]\nsecret_env = [\"hunter2!\"]",
        "base_url = \"https://me:hunter2!@api.example.com\"",
    ] {
        let message = message(&format!("{SMALL}{line}\n"));
        assert!(!message.contains("hunter2") && !message.contains("42424242"), "{line}: {message}");
        assert!(
            message.contains("never put a") || message.contains("write a text in quotes"),
            "{line}: {message}"
        );
    }
    let both = message(&format!("{SMALL}[provider.auth]\nkey_env = \"K\"\nkey_file = \"k\"\n"));
    assert!(both.contains("`provider.auth.key_env` and `provider.auth.key_file` are both set"), "{both}");
}

#[test]
fn what_must_be_there_is_asked_for() {
    for (line, expected) in [
        ("name = \"spring-sale\"\n", ": `name` is missing; give the campaign a name"),
        (
            "message.text = \"Hi {{name}}\"\n",
            ": `message.text` is missing; write text = \"…\" or file = \"…\" in [message]",
        ),
        ("recipients.file = \"list.csv\"\n", ": `recipients.file` is missing; name the list"),
        ("kind = \"transmitsms\"\n", ": `provider.kind` is missing; name the provider"),
    ] {
        let message = message(&SMALL.replace(line, ""));
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn a_missing_file_is_told_apart_from_a_bad_one() {
    let world = World::new();
    let load =
        |name: &str| Campaign::load(&world.path(name), &Overrides::default(), &crate::world::PROVIDERS);
    assert_eq!(load("none.toml").expect_err("no file").exit_code(), 10);
    assert_eq!(load("").expect_err("a folder").exit_code(), 2);
    world.write("latin.toml", b"name = \"\xE9\"");
    assert_eq!(load("latin.toml").expect_err("not UTF-8").exit_code(), 2);
    let text = SMALL.replace("message.text = \"Hi {{name}}\"", "message.file = \"none.txt\"");
    let error = world.load_with(&text, &Overrides::default()).expect_err("no text");
    assert_eq!(error.exit_code(), 10, "{error}");
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let environment = [
        ("VOLLEY_SENDER", "Env"),
        ("VOLLEY_PROVIDER_BASE_URL", "http://127.0.0.1:8080"),
        ("VOLLEY_LIMITS_MAX_COST", "12.5"),
        ("VOLLEY_LIMITS_MAX_RECIPIENTS", "2_000"),
        ("VOLLEY_LIMITS_PER_RECIPIENT", "1/24h"),
        ("VOLLEY_LIMITS_HISTORY", "texts.db"),
        ("VOLLEY_PROVIDER_RATE", "2/s, 100/m"),
        ("VOLLEY_PROVIDER_AUTH_KEY_ENV", "OTHER_KEY"),
        ("VOLLEY_PROVIDER_VALIDITY", "60"),
        ("VOLLEY_MESSAGE_DEFAULTS_NAME", "you"),
        ("VOLLEY_RECIPIENTS_FILE", "other.csv"),
        ("VOLLEY_LOG", "left alone"),
        ("PATH", "/bin"),
    ];
    let flags = [
        ("sender", "Flag"),
        ("limits.max_cost", "1"),
        ("limits.max_cost", "2"),
        ("message.defaults.Name", "all"),
    ];
    let campaign = overridden(&environment, &flags).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(campaign.sender.as_deref(), Some("Flag"));
    assert_eq!(campaign.limits.max_cost, Some(Micros(2_000_000)));
    assert_eq!(campaign.limits.max_recipients, 2_000);
    assert_eq!(campaign.limits.per_recipient, "1/24h".parse().ok());
    assert_eq!(campaign.limits.history, Some(PathBuf::from("texts.db")), "of the working directory");
    assert_eq!(campaign.provider.base_url.as_deref(), Some("http://127.0.0.1:8080"));
    assert_eq!(campaign.provider.rate.len(), 2);
    assert_eq!(campaign.provider.auth.get("key"), Some(&SecretSource::Environment("OTHER_KEY".to_owned())));
    assert_eq!(campaign.provider.settings.get("validity").map(String::as_str), Some("60"));
    assert_eq!(campaign.message.defaults.get("name").map(String::as_str), Some("all"));
    assert_eq!(
        campaign.recipients.input,
        Input::File(PathBuf::from("other.csv")),
        "of the working directory"
    );
}

#[test]
fn the_provider_may_change_by_override_and_its_keys_with_it() {
    let flags = [("provider.kind", "fonedynamics"), ("provider.property_sid", "S1")];
    let campaign =
        overridden(&[("VOLLEY_PROVIDER_KIND", "mesms")], &flags).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(campaign.provider.kind, "fonedynamics");
    assert_eq!(campaign.provider.settings.len(), 1);
}

#[test]
fn overrides_that_mean_nothing_are_errors_that_name_themselves() {
    for (environment, flags, expected) in [
        (
            &[("VOLLEY_PROVIDER_BASE_ULR", "x")][..],
            &[][..],
            "environment variable VOLLEY_PROVIDER_BASE_ULR: there is no key `VOLLEY_PROVIDER_BASE_ULR`; did you mean \
             `VOLLEY_PROVIDER_BASE_URL`?",
        ),
        (
            &[("VOLLEY_LIMITS_MAX_RECIPIENTS", "many")],
            &[],
            "environment variable VOLLEY_LIMITS_MAX_RECIPIENTS: `limits.max_recipients` is `many`; write a whole number",
        ),
        (
            &[],
            &[("provider.base-url", "x")],
            "the flag that sets provider.base-url: there is no key `provider.base-url`; did you mean `provider.base_url`?",
        ),
        (
            &[],
            &[("message.smart", "yes")],
            "the flag that sets message.smart: `message.smart` is `yes`; write true or false",
        ),
        (
            &[("VOLLEY_SEGMENTS_CONCAT_REF", "12")],
            &[],
            "environment variable VOLLEY_SEGMENTS_CONCAT_REF: `segments.concat_ref` is `12`; write 8 or 16",
        ),
    ] {
        let message = overridden(environment, flags).expect_err(expected).to_string();
        assert!(message.starts_with(expected), "{message}");
    }
    let secret = overridden(&[("VOLLEY_PROVIDER_AUTH_KEY", "hunter2!")], &[]).expect_err("a literal secret");
    assert!(
        matches!(&secret, CampaignError::LiteralSecret { .. }) && !secret.to_string().contains("hunter2")
    );
}

#[test]
fn two_spellings_of_one_default_are_refused() {
    let message = message(&format!("{SMALL}[message.defaults]\nname = \"a\"\nName = \"b\"\n"));
    assert!(
        message.contains("`message.defaults.name` and `message.defaults.Name` are both set"),
        "{message}"
    );
}

#[test]
fn debug_of_a_campaign_shows_its_name_and_file_only() {
    let campaign = load(SMALL).unwrap_or_else(|error| panic!("{error}"));
    let shown = format!("{campaign:?}");
    assert!(shown.starts_with("Campaign(spring-sale, ") && shown.ends_with("spring.toml)"), "{shown}");
}
