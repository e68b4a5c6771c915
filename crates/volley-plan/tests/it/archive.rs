//! Zip archives and workbooks as few programs write them: bare ones, and ones that lie.

use flate2::{Compression, Crc, write::DeflateEncoder};
use std::io::Write;

/// A part of an archive.
pub(crate) struct Part {
    name: String,
    content: Vec<u8>,
    /// The size that the directory says it unpacks to.
    says: u32,
}

impl Part {
    pub(crate) fn new(name: &str, content: impl Into<Vec<u8>>) -> Self {
        let content = content.into();
        let says = u32::try_from(content.len()).expect("a small part");
        Self { name: name.to_owned(), content, says }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The same, but the directory says that it unpacks to so many bytes.
    pub(crate) fn saying(mut self, size: u32) -> Self {
        self.says = size;
        self
    }
}

/// An archive of these parts, compressed.
pub(crate) fn zip(parts: &[Part]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for part in parts {
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
        deflate.write_all(&part.content).expect("written");
        let packed = deflate.finish().expect("deflated");
        let mut crc = Crc::new();
        crc.update(&part.content);
        let start = u32::try_from(file.len()).expect("a small archive");
        let name = u16::try_from(part.name.len()).expect("a short name");
        // From the version that is needed to the length of the extra field, in both headers.
        let mut common = Vec::new();
        for short in [20, 0, 8, 0, 0x21] {
            common.extend_from_slice(&u16::to_le_bytes(short));
        }
        for long in [crc.sum(), u32::try_from(packed.len()).expect("a small part"), part.says] {
            common.extend_from_slice(&long.to_le_bytes());
        }
        common.extend_from_slice(&name.to_le_bytes());
        common.extend_from_slice(&[0; 2]);
        file.extend_from_slice(b"PK\x03\x04");
        file.extend_from_slice(&common);
        file.extend_from_slice(part.name.as_bytes());
        file.extend_from_slice(&packed);
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&start.to_le_bytes());
        directory.extend_from_slice(part.name.as_bytes());
    }
    let count = u16::try_from(parts.len()).expect("few parts");
    let (start, size) = (file.len(), directory.len());
    file.append(&mut directory);
    file.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    file.extend_from_slice(&[count.to_le_bytes(), count.to_le_bytes()].concat());
    for long in [size, start] {
        file.extend_from_slice(&u32::try_from(long).expect("a small archive").to_le_bytes());
    }
    file.extend_from_slice(&[0; 2]);
    file
}

/// A sheet as an .xlsx workbook lists it: its name, attributes of its tag, and its rows as XML.
pub(crate) type Sheet<'a> = (&'a str, &'a str, &'a str);

/// The parts of an .xlsx workbook with these sheets. Style 1 shows days, style 2 hours beyond 24;
/// text 0 is `shared`, text 1 has runs and a reading.
pub(crate) fn xlsx_parts(sheets: &[Sheet<'_>]) -> Vec<Part> {
    let mut list = String::new();
    let mut relations = String::new();
    let mut parts = Vec::new();
    for (index, (name, attributes, rows)) in sheets.iter().enumerate() {
        list.push_str(&format!(
            "<sheet name=\"{name}\" sheetId=\"{index}\" r:id=\"s{index}\" {attributes}/>"
        ));
        relations.push_str(&format!(
            "<Relationship Id=\"s{index}\" Type=\"http://example.com/worksheet\" Target=\"worksheets/{index}.xml\"/>"
        ));
        let rows = format!("<worksheet><sheetData>{rows}</sheetData></worksheet>");
        parts.push(Part::new(&format!("xl/worksheets/{index}.xml"), rows));
    }
    for (kind, target) in [("styles", "/xl/styles.xml"), ("sharedStrings", "../xl/sharedStrings.xml")] {
        relations.push_str(&format!(
            "<Relationship Id=\"{kind}\" Type=\"http://example.com/{kind}\" Target=\"{target}\"/>"
        ));
    }
    let workbook = format!("<workbook><sheets>{list}</sheets></workbook>");
    let relations = format!("<Relationships>{relations}</Relationships>");
    let styles = "<styleSheet><numFmts><numFmt numFmtId=\"170\" formatCode=\"[h]:mm\"/></numFmts>\
                  <cellStyleXfs><xf numFmtId=\"22\"/></cellStyleXfs>\
                  <cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"170\"/></cellXfs></styleSheet>";
    let shared = "<sst><si><t>shared</t></si><si><r><t>A</t></r><r><rPr><b/></rPr><t xml:space=\"preserve\">nn \
                  &amp; </t></r><r><t>Bo</t></r><rPh sb=\"0\" eb=\"1\"><t>an</t></rPh></si></sst>";
    parts.push(Part::new("xl/workbook.xml", workbook));
    parts.push(Part::new("xl/_rels/workbook.xml.rels", relations));
    parts.push(Part::new("xl/styles.xml", styles));
    parts.push(Part::new("xl/sharedStrings.xml", shared));
    parts
}

/// An .xlsx workbook with these sheets.
pub(crate) fn xlsx(sheets: &[Sheet<'_>]) -> Vec<u8> {
    zip(&xlsx_parts(sheets))
}

/// The parts of an .ods workbook whose tables are this XML. The style `hidden` hides a table.
pub(crate) fn ods_parts(tables: &str) -> Vec<Part> {
    let content = format!(
        "<office:document-content><office:automatic-styles><style:style style:name=\"hidden\" \
         style:family=\"table\"><style:table-properties table:display=\"false\"/></style:style>\
         </office:automatic-styles><office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>\
         </office:document-content>"
    );
    vec![
        Part::new("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        Part::new("META-INF/manifest.xml", "<manifest:manifest/>"),
        Part::new("content.xml", content),
    ]
}

/// An .ods workbook whose tables are this XML.
pub(crate) fn ods(tables: &str) -> Vec<u8> {
    zip(&ods_parts(tables))
}
