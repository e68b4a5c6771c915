//! The characters of every table, as 3GPP TS 23.038 has them.
//!
//! Only what is in a table matters here, not at which code: a character of a locking table takes
//! one septet, one of a single table two, its escape and its code. Left out everywhere is that
//! escape, 0x1B, which is no character. One cell is disputed: at 0x24 of the Kannada locking table
//! stands U+0CA1 here, the letter that is missing from the row otherwise and that phones have
//! there, where the standard repeats U+0CAA.

/// What is in one table: characters that stand for themselves, and runs of code points.
pub(super) struct Table {
    pub(super) letters: &'static str,
    pub(super) runs: &'static [(u16, u16)],
}

/// The tables that replace the default alphabet, by the language's identifier; 0 is the default
/// alphabet itself (clause 6.2.1 and Annex A.3). Spanish has none.
pub(super) const LOCKING: [Table; 14] = [
    Table {
        letters: "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
            ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
        runs: &[],
    },
    Table {
        letters: "@£$¥€éùıòÇ\nĞğ\rÅåΔ_ΦΓΛΩΠΨΣΘΞŞşßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
            İABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§çabcdefghijklmnopqrstuvwxyzäöñüà",
        runs: &[],
    },
    Table { letters: "", runs: &[] },
    Table {
        letters: "@£$¥êéúíóç\nÔô\rÁáΔ_ªÇÀ∞^\\€Ó|ÂâÊÉ !\"#º%&'()*+,-./0123456789:;<=>?\
            ÍABCDEFGHIJKLMNOPQRSTUVWXYZÃÕÚÜ§~abcdefghijklmnopqrstuvwxyzãõ`üà",
        runs: &[],
    },
    south_asian_locking(&[
        (0x0981, 0x0983),
        (0x0985, 0x098C),
        (0x098F, 0x0990),
        (0x0993, 0x09A8),
        (0x09AA, 0x09B0),
        (0x09B2, 0x09B2),
        (0x09B6, 0x09B9),
        (0x09BC, 0x09C4),
        (0x09C7, 0x09C8),
        (0x09CB, 0x09CE),
        (0x09D7, 0x09D7),
        (0x09DC, 0x09DD),
        (0x09F0, 0x09F1),
    ]),
    south_asian_locking(&[
        (0x0A81, 0x0A83),
        (0x0A85, 0x0A8D),
        (0x0A8F, 0x0A91),
        (0x0A93, 0x0AA8),
        (0x0AAA, 0x0AB0),
        (0x0AB2, 0x0AB3),
        (0x0AB5, 0x0AB9),
        (0x0ABC, 0x0AC5),
        (0x0AC7, 0x0AC9),
        (0x0ACB, 0x0ACD),
        (0x0AD0, 0x0AD0),
        (0x0AE0, 0x0AE3),
        (0x0AF1, 0x0AF1),
    ]),
    south_asian_locking(&[
        (0x0901, 0x0903),
        (0x0905, 0x0939),
        (0x093C, 0x094D),
        (0x0950, 0x0950),
        (0x0972, 0x0972),
        (0x097B, 0x097C),
        (0x097E, 0x097F),
    ]),
    south_asian_locking(&[
        (0x0C82, 0x0C83),
        (0x0C85, 0x0C8C),
        (0x0C8E, 0x0C90),
        (0x0C92, 0x0CA8),
        (0x0CAA, 0x0CB3),
        (0x0CB5, 0x0CB9),
        (0x0CBC, 0x0CC4),
        (0x0CC6, 0x0CC8),
        (0x0CCA, 0x0CCD),
        (0x0CD5, 0x0CD6),
        (0x0CE0, 0x0CE3),
    ]),
    south_asian_locking(&[
        (0x0D02, 0x0D03),
        (0x0D05, 0x0D0C),
        (0x0D0E, 0x0D10),
        (0x0D12, 0x0D28),
        (0x0D2A, 0x0D39),
        (0x0D3D, 0x0D44),
        (0x0D46, 0x0D48),
        (0x0D4A, 0x0D4D),
        (0x0D57, 0x0D57),
        (0x0D60, 0x0D63),
        (0x0D79, 0x0D79),
    ]),
    south_asian_locking(&[
        (0x0B01, 0x0B03),
        (0x0B05, 0x0B0C),
        (0x0B0F, 0x0B10),
        (0x0B13, 0x0B28),
        (0x0B2A, 0x0B30),
        (0x0B32, 0x0B33),
        (0x0B35, 0x0B39),
        (0x0B3C, 0x0B44),
        (0x0B47, 0x0B48),
        (0x0B4B, 0x0B4D),
        (0x0B56, 0x0B57),
        (0x0B60, 0x0B63),
    ]),
    south_asian_locking(&[
        (0x0A01, 0x0A03),
        (0x0A05, 0x0A0A),
        (0x0A0F, 0x0A10),
        (0x0A13, 0x0A28),
        (0x0A2A, 0x0A30),
        (0x0A32, 0x0A33),
        (0x0A35, 0x0A36),
        (0x0A38, 0x0A39),
        (0x0A3C, 0x0A3C),
        (0x0A3E, 0x0A42),
        (0x0A47, 0x0A48),
        (0x0A4B, 0x0A4D),
        (0x0A51, 0x0A51),
        (0x0A70, 0x0A74),
    ]),
    south_asian_locking(&[
        (0x0B82, 0x0B83),
        (0x0B85, 0x0B8A),
        (0x0B8E, 0x0B90),
        (0x0B92, 0x0B95),
        (0x0B99, 0x0B9A),
        (0x0B9C, 0x0B9C),
        (0x0B9E, 0x0B9F),
        (0x0BA3, 0x0BA4),
        (0x0BA8, 0x0BAA),
        (0x0BAE, 0x0BB9),
        (0x0BBE, 0x0BC2),
        (0x0BC6, 0x0BC8),
        (0x0BCA, 0x0BCD),
        (0x0BD0, 0x0BD0),
        (0x0BD7, 0x0BD7),
        (0x0BF0, 0x0BF2),
        (0x0BF9, 0x0BF9),
    ]),
    south_asian_locking(&[
        (0x0C01, 0x0C03),
        (0x0C05, 0x0C0C),
        (0x0C0E, 0x0C10),
        (0x0C12, 0x0C28),
        (0x0C2A, 0x0C33),
        (0x0C35, 0x0C39),
        (0x0C3D, 0x0C44),
        (0x0C46, 0x0C48),
        (0x0C4A, 0x0C4D),
        (0x0C55, 0x0C56),
        (0x0C60, 0x0C63),
    ]),
    south_asian_locking(&[
        (0x0621, 0x0622),
        (0x0627, 0x0628),
        (0x062A, 0x0639),
        (0x0641, 0x0642),
        (0x0644, 0x0646),
        (0x0648, 0x0648),
        (0x064D, 0x064D),
        (0x064F, 0x0651),
        (0x0653, 0x0657),
        (0x0670, 0x0670),
        (0x0679, 0x0681),
        (0x0683, 0x068A),
        (0x068C, 0x068D),
        (0x068F, 0x068F),
        (0x0691, 0x0691),
        (0x0693, 0x0693),
        (0x0696, 0x0696),
        (0x0698, 0x069A),
        (0x06A6, 0x06A6),
        (0x06A9, 0x06AB),
        (0x06AF, 0x06AF),
        (0x06B1, 0x06B1),
        (0x06B3, 0x06B3),
        (0x06BA, 0x06BC),
        (0x06BE, 0x06BE),
        (0x06C1, 0x06C2),
        (0x06C4, 0x06C4),
        (0x06CC, 0x06CC),
        (0x06D0, 0x06D0),
        (0x06D2, 0x06D2),
        (0x06D5, 0x06D5),
    ]),
];

/// The tables that replace the extension table, by the language's identifier; 0 is the extension
/// table itself (clause 6.2.1.1 and Annex A.2).
pub(super) const SINGLE: [Table; 14] = [
    Table { letters: "\u{c}^{}\\[~]|€", runs: &[] },
    Table { letters: "\u{c}^{}\\[~]|ĞİŞç€ğış", runs: &[] },
    Table { letters: "ç\u{c}^{}\\[~]|ÁÍÓÚá€íóú", runs: &[] },
    Table { letters: "êç\u{c}ÔôÁáΦΓ^ΩΠΨΣΘÊ{}\\[~]|ÀÍÓÚÃÕÂ€íóúãõâ", runs: &[] },
    south_asian_single(&[(0x09DF, 0x09E3), (0x09E6, 0x09EF), (0x09F2, 0x09FA), EURO]),
    south_asian_single(&[DANDAS, (0x0AE6, 0x0AEF), EURO]),
    south_asian_single(&[(0x0951, 0x0954), (0x0958, 0x0971), EURO]),
    south_asian_single(&[DANDAS, (0x0CDE, 0x0CDE), (0x0CE6, 0x0CEF), (0x0CF1, 0x0CF2), EURO]),
    south_asian_single(&[DANDAS, (0x0D66, 0x0D75), (0x0D7A, 0x0D7F), EURO]),
    south_asian_single(&[DANDAS, (0x0B5C, 0x0B5D), (0x0B5F, 0x0B5F), (0x0B66, 0x0B71), EURO]),
    south_asian_single(&[
        DANDAS,
        (0x0A59, 0x0A5C),
        (0x0A5E, 0x0A5E),
        (0x0A66, 0x0A6F),
        (0x0A75, 0x0A75),
        EURO,
    ]),
    south_asian_single(&[DANDAS, (0x0BE6, 0x0BEF), (0x0BF3, 0x0BF8), (0x0BFA, 0x0BFA), EURO]),
    south_asian_single(&[(0x0C58, 0x0C59), (0x0C66, 0x0C6F), (0x0C78, 0x0C7F)]),
    south_asian_single(&[
        (0x0600, 0x0601),
        (0x060C, 0x0614),
        (0x061B, 0x061B),
        (0x061F, 0x061F),
        (0x0640, 0x0640),
        (0x0652, 0x0652),
        (0x0658, 0x0658),
        (0x066B, 0x066C),
        (0x0672, 0x0673),
        (0x06CD, 0x06CD),
        (0x06D4, 0x06D4),
        (0x06F0, 0x06F9),
        EURO,
    ]),
];

/// The euro sign, which the Telugu table alone lacks.
const EURO: (u16, u16) = (0x20AC, 0x20AC);

/// The marks that end a verse or half of one, shared by Indic scripts.
const DANDAS: (u16, u16) = (0x0964, 0x0965);

/// A locking table of the languages from Bengali to Urdu: what all of them have, and `runs`.
const fn south_asian_locking(runs: &'static [(u16, u16)]) -> Table {
    Table { letters: "\n\r !(),.0123456789:;?abcdefghijklmnopqrstuvwxyz", runs }
}

/// A single table of the languages from Bengali to Urdu: what all of them have, and `runs`.
const fn south_asian_single(runs: &'static [(u16, u16)]) -> Table {
    Table { letters: "@£$¥¿\"¤%&'\u{c}*+-/<=>¡^_#{}\\[~]|ABCDEFGHIJKLMNOPQRSTUVWXYZ", runs }
}
