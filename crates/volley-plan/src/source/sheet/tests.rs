//! Workbooks of random cells, read here and by calamine, which holds whole sheets in memory and
//! reads them another way; and workbooks that were damaged at every place.

use super::*;
use crate::source::{
    SourceError,
    open::{Opened, SourceFault},
};
use calamine::{DataRef, Reader as _, ReaderRef as _};
use proptest::{
    prelude::{Strategy, prop_oneof},
    test_runner::{Config, TestRunner},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{Seek, SeekFrom, Write},
    path::Path,
};

/// What is in one cell.
#[derive(Clone, Debug)]
enum Typed {
    Nothing,
    Text(String),
    Number(f64),
    Truth(bool),
    /// Days and seconds.
    Moment(u16, u32),
    /// The value of a formula.
    Computed(String),
}

fn cell() -> impl Strategy<Value = Typed> {
    let text = || {
        prop_oneof![
            "[a-zA-Zéß0-9 <>&\"']{1,8}",
            "[ก-๙]{1,4} 😀",
            "_x00(41|0D|5F)_[a-z]?",
            " [a-z]{1,3}\n[a-z]{1,3}  ",
        ]
    };
    prop_oneof![
        3 => proptest::strategy::Just(Typed::Nothing),
        3 => text().prop_map(Typed::Text),
        1 => (0..10_u64.pow(17)).prop_map(|whole| Typed::Number(whole as f64)),
        1 => (61_000_000_000..62_000_000_000_u64).prop_map(|number| Typed::Number(number as f64)),
        1 => (-1e9..1e9).prop_map(Typed::Number),
        1 => (0_u8..2).prop_map(|truth| Typed::Truth(truth == 1)),
        1 => (1_u16..60_000, 0..86_400_u32).prop_map(|(day, second)| Typed::Moment(day, second)),
        1 => text().prop_map(Typed::Computed),
    ]
}

/// A sheet of these rows below a header that is as wide as any of them.
fn xlsx(rows: &[Vec<Typed>], in_table: bool) -> Vec<u8> {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = if in_table {
        workbook.add_worksheet()
    } else {
        workbook.add_worksheet_with_constant_memory().expect("a sheet")
    };
    let format = rust_xlsxwriter::Format::new().set_num_format("dd/mm/yyyy hh:mm");
    for column in 0..WIDTH {
        sheet.write(0, column, format!("column {column}")).expect("written");
    }
    for (row, cells) in (1..).zip(rows) {
        for (column, typed) in (0..).zip(cells) {
            match typed {
                Typed::Nothing => continue,
                Typed::Text(text) => sheet.write(row, column, text),
                Typed::Number(number) => sheet.write(row, column, *number),
                Typed::Truth(truth) => sheet.write(row, column, *truth),
                Typed::Moment(day, second) => {
                    let days = f64::from(*day) + f64::from(*second) / 86_400.0;
                    sheet.write_number_with_format(row, column, days, &format)
                }
                Typed::Computed(value) => {
                    sheet.write(row, column, rust_xlsxwriter::Formula::new("=A1&\"\"").set_result(value))
                }
            }
            .expect("written");
        }
    }
    workbook.save_to_buffer().expect("a workbook")
}

const WIDTH: u16 = 4;

/// The texts in a sheet by row and column, both from 0.
type Texts = BTreeMap<(u64, usize), String>;

/// The header and the rows of a workbook as they are read here.
fn read(path: &Path) -> Result<Texts, SourceError> {
    let file = path.display().to_string();
    let Opened::Workbook(mut blocks) = Opened::file(path, None)? else { panic!("{file} is no workbook") };
    let mut texts = Texts::new();
    let mut block = Block::default();
    loop {
        blocks.fill(&mut block).map_err(|error| SourceError::of_read(&file, error))?;
        if block.len() == 0 {
            return Ok(texts);
        }
        for row in block.rows() {
            for (column, cell) in row.cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                let text = String::from_utf8(cell.to_vec()).expect("a sheet is UTF-8");
                texts.insert((row.line - 1, column), text);
            }
        }
    }
}

/// The same by calamine. Rows of blanks alone are none.
fn read_by_calamine(path: &Path) -> Texts {
    let mut workbook: calamine::Xlsx<_> = calamine::open_workbook(path).expect("a workbook");
    let sheets = workbook.sheet_names();
    let range = workbook.worksheet_range_ref(&sheets[0]).expect("a sheet");
    let mut texts = Texts::new();
    for (row, column, cell) in range.cells() {
        let text = match cell {
            DataRef::Empty => continue,
            DataRef::String(text) => text.clone(),
            DataRef::SharedString(text) => (*text).to_owned(),
            DataRef::Float(number) if number.abs() < 1e15 => number.to_string(),
            DataRef::Float(number) => format!("{number:E}").replace('E', "E+"),
            DataRef::Bool(truth) => truth.to_string().to_uppercase(),
            DataRef::DateTime(moment) => {
                let (year, month, day, hour, minute, second, millis) = moment.to_ymd_hms_milli();
                assert_eq!(millis, 0);
                match (hour, minute, second) {
                    (0, 0, 0) => format!("{year}-{month:02}-{day:02}"),
                    _ => format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"),
                }
            }
            other => panic!("{other:?} was never written"),
        };
        if !text.is_empty() {
            texts.insert((row as u64, column), text);
        }
    }
    let is_blank = |text: &String| text.chars().all(|sign| matches!(sign, ' ' | '\t'));
    let rows: BTreeSet<u64> =
        texts.iter().filter(|(_, text)| !is_blank(text)).map(|((row, _), _)| *row).collect();
    texts.retain(|(row, _), _| rows.contains(row));
    texts
}

#[test]
fn calamine_reads_the_same_in_any_workbook() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("list.xlsx");
    let rows = proptest::collection::vec(proptest::collection::vec(cell(), 0..=usize::from(WIDTH)), 0..6);
    TestRunner::new(Config { failure_persistence: None, ..Config::default() })
        .run(&(rows, proptest::bool::ANY), |(rows, in_table)| {
            fs::write(&path, xlsx(&rows, in_table)).expect("written");
            let texts = read(&path).expect("a sound workbook");
            proptest::prop_assert_eq!(texts, read_by_calamine(&path));
            Ok(())
        })
        .expect("the same");
}

/// A sheet of one number, not compressed.
fn ods() -> Vec<u8> {
    let content = "<office:document-content><office:body><office:spreadsheet><table:table table:name=\"list\">\
                   <table:table-row><table:table-cell office:value-type=\"string\"><text:p>phone</text:p>\
                   </table:table-cell></table:table-row><table:table-row><table:table-cell \
                   office:value-type=\"float\" office:value=\"61491570006\"/></table:table-row></table:table>\
                   </office:spreadsheet></office:body></office:document-content>";
    let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in
        [("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", content)]
    {
        zip.start_file(name, stored).expect("a part");
        zip.write_all(content.as_bytes()).expect("written");
    }
    zip.finish().expect("an archive").into_inner()
}

/// Small workbooks of both kinds.
fn workbooks() -> [(&'static str, Vec<u8>); 2] {
    let rows = [vec![Typed::Text("Ann".to_owned()), Typed::Moment(46_357, 0)]];
    [("list.xlsx", xlsx(&rows, true)), ("list.ods", ods())]
}

/// Whether the workbook was found not to be one, or not to be whole.
fn is_refusal(error: &SourceError) -> bool {
    let SourceError::Fault { fault, .. } = error else { return false };
    matches!(
        fault,
        SourceFault::Cut { .. }
            | SourceFault::Damaged { .. }
            | SourceFault::OtherContent { .. }
            | SourceFault::Password
            | SourceFault::TooLarge { .. }
    )
}

#[test]
fn a_workbook_that_is_cut_anywhere_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, whole) in workbooks() {
        let path = folder.path().join(name);
        fs::write(&path, &whole).expect("written");
        let file = File::options().write(true).open(&path).expect("a file");
        for end in (0..whole.len()).rev() {
            file.set_len(end as u64).expect("cut");
            let error = read(&path).expect_err("cut");
            assert!(is_refusal(&error), "{name} cut at {end}: {error}");
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused_or_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, whole) in workbooks() {
        let path = folder.path().join(name);
        fs::write(&path, &whole).expect("written");
        let texts = read(&path).expect("a sound workbook");
        let mut file = File::options().write(true).open(&path).expect("a file");
        let mut put = |place: usize, byte: u8| {
            file.seek(SeekFrom::Start(place as u64)).expect("a place");
            file.write_all(&[byte]).expect("written");
        };
        for (place, &byte) in whole.iter().enumerate() {
            put(place, byte ^ 1 << (place % 8));
            match read(&path) {
                Ok(read) => assert_eq!(read, texts, "{name} flipped at {place}"),
                Err(error) => assert!(is_refusal(&error), "{name} flipped at {place}: {error}"),
            }
            put(place, byte);
        }
    }
}

#[test]
fn a_sheet_is_read_a_block_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("list.xlsx");
    let person = |row: u32| {
        let number = Typed::Number(61_491_000_000.0 + f64::from(row.wrapping_mul(2_654_435_761) >> 12));
        vec![number, Typed::Text(format!("Person {row}"))]
    };
    let rows: Vec<Vec<Typed>> = (0..20_000).map(person).collect();
    fs::write(&path, xlsx(&rows, false)).expect("written");
    let Ok(Opened::Workbook(mut blocks)) = Opened::file(&path, None) else { panic!("no workbook") };
    let progress = blocks.progress();
    let (mut block, mut given) = (Block::default(), 0);
    loop {
        blocks.fill(&mut block).expect("a sound workbook");
        if block.len() == 0 {
            break;
        }
        given += block.len();
        assert!(block.len() <= BLOCK_ROWS && block.bytes.len() <= BLOCK_BYTES + 100);
        // What is read ahead is a piece of the archive, not the sheet.
        let share = progress.taken() as f64 / progress.size.expect("a file") as f64;
        assert!(share < given as f64 / 20_000.0 + 0.4, "{given} rows were given, {share} of the file read");
    }
    assert_eq!(given, 20_001);
}
