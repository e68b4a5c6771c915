//! The only numbers that a plan may be for, such as those of the people who try a campaign out.
//!
//! It makes every other recipient impossible, and nobody possible who was not before: whoever is
//! left out for another reason stays so. A number of this list that the plan does not have is said
//! aloud, because somebody waits for that text.

use crate::{
    Input, SourceError, Suppressed,
    number_set::NumberSet,
    suppress::{self, Words},
    words::listed,
};
use std::path::Path;
use volley_core::{Msisdn, Region};

/// How many numbers are named one by one.
const NAMED: usize = 5;

const WORDS: Words =
    Words { what: "list of --only", idle: "let nobody through", sheets: "save all of them as one sheet" };

/// A list of the only numbers that may be sent to.
pub(crate) struct Only {
    file: String,
    list: Suppressed,
}

/// Reads the list at `path`, where there is one. Numbers without a country code belong to `region`.
pub(crate) fn load(path: Option<&Path>, region: Option<Region>) -> Result<Option<Only>, SourceError> {
    let Some(path) = path else { return Ok(None) };
    let mut list = Suppressed::default();
    suppress::read(&Input::File(path.to_owned()), region, &WORDS, &mut list)?;
    Ok(Some(Only { file: path.display().to_string(), list }))
}

impl Only {
    /// Whether `number` may be sent to.
    pub(crate) fn contains(&self, number: Msisdn) -> bool {
        self.list.contains(number)
    }

    /// What a person should know about the list once the plan is for `met`.
    pub(crate) fn warnings(&self, met: &NumberSet) -> Vec<String> {
        let mut warnings = self.list.warnings().to_vec();
        let mut missing: Vec<Msisdn> = self.list.numbers().filter(|number| !met.contains(*number)).collect();
        missing.sort_unstable();
        if !missing.is_empty() {
            let (count, all) = (missing.len(), self.list.len());
            let mut named: Vec<String> = missing.iter().take(NAMED).map(|number| number.masked()).collect();
            if count > NAMED {
                named.push(format!("{} more", count - NAMED));
            }
            warnings.push(format!(
                "{}: nothing is sent to {count} of its {all} numbers ({}): not in the campaign's list, or left out of it for another reason",
                self.file,
                listed(&named)
            ));
        }
        warnings
    }
}
