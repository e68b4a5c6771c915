//! The kinds of the page that are about compressed files: cut (30), not what they are called (54),
//! bombs (55).

use crate::{archive, world::World};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use volley_plan::PlanError;

const LIST: &str = "phone,name\n0491570006,Ann\n0491570156,Bo\n";
const TEXT: &str = "Hi {{name}}";

pub(crate) fn gzip(content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(content.as_ref()).expect("written");
    gzip.finish().expect("gzip data")
}

pub(crate) fn zstd(content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut zstd = zstd::Encoder::new(Vec::new(), 3).expect("an encoder");
    zstd.include_checksum(true).expect("a setting");
    zstd.write_all(content.as_ref()).expect("written");
    zstd.finish().expect("zstd data")
}

fn refusal(name: &str, list: impl AsRef<[u8]>) -> PlanError {
    World::pass_of(name, list, TEXT, "").expect_err(name)
}

#[test]
fn a_compressed_list_is_the_list_in_it() {
    let (plain, _) = World::pass(LIST, TEXT, "").expect("a list");
    let (front, back) = LIST.split_at(20);
    let skipped = b"\x50\x2A\x4D\x18\x04\0\0\0note"; // a frame that says nothing, as `pzstd` writes
    for (what, name, list) in [
        ("gzip", "list.csv.gz", gzip(LIST)),
        ("gzip in capitals", "LIST.CSV.GZ", gzip(LIST)),
        ("gzip in two members", "list.csv.gz", [gzip(front), gzip(back)].concat()),
        ("gzip with an empty member", "list.csv.gz", [gzip(""), gzip(LIST)].concat()),
        ("zstd", "list.csv.zst", zstd(LIST)),
        ("zstd in two frames", "list.csv.zst", [zstd(front), zstd(back)].concat()),
        ("zstd with frames to skip", "list.csv.zst", [&skipped[..], &zstd(LIST), skipped].concat()),
        ("no name but one of the packing", "list.gz", gzip(LIST)),
        ("UTF-16 inside", "list.csv.gz", gzip(utf16(LIST))),
    ] {
        let (preview, _) =
            World::pass_of(name, list, TEXT, "").unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(preview.plan_hash, plain.plan_hash, "{what}");
    }
}

fn utf16(text: &str) -> Vec<u8> {
    "\u{FEFF}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[test]
fn what_is_not_what_it_is_called_is_refused_and_both_are_named() {
    let workbook = archive::xlsx(&[("list", "", "")]);
    #[rustfmt::skip]
    let cases = [
        ("gzip as CSV", "list.csv", gzip(LIST), "meant to be CSV and holds gzip data; if it is a compressed list, let its name end in .csv.gz"),
        ("zstd as CSV", "list.csv", zstd(LIST), "meant to be CSV and holds zstd data; if it is a compressed list, let its name end in .csv.zst"),
        ("a workbook as CSV", "list.csv", workbook.clone(), "meant to be CSV and holds a zip archive or an .xlsx workbook; if it is a workbook"),
        ("gzip without an ending", "list", gzip(LIST), "meant to be CSV and holds gzip data"),
        ("an old workbook as CSV", "list.csv", b"\xD0\xCF\x11\xE0\xA1\xB1".to_vec(), "meant to be CSV and holds an .xls workbook"),
        ("CSV as gzip", "list.csv.gz", LIST.into(), "meant to be gzip data and holds plain text; let its name end in .csv"),
        ("nothing as gzip", "list.csv.gz", Vec::new(), "meant to be gzip data and holds nothing"),
        ("zstd as gzip", "list.csv.gz", zstd(LIST), "meant to be gzip data and holds zstd data"),
        ("HTML as gzip", "list.csv.gz", b"<html>".to_vec(), "meant to be gzip data and holds an HTML page"),
        ("CSV as zstd", "list.csv.zst", LIST.into(), "meant to be zstd data and holds plain text"),
        ("gzip as zstd", "list.csv.zst", gzip(LIST), "meant to be zstd data and holds gzip data"),
        ("noise as zstd", "list.csv.zst", b"\0\xFF\0".to_vec(), "meant to be zstd data and holds something else"),
        ("HTML in gzip", "list.csv.gz", gzip("<!DOCTYPE html>"), "meant to be gzip data of CSV and holds gzip data of an HTML page"),
        ("a workbook in gzip", "list.csv.gz", gzip(&workbook), "gzip data of a zip archive or an .xlsx workbook; unpack it"),
        ("gzip in gzip", "list.csv.gz", gzip(gzip(LIST)), "holds gzip data of gzip data"),
        ("a PDF in zstd", "list.csv.zst", zstd("%PDF-1.7"), "meant to be zstd data of CSV and holds zstd data of a PDF"),
        ("NUL in the header, in gzip", "list.csv.gz", gzip("phone,na\0me\n"), "holds binary data"),
    ];
    for (what, name, content, says) in cases {
        let error = refusal(name, content);
        assert_eq!(error.exit_code(), 2, "{what}: {error}");
        let said = error.to_string();
        assert!(said.contains(name) && said.contains(says), "{what}: {said}");
    }
}

#[test]
fn a_compressed_list_that_is_cut_anywhere_is_refused() {
    // So many bytes make it certain what it was.
    for (name, whole, certain) in [("list.csv.gz", gzip(LIST), 2), ("list.csv.zst", zstd(LIST), 4)] {
        for end in 0..whole.len() {
            let error = refusal(name, &whole[..end]);
            assert_eq!(error.exit_code(), 2, "{name} cut at {end}: {error}");
            let says = if end < certain { "and holds" } else { "the tail is missing" };
            assert!(error.to_string().contains(says), "{name} cut at {end}: {error}");
        }
    }
}

#[test]
fn what_is_left_of_a_list_behind_its_cut_is_never_used() {
    let mut list = "phone,name\n".to_owned();
    for row in 0..50_000 {
        list.push_str(&format!("{},{row}\n", 61_491_570_000_u64 + row));
    }
    for (name, mut packed) in [("list.csv.gz", gzip(&list)), ("list.csv.zst", zstd(&list))] {
        packed.truncate(packed.len() / 2);
        let said = refusal(name, packed).to_string();
        assert!(said.contains("the tail is missing: the "), "{said}");
        assert!(said.contains("was cut or damaged; nothing of it was used, fetch it again"), "{said}");
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused_or_changes_nothing() {
    let (plain, _) = World::pass(LIST, TEXT, "").expect("a list");
    for (name, whole) in [("list.csv.gz", gzip(LIST)), ("list.csv.zst", zstd(LIST))] {
        for place in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[place] ^= 1 << (place % 8);
            match World::pass_of(name, flipped, TEXT, "") {
                Ok((preview, _)) => assert_eq!(preview.plan_hash, plain.plan_hash, "{name} at {place}"),
                Err(error) => assert_eq!(error.exit_code(), 2, "{name} at {place}: {error}"),
            }
        }
    }
}

#[test]
fn garbage_behind_the_end_is_refused() {
    for (name, list) in [("list.csv.gz", gzip(LIST)), ("list.csv.zst", zstd(LIST))] {
        let error = refusal(name, [&list[..], b"garbage that is nothing"].concat());
        assert_eq!(error.exit_code(), 2, "{name}");
        assert!(error.to_string().contains("is damaged"), "{error}");
    }
}

#[test]
fn a_bomb_stops_at_the_limit_that_it_names() {
    // Blank lines are no rows, so that nothing else stops it.
    let lines = vec![b'\n'; 80 * 1024 * 1024];
    let bomb = [LIST.as_bytes(), &lines].concat();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&bomb).expect("written");
    for (name, list) in [("list.csv.gz", gzip.finish().expect("gzip data")), ("list.csv.zst", zstd(&bomb))] {
        assert!(list.len() < 90_000, "{name} is {} bytes", list.len());
        let error = refusal(name, list);
        assert_eq!(error.exit_code(), 2, "55 {name}: {error}");
        assert!(error.to_string().contains("unpacks to more than 1,000 times its size"), "{error}");
    }
}

#[test]
fn a_list_of_few_different_lines_is_no_bomb() {
    let list = format!("phone,name\n{}", "0491570006,Ann\n".repeat(200_000));
    for (name, packed) in [("list.csv.gz", gzip(&list)), ("list.csv.zst", zstd(&list))] {
        let (preview, _) = World::pass_of(name, packed, TEXT, "").expect(name);
        assert_eq!((preview.rows, preview.accepted, preview.duplicates), (200_000, 1, 199_999), "{name}");
    }
}

#[test]
fn zstd_that_needs_more_memory_than_the_zstd_command_gives_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("an encoder");
    encoder.set_parameter(zstd::zstd_safe::CParameter::WindowLog(28)).expect("a setting");
    encoder.write_all(LIST.as_bytes()).expect("written");
    let said = refusal("list.csv.zst", encoder.finish().expect("zstd data")).to_string();
    assert!(said.contains("more than 128 MiB of memory; compress it again without --long"), "{said}");
}

#[test]
fn suppression_lists_may_be_compressed_too() {
    let world = World::new();
    world.write("list.csv", LIST);
    world.write("out.csv.gz", gzip("phone\n0491570156\n"));
    let campaign = world.campaign(TEXT, "suppress = [\"out.csv.gz\"]\n");
    let (preview, _) = crate::world::run(&campaign, &crate::world::offer()).expect("lists");
    assert_eq!((preview.accepted, preview.suppressed), (1, 1));
}
