//! The kinds of the page that are about workbooks: which sheet and which rows (58), numbers (59),
//! formulas and errors (60), bombs (61); and what else may be wrong with one.

use crate::{
    archive::{Part, ods, ods_parts, xlsx, xlsx_parts, zip},
    compressed::{gzip, zstd},
    world::{Taken, World, offer, run},
};
use rust_xlsxwriter::{Format, Workbook};
use volley_plan::{PlanError, Preview};

const TEXT: &str = "Hi {{name}}";
/// The header's row.
const HEADER: &str = "<row r=\"1\"><c t=\"inlineStr\"><is><t>phone</t></is></c>\
                      <c t=\"inlineStr\"><is><t>name</t></is></c></row>";

/// One sheet of an .xlsx workbook with these rows below the header.
fn list_xlsx(rows: &str) -> Vec<u8> {
    xlsx(&[("list", "", &format!("{HEADER}{rows}"))])
}

fn ods_text(text: &str) -> String {
    format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>")
}

/// A table of an .ods workbook with these rows below the header.
fn ods_table(name: &str, attributes: &str, rows: &str) -> String {
    let header = format!("{}{}", ods_text("phone"), ods_text("name"));
    format!(
        "<table:table table:name=\"{name}\" {attributes}><table:table-row>{header}</table:table-row>{rows}</table:table>"
    )
}

fn read(name: &str, list: impl AsRef<[u8]>, extra: &str) -> (Preview, Taken) {
    World::pass_of(name, list, TEXT, extra).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn refusal(name: &str, list: impl AsRef<[u8]>, extra: &str) -> PlanError {
    World::pass_of(name, list, TEXT, extra).expect_err(name)
}

/// What became of the rows: a text, or the column and the word of a reject.
fn outcomes(taken: &Taken) -> Vec<String> {
    let texts = taken.messages.iter().map(|(row, _, text)| (*row, text.clone()));
    let rejects = taken.rejects.iter().map(|(row, column, word)| (*row, format!("{column}: {word}")));
    let mut outcomes: Vec<(u32, String)> = texts.chain(rejects).collect();
    outcomes.sort();
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// The same people everywhere: their names are in Western European code pages too.
const PEOPLE: [(f64, &str); 3] = [
    (61_491_570_006.0, "Chloé, \"Co\""),
    (61_491_570_156.0, "Jürgen\nMüller"),
    (61_491_570_157.0, "O'Brien"),
];

fn csv() -> String {
    let rows = PEOPLE.map(|(number, name)| format!("{number},\"{}\"\n", name.replace('"', "\"\"")));
    format!("phone,name\n{}", rows.concat())
}

/// The people in a sheet, their numbers as texts or as numbers.
fn written(as_texts: bool, in_table: bool) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = if in_table {
        workbook.add_worksheet()
    } else {
        workbook.add_worksheet_with_constant_memory().expect("a sheet")
    };
    sheet.write_row(0, 0, ["phone", "name"]).expect("written");
    for (row, (number, name)) in (1..).zip(PEOPLE) {
        if as_texts {
            sheet.write(row, 0, number.to_string()).expect("written");
        } else {
            sheet.write_with_format(row, 0, number, &Format::new().set_num_format("0")).expect("written");
        }
        sheet.write(row, 1, name).expect("written");
    }
    workbook.save_to_buffer().expect("a workbook")
}

fn people_ods() -> Vec<u8> {
    let rows = PEOPLE.map(|(number, name)| {
        let lines = name.replace('"', "&quot;").replace('\n', "</text:p><text:p>");
        format!(
            "<table:table-row><table:table-cell office:value-type=\"float\" office:value=\"{number:e}\">\
             <text:p>{number}</text:p></table:table-cell>{}</table:table-row>",
            ods_text(&lines)
        )
    });
    ods(&ods_table("list", "", &rows.concat()))
}

#[test]
fn the_same_list_in_any_encoding_packing_or_workbook_has_one_plan_hash() {
    let csv = csv();
    let (plain, _) = World::pass(&csv, TEXT, "").expect("a list");
    assert_eq!(plain.accepted, 3);
    let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        "\u{FEFF}".encode_utf16().chain(csv.encode_utf16()).flat_map(bytes).collect()
    };
    // Of the characters in it, Latin-1 and Windows-1252 have all in the same places.
    let windows_1252: Vec<u8> =
        csv.chars().map(|character| u8::try_from(u32::from(character)).expect("Latin-1")).collect();
    for (what, name, list, extra) in [
        ("UTF-8 with a mark", "list.csv", format!("\u{FEFF}{csv}").into_bytes(), ""),
        ("UTF-16LE", "list.csv", utf16(u16::to_le_bytes), ""),
        ("UTF-16BE", "list.csv", utf16(u16::to_be_bytes), ""),
        ("Windows-1252", "list.csv", windows_1252.clone(), "encoding = \"windows-1252\"\n"),
        ("gzip", "list.csv.gz", gzip(&csv), ""),
        ("gzip of Windows-1252", "list.csv.gz", gzip(&windows_1252), "encoding = \"windows-1252\"\n"),
        ("zstd", "list.csv.zst", zstd(&csv), ""),
        ("zstd of UTF-16LE", "list.csv.zst", zstd(utf16(u16::to_le_bytes)), ""),
        (".xlsx, numbers", "list.xlsx", written(false, true), ""),
        (".xlsx, texts", "list.xlsx", written(true, true), ""),
        (".xlsx, texts in their cells", "LIST.XLSX", written(true, false), ""),
        (".ods", "list.ods", people_ods(), ""),
    ] {
        let (preview, _) =
            World::pass_of(name, list, TEXT, extra).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(preview.plan_hash, plain.plan_hash, "{what}");
    }
}

#[test]
fn what_a_cell_of_an_xlsx_sheet_is() {
    #[rustfmt::skip]
    let cells = [
        ("a shared text",                "<c t=\"s\"><v>0</v></c>",                                          "Hi shared"),
        ("runs, and how they are read",  "<c t=\"s\"><v>1</v></c>",                                          "Hi Ann & Bo"),
        ("its own text",                 "<c t=\"inlineStr\"><is><t>Ann</t></is></c>",                       "Hi Ann"),
        ("blanks around a text",         "<c t=\"inlineStr\"><is><t xml:space=\"preserve\"> Ann </t></is></c>", "Hi  Ann "),
        ("references to characters",     "<c t=\"inlineStr\"><is><t>A&#x6e;&#110; &lt;3</t></is></c>",        "Hi Ann <3"),
        ("a section of plain characters", "<c t=\"inlineStr\"><is><t><![CDATA[<Ann>]]></t></is></c>",        "Hi <Ann>"),
        ("a character that XML escapes", "<c t=\"inlineStr\"><is><t>_x0041_nn_x00ZZ_</t></is></c>",          "Hi Ann_x00ZZ_"),
        ("template syntax",              "<c t=\"inlineStr\"><is><t>{{phone}}</t></is></c>",                 "Hi {{phone}}"),
        ("a whole number",               "<c><v>12</v></c>",                                                 "Hi 12"),
        ("a number with an exponent",    "<c><v>1.2E4</v></c>",                                              "Hi 12000"),
        ("a number with a fraction",     "<c t=\"n\"><v>12.5</v></c>",                                       "Hi 12.5"),
        ("a number as it is stored",     "<c><v>1.1000000000000001</v></c>",                                 "Hi 1.1"),
        ("a day",                        "<c s=\"1\"><v>46357</v></c>",                                      "Hi 2026-12-01"),
        ("a day and a time",             "<c s=\"1\"><v>46357.395833333336</v></c>",                         "Hi 2026-12-01T09:30:00"),
        ("hours beyond a day",           "<c s=\"2\"><v>1.5</v></c>",                                        "Hi 36:00:00"),
        ("a day in words of ISO 8601",   "<c t=\"d\"><v>2026-12-01T00:00:00</v></c>",                        "Hi 2026-12-01"),
        ("true",                         "<c t=\"b\"><v>1</v></c>",                                          "Hi TRUE"),
        ("false",                        "<c t=\"b\"><v>0</v></c>",                                          "Hi FALSE"),
        ("a prefix before every tag",    "<x:c t=\"str\"><x:v>Ann</x:v></x:c>",                              "Hi Ann"),
        ("no cell at all",               "",                                                                 "name: empty_variable"),
        ("an empty cell",                "<c/>",                                                             "name: empty_variable"),
        ("an empty value",               "<c t=\"str\"><v></v></c>",                                         "name: empty_variable"),
        ("a control character",          "<c t=\"str\"><v>Ann_x000D_</v></c>",                               "name: unsafe_variable"),
        ("60 a formula",                 "<c t=\"str\"><f>A1</f><v>Ann</v></c>",                             "name: computed_cell"),
        ("60 a shared formula",          "<c><f t=\"shared\" si=\"0\"/><v>12</v></c>",                       "name: computed_cell"),
        ("60 a formula never computed",  "<c><f>A1</f></c>",                                                 "name: computed_cell"),
        ("60 the same as others write it", "<c><f>A1</f><v></v></c>",                                        "name: computed_cell"),
        ("60 an error",                  "<c t=\"e\"><v>#N/A</v></c>",                                       "name: computed_cell"),
    ];
    for (what, cell, outcome) in cells {
        let row = format!("<row r=\"2\"><c><v>61491570006</v></c>{cell}</row>");
        let (_, taken) = read("list.xlsx", list_xlsx(&row), "");
        assert_eq!(outcomes(&taken), [outcome], "{what}");
    }
}

#[test]
fn what_a_number_cell_is_in_the_column_of_the_number() {
    #[rustfmt::skip]
    let cells = [
        ("a number",                  "<v>61491570006</v>",                       "Hi shared"),
        ("the same with an exponent", "<v>6.1491570006E10</v>",                   "Hi shared"),
        ("a zero that was lost",      "<v>491570006</v>",                         "Hi shared"),
        ("59 a fraction",             "<v>61491570006.5</v>",                     "phone: invalid_number"),
        ("59 beyond 15 digits",       "<v>123456789012345678</v>",                "phone: spreadsheet_number"),
        ("59 two numbers in one",     "<v>6.149157000661492E+21</v>",             "phone: spreadsheet_number"),
        ("60 a formula",              "<f>\"6149\"&amp;A2</f><v>61491570006</v>", "phone: computed_cell"),
        ("60 a formula that is off",  "<f>1/0</f><v>12</v>",                      "phone: computed_cell"),
    ];
    for (what, value, outcome) in cells {
        let row = format!("<row r=\"2\"><c>{value}</c><c t=\"s\"><v>0</v></c></row>");
        let (_, taken) = read("list.xlsx", list_xlsx(&row), "");
        assert_eq!(outcomes(&taken), [outcome], "{what}");
    }
    let error = "<row r=\"2\"><c t=\"e\"><v>#REF!</v></c><c t=\"s\"><v>0</v></c></row>";
    let day = "<row r=\"3\"><c s=\"1\"><v>46357</v></c><c t=\"s\"><v>0</v></c></row>";
    let (_, taken) = read("list.xlsx", list_xlsx(&format!("{error}{day}")), "");
    assert_eq!(outcomes(&taken), ["phone: computed_cell", "phone: invalid_number"], "60 an error, a day");
}

#[test]
fn what_a_cell_of_an_ods_sheet_is() {
    #[rustfmt::skip]
    let cells = [
        ("a text",                     "office:value-type=\"string\"><text:p>Ann</text:p>",                        "Hi Ann"),
        ("a text in its tag",          "office:value-type=\"string\" office:string-value=\"A&amp;B\">",            "Hi A&B"),
        ("two lines",                  "office:value-type=\"string\"><text:p>Ann</text:p><text:p>Bo</text:p>",     "Hi Ann\nBo"),
        ("blanks and formatted parts", "office:value-type=\"string\"><text:p>A<text:span>n<text:s text:c=\"2\"/></text:span>n</text:p>", "Hi An  n"),
        ("a note beside the text",     "office:value-type=\"string\"><office:annotation><text:p>no</text:p></office:annotation><text:p>Ann</text:p>", "Hi Ann"),
        ("a number",                   "office:value-type=\"float\" office:value=\"12.50\"><text:p>12,50 €</text:p>", "Hi 12.5"),
        ("money",                      "office:value-type=\"currency\" office:value=\"12\"><text:p>$12.00</text:p>", "Hi 12"),
        ("a day",                      "office:value-type=\"date\" office:date-value=\"2026-12-01\"><text:p>1 Dec</text:p>", "Hi 2026-12-01"),
        ("a day at midnight",          "office:value-type=\"date\" office:date-value=\"2026-12-01T00:00:00\">",    "Hi 2026-12-01"),
        ("a time",                     "office:value-type=\"time\" office:time-value=\"PT09H30M00S\">",            "Hi 09:30:00"),
        ("true",                       "office:value-type=\"boolean\" office:boolean-value=\"true\"><text:p>WAHR</text:p>", "Hi TRUE"),
        ("an empty cell",              ">",                                                                        "name: empty_variable"),
        ("60 a formula",               "table:formula=\"of:=A1\" office:value-type=\"string\"><text:p>Ann</text:p>", "name: computed_cell"),
        ("60 a formula never computed", "table:formula=\"of:=A1\">",                                               "name: computed_cell"),
        ("60 an error",                "office:value-type=\"string\" office:string-value=\"\" calcext:value-type=\"error\"><text:p>#N/A</text:p>", "name: computed_cell"),
    ];
    for (what, cell, outcome) in cells {
        let number = "<table:table-cell office:value-type=\"float\" office:value=\"6.1491570006E+10\"/>";
        let row =
            format!("<table:table-row>{number}<table:table-cell {cell}</table:table-cell></table:table-row>");
        let (_, taken) = read("list.ods", ods(&ods_table("list", "", &row)), "");
        assert_eq!(outcomes(&taken), [outcome], "{what}");
    }
}

/// A row of an .xlsx sheet that says which sheet it is on.
fn xlsx_rows(sheet: &str) -> String {
    format!("{HEADER}<row r=\"2\"><c><v>61491570006</v></c><c t=\"str\"><v>{sheet}</v></c></row>")
}

fn ods_rows(sheet: &str) -> String {
    format!("<table:table-row>{}{}</table:table-row>", ods_text("61491570006"), ods_text(sheet))
}

#[test]
fn the_first_sheet_is_read_unless_one_is_named_and_the_others_are_told_of() {
    let [first, second, third] = ["first", "second", "third"].map(xlsx_rows);
    let empty = "<row r=\"1\"><c s=\"1\"/></row>";
    let xlsx = xlsx(&[
        ("A &amp; B", "", &first),
        ("second", "state=\"hidden\"", &second),
        ("empty", "", empty),
        ("third", "state=\"visible\"", &third),
    ]);
    let tables = [
        ods_table("A &amp; B", "", &ods_rows("first")),
        ods_table("second", "table:style-name=\"hidden\"", &ods_rows("second")),
        "<table:table table:name=\"empty\"><table:table-row><table:table-cell/></table:table-row></table:table>".to_owned(),
        ods_table("third", "", &ods_rows("third")),
    ];
    for (name, list) in [("list.xlsx", xlsx), ("list.ods", ods(&tables.concat()))] {
        for (extra, outcome, warning) in [
            (
                "",
                "Hi first",
                Some(
                    "the first sheet was read, `A & B`; 2 other sheets hold something too; recipients.sheet names the one to read",
                ),
            ),
            ("sheet = \"A & B\"\n", "Hi first", None),
            ("sheet = \"second\"\n", "Hi second", Some("the sheet that was read, `second`, is a hidden one")),
            ("sheet = \"third\"\n", "Hi third", None),
        ] {
            let (preview, taken) = read(name, &list, extra);
            assert_eq!(outcomes(&taken), [outcome], "58 {name} {extra}");
            let warnings: Vec<&str> = preview.warnings.iter().map(String::as_str).collect();
            let said =
                |warning: &str| warnings.iter().any(|said| said.contains(name) && said.ends_with(warning));
            assert_eq!(warnings.len(), usize::from(warning.is_some()), "{name} {extra}: {warnings:?}");
            assert!(warning.is_none_or(said), "{name} {extra}: {warnings:?}");
        }
        let error = refusal(name, &list, "sheet = \"fourth\"\n");
        assert_eq!(error.exit_code(), 2);
        let says =
            "there is no sheet `fourth`; the sheets are: A & B, second, empty, third. Set recipients.sheet";
        assert!(error.to_string().contains(says), "58 {name}: {error}");
        let error = refusal(name, &list, "sheet = \"empty\"\n");
        assert!(error.to_string().contains("the file is empty"), "{name}: {error}");
    }
}

#[test]
fn a_suppression_list_of_several_sheets_stops_because_one_of_them_is_read() {
    let number = |last: &str| {
        format!(
            "<row><c t=\"inlineStr\"><is><t>phone</t></is></c></row><row><c><v>61491570{last}</v></c></row>"
        )
    };
    let (january, february) = (number("006"), number("156"));
    let suppressed = |sheets: &[(&str, &str, &str)]| {
        let world = World::new();
        world.write("list.csv", csv());
        world.write("optouts.xlsx", xlsx(sheets));
        run(&world.campaign(TEXT, "suppress = [\"optouts.xlsx\"]\n"), &offer())
            .map(|(preview, _)| preview.suppressed)
    };
    assert_eq!(suppressed(&[("Jan", "", &january)]).ok(), Some(1));
    assert_eq!(suppressed(&[("Jan", "", &january), ("empty", "", "")]).ok(), Some(1));
    let error = suppressed(&[("Jan", "", &january), ("Feb", "", &february)]).expect_err("two sheets");
    assert!(
        error
            .to_string()
            .contains("optouts.xlsx: this suppression list has something in other sheets too (1)"),
        "{error}"
    );
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn hidden_rows_are_read_and_told_of() {
    let row = |row: u64, attribute: &str| {
        format!(
            "<row r=\"{row}\" {attribute}><c><v>{}</v></c><c t=\"s\"><v>0</v></c></row>",
            61_491_570_155 + row
        )
    };
    let xlsx = list_xlsx(
        &[row(2, ""), row(3, "hidden=\"1\""), row(4, "hidden=\"true\""), row(5, "hidden=\"0\"")].concat(),
    );
    let row = |number: u64, visibility: &str| {
        format!(
            "<table:table-row {visibility}>{}{}</table:table-row>",
            ods_text(&(61_491_570_155 + number).to_string()),
            ods_text("x")
        )
    };
    let filter = "table:visibility=\"filter\"";
    let rows = [row(2, ""), row(3, filter), row(4, "table:visibility=\"collapse\""), row(5, "")];
    for (name, list) in [("list.xlsx", xlsx), ("list.ods", ods(&ods_table("list", "", &rows.concat())))] {
        let (preview, _) = read(name, list, "");
        assert_eq!(preview.accepted + preview.rejected_total(), 4, "58 {name}");
        let [warning] = &preview.warnings[..] else { panic!("{:?}", preview.warnings) };
        assert!(warning.contains("2 hidden rows of the sheet `list` were read like the others"), "{warning}");
    }
}

#[test]
fn rows_are_as_wide_as_the_header_and_numbered_as_records() {
    let text = |text: &str| format!("<c t=\"str\"><v>{text}</v></c>");
    let rows = [
        "<row r=\"1\"><c/></row>".to_owned(),
        format!("<row r=\"3\">{}{}<c s=\"1\"/></row>", text("phone"), text("name")),
        "<row r=\"4\"><c r=\"A4\"><v>61491570006</v></c></row>".to_owned(), // no name
        format!("<row r=\"5\"><c/>{}</row>", text("  ")),                   // blank
        "<row r=\"8\"><c r=\"B8\" t=\"str\"><v>Bo</v></c></row>".to_owned(), // no number
        format!(
            "<row r=\"9\"><c r=\"A9\"><v>61491570156</v></c>{}<c/><c t=\"str\"><v></v></c></row>",
            text("Ann")
        ),
        format!(
            "<row r=\"10\"><c r=\"A10\"><v>61491570157</v></c>{}<c r=\"XFD10\" t=\"str\"><v>x</v></c></row>",
            text("Bo")
        ),
        format!("<row><c><v>61491570158</v></c>{}</row>", text("Chai")),
    ];
    let (preview, taken) = read("list.xlsx", xlsx(&[("list", "", &rows.concat())]), "");
    assert_eq!((preview.rows, preview.blank_lines), (5, 5), "rows 1, 2, 5, 6 and 7 of the sheet are blank");
    let expected = ["name: empty_variable", "phone: empty_number", "Hi Ann", ": field_count", "Hi Chai"];
    assert_eq!(outcomes(&taken), expected);
    assert_eq!(taken.messages[0].0, 3, "the third record");
}

#[test]
fn rows_and_cells_of_an_ods_sheet_are_repeated_as_it_says() {
    let number = "<table:table-cell office:value-type=\"float\" office:value=\"61491570006\"/>";
    let rows = [
        "<table:table-row table:number-rows-repeated=\"3\"><table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row>".to_owned(),
        format!("<table:table-row-group><table:table-row table:number-rows-repeated=\"2\">{number}{}</table:table-row></table:table-row-group>", ods_text("Ann")),
        format!("<table:table-row>{number}<table:covered-table-cell><text:p>under</text:p></table:covered-table-cell></table:table-row>"),
        "<table:table-row table:number-rows-repeated=\"1048569\"><table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row>".to_owned(),
    ];
    let (preview, taken) = read("list.ods", ods(&ods_table("list", "", &rows.concat())), "");
    assert_eq!((preview.rows, preview.blank_lines, preview.duplicates), (3, 3, 1));
    assert_eq!(outcomes(&taken), ["Hi Ann", "name: empty_variable"]);
}

#[test]
fn a_bomb_stops_at_the_limit_that_it_names() {
    let with =
        |part: Part| zip(&xlsx_parts(&[("list", "", HEADER)]).into_iter().chain([part]).collect::<Vec<_>>());
    let long = |length: usize| {
        let text = "x".repeat(length);
        list_xlsx(&format!("<row r=\"2\"><c><v>61491570006</v></c><c t=\"str\"><v>{text}</v></c></row>"))
    };
    let replaced = |name: &str, part: Part| {
        let mut parts = xlsx_parts(&[("list", "", HEADER)]);
        let index = parts.iter().position(|part| part.name() == name).expect("the part");
        parts[index] = part;
        zip(&parts)
    };
    let pieces = format!("{}&amp;", "x".repeat(1 << 20)).repeat(20);
    let long_pieces = list_xlsx(&format!("<row r=\"2\"><c t=\"str\"><v>{pieces}</v></c></row>"));
    let three_gib = 3 << 30;
    let wide = "<c><v>1</v></c>".repeat(16_385);
    let cell = format!(
        "<table:table-cell table:number-columns-repeated=\"16384\" office:value-type=\"string\"><text:p>{}</text:p></table:table-cell>",
        "x".repeat(1_100)
    );
    let million = format!(
        "<table:table-row table:number-rows-repeated=\"1048576\">{}{}</table:table-row>",
        ods_text("1"),
        ods_text(&"x".repeat(10_000))
    );
    #[rustfmt::skip]
    let cases = [
        ("parts of 6 GiB",            "list.xlsx", zip(&[Part::new("a", "").saying(three_gib), Part::new("b", "").saying(three_gib)]), "the workbook unpacks to more than 4 GiB"),
        ("texts of 3 GiB",            "list.xlsx", replaced("xl/sharedStrings.xml", Part::new("xl/sharedStrings.xml", "<sst/>").saying(three_gib)), "table of texts unpacks to more than 512 MiB"),
        ("a part that says less",     "list.xlsx", replaced("xl/worksheets/0.xml", Part::new("xl/worksheets/0.xml", vec![b' '; 1_000]).saying(10)), "xl/worksheets/0.xml is longer than it says"),
        ("a part that says more",     "list.xlsx", replaced("xl/styles.xml", Part::new("xl/styles.xml", "<styleSheet/>").saying(1_000)), "xl/styles.xml is not what was saved"),
        ("a part nobody asks for",    "list.xlsx", with(Part::new("xl/media/image.png", "").saying(u32::MAX)), "the workbook unpacks to more than 4 GiB"),
        ("a cell of 17 MiB",          "list.xlsx", long(17 << 20), "one cell of the workbook unpacks to more than 16 MiB"),
        ("a cell of 20 MiB in pieces", "list.xlsx", long_pieces, "one cell of the workbook unpacks to more than 16 MiB"),
        ("64 MiB of blanks",          "list.ods",  ods(&ods_table("list", "", &format!("<table:table-row>{}</table:table-row>", ods_text(&"<text:s text:c=\"65535\"/>".repeat(1_024))))), "one cell of the workbook unpacks to more than 16 MiB"),
        ("10,001 sheets",             "list.ods",  ods(&"<table:table/>".repeat(10_002)), "more than 10,000 sheets"),
        ("a list of 100 MiB",         "list.xlsx", replaced("xl/styles.xml", Part::new("xl/styles.xml", "").saying(100 << 20)), "a list in the workbook unpacks to more than 64 MiB"),
        ("16,385 columns",            "list.xlsx", list_xlsx(&format!("<row r=\"2\">{wide}</row>")), "row 2 has a cell where none can be"),
        ("a row of 17 MiB",           "list.ods",  ods(&ods_table("list", "", &format!("<table:table-row>{cell}</table:table-row>"))), "row 2 of the sheet is longer than 16 MiB"),
        ("10 GiB in 20 kB",           "list.ods",  ods(&ods_table("list", "", &million)), "the sheet unpacks to more than 4 GiB"),
        ("4,294,967,295 rows",        "list.xlsx", list_xlsx("<row r=\"4294967295\"><c><v>1</v></c></row>"), "more rows than a sheet can have"),
    ];
    for (what, name, list, says) in cases {
        assert!(list.len() < 100_000, "{what}: {} bytes", list.len());
        let extra = if what.contains("sheets") { "sheet = \"none\"\n" } else { "" };
        let error = refusal(name, list, extra);
        assert_eq!(error.exit_code(), 2, "61 {what}: {error}");
        assert!(error.to_string().contains(says), "61 {what}: {error}");
    }
}

#[test]
fn what_is_no_workbook_or_another_is_refused_and_both_are_named() {
    let sound = || list_xlsx("");
    #[rustfmt::skip]
    let cases = [
        ("CSV as .xlsx",           "list.xlsx", b"phone,name\n".to_vec(),        "meant to be an .xlsx workbook and holds plain text; let its name end in .csv"),
        ("gzip as .xlsx",          "list.xlsx", gzip("phone\n"),                 "meant to be an .xlsx workbook and holds gzip data"),
        ("nothing as .xlsx",       "list.xlsx", Vec::new(),                      "meant to be an .xlsx workbook and holds nothing"),
        ("a password",             "list.xlsx", b"\xD0\xCF\x11\xE0\xA1".to_vec(), "an .xls workbook, or one with a password; save it as .xlsx without a password"),
        ("HTML as .ods",           "list.ods",  b"<html>".to_vec(),              "meant to be an .ods workbook and holds an HTML page"),
        (".ods as .xlsx",          "list.xlsx", ods(&ods_table("list", "", "")), "meant to be an .xlsx workbook and holds an .ods workbook; let its name end in .ods"),
        (".xlsx as .ods",          "list.ods",  sound(),                         "meant to be an .ods workbook and holds an .xlsx workbook; let its name end in .xlsx"),
        ("photos as .xlsx",        "list.xlsx", zip(&[Part::new("a.jpg", "")]),  "meant to be an .xlsx workbook and holds a zip archive without a workbook"),
        (".xlsb as .xlsx",         "list.xlsx", zip(&[Part::new("xl/workbook.bin", "")]), "holds a zip archive without a workbook"),
        ("an old workbook",        "list.xls",  b"\xD0\xCF\x11\xE0".to_vec(),    ".xls workbooks are not read; save it as .xlsx, or export it as CSV"),
        ("macros",                 "list.XLSM", sound(),                         ".xlsm workbooks are not read; save it as .xlsx"),
        ("the binary kind",        "list.xlsb", sound(),                         ".xlsb workbooks are not read; save it as .xlsx"),
        ("a sheet of a CSV file",  "list.csv",  b"phone\n".to_vec(),             "recipients.sheet names a sheet and this is no workbook; remove the setting"),
    ];
    for (what, name, list, says) in cases {
        let extra = if name == "list.csv" { "sheet = \"list\"\n" } else { "" };
        let error = refusal(name, list, extra);
        assert_eq!(error.exit_code(), 2, "54 {what}: {error}");
        let said = error.to_string();
        assert!(said.contains(name) && said.contains(says), "54 {what}: {said}");
    }
    for extra in ["delimiter = \";\"\n", "encoding = \"windows-1252\"\n"] {
        let error = refusal("list.xlsx", sound(), extra);
        assert!(error.to_string().contains("are for CSV and this is a workbook; remove them"), "{error}");
    }
}

#[test]
fn a_workbook_that_contradicts_itself_is_refused_with_what_is_wrong() {
    let without = |name: &str| {
        let mut parts = xlsx_parts(&[("list", "", HEADER)]);
        parts.retain(|part| part.name() != name);
        zip(&parts)
    };
    let ods_content = |content: &str| {
        let mut parts = ods_parts("");
        parts.pop();
        zip(&parts.into_iter().chain([Part::new("content.xml", content)]).collect::<Vec<_>>())
    };
    let row = |cells: &str| list_xlsx(&format!("<row r=\"2\">{cells}</row>"));
    let encrypted = "<manifest:manifest><manifest:file-entry><manifest:encryption-data/></manifest:file-entry></manifest:manifest>";
    #[rustfmt::skip]
    let cases = [
        ("no sheet's part",     "list.xlsx", without("xl/worksheets/0.xml"),             "xl/worksheets/0.xml is missing in it"),
        ("no styles",           "list.xlsx", without("xl/styles.xml"),                   "xl/styles.xml is missing in it"),
        ("no texts",            "list.xlsx", without("xl/sharedStrings.xml"),            "xl/sharedStrings.xml is missing in it"),
        ("no list of parts",    "list.xlsx", without("xl/_rels/workbook.xml.rels"),      "it has no sheet"),
        ("no sheets",           "list.xlsx", xlsx(&[]),                                  "it has no sheet"),
        ("no rows",             "list.xlsx", xlsx(&[("list", "", "")]),                  "the file is empty"),
        ("a text that is not there", "list.xlsx", row("<c t=\"s\"><v>2</v></c>"),        "a cell of row 2 is no text"),
        ("a number of letters", "list.xlsx", row("<c><v>twelve</v></c>"),                "a cell of row 2 is no number"),
        ("a number without end", "list.xlsx", row("<c><v>1e999</v></c>"),                "a cell of row 2 is no number"),
        ("cells in no order",   "list.xlsx", row("<c r=\"B2\"/><c r=\"A2\"/>"),          "row 2 has a cell where none can be"),
        ("a place of digits",   "list.xlsx", row("<c r=\"2\"/>"),                        "row 2 has a cell where none can be"),
        ("a row without a number", "list.xlsx", list_xlsx("<row r=\"x\"/>"),             "a row has no number"),
        ("an unknown reference", "list.xlsx", row("<c t=\"str\"><v>&who;</v></c>"),      "&who; is no character"),
        ("XML cut in a row",    "list.xlsx", list_xlsx("<row><c><v>1"),   "xl/worksheets/0.xml ends too early"),
        ("a tag that is open",  "list.xlsx", list_xlsx("<row r=\"2\"><c t=\"s><v>0</v></c></row>"), "xl/worksheets/0.xml"),
        ("no content",          "list.ods",  zip(&ods_parts("")[..2]),                   "content.xml is missing in it"),
        ("no tables",           "list.ods",  ods(""),                                    "it has no sheet"),
        ("XML cut in a table",  "list.ods",  ods_content("<a><table:table><table:table-row>"), "content.xml ends too early"),
        ("a row that is never", "list.ods",  ods(&ods_table("list", "", "<table:table-row table:number-rows-repeated=\"0\"/>")), "is repeated as often as none can be"),
        ("no number",           "list.ods",  ods(&ods_table("list", "", "<table:table-row><table:table-cell office:value-type=\"float\" office:value=\"x\"/></table:table-row>")), "a cell of row 2 is no number"),
        ("a password",          "list.ods",  zip(&[Part::new("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), Part::new("META-INF/manifest.xml", encrypted)]), "protected by a password; save a copy without one"),
    ];
    for (what, name, list, says) in cases {
        let error = refusal(name, list, "");
        assert_eq!(error.exit_code(), 2, "{what}: {error}");
        let said = error.to_string();
        assert!(said.contains(name) && said.contains(says), "{what}: {said}");
    }
}

#[test]
fn a_workbook_that_is_cut_says_that_the_tail_is_missing() {
    let whole = written(true, true);
    for kept in [30, whole.len() / 2, whole.len() - 1] {
        let said = refusal("list.xlsx", &whole[..kept], "").to_string();
        assert!(said.contains("the tail is missing: the workbook was cut or damaged"), "30 {kept}: {said}");
    }
}
