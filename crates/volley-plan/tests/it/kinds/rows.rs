//! The kinds that are about a row: the line, and what must come out of it.
//!
//! A comma stands for the list's delimiter, whatever it is, between cells and inside quotes.

use super::Comes::{self, Mended, Rejected, Sent, Skipped, Suppressed};
use std::borrow::Cow;

/// A row of a list with the columns `phone` and `name`.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Its number on the page of kinds, and in words.
    pub(crate) kind: &'static str,
    pub(crate) line: Cow<'static, [u8]>,
    pub(crate) comes: Comes,
    /// Quotes inside fields that are not quoted, which are kept and said aloud.
    pub(crate) stray_quotes: u64,
}

const fn row(kind: &'static str, line: &'static [u8], comes: Comes) -> Row {
    Row { kind, line: Cow::Borrowed(line), comes, stray_quotes: 0 }
}

impl Row {
    const fn with_stray_quotes(mut self, stray_quotes: u64) -> Self {
        self.stray_quotes = stray_quotes;
        self
    }
}

/// A fixed line, which is sent to with a warning.
pub(crate) const FIXED_LINE: u64 = 61_255_501_234;
/// What the suppression list of every pass holds, in another spelling than the lists' own.
pub(crate) const OPTED_OUT: &str = "+61 491 570 159\n";

/// Nothing is wrong with these.
#[rustfmt::skip]
pub(crate) static SOUND: [Row; 3] = [
    row("a sound row",    b"0491570006,Ann",                   Sent(61_491_570_006, "Ann")),
    row("a quoted value", b"+61 491 570 156,\"Lee, Bo\"",      Sent(61_491_570_156, "Lee, Bo")),
    row("doubled quotes", b"61491570157,\"Chai \"\"C\"\" X\"", Sent(61_491_570_157, "Chai \"C\" X")),
];

/// A sound row that goes on over three lines.
pub(crate) static OVER_LINES: Row =
    row("16 quoted lines", b"0491571266,\"Ann\nLee\r\nX\"", Sent(61_491_571_266, "Ann\nLee\nX"));

/// One line a kind. Numbers are those of the page.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("3 a second header",                          b"phone,name",                           Rejected("phone", "invalid_number")),
    row("5 byte-order mark in the middle",            "\u{FEFF}0491570110,Eve".as_bytes(),     Mended(61_491_570_110, "Eve", "invisible_marks")),
    row("7 Latin-1 bytes in a UTF-8 file",            b"0491570158,Ren\xE9",                   Rejected("", "bad_utf8")),
    row("7 Latin-1 bytes in the number",              b"0491570158\xA0,Dao",                   Rejected("", "bad_utf8")),
    row("7 half a character, mended by nothing",      b"0491570158\xC3,\xA9",                  Rejected("", "bad_utf8")),
    row("7 text lost before it came to us",           "0491570158,\u{FFFD}ao".as_bytes(),      Rejected("name", "bad_utf8")),
    row("8 NUL in the number",                        b"0491570158\0,Dao",                     Rejected("phone", "invalid_number")),
    row("8 NUL in a value",                           b"0491570158,D\0ao",                     Rejected("name", "unsafe_variable")),
    row("12 Ctrl-Z",                                  b"\x1A",                                 Rejected("", "field_count")),
    row("12 Ctrl-Z behind a row",                     b"0491570158,Dao\x1A",                   Rejected("name", "unsafe_variable")),
    row("12 zeros",                                   b"\0\0\0\0\0\0\0\0",                     Rejected("", "field_count")),
    row("12 garbage",                                 b"\x01\x02\xFF\xFE\x00\x93,\x80",        Rejected("", "bad_utf8")),
    row("16 a quoted line that looks like a row",     b"0491571491,\"Ann\n0491570006,Bo\"",    Sent(61_491_571_491, "Ann\n0491570006,Bo")),
    row("17 stray quote",                             b"0491571804,5\" Ann",                   Sent(61_491_571_804, "5\" Ann")).with_stray_quotes(1),
    row("17 stray quotes around a word",              b"0491572549,Bo \"B\"",                  Sent(61_491_572_549, "Bo \"B\"")).with_stray_quotes(2),
    row("17 stray quote before a delimiter",          b"0491572665\",Dao",                     Rejected("phone", "invalid_number")).with_stray_quotes(1),
    row("18 text after a closing quote",              b"0491570158,\"Dao\"x",                  Rejected("", "bad_quotes")),
    row("18 a space after a closing quote",           b"\"0491570158\" ,Dao",                  Rejected("", "bad_quotes")),
    row("19 backslash-escaped quote",                 b"0491570158,\"D \\\"ao\\\" x\"",        Rejected("", "bad_quotes")),
    row("20 single-quoted fields",                    b"'0491570158','Dao'",                   Rejected("phone", "invalid_number")),
    row("20 a single-quoted value",                   b"0491570158,'Dao'",                     Rejected("name", "bad_quotes")),
    row("20 single quotes around a delimiter",        b"0491570158,'Dao, X'",                  Rejected("", "field_count")),
    row("21 row too short",                           b"0491570158",                           Rejected("", "field_count")),
    row("22 row too long",                            b"0491570158,Dao,x",                     Rejected("", "field_count")),
    row("23 trailing delimiter that the header lacks", b"0491570158,Dao,",                     Rejected("", "field_count")),
    row("24 blank line",                              b"",                                     Skipped),
    row("24 line of spaces",                          b"   ",                                  Skipped),
    row("25 comment line",                            b"# all of Perth",                       Rejected("", "field_count")),
    row("25 comment line with a delimiter",           b"# all of, Perth",                      Rejected("phone", "invalid_number")),
    row("31 number empty",                            b",Dao",                                 Rejected("phone", "empty_number")),
    row("31 number blank",                            b"  ,Dao",                               Rejected("phone", "empty_number")),
    row("31 number of a non-breaking space",          "\u{A0},Dao".as_bytes(),                 Rejected("phone", "empty_number")),
    row("31 number in empty quotes",                  b"\"\",Dao",                             Rejected("phone", "empty_number")),
    row("31 delimiters alone",                        b",",                                    Rejected("phone", "empty_number")),
    row("32 letters",                                 b"ask Dao,Dao",                          Rejected("phone", "invalid_number")),
    row("32 letters for digits",                      b"1800 FLOWERS,Dao",                     Rejected("phone", "invalid_number")),
    row("33 too short",                               b"0491 570,Dao",                         Rejected("phone", "invalid_number")),
    row("33 too long",                                b"+6149157015811,Dao",                   Rejected("phone", "invalid_number")),
    row("34 + in the middle",                         b"61+491570158,Dao",                     Rejected("phone", "invalid_number")),
    row("34 two +",                                   b"++61491570158,Dao",                    Rejected("phone", "invalid_number")),
    row("34 a dash in front",                         b"-61491570158,Dao",                     Rejected("phone", "invalid_number")),
    row("35 international prefix of the region",      b"0011 61 491 570 110,Eve",              Sent(61_491_570_110, "Eve")),
    row("35 national prefix",                         b"0491570110,Eve",                       Sent(61_491_570_110, "Eve")),
    row("35 another region's international prefix",   b"00 61 491 570 158,Dao",                Rejected("phone", "invalid_number")),
    row("36 spaces, dots, dashes, brackets",          b"(04.91) 570-110,Eve",                  Sent(61_491_570_110, "Eve")),
    row("37 non-breaking spaces",                     "0491\u{A0}570\u{A0}110,Eve".as_bytes(), Mended(61_491_570_110, "Eve", "invisible_marks")),
    row("37 zero-width marks",                        "\u{200B}0491570110,Eve".as_bytes(),     Mended(61_491_570_110, "Eve", "invisible_marks")),
    row("38 full-width digits",                       "０４９１５７０１１０,Eve".as_bytes(),      Mended(61_491_570_110, "Eve", "foreign_digits")),
    row("38 Arabic-Indic digits",                     "٠٤٩١٥٧٠١١٠,Eve".as_bytes(),              Mended(61_491_570_110, "Eve", "foreign_digits")),
    row("39 shortened by a spreadsheet",              b"6.14E+10,Dao",                         Rejected("phone", "spreadsheet_number")),
    row("39 rounded by a spreadsheet",                b"6149157000661490000000,Dao",           Rejected("phone", "rounded_number")),
    row("39 a spreadsheet's error",                   b"#N/A,Dao",                             Rejected("phone", "spreadsheet_error")),
    row("40 decimal tail",                            b"61491570110.0,Eve",                    Mended(61_491_570_110, "Eve", "decimal_tail")),
    row("40 written as a formula",                    b"\"=\"\"0491570110\"\"\",Eve",          Mended(61_491_570_110, "Eve", "formula_text")),
    row("40 written as a formula, quotes not doubled", b"=\"0491570110\",Eve",                 Mended(61_491_570_110, "Eve", "formula_text")).with_stray_quotes(2),
    row("40 an apostrophe in front",                  b"'0491570110,Eve",                      Mended(61_491_570_110, "Eve", "apostrophe")),
    row("41 leading zero lost, certain by region",    b"491570110,Eve",                        Mended(61_491_570_110, "Eve", "leading_zero")),
    row("41 leading zero lost, another country",      b"812345678,Dao",                        Rejected("phone", "invalid_number")),
    row("42 two numbers, a slash",                    b"0491570158/0491570313,Dao",            Rejected("phone", "invalid_number")),
    row("42 two numbers, a line end",                 b"\"0491570158\n0491570313\",Dao",       Rejected("phone", "invalid_number")),
    row("42 two numbers, a delimiter",                b"\"0491570158,0491570313\",Dao",        Rejected("phone", "invalid_number")),
    row("43 landline",                                b"02 5550 1234,Dao",                     Sent(FIXED_LINE, "Dao")),
    row("43 short code",                              b"13 11 11 1,Dao",                       Rejected("phone", "invalid_number")),
    row("43 premium",                                 b"+449098790000,Dao",                    Rejected("phone", "number_type")),
    row("44 a sound row's number in another spelling", b"+61 (0)491 570 006,Anne",             Sent(61_491_570_006, "Anne")),
    row("45 on a suppression list",                   b"0491570159,Dao",                       Suppressed),
    row("45 on a suppression list, nothing to write", b"0491570159,",                          Suppressed),
    row("46 merge field empty",                       b"0491570158,",                          Rejected("name", "empty_variable")),
    row("46 merge field blank",                       b"0491570158,  ",                        Rejected("name", "empty_variable")),
    row("48 template syntax in a value",              b"0491572983,{{name}}",                  Sent(61_491_572_983, "{{name}}")),
    row("49 escape characters",                       b"0491570158,\x1B[31mDao",               Rejected("name", "unsafe_variable")),
    row("49 a tab",                                   b"0491570158,\tDao",                     Rejected("name", "unsafe_variable")),
    row("49 a carriage return in quotes",             b"0491570158,\"Da\ro\"",                 Rejected("name", "unsafe_variable")),
    row("49 bidi marks",                              "0491570158,\u{202E}Dao".as_bytes(),     Rejected("name", "unsafe_variable")),
    row("50 one emoji",                               "0491573770,😀".as_bytes(),              Sent(61_491_573_770, "😀")),
    row("52 a formula",                               b"0491573087,=1+1",                      Sent(61_491_573_087, "=1+1")),
    row("52 a plus",                                  b"0491574118,+1",                        Sent(61_491_574_118, "+1")),
    row("52 a minus",                                 b"0491574632,-1",                        Sent(61_491_574_632, "-1")),
    row("52 an at sign",                              b"0491575254,@A1",                       Sent(61_491_575_254, "@A1")),
];

/// Every kind of row: those of the table, and those that are too long to be written out.
pub(crate) fn rows() -> Vec<Row> {
    let long =
        |kind, line: String, comes| Row { line: Cow::Owned(line.into_bytes()), ..row(kind, b"", comes) };
    let mut rows = ROWS.to_vec();
    rows.extend([
        OVER_LINES.clone(),
        long("22 10,000 fields", format!("0491570158{}", ",x".repeat(9_999)), Rejected("", "field_count")),
        long(
            "47 merge field over 10 KiB",
            format!("0491570158,{}", "x".repeat(10 * 1024 + 1)),
            Rejected("name", "long_variable"),
        ),
        long(
            "51 text over max_segments",
            format!("0491570158,{}", "many words ".repeat(150)),
            Rejected("phone", "too_long"),
        ),
    ]);
    rows
}
