//! Slugs held against Django's.

use std::process::Command;

use nuages::orm::slug::{slugify, slugify_unicode};

use crate::oracle::{python, run};

const STRINGS: usize = 4_000;

const SCRIPT: &str = "
import json, sys, unicodedata
from django.utils.text import slugify
# What the Unicode of this Python does not know yet, it cannot answer for.
known = lambda text: all(unicodedata.category(letter) != 'Cn' for letter in text)
for line in sys.stdin:
    text = json.loads(line)
    print(json.dumps([known(text), slugify(text), slugify(text, allow_unicode=True)]))
";

/// Where scripts, marks, signs, blanks, forms and pictures are.
const RANGES: &[(u32, u32)] = &[
    (0x00, 0x7f),
    (0x80, 0x24f),
    (0x250, 0x36f),
    (0x370, 0x5ff),
    (0x600, 0xdff),
    (0xe00, 0x13ff),
    (0x1400, 0x1fff),
    (0x2000, 0x206f),
    (0x2070, 0x2bff),
    (0x2c00, 0x2fff),
    (0x3000, 0x33ff),
    (0x3400, 0x9fff),
    (0xa000, 0xabff),
    (0xac00, 0xd7ff),
    (0xe000, 0xf8ff),
    (0xf900, 0xffff),
    (0x10000, 0x1ffff),
    (0x20000, 0x323af),
    (0xe0000, 0xe01ff),
];

const COMMON: &[&str] = &[
    "-",
    "--",
    "_",
    "__",
    " ",
    "\t",
    "\n",
    "\u{b}",
    "\u{0}",
    "\u{1c}",
    "\u{1f}",
    "\u{85}",
    "\u{a0}",
    "\u{2003}",
    "\u{2028}",
    "\u{200b}",
    "\u{2013}",
    "\u{2014}",
    "\u{301}",
    "\u{345}",
    "ﬁ",
    "½",
    "²",
    "Ⅷ",
    "①",
    "Ⓐ",
    "🅰",
    "🅐",
    "🎷",
    "👩\u{200d}🚀",
    "İ",
    "ß",
    "Σ",
    "ΑΣ",
    "ς",
    "ǆ",
    "Ａ",
    "ｶﾞ",
    "あ",
    "한",
    "क्षि",
    "العربية",
    "a",
    "B",
    "7",
    "٧",
    "é",
    "e\u{301}",
    "Å",
    "\u{feff}",
    "℃",
];

/// Numbers without end, the same ones each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % sides as u64).unwrap_or(0)
    }

    fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.roll(12) {
            if self.roll(3) == 0 {
                let (first, last) = RANGES[self.roll(RANGES.len())];
                let place = u32::try_from(self.roll((last - first) as usize + 1)).unwrap_or(0);
                text.extend(char::from_u32(first + place));
            } else {
                text.push_str(COMMON[self.roll(COMMON.len())]);
            }
        }
        text
    }
}

#[test]
fn slugs_are_those_of_django() {
    let mut dice = Dice(7);
    let mut texts: Vec<String> = (0..STRINGS).map(|_| dice.text()).collect();
    // Every character there is, in company.
    let all: Vec<char> = (0..=0x32_3af_u32).filter_map(char::from_u32).collect();
    texts.extend(all.iter().map(|letter| format!("a{letter}b")));
    let input: String = texts.iter().map(|text| serde_json::to_string(text).expect("a text") + "\n").collect();
    let output = run(Command::new(python("").get_program()).args(["-c", SCRIPT]), &input);
    let mut compared = 0;
    for (text, line) in texts.iter().zip(output.lines()) {
        let (known, ascii, unicode): (bool, String, String) = serde_json::from_str(line).expect("an answer");
        if known {
            assert_eq!((slugify(text), slugify_unicode(text)), (ascii, unicode), "{text:?}");
            compared += 1;
        }
    }
    assert_eq!(output.lines().count(), texts.len());
    assert!(compared > 100_000, "{compared}");
}
