//! The faults file and the accounts file.

use crate::support::{BASIC, calm, form, gateway, json, request, send_one};
use std::{num::NonZeroUsize, time::Duration};
use volley_core::{Alphabet, BreakAt, ConcatRef, Language, Micros, National, Profile, Shifts};
use volley_sim::{
    Account, BatchReply, Breakage, CodeForm, Config, Duplicates, Encoding, End, ErrorPlace, Face, Fault,
    Gateway, Habits, LimitKind, Messages, Mischief, Receipt, Request, When,
};

#[test]
fn a_faults_file_says_everything_that_can_be_said_in_code() {
    let mut config = Config::default();
    config
        .read_faults(
            r#"
seed = 7
latency_ms = [20, 120]
[limiter]
kind = "token_bucket"
requests = 3
window_ms = 500
retry_after = "2"
[[fault]]
request = 7
kind = "commit_then_drop"
[[fault]]
requests = [3, 9]
kind = "throttle"
retry_after = "Tue, 01 Dec 2026 00:00:20 GMT"
[[fault]]
every = 10
kind = "error_before"
status = 502
[[fault]]
chance = 0.25
kind = "error_after"
[[fault]]
request = 1
kind = "reset"
[[fault]]
request = 2
kind = "stall"
taken = false
[[fault]]
request = 3
kind = "stall"
[[fault]]
request = 4
kind = "truncate"
bytes = 12
[[fault]]
request = 5
kind = "rubbish"
[[fault]]
request = 6
kind = "no_price"
"#,
        )
        .expect("the file is sound");
    let date = Some("Tue, 01 Dec 2026 00:00:20 GMT".to_owned());
    assert_eq!(
        config.faults,
        [
            Fault::at(7, Mischief::CommitThenDrop),
            Fault::new(When::Requests { first: 3, last: 9 }, Mischief::Throttle { retry_after: date }),
            Fault::new(When::Every(10), Mischief::ErrorBefore { status: 502 }),
            Fault::new(When::Chance(0.25), Mischief::ErrorAfter { status: 500 }),
            Fault::at(1, Mischief::Reset),
            Fault::at(2, Mischief::Stall { taken: false }),
            Fault::at(3, Mischief::Stall { taken: true }),
            Fault::at(4, Mischief::Truncate { bytes: 12 }),
            Fault::at(5, Mischief::Rubbish { taken: false }),
            Fault::at(6, Mischief::NoPrice),
        ]
    );
    assert_eq!((config.seed, config.latency), (7, Duration::from_millis(20)..=Duration::from_millis(120)));
    for account in &config.accounts {
        let limit = account.limit.as_ref().expect("every account has one");
        assert_eq!(
            (limit.kind, limit.requests.get(), limit.window.as_millis()),
            (LimitKind::TokenBucket, 3, 500)
        );
        assert_eq!(limit.retry_after.as_deref(), Some("2"));
    }
}

#[test]
fn what_breaks_below_http_has_its_settings_and_usual_ones() {
    let pause = Duration::from_millis;
    let drop = |bytes| NonZeroUsize::new(bytes).expect("not zero");
    let broken = |how| Fault::at(1, Mischief::Broken(how));
    for (written, fault) in [
        ("kind = \"late\"", Fault::at(1, Mischief::Late { by: Duration::from_mins(1) })),
        ("kind = \"late\"\ndelay_ms = 70", Fault::at(1, Mischief::Late { by: pause(70) })),
        ("kind = \"cut\"", broken(Breakage::Cut { bytes: 0, end: End::Close })),
        ("kind = \"cut\"\nbytes = 9\nend = \"reset\"", broken(Breakage::Cut { bytes: 9, end: End::Reset })),
        ("kind = \"drip\"", broken(Breakage::Drip { bytes: drop(1), pause: pause(1_000) })),
        (
            "kind = \"drip\"\nbytes = 3\npause_ms = 5",
            broken(Breakage::Drip { bytes: drop(3), pause: pause(5) }),
        ),
        ("kind = \"doubled\"", broken(Breakage::Doubled { pause: Duration::ZERO })),
        ("kind = \"doubled\"\npause_ms = 5", broken(Breakage::Doubled { pause: pause(5) })),
        ("kind = \"two_lengths\"", broken(Breakage::TwoLengths)),
        ("kind = \"continues\"", broken(Breakage::Continues)),
        ("kind = \"header_flood\"", broken(Breakage::HeaderFlood { headers: 200, bytes: 20 })),
        (
            "kind = \"header_flood\"\nheaders = 1\nbytes = 1048576",
            broken(Breakage::HeaderFlood { headers: 1, bytes: 1_048_576 }),
        ),
        ("kind = \"padded\"", broken(Breakage::Padded { bytes: 1 << 30 })),
        ("kind = \"padded\"\nbytes = 9", broken(Breakage::Padded { bytes: 9 })),
        ("kind = \"bomb\"", broken(Breakage::Bomb { encoding: Encoding::Gzip })),
        ("kind = \"bomb\"\nencoding = \"br\"", broken(Breakage::Bomb { encoding: Encoding::Br })),
        ("kind = \"bomb\"\nencoding = \"zstd\"", broken(Breakage::Bomb { encoding: Encoding::Zstd })),
        ("kind = \"hang_up\"", Fault::at_connection(1, 0, End::Reset)),
        ("kind = \"hang_up\"\nbytes = 9\nend = \"close\"", Fault::at_connection(1, 9, End::Close)),
        ("kind = \"hang_up\"\nend = \"silence\"", Fault::at_connection(1, 0, End::Silence)),
    ] {
        let mut config = Config::default();
        config.read_faults(&format!("[[fault]]\nrequest = 1\n{written}")).expect(written);
        assert_eq!(config.faults, [fault], "{written}");
    }
}

#[test]
fn an_extra_part_names_messages_or_whole_requests() {
    for (when, messages) in [
        ("messages = [17, 3]", Messages::Numbered([3, 17].into())),
        ("every = 10", Messages::Every(10)),
        ("chance = 0.25", Messages::Chance(0.25)),
        ("request = 7", Messages::OfRequests { first: 7, last: 7 }),
        ("requests = [3, 9]", Messages::OfRequests { first: 3, last: 9 }),
    ] {
        let mut config = Config::default();
        config.read_faults(&format!("[[fault]]\nkind = \"extra_part\"\n{when}")).expect(when);
        assert_eq!((config.extra_parts, config.faults), (vec![messages], Vec::new()), "{when}");
    }
}

#[test]
fn what_a_file_does_not_say_stays_as_it_was() {
    let mut config = Config { seed: 9, ..Config::default() };
    let before = format!("{config:?}");
    config.read_faults("").expect("an empty file says nothing");
    config.read_accounts("").expect("an empty file says nothing");
    assert_eq!(format!("{config:?}"), before);
    config.read_faults("[limiter]\nkind = \"none\"").expect("no limiter");
    assert!(config.accounts.iter().all(|account| account.limit.is_none()));
}

#[test]
fn a_faults_file_that_makes_no_sense_is_refused_with_its_line() {
    for (text, line, word) in [
        ("sede = 7", "line 1", "sede"),
        ("seed = 1\nlatency_ms = [120, 20]", "line 2", "shortest"),
        ("\n[limiter]\nkind = \"token_bucket\"\nrequests = 2", "line 2", "window_ms"),
        ("[limiter]\nkind = \"none\"\nrequests = 2", "line 1", "none"),
        ("[limiter]\nkind = \"leaky\"\nrequests = 2\nwindow_ms = 1", "line 2", "leaky"),
        ("[limiter]\nkind = \"sliding_log\"\nrequests = 0\nwindow_ms = 1", "line 3", "nonzero"),
        ("[[fault]]\nkind = \"reset\"", "line 1", "exactly one"),
        ("\n\n[[fault]]\nkind = \"reset\"\nevery = 2\nrequest = 1", "line 3", "exactly one"),
        ("[[fault]]\nrequest = 1\nkind = \"explode\"", "line 3", "explode"),
        ("[[fault]]\nrequest = 0\nkind = \"reset\"", "line 1", "numbered from 1"),
        ("[[fault]]\nchance = 1.5\nkind = \"reset\"", "line 1", "chance"),
        ("[[fault]]\nrequest = 1\nkind = \"reset\"\ntaken = true", "line 1", "`taken` does nothing"),
        ("[[fault]]\nrequest = 1\nkind = \"stall\"\nbytes = 1", "line 1", "`bytes` does nothing"),
        ("[[fault]]\nrequest = 1\nkind = \"stall\"\nstatus = 500", "line 1", "`status` does nothing"),
        (
            "[[fault]]\nrequest = 1\nkind = \"stall\"\nretry_after = \"1\"",
            "line 1",
            "`retry_after` does nothing",
        ),
        ("[[fault]]\nrequest = 1\nkind = \"error_after\"\nstatus = 200", "line 1", "400 to 599"),
        ("[[fault]]\nkind = \"extra_part\"", "line 1", "exactly one"),
        ("[[fault]]\nkind = \"extra_part\"\nevery = 2\nmessages = [1]", "line 1", "exactly one"),
        ("[[fault]]\nkind = \"extra_part\"\nrequest = 2\nrequests = [1, 2]", "line 1", "exactly one"),
        ("[[fault]]\nkind = \"extra_part\"\nmessages = []", "line 1", "names none"),
        ("[[fault]]\nkind = \"extra_part\"\nmessages = [0]", "line 1", "numbered from 1"),
        ("[[fault]]\nkind = \"extra_part\"\nevery = 2\nbytes = 1", "line 1", "`bytes` does nothing"),
        ("[[fault]]\nkind = \"no_price\"\nmessages = [1]", "line 1", "`messages` does nothing"),
        ("[[fault]]\nkind = \"extra_part\"\nevery = 2\namong = \"sends\"", "line 1", "`among` does nothing"),
        ("[[fault]]\nkind = \"hang_up\"\nevery = 2\namong = \"sends\"", "line 1", "`among` does nothing"),
        ("[[fault]]\nkind = \"truncate\"\nevery = 2\nend = \"reset\"", "line 1", "`end` does nothing"),
        ("[[fault]]\nkind = \"cut\"\nevery = 2\npause_ms = 1", "line 1", "`pause_ms` does nothing"),
        ("[[fault]]\nkind = \"drip\"\nevery = 2\ndelay_ms = 1", "line 1", "`delay_ms` does nothing"),
        ("[[fault]]\nkind = \"padded\"\nevery = 2\nheaders = 1", "line 1", "`headers` does nothing"),
        ("[[fault]]\nkind = \"padded\"\nevery = 2\nencoding = \"br\"", "line 1", "`encoding` does nothing"),
        ("[[fault]]\nkind = \"bomb\"\nevery = 2\nencoding = \"lzma\"", "line 4", "lzma"),
        ("[[fault]]\nkind = \"cut\"\nevery = 2\nend = \"explode\"", "line 4", "explode"),
        ("[[fault]]\nkind = \"drip\"\nevery = 2\nbytes = 0", "line 1", "at least 1"),
    ] {
        let mut config = Config::default();
        let fault = config.read_faults(text).expect_err(text).to_string();
        assert!(fault.contains(line) && fault.contains(word), "{text:?} gave {fault}");
        assert!(config.faults.is_empty() && config.extra_parts.is_empty());
    }
}

#[test]
fn an_accounts_file_adds_accounts_and_replaces_known_ones() {
    let mut config = calm();
    config
        .read_accounts(
            r#"
[[account]]
face = "transmitsms"
key = "sim-key"
secret = "another-secret"
[[account]]
face = "mesms"
key = "poor"
balance = "1"
rate = "30/m"
senders = ["VolleyTH"]
may_send = false
max_recipients = 10
duplicates = "refuse"
foreign_numbers = true
"#,
        )
        .expect("the file is sound");
    assert_eq!(config.accounts.len(), 6);
    let poor = config.accounts.last().expect("it was added");
    let limit = poor.limit.as_ref().expect("it has a rate");
    assert_eq!((poor.face, poor.balance), (Face::MeSms, Some(Micros(1_000_000))));
    assert_eq!((limit.requests.get(), limit.window.as_secs()), (30, 60));
    assert_eq!((poor.may_send, poor.max_recipients, poor.duplicates), (false, 10, Duplicates::Refuse));
    assert!(poor.foreign_numbers && poor.senders == Some(vec!["VolleyTH".to_owned()]));
    let mut gateway = gateway(config);
    assert_eq!(gateway.answer(Duration::ZERO, &send_one()).reply.status, 401, "the old secret is gone");
    assert_eq!(gateway.answer(Duration::ZERO, &json("{}")).reply.status, 400, "the other face is untouched");
}

#[test]
fn an_account_is_named_in_its_providers_words() {
    let mut config = Config { accounts: Vec::new(), ..calm() };
    config
        .read_accounts(
            r#"
[[account]]
face = "maxotel"
key = "a"
[[account]]
face = "fonedynamics"
account = "b"
token = "c"
property = "d"
[[account]]
face = "multitel"
username = "e"
password = "f"
foreign_numbers = true
"#,
        )
        .expect("the file is sound");
    let words: Vec<_> = config
        .accounts
        .iter()
        .map(|account| (account.face, &*account.key, &*account.secret, &*account.property))
        .collect();
    assert_eq!(
        words,
        [(Face::MaxoTel, "a", "", ""), (Face::FoneDynamics, "b", "c", "d"), (Face::MultiTel, "e", "f", "")]
    );
    let limits = config.accounts.iter().map(|account| account.limit.as_ref().map(|it| it.requests.get()));
    assert_eq!(limits.collect::<Vec<_>>(), [Some(5), Some(10), Some(2)]);
    assert!(config.accounts[2].foreign_numbers);
}

#[test]
fn an_account_does_what_the_pages_show_unless_its_file_says_otherwise() {
    let usual = Habits::default();
    for (names, setting, habits) in [
        ("face = \"maxotel\"\nkey = \"k\"", "receipt = \"json\"", usual),
        (
            "face = \"maxotel\"\nkey = \"k\"",
            "receipt = \"plain\"",
            Habits { receipt: Receipt::Plain, ..usual },
        ),
        (MULTITEL, "code = \"number\"", Habits { code: CodeForm::Number, ..usual }),
        (MULTITEL, "errors = \"status\"", Habits { errors: ErrorPlace::Status, ..usual }),
        (MULTITEL, "counts_chars = false", Habits { counts_chars: false, ..usual }),
        (FONEDYNAMICS, "batch_reply = \"wrapped\"", Habits { batch_reply: BatchReply::Wrapped, ..usual }),
        (FONEDYNAMICS, "replaces_names = false", Habits { replaces_names: false, ..usual }),
        (FONEDYNAMICS, "echoes_external_id = false", Habits { echoes_external_id: false, ..usual }),
    ] {
        let mut config = Config { accounts: Vec::new(), ..calm() };
        config.read_accounts(&format!("[[account]]\n{names}\n{setting}")).expect(setting);
        assert_eq!(config.accounts[0].habits, habits, "{setting}");
    }
}

const MULTITEL: &str = "face = \"multitel\"\nusername = \"u\"\npassword = \"p\"";
const FONEDYNAMICS: &str = "face = \"fonedynamics\"\naccount = \"a\"\ntoken = \"t\"\nproperty = \"p\"";

#[test]
fn accounts_that_a_request_could_not_tell_apart_are_refused() {
    for (face, word) in [
        (Face::TransmitSms, "key"),
        (Face::MeSms, "key"),
        (Face::MaxoTel, "key"),
        (Face::FoneDynamics, "account"),
        (Face::MultiTel, "username"),
    ] {
        let mut config = calm();
        config.accounts.push(Account { secret: "another".to_owned(), ..Account::new(face) });
        let fault = Gateway::new(config).map(|_| ()).expect_err("one name for two").to_string();
        let expected = format!("two {} accounts have the same {word}; give each its own", face.word());
        assert_eq!(fault, expected);
    }
}

#[test]
fn every_face_knows_the_contracts_account() {
    let basic = |value| [("authorization", value), ("content-type", "application/json")];
    let key = [("x-api-key", "sim-key")];
    let mut gateway = gateway(calm());
    for (face, status, request) in [
        (Face::TransmitSms, 200, form("/get-balance.json", &[])),
        (Face::MeSms, 200, request("GET", "/api/v2/credits", &key, String::new())),
        (
            Face::MaxoTel,
            200,
            Request { query: "key=sim-key".to_owned(), ..request("GET", "/sms/list", &[], String::new()) },
        ),
        (
            Face::FoneDynamics,
            200,
            request(
                "GET",
                "/v2/Properties/sim-property/Messages",
                &basic("Basic c2ltLWFjY291bnQ6c2ltLXRva2Vu"),
                String::new(),
            ),
        ),
        (
            Face::MultiTel,
            200,
            request(
                "POST",
                "/v3/sendsms",
                &basic("Basic c2ltLXVzZXI6c2ltLXBhc3N3b3Jk"),
                r#"{"from":"15555550199","to":"12025550143","text":"hi"}"#.to_owned(),
            ),
        ),
    ] {
        assert_eq!(Face::of(&request.path), face);
        let reply = gateway.answer(Duration::ZERO, &request).reply;
        assert_eq!(reply.status, status, "{face:?}: {:?}", reply.body);
        let unsigned = Request { headers: Vec::new(), query: String::new(), ..request };
        let refusal = gateway.answer(Duration::ZERO, &unsigned).reply;
        let code = if face == Face::MultiTel { 200 } else { 401 };
        assert_eq!(refusal.status, code, "{face:?}: {:?}", refusal.body);
    }
}

#[test]
fn an_account_counts_as_the_standard_does_unless_its_file_says_otherwise() {
    let read = |settings: &str| {
        let mut config = Config { accounts: Vec::new(), ..calm() };
        let file = format!("[[account]]\nface = \"mesms\"\nkey = \"k\"\n{settings}");
        config.read_accounts(&file).expect(settings);
        config.accounts.remove(0)
    };
    let national = |national| Profile { national, ..Profile::STANDARD };
    let shifts = |locking, single| national(National::Use(Shifts { locking, single }));
    for (settings, profile) in [
        ("", Profile::STANDARD),
        ("concat_ref = 8\nbreak = \"char\"", Profile::STANDARD),
        ("concat_ref = 16", Profile { concat_ref: ConcatRef::Bits16, ..Profile::STANDARD }),
        ("break = \"grapheme\"", Profile { break_at: BreakAt::Grapheme, ..Profile::STANDARD }),
        (
            "allow = [\"turkish\", \"spanish\"]",
            national(National::Allow([Language::Turkish, Language::Spanish].into_iter().collect())),
        ),
        ("locking = \"turkish\"", shifts(Some(Language::Turkish), None)),
        ("single = \"spanish\"", shifts(None, Some(Language::Spanish))),
        ("locking = \"urdu\"\nsingle = \"hindi\"", shifts(Some(Language::Urdu), Some(Language::Hindi))),
        ("without = \"€Ç\"", Profile { alphabet: Alphabet::Without("€Ç".to_owned()), ..Profile::STANDARD }),
    ] {
        assert_eq!(read(settings).profile, profile, "{settings}");
    }
    assert_eq!((read("").cost_decimals, read("cost_decimals = 3").cost_decimals), (6, 3));
}

#[test]
fn an_accounts_file_that_makes_no_sense_is_refused_with_its_line() {
    for (text, line, word) in [
        ("[[account]]\nface = \"vonage\"\nkey = \"k\"", "line 2", "vonage"),
        ("[[account]]\nface = \"mesms\"", "line 1", "key"),
        ("\n[[account]]\nface = \"transmitsms\"\nkey = \"k\"", "line 2", "needs `secret`"),
        ("[[account]]\nface = \"maxotel\"", "line 1", "needs `key`"),
        ("[[account]]\nface = \"maxotel\"\nkey = \"k\"\nsecret = \"s\"", "line 1", "no `secret`"),
        ("[[account]]\nface = \"fonedynamics\"\nkey = \"k\"", "line 1", "no `key`"),
        ("[[account]]\nface = \"fonedynamics\"\naccount = \"a\"", "line 1", "needs `token`"),
        (
            "[[account]]\nface = \"fonedynamics\"\naccount = \"a\"\ntoken = \"t\"",
            "line 1",
            "needs `property`",
        ),
        ("[[account]]\nface = \"multitel\"\nusername = \"u\"", "line 1", "needs `password`"),
        (
            "[[account]]\nface = \"maxotel\"\nkey = \"k\"\nmax_recipients = 2",
            "line 1",
            "`max_recipients` does nothing",
        ),
        (
            "[[account]]\nface = \"maxotel\"\nkey = \"k\"\nduplicates = \"charge\"",
            "line 1",
            "`duplicates` does nothing",
        ),
        (
            "[[account]]\nface = \"mesms\"\nkey = \"k\"\nreceipt = \"json\"",
            "line 1",
            "`receipt` does nothing",
        ),
        ("[[account]]\nface = \"maxotel\"\nkey = \"k\"\nreceipt = \"odd\"", "line 4", "odd"),
        ("[[account]]\nface = \"mesms\"\nkey = \"k\"\ncode = \"text\"", "line 1", "`code` does nothing"),
        ("[[account]]\nface = \"mesms\"\nkey = \"k\"\nerrors = \"body\"", "line 1", "`errors` does nothing"),
        (
            "[[account]]\nface = \"mesms\"\nkey = \"k\"\ncounts_chars = true",
            "line 1",
            "`counts_chars` does nothing",
        ),
        (
            "[[account]]\nface = \"mesms\"\nkey = \"k\"\nbatch_reply = \"bare\"",
            "line 1",
            "`batch_reply` does nothing",
        ),
        (
            "[[account]]\nface = \"mesms\"\nkey = \"k\"\nreplaces_names = true",
            "line 1",
            "`replaces_names` does nothing",
        ),
        (
            "[[account]]\nface = \"mesms\"\nkey = \"k\"\nechoes_external_id = true",
            "line 1",
            "`echoes_external_id` does nothing",
        ),
        ("[[account]]\nface = \"mesms\"\nkey = \"k\"\nsecret = \"s\"", "line 1", "secret"),
        ("[[account]]\nface = \"mesms\"\nkey = \"k\"\nbalance = \"1,5\"", "line 1", "1,5"),
        ("[[account]]\nface = \"mesms\"\nkey = \"k\"\nrate = \"fast\"", "line 1", "fast"),
        ("[[account]]\nface = \"mesms\"\nkey = \"k\"\nrates = \"2/s\"", "line 4", "rates"),
        (
            "[[account]]\nface = \"transmitsms\"\nkey = \"k\"\nsecret = \"s\"\nforeign_numbers = true",
            "line 1",
            "foreign_numbers",
        ),
        ("[[account]]\nface = \"mesms\"\nkey = \"k\"\ncost_decimals = 7", "line 1", "0 to 6"),
        ("[[account]]\nface = \"mesms\"\nkey = \"k\"\nconcat_ref = 12", "line 1", "8 or 16"),
        ("[[account]]\nface = \"mesms\"\nkey = \"k\"\nbreak = \"word\"", "line 4", "word"),
        ("[[account]]\nface = \"mesms\"\nkey = \"k\"\nallow = []", "line 1", "no language"),
        ("[[account]]\nface = \"mesms\"\nkey = \"k\"\nallow = [\"thai\"]", "line 1", "`thai`"),
        ("[[account]]\nface = \"mesms\"\nkey = \"k\"\nlocking = \"spanish\"", "line 1", "no locking"),
        (
            "[[account]]\nface = \"mesms\"\nkey = \"k\"\nallow = [\"urdu\"]\nsingle = \"urdu\"",
            "line 1",
            "excludes",
        ),
        ("[[account]]\nface = \"mesms\"\nkey = \"k\"\nwithout = \"\"", "line 1", "without"),
        ("[[account]]\nface = \"mesms\"\nkey = \"k\"\nwithout = \"ş\"", "line 1", "without"),
    ] {
        let fault = calm().read_accounts(text).expect_err(text).to_string();
        assert!(fault.contains(line) && fault.contains(word), "{text:?} gave {fault}");
    }
}

#[test]
fn a_fault_in_a_file_shows_no_secret() {
    for text in [
        "[[account]]\nface = \"mesms\"\nkey = \"hush\"\nsecert = \"hush\"",
        "[[account]]\nface = \"mesms\"\nkey = \"hush\" \"hush\"",
    ] {
        let fault = calm().read_accounts(text).expect_err("it is damaged");
        assert!(!format!("{fault} {fault:?}").contains("hush"), "{fault:?}");
    }
}

#[test]
fn debug_shows_no_credentials() {
    let mut request = form("/send-sms.json", &[("message", "hush"), ("to", "61491570006")]);
    request.query = "to=61491570006".to_owned();
    for shown in [format!("{:?}", Config::default()), format!("{request:?}")] {
        for secret in ["sim-key", "sim-secret", BASIC, "hush", "61491570006"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}
