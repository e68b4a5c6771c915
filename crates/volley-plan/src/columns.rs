//! Header names: which column is the number's, and whether the names tell columns apart.

use crate::{
    SourceError,
    template::same_name,
    words::{listed, nearest, shown},
};
use volley_core::{Msisdn, Region};

/// Header names that hold a number, in the form [`normalised`] gives.
const NUMBER_NAMES: [&str; 67] = [
    "msisdn",
    "phone",
    "phones",
    "phonenumber",
    "phoneno",
    "mobile",
    "mobilenumber",
    "mobileno",
    "mobilephone",
    "number",
    "cell",
    "cellphone",
    "cellnumber",
    "tel",
    "telno",
    "telephone",
    "telephonenumber",
    "recipient",
    "recipientnumber",
    "contactnumber",
    "to",
    // German, French, Italian, Spanish, Portuguese, Dutch
    "handy",
    "handynummer",
    "telefon",
    "telefonnummer",
    "mobil",
    "mobilnummer",
    "mobiltelefon",
    "portable",
    "téléphone",
    "cellulare",
    "telefono",
    "teléfono",
    "móvil",
    "movil",
    "celular",
    "telefone",
    "telefoon",
    // Thai, Chinese, Japanese, Vietnamese
    "โทรศัพท์",
    "เบอร์",
    "เบอร์โทร",
    "เบอร์โทรศัพท์",
    "手机",
    "电话",
    "電話番号",
    "điệnthoại",
    "número",
    "numero",
    "numerodetelefono",
    "númerodeteléfono",
    "numéro",
    "numérodetéléphone",
    "telefoonnummer",
    "puhelin",
    "puhelinnumero",
    "numertelefonu",
    "номер",
    "номертелефона",
    "手机号",
    "手机号码",
    "電話",
    "携帯",
    "携帯電話",
    "전화번호",
    "휴대폰",
    "رقمالهاتف",
    "sốđiệnthoại",
];

/// A header cell without blanks and marks around it; `None` where it is not UTF-8.
pub(crate) fn trimmed(cell: &[u8]) -> Option<String> {
    let text = str::from_utf8(cell).ok()?;
    Some(text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{FEFF}' | '\u{200B}')).to_owned())
}

/// Whether a column's name says that it holds numbers.
pub(crate) fn is_number_name(name: &str) -> bool {
    NUMBER_NAMES.contains(&normalised(name).as_str())
}

/// Lower case, without spaces, dashes, underscores and dots.
fn normalised(name: &str) -> String {
    name.to_lowercase().chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '_' | '.')).collect()
}

/// Whether `header` has a column for the number: one of `wanted`, or one by its name.
pub(crate) fn has_number(header: &[String], wanted: &[String]) -> bool {
    if wanted.is_empty() {
        header.iter().any(|name| is_number_name(name))
    } else {
        wanted.iter().all(|name| position(header, name).is_some())
    }
}

fn position(header: &[String], name: &str) -> Option<usize> {
    header.iter().position(|column| same_name(column, name))
}

/// Refuses a header in which a name stands for two columns. Empty names cannot be used and may
/// repeat.
pub(crate) fn check_names(file: &str, header: &[String]) -> Result<(), SourceError> {
    let twice = header
        .iter()
        .enumerate()
        .find(|(index, name)| !name.is_empty() && position(&header[..*index], name).is_some());
    match twice {
        Some((_, name)) => Err(SourceError::DuplicateColumn { file: file.to_owned(), name: shown(name) }),
        None => Ok(()),
    }
}

/// A cell that holds somebody's number, with its last two digits alone.
fn masked(cell: &str) -> String {
    let digits = cell.chars().filter(|one| one.is_numeric()).count();
    let mut seen = 0;
    let one = |character: char| {
        seen += usize::from(character.is_numeric());
        if character.is_numeric() && seen + 2 <= digits { '·' } else { character }
    };
    shown(&cell.chars().map(one).collect::<String>())
}

/// The columns that hold the number, in the order they are tried.
pub(crate) fn number_columns(
    file: &str,
    header: &[String],
    wanted: &[String],
    region: Option<Region>,
) -> Result<Vec<usize>, SourceError> {
    let file = file.to_owned();
    let found: Vec<usize> = if wanted.is_empty() {
        (0..header.len()).filter(|&index| is_number_name(&header[index])).collect()
    } else {
        wanted.iter().filter_map(|name| position(header, name)).collect()
    };
    match found[..] {
        [_] if wanted.is_empty() => Ok(found),
        [_, _, ..] if wanted.is_empty() => {
            let candidates: Vec<&String> = found.iter().map(|&index| &header[index]).collect();
            Err(SourceError::SeveralNumberColumns { file, candidates: listed(&candidates) })
        }
        _ if !wanted.is_empty() && found.len() == wanted.len() => Ok(found),
        _ => {
            if let Some(cell) = header.iter().find(|cell| Msisdn::parse(cell, region).is_ok()) {
                return Err(SourceError::NoHeader { file, cell: masked(cell) });
            }
            let missing = wanted.iter().find(|name| position(header, name).is_none());
            Err(SourceError::NoNumberColumn {
                file,
                wanted: match missing {
                    Some(name) => format!("no column `{}` as recipients.number says", shown(name)),
                    None => "no column has a name that says it holds the number".to_owned(),
                },
                columns: listed(header),
                nearest: missing
                    .and_then(|name| nearest(name, header.iter().map(String::as_str)))
                    .map(|name| format!(", `{}` perhaps", shown(name)))
                    .unwrap_or_default(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(header: &[&str], wanted: &[&str]) -> Result<Vec<usize>, SourceError> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        number_columns("list.csv", &owned(header), &owned(wanted), "AU".parse().ok())
    }

    #[test]
    fn the_number_column_is_found_by_its_name_in_many_languages() {
        for name in [
            "msisdn",
            "Phone",
            "MOBILE",
            "number",
            "cell",
            "tel",
            "Telephone",
            "phone_number",
            "Mobile Number",
            "mobile-number",
            "recipient",
            "to",
            "Handy",
            "Telefon",
            "mobil",
            "portable",
            "móvil",
            "celular",
            "โทรศัพท์",
            "เบอร์",
            "手机号",
            "전화번호",
            "Номер телефона",
            "numéro de téléphone",
            "Numer telefonu",
            "Số điện thoại",
            "手机",
            "电话",
        ] {
            assert_eq!(columns(&["name", name, ""], &[]).ok(), Some(vec![1]), "{name}");
        }
    }

    #[test]
    fn set_columns_are_tried_in_their_own_order() {
        assert_eq!(columns(&["Home", "work", "phone"], &["WORK", "home "]).ok(), Some(vec![1, 0]));
    }

    #[test]
    fn what_is_not_certain_stops_and_lists_what_there_is() {
        for (header, wanted, message) in [
            (
                &["name", "city"][..],
                &[][..],
                "list.csv: no column has a name that says it holds the number; the columns are: name, city. Set \
                 recipients.number to the one that holds the number",
            ),
            (
                &["phone", "mobile"],
                &[],
                "list.csv: more than one column may hold the number: phone, mobile; set recipients.number to one, or \
                 to several in the order they shall be tried",
            ),
            (
                &["name", "fone"],
                &["phone"],
                "list.csv: no column `phone` as recipients.number says; the columns are: name, fone. Set \
                 recipients.number to the one that holds the number, `fone` perhaps",
            ),
            (
                &["0491 570 006", "Ann"],
                &[],
                "list.csv: no header row: the first row holds a number, ···· ··· ·06; put the columns' names above it",
            ),
        ] {
            assert_eq!(
                columns(header, wanted).err().map(|error| error.to_string()).as_deref(),
                Some(message)
            );
        }
    }

    #[test]
    fn a_name_stands_for_one_column_but_empty_names_may_repeat() {
        let check = |names: &[&str]| {
            check_names("x", &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).is_ok()
        };
        assert!(check(&["phone", "", "name", ""]));
        assert!(!check(&["phone", "Name", "name"]));
    }
}
