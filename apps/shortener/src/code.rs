//! Codes: those made from ids, and those that people choose.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

/// The characters of a code, in the order of their values.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The length of a made code: a digit, and then six of [`ALPHABET`].
const LENGTH: usize = 7;

/// How many codes of that form there are: 10 · 62⁶ = 568,002,355,840.
const SPACE: u64 = 10 * 62_u64.pow(6);

/// Half of the bits of the least even number of them that holds `SPACE`: 2⁴⁰ = 1,099,511,627,776.
const HALF: u32 = 20;

/// As in the format-preserving cipher FF1 (NIST SP 800-38G).
const ROUNDS: u8 = 10;

/// The longest code that one may choose.
const LONGEST: usize = 64;

/// First halves of paths that a site has better uses for.
const RESERVED: &[&str] = &[
    "about", "accounts", "admin", "api", "assets", "auth", "chat", "docs", "feed", "health", "healthz", "help",
    "login", "logout", "media", "metrics", "new", "readyz", "search", "signup", "site", "static", "status", "ws",
];

/// Makes codes from ids: a permutation under a secret key, so that no two ids share a code and none tells of another.
///
/// A Feistel network whose round function is SipHash-2-4 permutes the numbers below 2⁴⁰; a number that falls outside of
/// the codes is permuted again until it falls inside (cycle walking, twice on average), which leaves a permutation of
/// the codes alone. So a code is free because its id is: nothing is looked up, and nothing tried twice.
#[derive(Clone)]
pub(crate) struct Codes(SipHasher24);

impl Codes {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        Codes(SipHasher24::new_with_key(key))
    }

    /// The code of an id; `None` below 0 and from 568,002,355,840 on.
    pub(crate) fn code(&self, id: i64) -> Option<String> {
        let mut number = u64::try_from(id).ok().filter(|id| *id < SPACE)?;
        loop {
            number = self.permute(number);
            if number < SPACE {
                return Some(spell(number));
            }
        }
    }

    fn permute(&self, number: u64) -> u64 {
        const MASK: u64 = (1 << HALF) - 1;
        let (mut left, mut right) = (number >> HALF, number & MASK);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ (self.round(round, right) & MASK));
        }
        left << HALF | right
    }

    fn round(&self, round: u8, half: u64) -> u64 {
        let mut hasher = self.0;
        hasher.write_u8(round);
        hasher.write(&half.to_le_bytes());
        hasher.finish()
    }
}

fn spell(mut number: u64) -> String {
    let mut code = [b'0'; LENGTH];
    for place in code.iter_mut().rev() {
        // The remainder is below 62, the length of the alphabet.
        *place = ALPHABET.get((number % 62) as usize).copied().unwrap_or(b'0');
        number /= 62;
    }
    code.iter().map(|byte| char::from(*byte)).collect()
}

/// Whether a text has the form of a made code.
fn is_made(code: &str) -> bool {
    code.len() == LENGTH
        && code.starts_with(|first: char| first.is_ascii_digit())
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether there can be a link with this code at all; whatever else stands in a path need not be looked up.
pub(crate) fn is_possible(code: &str) -> bool {
    (1..=LONGEST).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Says what is wrong with a code that somebody chose; `None` if nothing is.
///
/// No chosen code has the form of a made one, so the two never meet, whichever comes first.
pub(crate) fn objection(code: &str) -> Option<&'static str> {
    if code.is_empty() || code.len() > LONGEST {
        Some("must have 1 to 64 characters")
    } else if !is_possible(code) {
        Some("may have letters from a to z, digits, hyphens and underscores only")
    } else if RESERVED.iter().any(|word| word.eq_ignore_ascii_case(code)) {
        Some("is a word that the site keeps for itself")
    } else if is_made(code) {
        Some("looks like one that the site makes, a digit and six letters or digits; add or drop a character")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const KEY: &[u8; 16] = b"a key for a test";

    #[test]
    fn no_two_ids_share_a_code() {
        let codes = Codes::new(KEY);
        let made: HashSet<String> = (0..200_000).filter_map(|id| codes.code(id)).collect();
        assert_eq!(made.len(), 200_000);
    }

    #[test]
    fn the_network_can_be_run_backwards() {
        let codes = Codes::new(KEY);
        let mask = (1 << HALF) - 1;
        for number in [0, 1, 2, SPACE - 1, SPACE, (1 << (2 * HALF)) - 1, 123_456_789_012] {
            let there = codes.permute(number);
            let (mut left, mut right) = (there >> HALF, there & mask);
            for round in (0..ROUNDS).rev() {
                (left, right) = (right ^ (codes.round(round, left) & mask), left);
            }
            assert_eq!(left << HALF | right, number);
        }
    }

    #[test]
    fn each_code_is_a_digit_and_six_of_base_62_and_nobody_may_choose_it() {
        let codes = Codes::new(KEY);
        for id in (0..5_000).chain([SPACE as i64 - 1]) {
            let code = codes.code(id).expect("the id is in range");
            assert!(is_made(&code), "{code}");
            assert!(objection(&code).is_some_and(|why| why.contains("site makes")), "{code}");
        }
    }

    #[test]
    fn ids_beyond_the_codes_have_none() {
        let codes = Codes::new(KEY);
        assert_eq!(codes.code(-1), None);
        assert_eq!(codes.code(SPACE as i64), None);
        assert_eq!(codes.code(i64::MAX), None);
    }

    #[test]
    fn another_key_gives_other_codes_and_the_same_key_the_same() {
        let (ours, theirs) = (Codes::new(KEY), Codes::new(b"one for another."));
        let shared = (0..1_000).filter(|id| ours.code(*id) == theirs.code(*id)).count();
        assert_eq!(shared, 0);
        // Links outlive programs: what a key gave once it must always give.
        assert_eq!((1..=3).filter_map(|id| ours.code(id)).collect::<Vec<_>>(), ["2IoxojS", "25yUcD3", "7mTR8Bx"]);
    }

    #[test]
    fn neighbours_have_nothing_in_common() {
        let codes = Codes::new(KEY);
        let same_place = |a: &str, b: &str| a.bytes().zip(b.bytes()).filter(|(a, b)| a == b).count();
        let total: usize =
            (0..1_000).map(|id| same_place(&codes.code(id).unwrap(), &codes.code(id + 1).unwrap())).sum();
        // By chance: 1/10 for the digit and 1/62 for each of six, so 0.197 of 7 places.
        assert!((100..300).contains(&total), "{total}");
    }

    #[test]
    fn a_chosen_code_is_short_plain_and_nobody_elses() {
        for good in ["a", "my-launch", "Nuages_2026", "2024-report", "2024reports", "abc1234", "x".repeat(64).as_str()]
        {
            assert_eq!(objection(good), None, "{good}");
        }
        for bad in ["", "with space", "a/b", "ümlaut", "a.b", "API", "static", "2024abc", "x".repeat(65).as_str()] {
            assert!(objection(bad).is_some(), "{bad}");
        }
    }
}
