//! Problems, gathered so that all are reported together.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<syn::Error>);

impl Errors {
    /// Notes a problem, on these tokens.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.0.push(syn::Error::new_spanned(tokens, message));
    }

    /// Notes the problem, if there is one.
    pub(crate) fn check<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.0.push(error)).ok()
    }

    /// The problems as `compile_error!`s.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.0.iter().map(syn::Error::to_compile_error).collect()
    }

    /// The problems' texts.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

/// The text for a name that is none of the choices.
pub(crate) fn unknown(what: &str, name: &str, choices: &[&str]) -> String {
    let hint = nearest(name, choices).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    format!("unknown {what} `{name}`: choices are {}{hint}", choices.join(", "))
}

/// The nearest of the choices, if at most a third of the name's letters differ, rounded up.
fn nearest<'a>(name: &str, choices: &[&'a str]) -> Option<&'a str> {
    let limit = name.chars().count().div_ceil(3);
    choices
        .iter()
        .map(|choice| (distance(name, choice), *choice))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, choice)| choice)
}

/// Letters to add, drop or change to turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != *y)).min(row[j] + 1).min(above + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_lists_the_choices_and_the_nearest() {
        assert_eq!(
            unknown("attribute", "max_lenght", &["max_length", "unique"]),
            "unknown attribute `max_lenght`: choices are max_length, unique; did you mean `max_length`?"
        );
        assert!(unknown("attribute", "vlaue", &["method", "value"]).ends_with("did you mean `value`?"));
        assert_eq!(unknown("attribute", "zzz", &["unique"]), "unknown attribute `zzz`: choices are unique");
    }
}
