//! What is wrong with a document.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// The most faults that an error tells of.
pub const MAX_FAULTS: usize = 20;

/// Faults told of in an error's text; all are in [`Error::faults`].
const IN_TEXT: usize = 3;

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Fault {
    /// Where in the document: a JSON Pointer (RFC 6901), empty for the whole of it.
    pub pointer: String,
    /// The keyword of the schema that refuses what is there, such as `maxLength`; `schema_version` where the document's
    /// version is what is wrong.
    pub keyword: String,
    /// What is wrong, for people. Names of members may be part of it, values are not.
    pub message: String,
}

impl Fault {
    pub(super) fn new(pointer: impl Into<String>, keyword: &str, message: impl Into<String>) -> Self {
        Fault { pointer: pointer.into(), keyword: keyword.to_owned(), message: message.into() }
    }
}

/// As `at /tags/0, value is not of type "string"`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.is_empty() {
            true => f.write_str(&self.message),
            false => write!(f, "at {}, {}", self.pointer, self.message),
        }
    }
}

#[cfg(feature = "jsonschema")]
impl From<nuages_json_schema::Fault> for Fault {
    fn from(fault: nuages_json_schema::Fault) -> Self {
        Fault { pointer: fault.pointer, keyword: fault.keyword, message: fault.message }
    }
}

/// The refusal of a document; `more` if it has more faults than these.
pub(super) fn error(faults: Vec<Fault>, more: bool) -> Error {
    let shown: Vec<String> = faults.iter().take(IN_TEXT).map(Fault::to_string).collect();
    let rest = match (faults.len().saturating_sub(IN_TEXT), more) {
        (_, true) => format!("; and more than {}", MAX_FAULTS - IN_TEXT),
        (0, false) => String::new(),
        (rest, false) => format!("; and {rest} more"),
    };
    let text = format!("does not fit its JSON Schema: {}{rest}", shown.join("; "));
    Error::new(ErrorKind::Validation, text).with_faults(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_tells_of_some_faults_and_the_error_has_them_all() {
        let fault = |place: usize| Fault::new(format!("/{place}"), "type", "value is not of type \"string\"");
        let error = error((0..5).map(fault).collect(), false);
        assert_eq!(error.faults().len(), 5);
        let text = error.to_string();
        assert!(
            text.starts_with("does not fit its JSON Schema: at /0, value is not of type \"string\"; at /1,"),
            "{text}"
        );
        assert!(text.ends_with("; and 2 more"), "{text}");
    }
}
