//! Every provider end to end, over the simulated gateway in a process of its own.

use crate::volley::{Folder, Gateway, run, times, volley};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
    process::Stdio,
    time::Duration,
};

/// One provider as a campaign names it.
pub(crate) struct Provider {
    pub(crate) kind: &'static str,
    sender: &'static str,
    region: &'static str,
    /// The number of recipient `index`, with its country code.
    number: fn(u64) -> u64,
    auth: &'static str,
    /// What its campaigns need in `[provider]`.
    settings: &'static str,
    currency: &'static str,
}

pub(crate) const PROVIDERS: [Provider; 5] = [
    Provider {
        kind: "maxotel",
        sender: "ShopAlert",
        region: "AU",
        number: australian,
        auth: "key_env = \"SIM_KEY\"\n",
        settings: "",
        currency: "AUD",
    },
    Provider {
        kind: "fonedynamics",
        sender: "Shop Alert",
        region: "AU",
        number: australian,
        auth: "account_env = \"SIM_ACCOUNT\"\ntoken_env = \"SIM_TOKEN\"\n",
        settings: "property_sid = \"sim-property\"\n",
        currency: "AUD",
    },
    Provider {
        kind: "transmitsms",
        sender: "ShopAlert",
        region: "AU",
        number: australian,
        auth: "key_env = \"SIM_KEY\"\nsecret_env = \"SIM_SECRET\"\n",
        settings: "",
        currency: "AUD",
    },
    Provider {
        kind: "multitel",
        sender: "12025550100",
        region: "US",
        number: american,
        auth: "username_env = \"SIM_USER\"\npassword_env = \"SIM_PASSWORD\"\n",
        settings: "bulk_allowed = true\n",
        currency: "USD",
    },
    Provider {
        kind: "mesms",
        sender: "VolleyTH",
        region: "TH",
        number: |index| 66_800_000_000 + index,
        auth: "key_env = \"SIM_KEY\"\n",
        settings: "",
        currency: "CREDIT",
    },
];

/// Around the numbers that Australia keeps for fiction.
fn australian(index: u64) -> u64 {
    61_491_570_000 + index
}

/// The hundred numbers that each area code keeps for fiction.
fn american(index: u64) -> u64 {
    let area = 201 + index / 100;
    10_000_000_000 + area * 10_000_000 + 5_550_100 + index % 100
}

/// A gateway that is as fast as it is asked.
const NO_LIMIT: &str = "[limiter]\nkind = \"sliding_log\"\nrequests = 1000000\nwindow_ms = 1000\n";

impl Provider {
    /// The one of this kind.
    pub(crate) fn of(kind: &str) -> &'static Self {
        let all: &'static [Self] = &PROVIDERS;
        all.iter().find(|one| one.kind == kind).expect("a provider")
    }

    /// Writes a campaign to the first `recipients` numbers.
    pub(crate) fn campaign(
        &self,
        folder: &Folder,
        address: &str,
        recipients: u64,
        head: &str,
        settings: &str,
    ) {
        let mut list = String::from("mobile,name\n");
        for index in 0..recipients {
            writeln!(list, "+{},Person {index}", (self.number)(index)).expect("a string");
        }
        let Self { kind, sender, region, auth, currency, settings: own, .. } = self;
        let campaign = format!(
            "name = \"test\"\nsender = \"{sender}\"\n{head}\n[message]\ntext = \"Sale ends today\"\n\
             [recipients]\nfile = \"recipients.csv\"\nregion = \"{region}\"\n\
             [provider]\nkind = \"{kind}\"\nbase_url = \"{address}\"\nrate = \"5000/s\"\n{own}{settings}\
             [provider.auth]\n{auth}[rates]\nfile = \"rates.csv\"\n"
        );
        let country = if *region == "TH" {
            "66"
        } else if *region == "US" {
            "1"
        } else {
            "61"
        };
        let price = if *currency == "CREDIT" { "1" } else { "0.05" };
        folder
            .write("recipients.csv", list)
            .write("rates.csv", format!("prefix,price,currency\n{country},{price},{currency}\n"))
            .write("campaign.toml", campaign);
    }
}

pub(crate) fn count(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("{path} in {value}"))
}

#[test]
fn a_campaign_of_a_thousand_through_every_provider_is_in_the_ledger_once_killed_and_resumed() {
    for provider in &PROVIDERS {
        let what = provider.kind;
        let folder = Folder::new();
        let faults = format!("latency_ms = [1, 4]\n{NO_LIMIT}");
        let gateway = Gateway::start(folder.directory.path(), &faults);
        provider.campaign(&folder, &gateway.address, 1_000, "", "max_in_flight = 4\nchunk = 1\n");
        let (campaign, journal) = (folder.text("campaign.toml"), folder.text("test.volley"));
        let preview = run(&["preview", &campaign, "--json"]).exits(0).json();
        assert_eq!((count(&preview, "/accepted"), count(&preview, "/requests")), (1_000, 1_000), "{what}");

        let mut sender = volley(&["send", &campaign, "--yes", "-q"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        // Some have left, most have not.
        while gateway.taken().len() < 50 && sender.try_wait().expect("ours").is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        sender.kill().expect("killed");
        sender.wait().expect("gone");
        let ended = run(&["resume", &journal, "--yes", "--json"]);
        assert!(matches!(ended.code, Some(0 | 6)), "{what}: {ended:#?}");
        run(&["verify", &journal]).exits(0);

        // What the provider can tell of the doubt, it tells; the rest is a person's to decide.
        let probed = run(&["doubt", "probe", &journal, "--json"]);
        assert!(matches!(probed.code, Some(0 | 2 | 3 | 6)), "{what}: {probed:#?}");
        let doubt = run(&["doubt", "list", &journal, "--json"]).exits(0);
        let in_doubt: HashSet<String> = doubt
            .stdout
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).expect("JSON")["number"]
                    .as_str()
                    .expect("a number")
                    .to_owned()
            })
            .collect();
        let taken = gateway.taken();
        let times = times(&taken);
        assert!(times.values().all(|times| *times == 1), "{what}: somebody was texted twice");
        for number in times.keys().filter(|number| in_doubt.contains(**number)) {
            assert!(probed.code != Some(0), "{what}: {number} was taken and is still in doubt");
        }
        if !in_doubt.is_empty() {
            run(&["doubt", "resolve", &journal, "--accepted", "--all", "--note", "looked in the web app"])
                .exits(0);
        }

        let polled = run(&["receipts", &journal, "--poll", "--json"]);
        assert!(matches!(polled.code, Some(0 | 2)), "{what}: {polled:#?}");
        let report = folder.text("report.csv");
        let status = run(&["report", &journal, "--csv", &report, "--json"]).exits(0).json();
        assert_eq!(count(&status, "/recipients/accepted"), 1_000, "{what}");
        if polled.code == Some(0) {
            let told = count(&status, "/delivery/delivered") + count(&status, "/delivery/failed");
            assert!(told + count(&status, "/delivery/unknown") == 1_000, "{what}: {status}");
        }
        let report = std::fs::read_to_string(report).expect("a report");
        let mut lines = report.lines();
        assert_eq!(
            lines.next(),
            Some("row,number,state,provider_id,code,segments,price,billed,attempts,time,delivery"),
            "{what}"
        );
        let reported: HashSet<&str> = lines.filter_map(|line| line.split(',').nth(1)).collect();
        assert_eq!(reported.len(), 1_000, "{what}");
        assert!(times.keys().all(|number| reported.contains(number)), "{what}: the ledger and the report");
        run(&["verify", &journal]).exits(0);
    }
}

#[test]
fn what_a_provider_cannot_do_is_refused_at_check_with_its_rule_and_source() {
    let folder = Folder::new();
    let far = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(15 * 24)).to_string();
    let text = "x".repeat(613);
    let schedule = format!("schedule = \"{far}\"");
    let scheduled = format!("{schedule}\n[message]");
    // The kind, what is replaced in its campaign by what, and what is said.
    let cases = [
        ("maxotel", ["", ""], ["+614", "maxo.com.au"]),
        ("fonedynamics", ["[message]", &scheduled], ["14 days", "fonedynamics"]),
        ("transmitsms", ["ShopAlert", "ShopAlertMore"], ["13 characters", "kudosity"]),
        ("transmitsms", ["Sale ends today", &text], ["613 characters", "kudosity"]),
        ("multitel", ["12025550100", "ShopAlert"], ["numbers only", "ultitel"]),
        ("mesms", ["rate =", "media = \"iVBORw0KGgo=\"\nrate ="], ["multitel", "provider.media"]),
    ];
    for (kind, [from, to], said) in cases {
        let provider = PROVIDERS.iter().find(|provider| provider.kind == kind).expect("a provider");
        provider.campaign(&folder, "http://127.0.0.1:9", 3, "", "");
        let campaign = std::fs::read_to_string(folder.path("campaign.toml")).expect("a file");
        folder.write("campaign.toml", campaign.replacen(from, to, 1));
        if kind == "maxotel" {
            folder.write("recipients.csv", "mobile\n+61491570006\n+12025550100\n");
        }
        let refused = run(&["check", &folder.text("campaign.toml")]).exits(2);
        for word in said {
            assert!(refused.stderr.contains(word), "{kind}: no `{word}` in {refused:#?}");
        }
    }
}

#[test]
fn credentials_that_are_missing_empty_or_open_to_all_are_refused_by_name_and_never_shown() {
    use std::os::unix::fs::PermissionsExt;
    for provider in &PROVIDERS {
        let folder = Folder::new();
        provider.campaign(&folder, "http://127.0.0.1:9", 3, "", "");
        let campaign = folder.text("campaign.toml");
        let (name, _) = provider.auth.split_once(" = ").expect("a name");
        let variable = provider.auth.split('"').nth(1).expect("a variable");
        let missing = volley(&["check", &campaign]).env_remove(variable).output().expect("it runs");
        assert_eq!(missing.status.code(), Some(2), "{}: {missing:?}", provider.kind);
        assert!(String::from_utf8_lossy(&missing.stderr).contains(variable), "{missing:?}");
        let empty = volley(&["check", &campaign]).env(variable, "").output().expect("it runs");
        assert_eq!(empty.status.code(), Some(2), "{}: {empty:?}", provider.kind);

        folder.write("secret", "very-secret-value\n");
        std::fs::set_permissions(folder.path("secret"), PermissionsExt::from_mode(0o644)).expect("ours");
        let text = std::fs::read_to_string(folder.path("campaign.toml")).expect("a file");
        let file = format!("{} = \"secret\"", name.replace("_env", "_file"));
        let text = text.replace(&format!("{name} = \"{variable}\""), &file);
        folder.write("campaign.toml", text);
        let open = run(&["send", &campaign, "--yes"]).exits(2);
        assert!(open.stderr.contains("chmod 600") && !open.stderr.contains("very-secret"), "{open:#?}");
    }
}

/// One line a provider, one column a capability: each cell is what happened when it was tried.
#[test]
fn the_matrix_of_providers_and_capabilities_is_the_page_of_it() {
    let mut page = String::from(PREAMBLE);
    for provider in &PROVIDERS {
        let cells = tried(provider);
        writeln!(page, "| {} | {} |", provider.kind, cells.join(" | ")).expect("a string");
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/providers.md");
    if std::env::var_os("VOLLEY_WRITE_MATRIX").is_some() {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(&path).expect("docs/providers.md");
    assert_eq!(written, page, "`cargo xtask matrix` writes docs/providers.md anew");
}

const PREAMBLE: &str = "\
# What can be done through which provider

Written by `cargo xtask matrix`: each cell is what happened when it was tried over the simulated gateway.

| provider | 1,000 recipients are | a schedule is | cancelled before its time | balance | senders | price asked first | receipts by asking | receipts by call | a lost reply is |
|---|---|---|---|---|---|---|---|---|---|
";

/// What happens when each thing is tried.
fn tried(provider: &Provider) -> Vec<String> {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), NO_LIMIT);
    let campaign = folder.text("campaign.toml");
    provider.campaign(&folder, &gateway.address, 1_000, "", "");
    let preview = run(&["preview", &campaign, "--json"]).exits(0).json();
    let requests = count(&preview, "/requests");
    let requests = format!("{requests} request{}", if requests == 1 { "" } else { "s" });
    let told = |action: &str| match run(&["provider", action, &campaign, "--json"]).code {
        Some(0) => "yes".to_owned(),
        Some(2) => "no call".to_owned(),
        other => panic!("{}: provider {action} exits {other:?}", provider.kind),
    };
    let (balance, senders) = (told("balance"), told("senders"));
    let sent = run(&["send", &campaign, "--yes", "--json"]).exits(0);
    let quoted = if sent.stderr.contains("prices the first request") { "yes" } else { "no call" };
    let journal = folder.text("test.volley");
    let polled = match run(&["receipts", &journal, "--poll"]).code {
        Some(0) => "yes",
        Some(2) => "no call",
        other => panic!("{}: receipts exit {other:?}", provider.kind),
    };
    let listening = listens(&folder, &journal);
    let cancelled = scheduled(provider, &gateway);
    let schedule = if cancelled == "sent by Volley" { "waited for" } else { "handed over" };
    let cancelled = if schedule == "waited for" { "by stopping" } else { cancelled };
    vec![
        format!("in {requests}"),
        schedule.to_owned(),
        cancelled.to_owned(),
        balance,
        senders,
        quoted.to_owned(),
        polled.to_owned(),
        listening.to_owned(),
        lost(provider).to_owned(),
    ]
}

/// Whether the provider calls anybody.
fn listens(folder: &Folder, journal: &str) -> &'static str {
    let mut listener = volley(&["receipts", journal, "--listen", "127.0.0.1:0", "--json", "-q"])
        .current_dir(folder.directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut line = String::new();
    let stdout = listener.stdout.take().expect("a pipe");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("a pipe");
    listener.kill().ok();
    listener.wait().expect("gone");
    if line.contains("listening") { "yes" } else { "no call" }
}

/// What becomes of a campaign with a schedule that is taken back before its time.
fn scheduled(provider: &Provider, gateway: &Gateway) -> &'static str {
    let folder = Folder::new();
    let at = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(2)).to_string();
    provider.campaign(&folder, &gateway.address, 20, &format!("schedule = \"{at}\""), "");
    let (campaign, journal) = (folder.text("campaign.toml"), folder.text("test.volley"));
    let listed = run(&["provider", "list", "--json"]).exits(0).json();
    let listed = listed["providers"].as_array().expect("a list").clone();
    let listed = listed.iter().find(|one| one["kind"] == provider.kind).expect("the kind is listed");
    if listed["schedule"].as_str().is_some_and(|schedule| schedule.starts_with("no")) {
        return "sent by Volley";
    }
    run(&["send", &campaign, "--yes"]).exits(0);
    let cancelled = run(&["cancel", &journal, "--json"]);
    match cancelled.code {
        Some(0) => {
            assert_eq!(count(&cancelled.json(), "/cancelled"), 20, "{cancelled:#?}");
            let again = run(&["cancel", &journal, "--json"]).exits(0);
            assert_eq!(count(&again.json(), "/cancelled"), 20, "{again:#?}");
            "yes"
        }
        Some(2) => "no call",
        other => panic!("{}: cancel exits {other:?}: {cancelled:#?}", provider.kind),
    }
}

/// How a reply that was lost after the message was taken ends.
fn lost(provider: &Provider) -> &'static str {
    let folder = Folder::new();
    let faults = format!("{NO_LIMIT}[[fault]]\nrequest = 1\nkind = \"commit_then_drop\"\n");
    let gateway = Gateway::start(folder.directory.path(), &faults);
    provider.campaign(&folder, &gateway.address, 3, "", "chunk = 1\n");
    let (campaign, journal) = (folder.text("campaign.toml"), folder.text("test.volley"));
    run(&["send", &campaign, "--yes"]).exits(6);
    let probed = run(&["doubt", "probe", &journal, "--json"]);
    let taken = gateway.taken().len();
    assert_eq!(taken, 3, "{}: nobody was sent to again", provider.kind);
    match probed.code {
        Some(0) => "found",
        Some(2) => "in doubt for good",
        Some(6) => "in doubt so far",
        other => panic!("{}: probe exits {other:?}: {probed:#?}", provider.kind),
    }
}

/// MultiTEL's send call, as somebody would describe it whose Volley did not know that provider.
pub(crate) const DESCRIBED: &str = r#"
name = "somebody"
endpoint = "/v3/sendsms"
[auth]
basic = ["username", "password"]
[request]
sender_numbers = "digits"
[request.fields]
from = "{from}"
to = "{to}"
text = "{text}"
reference = "{reference}"
[reply]
id = "/response/uniqueid"
code = "/status/code"
message = "/status/msg"
parts = "/response/parts"
price = "/response/cost"
[reply.accepted]
codes = [200]
[reply.no_funds]
codes = [402]
[limits]
rate = "5/s"
prefixes = ["1"]
"#;

#[test]
fn a_provider_that_only_a_file_describes_sends_a_campaign_and_resumes_it() {
    let folder = Folder::new();
    let faults = format!("{NO_LIMIT}[[fault]]\nrequest = 7\nkind = \"commit_then_drop\"\n");
    let gateway = Gateway::start(folder.directory.path(), &faults);
    let provider = PROVIDERS.iter().find(|provider| provider.kind == "multitel").expect("a provider");
    provider.campaign(&folder, &gateway.address, 40, "", "");
    let campaign = std::fs::read_to_string(folder.path("campaign.toml")).expect("a file");
    let campaign = campaign
        .replace("kind = \"multitel\"", "kind = \"http\"\ndefinition = \"somebody.toml\"")
        .replace("bulk_allowed = true\n", "");
    folder.write("campaign.toml", campaign).write("somebody.toml", DESCRIBED);
    let (campaign, journal) = (folder.text("campaign.toml"), folder.text("test.volley"));
    run(&["check", &campaign]).exits(0);
    run(&["plan", &campaign]).exits(0);
    // The journal needs no file beside it.
    std::fs::remove_file(folder.path("somebody.toml")).expect("removed");
    let ended = run(&["resume", &journal, "--yes", "--json"]).exits(6).json();
    assert_eq!(count(&ended, "/recipients/accepted"), 39, "{ended}");
    assert_eq!(ended["cost"]["billed"], "0.5850", "{ended}");
    run(&["doubt", "probe", &journal]).exits(2);
    assert_eq!(gateway.taken().len(), 40);
    let kept = std::fs::read(folder.path("test.volley")).expect("a journal");
    assert!(!kept.windows(12).any(|bytes| bytes == b"sim-password"), "a secret is in the journal");
    run(&["verify", &journal]).exits(0);
}

#[test]
fn what_the_account_says_is_told_before_anything_is_sent() {
    // The settings of the account, the exit code, what is said, and how many were taken.
    let cases = [
        (
            "balance = \"3\"",
            8,
            "warning: the balance is credit 3.0000, what is left to send costs 10.0000",
            0,
        ),
        ("pending_senders = [\"VolleyTH\"]", 2, "the sender VolleyTH cannot be used yet", 0),
        ("senders = [\"Another\"]", 2, "the sender VolleyTH is not among those of the account", 0),
        ("balance = \"10\"", 0, "the provider prices the first request at credit 10.0000", 10),
    ];
    for (account, code, said, taken) in cases {
        let folder = Folder::new();
        let text = format!("[[account]]\nface = \"mesms\"\nkey = \"sim-key\"\nrate = \"none\"\n{account}\n");
        folder.write("accounts.toml", text);
        let flags = ["--accounts", &folder.text("accounts.toml")];
        let gateway = Gateway::start_with(folder.directory.path(), "", &flags);
        Provider::of("mesms").campaign(&folder, &gateway.address, 10, "", "");
        let sent = run(&["send", &folder.text("campaign.toml"), "--yes"]).exits(code);
        assert!(sent.stderr.contains(said), "{account}: {sent:#?}");
        assert_eq!(gateway.taken().len(), taken, "{account}");
    }
}

#[test]
fn whoever_answers_stop_gets_no_more_of_a_campaign_that_is_resumed() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), NO_LIMIT);
    Provider::of("transmitsms").campaign(&folder, &gateway.address, 20, "", "chunk = 10\n");
    run(&["plan", &folder.text("campaign.toml")]).exits(0);
    // As `receipts` writes it.
    folder.write("test.optouts.csv", "number\n+61491570003\n+61491570019\n");
    let journal = folder.text("test.volley");
    let ended = run(&["resume", &journal, "--yes", "--json"]).exits(3).json();
    assert_eq!((count(&ended, "/recipients/accepted"), count(&ended, "/recipients/refused")), (18, 2));
    let taken = gateway.taken();
    assert!(!taken.iter().any(|one| ["+61491570003", "+61491570019"].contains(&one.to.as_str())));
    let report = folder.text("report.csv");
    run(&["report", &journal, "--csv", &report]).exits(0);
    let report = std::fs::read_to_string(report).expect("a report");
    assert_eq!(report.matches(",refused,,they asked not to be texted again,").count(), 2, "{report}");
    run(&["verify", &journal]).exits(0);
}

#[test]
fn every_provider_is_listed_with_its_limits() {
    let listed = run(&["provider", "list", "--json"]).exits(0).json();
    let kinds: BTreeMap<String, u64> = listed["providers"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["kind"].as_str().expect("a word").to_owned(), count(one, "/recipients_a_request")))
        .collect();
    let expected =
        [("fonedynamics", 100), ("maxotel", 1), ("mesms", 2_000_000), ("multitel", 1), ("transmitsms", 500)];
    for (kind, recipients) in expected {
        assert_eq!(kinds.get(kind), Some(&recipients), "{kind}");
    }
}
