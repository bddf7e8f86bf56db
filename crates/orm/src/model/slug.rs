//! Slugs that the program makes for new rows: from what, and by which index they are unique.

use uuid::Uuid;

use super::definition::ModelDef;
use super::schema::Entry;
use crate::error::{Error, ErrorKind};
use crate::query::Node;
use crate::slug::{slugify, slugify_unicode};
use crate::value::Value;

/// Numbers that are tried after a slug that is taken: `title-2` to `title-20`.
const NUMBERS: std::ops::RangeInclusive<u32> = 2..=20;

/// Random suffixes that are tried then.
const RANDOM: usize = 4;

/// Digits of a random suffix: 48 bits.
const DIGITS: usize = 12;

/// The shortest slug that a suffix leaves something of.
const LEAST: u32 = 16;

/// Where a model's slug is, and where it comes from.
#[derive(Debug)]
pub(crate) struct SlugPlace {
    /// The places of the slug and of the text it is made from among the columns.
    pub(crate) column: usize,
    source: usize,
    unicode: bool,
    /// Characters.
    limit: usize,
    /// What a slug is made from where nothing is left of the text.
    otherwise: String,
    /// The places of the columns that are unique together, the slug among them,
    pub(crate) unique: Vec<usize>,
    /// and the rows that are.
    pub(crate) condition: Option<Node>,
}

impl SlugPlace {
    /// The slug's place in a model that has one; what is wrong with it.
    pub(super) fn find(entry: &Entry) -> Result<Option<SlugPlace>, String> {
        let mut made = entry.columns.iter().enumerate().filter_map(|(place, column)| {
            let field = entry.field(column.field);
            Some((place, column, field, field.slug_from.as_deref()?))
        });
        let Some((place, column, field, from)) = made.next() else { return Ok(None) };
        let problem = |text: String| Err(format!("{}.{}: {text}", entry.label, field.name));
        if made.next().is_some() {
            return problem("is one of several fields with `slug_from`; a model has one".to_owned());
        }
        let source = entry.columns.iter().position(|column| entry.field(column.field).name == from);
        let Some(source) = source.filter(|source| *source != place) else {
            return problem(format!(
                "its slug is made from `{from}`, which is no other field of the model with a column"
            ));
        };
        let is_text = entry.columns.get(source).is_some_and(|column| column.kind.is_text() && column.sealed.is_none());
        if !is_text {
            return problem(format!("its slug is made from `{from}`, which is not a text that everybody may see"));
        }
        let Some(limit) = column.kind.max_length().filter(|limit| *limit >= LEAST) else {
            return problem(format!("a slug that is made needs a `max_length` of {LEAST} or more"));
        };
        let Some((unique, condition)) = unique_with(&entry.definition, &field.name) else {
            return problem(
                "its slug is made, so exactly one thing must say that it is unique: `unique`, `unique_alive`, or one \
                 constraint over it and other fields, not deferrable"
                    .to_owned(),
            );
        };
        let place_of = |name: &String| entry.columns.iter().position(|column| entry.field(column.field).name == *name);
        Ok(Some(SlugPlace {
            column: place,
            source,
            unicode: field.slug_unicode,
            limit: limit as usize,
            otherwise: entry.definition.name.to_lowercase(),
            unique: unique.iter().filter_map(place_of).collect(),
            condition,
        }))
    }

    /// Refuses a row of several in one statement that is given no slug: none can be tried for it alone.
    ///
    /// # Errors
    /// [`ErrorKind::Validation`], naming model and field.
    pub(crate) fn refuse_missing(&self, entry: &Entry, values: &[Option<Value>]) -> Result<(), Error> {
        if self.candidates(values).is_none() {
            return Ok(());
        }
        let text = "rows that are written together are given no slugs: set it (`slug::slugify` makes one), or create the \
                    rows one by one";
        let error = Error::new(ErrorKind::Validation, text).in_model(&*entry.label);
        Err(match entry.columns.get(self.column) {
            Some(column) => error.in_field(entry.field(column.field).name.to_string()),
            None => error,
        })
    }

    /// The slugs to try for a new row, the best first; `None` if it is given one.
    pub(crate) fn candidates(&self, values: &[Option<Value>]) -> Option<impl Iterator<Item = String> + Send + use<>> {
        match values.get(self.column) {
            Some(Some(Value::Text(given))) if !given.is_empty() => return None,
            Some(Some(Value::Text(_) | Value::Null) | None) => {}
            _ => return None,
        }
        let text = match values.get(self.source) {
            Some(Some(Value::Text(text))) => text.as_str(),
            _ => "",
        };
        let mut base = if self.unicode { slugify_unicode(text) } else { slugify(text) };
        if base.is_empty() {
            base.clone_from(&self.otherwise);
        }
        let limit = self.limit;
        let first = with_suffix(&base, "", limit);
        let numbered = NUMBERS.map(|number| format!("-{number}"));
        let random = std::iter::repeat_with(|| {
            let digits = Uuid::new_v4().simple().to_string();
            format!("-{}", digits.get(..DIGITS).unwrap_or(&digits))
        });
        let later = numbered.chain(random.take(RANDOM)).map(move |suffix| with_suffix(&base, &suffix, limit));
        Some(std::iter::once(first).chain(later))
    }
}

/// The slug with a suffix, cut before it.
fn with_suffix(base: &str, suffix: &str, limit: usize) -> String {
    let room = limit.saturating_sub(suffix.chars().count());
    let cut: String = base.chars().take(room).collect();
    format!("{}{suffix}", cut.trim_end_matches(['-', '_']))
}

/// The fields that a field is unique with, itself included, and of which rows; `None` if nothing or several things say so.
fn unique_with(model: &ModelDef, name: &str) -> Option<(Vec<String>, Option<Node>)> {
    let field = model.fields.iter().find(|field| field.name == name)?;
    if field.unique || model.primary_key == [name] {
        return Some((vec![name.to_owned()], None));
    }
    let owned = |names: &[std::borrow::Cow<'static, str>]| names.iter().map(ToString::to_string).collect();
    let groups = model.unique_together.iter().map(|group| (group, None, false));
    let constraints = model.uniques.iter().map(|it| (&it.fields, it.condition.clone(), it.deferrable.is_some()));
    let mut found = groups.chain(constraints).filter(|(fields, ..)| fields.iter().any(|field| field == name));
    match (found.next(), found.next()) {
        (Some((fields, condition, false)), None) => Some((owned(fields), condition)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::with_suffix;

    #[test]
    fn a_slug_is_cut_before_its_suffix() {
        assert_eq!(with_suffix("nuages-swing", "-2", 9), "nuages-2");
        assert_eq!(with_suffix("nuages", "", 9), "nuages");
        assert_eq!(with_suffix("мир-мир", "-12", 7), "мир-12");
    }
}
