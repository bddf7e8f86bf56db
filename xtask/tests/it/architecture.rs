//! `ARCHITECTURE.md` does not send its reader to places that are gone.

use std::fs;

use crate::root;

#[test]
fn paths_named_in_architecture_exist() {
    let text =
        fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is at the root of the repository");
    let named: Vec<String> = named_paths(&text);
    assert!(named.iter().any(|path| path.starts_with("crates/")), "ARCHITECTURE.md names no crate's folder: {named:?}");
    let gone: Vec<&String> = named.iter().filter(|path| !root().join(path).exists()).collect();
    assert!(gone.is_empty(), "ARCHITECTURE.md names what does not exist: {gone:?}");
}

#[test]
fn paths_are_found_in_code_spans_links_and_trees() {
    let text = "See `crates/orm/src/{lib,error}.rs`, [it](xtask/src/main.rs#top), `lost.rs`, [peers](https://x.org/a/b), \
                `GET /{code}`, `text/html` and `/api/links`.\n\
                ```text\ncrates/web   views/and such\n```\n```rust\nlet half = 1 / 2;\n```\n";
    let expected = ["crates/orm/src/lib.rs", "crates/orm/src/error.rs", "lost.rs", "xtask/src/main.rs", "crates/web"];
    assert_eq!(named_paths(text), expected);
}

/// Paths from the root: code spans, link targets, and the first word of each line in a `text` block.
fn named_paths(text: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            fence = if fence.is_some() { None } else { Some(language.trim()) };
            continue;
        }
        match fence {
            Some("text") => paths.extend(line.split_whitespace().next()),
            Some(_) => {}
            None => {
                paths.extend(line.split('`').skip(1).step_by(2));
                let targets = line.split("](").skip(1);
                paths.extend(targets.filter_map(|rest| rest.split([')', '#']).next()));
            }
        }
    }
    paths.into_iter().filter(|word| is_path(word)).flat_map(braces).collect()
}

/// Whether a word means a file: it has a file's ending, or starts with a folder that we have.
fn is_path(word: &str) -> bool {
    const ENDINGS: [&str; 6] = [".rs", ".md", ".toml", ".py", ".sql", ".json"];
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./{},".contains(c);
    if word.starts_with('/') || word.contains("://") || !word.chars().all(plain) {
        return false;
    }
    let first = word.split('/').next().unwrap_or_default();
    ENDINGS.iter().any(|ending| word.ends_with(ending) && word.len() > ending.len())
        || word.contains('/') && !first.is_empty() && root().join(first).is_dir()
}

/// `a/{b,c}.rs` is `a/b.rs` and `a/c.rs`.
fn braces(word: &str) -> Vec<String> {
    let split = word.split_once('{').and_then(|(before, rest)| {
        let (within, after) = rest.split_once('}')?;
        Some((before, within, after))
    });
    let Some((before, within, after)) = split else {
        return vec![word.to_owned()];
    };
    within.split(',').flat_map(|choice| braces(&format!("{before}{choice}{after}"))).collect()
}
