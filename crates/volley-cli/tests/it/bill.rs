//! The preview's number is the bill: over texts of every kind, with two providers' ways of counting.

use crate::volley::{Folder, Gateway, run};
use serde_json::Value;
use std::{collections::BTreeSet, fmt::Write, fs};

const RECIPIENTS: u64 = 200_000;

/// What stands in the column `name`: every alphabet, the seams of a part, clusters, look-alikes.
const NAMES: [&str; 20] = [
    "Ann",
    "Bartholomew",
    "Zoë",
    "José María de la Concepción y Rivadavia",
    "O’Hara",
    "ดาว",
    "สมชาย ใจดีมากมาย",
    "王芳",
    "👩‍👩‍👧‍👦",
    "👍🏽👍🏽👍🏽",
    "Ann [VIP] {1}",
    "€€€€€€€€€€€€",
    "Ångström",
    "Δημητρα",
    "ΔΦΓΛΩΠΨΣΘΞ",
    "e\u{301}tienne",
    "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~",
    "a rather long name that pushes nearly any text of this campaign over the seam of a part",
    "çelik",
    "Ünal",
];

/// One way in which a provider counts, and the campaign's word for it.
struct Provider {
    kind: &'static str,
    sender: &'static str,
    /// `[[account]]` of the gateway, beside its face.
    account: &'static str,
    segments: &'static str,
    rates: &'static str,
}

const PROVIDERS: [Provider; 2] = [
    Provider {
        kind: "transmitsms",
        sender: "Volley",
        account: "face = \"transmitsms\"\nkey = \"sim-key\"\nsecret = \"sim-secret\"\n",
        segments: "",
        rates: "prefix,price,per_message,currency\n66,0.0213,0,AUD\n61,0.055,0.001,AUD\n6149,0.049999,0,AUD\n",
    },
    Provider {
        kind: "mesms",
        sender: "Volley",
        account: "face = \"mesms\"\nkey = \"sim-key\"\nconcat_ref = 16\nbreak = \"grapheme\"\n\
                  allow = [\"turkish\", \"spanish\"]\nwithout = \"~\"\n",
        segments: "[segments]\nconcat_ref = 16\nbreak = \"grapheme\"\nallow = [\"turkish\", \"spanish\"]\n\
                   without = \"~\"\n",
        rates: "prefix,price,currency\n66,1,CREDIT\n61,2.5,CREDIT\n",
    },
];

impl Provider {
    /// A campaign of `recipients` through a gateway that counts as this provider does.
    fn campaign(&self, recipients: u64, faults: &str, chunk: &str) -> (Folder, Gateway) {
        let folder = Folder::new();
        folder
            .write("accounts.toml", format!("[[account]]\n{}", self.account))
            .write("rates.csv", self.rates);
        let flags = ["--accounts", &folder.text("accounts.toml"), "--rates", &folder.text("rates.csv")];
        let faults = format!("[limiter]\nkind = \"none\"\n{faults}");
        let gateway = Gateway::start_with(folder.directory.path(), &faults, &flags);
        let mut list = String::from("mobile,name\n");
        for index in 0..recipients {
            let number = match index % 3 {
                0 => 66_800_000_000 + index,
                1 => 61_491_000_000 + index,
                _ => 61_410_000_000 + index,
            };
            let name = NAMES[usize::try_from(index / 3 % 20).expect("below 20")];
            writeln!(list, "+{number},{name}").expect("a string takes everything");
        }
        let auth = match self.kind {
            "mesms" => "key_env = \"SIM_KEY\"\n",
            _ => "key_env = \"SIM_KEY\"\nsecret_env = \"SIM_SECRET\"\n",
        };
        let campaign = format!(
            "name = \"test\"\nsender = \"{}\"\n[message]\nsmart = true\n\
             text = \"Dear {{{{name}}}}, the sale that you asked us to tell you about ends today at six. Come in, \
             or ask for what you want at the door. Reply STOP to opt out.\"\n\
             [recipients]\nfile = \"list.csv\"\n[provider]\nkind = \"{}\"\nbase_url = \"{}\"\n\
             rate = \"100000/s\"\nmax_in_flight = 8\n{chunk}[provider.auth]\n{auth}[rates]\nfile = \"rates.csv\"\n{}",
            self.sender, self.kind, gateway.address, self.segments
        );
        folder.write("list.csv", list).write("campaign.toml", campaign);
        (folder, gateway)
    }
}

/// The amount that `text` writes, in millionths.
fn micros(text: &Value) -> i64 {
    let text = text.as_str().unwrap_or_else(|| panic!("{text} is no amount"));
    let (whole, fraction) = text.split_once('.').expect("a decimal");
    format!("{whole}{fraction:0<6}").parse().expect("digits")
}

/// Each line of the gateway's ledger.
fn ledger(gateway: &Gateway) -> Vec<Value> {
    let text = fs::read_to_string(&gateway.ledger).expect("a ledger");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

#[test]
fn the_preview_is_what_the_gateway_charges_over_two_hundred_thousand_mixed_messages() {
    for provider in &PROVIDERS {
        let (folder, gateway) = provider.campaign(RECIPIENTS, "", "");
        let campaign = folder.text("campaign.toml");
        let preview = run(&["preview", &campaign, "--json"]).exits(0).json();
        let sent = run(&["send", &campaign, "--yes", "--json"]).exits(0).json();
        let taken = ledger(&gateway);
        assert_eq!((taken.len() as u64, &preview["accepted"]), (RECIPIENTS, &RECIPIENTS.into()));
        let parts: u64 = taken.iter().map(|line| line["parts"].as_u64().expect("parts")).sum();
        assert_eq!(preview["segments"], parts, "{}", provider.kind);
        let charged: i64 = taken.iter().map(|line| micros(&line["charged"])).sum();
        assert_eq!(micros(&preview["cost"]["total"]), charged, "{}", provider.kind);
        assert_eq!(sent["cost"]["billed"], preview["cost"]["total"]);
        assert!(preview["smart"]["rows"].as_u64().expect("rows") > 0, "something was folded");
        assert!(preview["encodings"]["ucs2"].as_u64().expect("rows") > 0, "something could not be");

        let journal = folder.text("test.volley");
        run(&["verify", &journal]).exits(0);
        let report = run(&["reconcile", &journal, "--json"]).exits(0).json();
        let compared = &report["comparisons"][0];
        assert_eq!((&compared["difference"], &compared["remainder"]), (&"0.0000".into(), &"0.0000".into()));
        assert_eq!(compared["causes"].as_array().map(Vec::len), Some(0), "{compared}");
    }
}

#[test]
fn a_gateway_that_bills_one_more_part_on_some_rows_is_found_with_those_rows() {
    for provider in &PROVIDERS {
        let faults = "[[fault]]\nkind = \"extra_part\"\nevery = 97\n";
        let (folder, gateway) = provider.campaign(600, faults, "chunk = 1\n");
        let preview = run(&["preview", &folder.text("campaign.toml"), "--json"]).exits(0).json();
        run(&["send", &folder.text("campaign.toml"), "--yes"]).exits(0);
        let taken = ledger(&gateway);
        let list = fs::read_to_string(folder.path("list.csv")).expect("a list");
        let row_of = |to: &Value| {
            let to = format!("{},", to.as_str().expect("a number"));
            list.lines().position(|line| line.starts_with(&to)).expect("it is on the list") as u64
        };
        // Messages are numbered as they are taken.
        let tampered: BTreeSet<u64> =
            taken.iter().skip(96).step_by(97).map(|line| row_of(&line["to"])).collect();
        assert_eq!(tampered.len(), 6, "every 97th of 600");

        let csv = folder.text("differences.csv");
        let report =
            run(&["reconcile", &folder.text("test.volley"), "--json", "--csv", &csv]).exits(0).json();
        let compared = &report["comparisons"][0];
        let [cause] = &compared["causes"].as_array().expect("causes")[..] else {
            panic!("one cause: {compared}")
        };
        assert_eq!((&cause["cause"], &cause["messages"]), (&"parts".into(), &6.into()), "{compared}");
        let differences = fs::read_to_string(folder.path("differences.csv")).expect("a file");
        let first_cell = |line: &str| line.split(',').next().and_then(|row| row.parse().ok()).expect("a row");
        let rows: BTreeSet<u64> = differences.lines().skip(1).map(first_cell).collect();
        assert_eq!(rows, tampered, "{}", provider.kind);
        let charged: i64 = taken.iter().map(|line| micros(&line["charged"])).sum();
        assert_eq!(micros(&compared["difference"]), charged - micros(&preview["cost"]["total"]));
        assert_eq!((&cause["amount"], &compared["remainder"]), (&compared["difference"], &"0.0000".into()));

        // A bill of the same gateway says the same, message by message.
        let mut bill = String::from("number,parts,cost\n");
        for line in &taken {
            let text = |key: &str| line[key].as_str().expect(key);
            writeln!(bill, "{},{},{}", text("to"), line["parts"], text("charged")).expect("a string");
        }
        folder.write("bill.csv", bill);
        let report =
            run(&["reconcile", &folder.text("test.volley"), "--bill", &folder.text("bill.csv"), "--json"]);
        let report = report.exits(0).json();
        let to_bill =
            report["comparisons"].as_array().expect("comparisons").iter().find(|one| one["to"] == "bill");
        assert_eq!(to_bill.expect("it was compared")["causes"][0]["rows"], cause["rows"]);
    }
}

#[test]
fn a_cap_is_on_the_bill_as_it_is_rounded() {
    // 20 texts at 0.0502 are 1.0040, which is billed as 1.00.
    for (cap, code, accepted) in [("1.00", 0, 20), ("0.99", 8, 0)] {
        let folder = Folder::new();
        let gateway = Gateway::start(folder.directory.path(), "[limiter]\nkind = \"none\"\n");
        folder.campaign("transmitsms", &gateway.address, 20, "rate = \"1000/s\"\nchunk = 1\n");
        let campaign = fs::read_to_string(folder.path("campaign.toml")).expect("a campaign");
        let rounded =
            format!("{campaign}rounding = \"total\"\ndecimals = 2\n[limits]\nmax_cost = \"{cap}\"\n");
        folder.write("campaign.toml", rounded).write("rates.csv", "prefix,price,currency\n66,0.0502,THB\n");
        run(&["send", &folder.text("campaign.toml"), "--yes"]).exits(code);
        assert_eq!(gateway.taken().len(), accepted, "{cap}");
    }
}
