//! What holds of any bytes at all. The kinds of broken input, one by one, are in `kinds`.

use crate::world::World;
use proptest::prelude::*;
use volley_plan::Preview;

fn conserved(preview: &Preview) -> bool {
    preview.rows == preview.accepted + preview.duplicates + preview.suppressed + preview.rejected_total()
}

/// Bytes that look like a list with anything at all in it.
fn any_list() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"0491570006".to_vec()),
        Just(b"+61491570156".to_vec()),
        Just(b"n/a".to_vec()),
        Just(b",".to_vec()),
        Just(b",Ann".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\"".to_vec()),
        Just("ชื่อ".as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    let rest = proptest::collection::vec(piece, 0..60);
    (prop_oneof![Just("phone,name\n"), Just("name;phone\r\n"), Just("")], rest).prop_map(
        |(header, pieces)| {
            let mut bytes = header.as_bytes().to_vec();
            bytes.extend(pieces.into_iter().flatten());
            bytes
        },
    )
}

proptest! {
    #[test]
    fn counts_are_conserved_for_any_bytes(
        list in any_list(),
        duplicates in proptest::sample::select(vec!["first", "last", "fail"]),
    ) {
        let extra = format!("duplicates = \"{duplicates}\"\n");
        match World::pass(&list, "Hi {{name}}{{phone}}", &extra) {
            Ok((preview, _)) => prop_assert!(conserved(&preview)),
            Err(error) => prop_assert_eq!(error.exit_code(), 2, "{}", error),
        }
    }

    #[test]
    fn rows_of_sound_lists_are_all_there(
        names in proptest::collection::vec("[a-zA-Z \",\n;é]{0,12}", 0..30),
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["phone", "name"]).expect("in memory");
        for (name, index) in names.iter().zip(0..) {
            writer.write_record([&format!("+6149157{:04}", 6 + index), name]).expect("in memory");
        }
        let list = writer.into_inner().expect("in memory");
        let (preview, taken) = World::pass(list, "Hi {{name}}", "").expect("sound");
        prop_assert_eq!(preview.rows, names.len() as u64);
        for (row, _, text) in &taken.messages {
            prop_assert_eq!(text, &format!("Hi {}", names[*row as usize - 1]));
        }
        let blank = names.iter().filter(|name| name.trim().is_empty()).count();
        prop_assert_eq!(taken.rejects.len(), blank);
    }
}
