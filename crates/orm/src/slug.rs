//! Labels for addresses, made from titles as Django makes them.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The label of a text in letters and digits of ASCII, hyphens and underscores; empty if nothing is left of it.
///
/// `django.utils.text.slugify`: letters lose their accents (NFKD), what is not ASCII then is left out, as is what is neither
/// letter, digit, underscore, hyphen nor blank; blanks and hyphens become one hyphen each run, and none stand at the ends.
///
/// ```
/// use nuages_orm::slug::slugify;
///
/// assert_eq!(slugify(" Swing -- it's Crème\tbrûlée! "), "swing-its-creme-brulee");
/// assert_eq!(slugify("!!!"), "");
/// ```
pub fn slugify(text: &str) -> String {
    joined(text.nfkd().filter(char::is_ascii).map(|letter| letter.to_ascii_lowercase()))
}

/// The label of a text in letters and digits of all scripts (`slugify(text, allow_unicode=True)`).
///
/// Combining marks that make no letter with the one before are left out, as Python's `\w` does not match them. Which
/// characters are letters, and how they are composed, is said by the version of Unicode that Rust knows: of characters that
/// are younger than Python's version, Django knows nothing and leaves them out.
///
/// ```
/// use nuages_orm::slug::slugify_unicode;
///
/// assert_eq!(slugify_unicode("Über ﬁne 你好 мир"), "über-fine-你好-мир");
/// ```
pub fn slugify_unicode(text: &str) -> String {
    let composed: String = text.nfkc().collect();
    joined(composed.to_lowercase().chars())
}

fn joined(letters: impl Iterator<Item = char>) -> String {
    let mut label = String::new();
    for letter in letters {
        if letter == '-' || is_blank(letter) {
            if !label.ends_with('-') {
                label.push('-');
            }
        } else if is_word(letter) {
            label.push(letter);
        }
    }
    label.trim_matches(['-', '_']).to_owned()
}

/// Python's `\s`: the separators of information of ASCII too.
fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{1c}'..='\u{1f}')
}

/// Python's `\w`: letters (not marks, nor symbols that only look like letters), numbers and the underscore.
fn is_word(letter: char) -> bool {
    let is_symbol = matches!(letter, '\u{24b6}'..='\u{24e9}' | '\u{1f130}'..='\u{1f189}');
    let is_letter = letter.is_alphabetic() && !is_combining_mark(letter) && !is_symbol;
    letter == '_' || is_letter || letter.is_numeric()
}
