//! Numbers never to be sent to, and lists of numbers in general.
//!
//! A list is a CSV file or one number a line; its header is optional. Where a list leaves room
//! for doubt it is read the wide way: of several number columns, all count. An entry that is no
//! number is counted and said aloud, and stops nothing.

use crate::{
    Input, SourceError, columns,
    number_set::NumberSet,
    source::{Format, Records, Source},
    words::shown,
};
use std::path::PathBuf;
use volley_core::{Msisdn, NumberFault, Region};

/// Numbers never to be sent to, from any number of lists.
#[derive(Clone, Default)]
pub struct Suppressed {
    numbers: NumberSet,
    warnings: Vec<String>,
}

impl Suppressed {
    /// Whether `number` is on a list.
    pub fn contains(&self, number: Msisdn) -> bool {
        self.numbers.len() > 0 && self.numbers.contains(number)
    }

    /// How many different numbers are on the lists.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether no list names anybody.
    pub fn is_empty(&self) -> bool {
        self.numbers.len() == 0
    }

    /// All of them, in no order.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = Msisdn> {
        self.numbers.iter()
    }

    /// What a person should know about the lists, a sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Reads all lists. Numbers without a country code belong to `region`.
pub fn load(paths: &[PathBuf], region: Option<Region>) -> Result<Suppressed, SourceError> {
    let mut suppressed = Suppressed::default();
    for path in paths {
        read(&Input::File(path.clone()), region, &SUPPRESSES, &mut suppressed)?;
    }
    Ok(suppressed)
}

/// What is said of a list of numbers.
pub(crate) struct Words {
    /// What kind of list it is.
    pub(crate) what: &'static str,
    /// What its entries do that are no numbers.
    pub(crate) idle: &'static str,
    /// What to do about a workbook with several sheets.
    pub(crate) sheets: &'static str,
}

const SUPPRESSES: Words = Words {
    what: "suppression list",
    idle: "suppress nobody",
    sheets: "save each as a list of its own and name them all in recipients.suppress",
};

/// Reads one list of numbers into `into`.
pub(crate) fn read(
    input: &Input,
    region: Option<Region>,
    words: &Words,
    into: &mut Suppressed,
) -> Result<(), SourceError> {
    let Words { what, idle, sheets } = *words;
    let is_number = |cell: &String| Msisdn::parse(cell, region).is_ok();
    let makes_sense = |cells: &[String]| columns::has_number(cells, &[]) || cells.iter().any(is_number);
    let format = Format::found(&makes_sense);
    let mut records = match Records::open(&Source::Input(input), &format) {
        Err(SourceError::Empty { file }) => {
            into.warnings.push(format!("{file}: the {what} is empty"));
            return Ok(());
        }
        other => other?,
    };
    let first = records.first.clone();
    let holds_numbers: Vec<usize> = (0..first.len()).filter(|&index| is_number(&first[index])).collect();
    let has_header = holds_numbers.is_empty();
    let number_columns = if !has_header {
        holds_numbers
    } else if first.len() == 1 {
        vec![0]
    } else if columns::has_number(&first, &[]) {
        (0..first.len()).filter(|&index| columns::is_number_name(&first[index])).collect()
    } else {
        let file = records.file.clone();
        return Err(SourceError::NoNumberColumn {
            file,
            wanted: format!("no column of this {what} has a name that says it holds the number"),
            columns: crate::words::listed(&first),
            nearest: ", by naming it msisdn here".to_owned(),
        });
    };
    let expected = records.expected_rows().and_then(|rows| usize::try_from(rows).ok());
    into.numbers.expect(expected.unwrap_or(0));
    let mut unreadable = Unreadable::default();
    if !has_header {
        for &column in &number_columns {
            into.take(&first[column], region, 0, &mut unreadable);
        }
    }
    while let Some(row) = records.next()? {
        let row_number = u64::from(row.number.0);
        let found = number_columns.iter().filter_map(|&column| row.cells.get(column));
        for cell in found.map(String::from_utf8_lossy) {
            into.take(&cell, region, row_number, &mut unreadable);
        }
    }
    let others = records.other_sheets();
    if others > 0 {
        return Err(SourceError::SeveralSheets { file: records.file, what, others, remedy: sheets });
    }
    let notes = records.notes();
    into.warnings.extend(notes.into_iter().map(|note| format!("{}: {note}", records.file)));
    if let Some((row, entry)) = unreadable.first {
        let place = if row == 0 { "the first line".to_owned() } else { format!("row {row}") };
        into.warnings.push(format!(
            "{}: entries of this {what} that are not numbers and {idle}: {}; the first is `{entry}` in {place}",
            records.file, unreadable.count
        ));
    }
    Ok(())
}

/// Entries that are no numbers: how many, and the first with its row.
#[derive(Default)]
struct Unreadable {
    count: u64,
    first: Option<(u64, String)>,
}

impl Suppressed {
    fn take(&mut self, cell: &str, region: Option<Region>, row: u64, unreadable: &mut Unreadable) {
        match Msisdn::parse(cell, region) {
            Ok(parsed) => {
                self.numbers.insert(parsed.number);
            }
            Err(NumberFault::Empty) => {}
            Err(_) if self.take_several(cell, region) => {}
            Err(_) => {
                unreadable.count += 1;
                unreadable.first.get_or_insert_with(|| (row, shown(cell)));
            }
        }
    }
}

impl Suppressed {
    /// Takes all numbers of a cell that holds several and nothing else; whether it does.
    fn take_several(&mut self, cell: &str, region: Option<Region>) -> bool {
        let parts = || cell.split([',', ';', '/', '\n', '|']).map(str::trim).filter(|part| !part.is_empty());
        let numbers = || parts().map(|part| Msisdn::parse(part, region));
        if parts().count() < 2 || numbers().any(|number| number.is_err()) {
            return false;
        }
        for parsed in numbers().flatten() {
            self.numbers.insert(parsed.number);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Suppressed, SourceError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("optouts.csv");
        std::fs::write(&path, text).expect("written");
        load(&[path], "AU".parse().ok())
    }

    /// Whether a list names exactly these.
    fn names(text: &str, numbers: &[u64]) -> bool {
        let list = read_text(text).unwrap_or_else(|error| panic!("{error}"));
        let number = |digits| Msisdn::from_digits(digits).expect("a number");
        list.len() == numbers.len() && numbers.iter().all(|&digits| list.contains(number(digits)))
    }

    #[test]
    fn every_usual_shape_of_a_list_is_read() {
        let two = [61_491_570_006, 61_491_570_156];
        for text in [
            "0491570006\n0491570156\n",
            "+61 491 570 006\r\n\r\n0491-570-156",
            "opted out\n0491570006\n0491570156\n",
            "phone\n0491570006\n0491570156\n",
            "name;phone\nAnn;0491570006\nBo;0491570156\n",
            "0491570006,Ann\n0491570156,Bo\n",
            "phone,mobile\n0491570006,0491570156\n",
            "0491570006\nn/a\n0491570156\n0491570156\n",
            "phone\n\"0491570006, 0491570156\"\n",
            "phone;name\n0491570006 / +61 491 570 156;Ann\n",
        ] {
            assert!(names(text, &two), "{text:?}");
        }
        assert!(read_text("").is_ok_and(|list| list.is_empty() && list.warnings().len() == 1));
    }

    #[test]
    fn entries_that_are_no_numbers_are_counted_and_the_first_is_shown() {
        let list = read_text("0491570006\nask Bob\n12\n").expect("a list");
        assert_eq!(list.len(), 1);
        let [warning] = list.warnings() else { panic!("{:?}", list.warnings()) };
        assert!(warning.ends_with(
            "entries of this suppression list that are not numbers and suppress nobody: 2; the first is `ask Bob` in row 1"
        ));
    }

    #[test]
    fn a_list_that_might_suppress_nobody_by_mistake_stops() {
        for text in ["name,city\nAnn,Perth\n", "0491570006\n\"0491570156\n0491570157\n"] {
            assert!(read_text(text).is_err_and(|error| error.exit_code() == 2), "{text:?}");
        }
        let missing = load(&[PathBuf::from("/nowhere/optouts.csv")], None);
        assert!(missing.is_err_and(|error| error.exit_code() == 10));
    }
}
