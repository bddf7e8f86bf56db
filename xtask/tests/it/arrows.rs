//! Which crate may stand on which.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::cargo;

/// Each crate of the workspace and what it stands on. It may use those directly, and what they stand on.
///
/// Development dependencies are free: a test may need the whole house.
const ARROWS: &[(&str, &[&str])] = &[
    ("nuages-structures", &[]),
    ("nuages-signing", &[]),
    ("nuages-json-schema", &[]),
    ("nuages-orm-macros", &["nuages-json-schema"]),
    ("nuages-orm", &["nuages-orm-macros", "nuages-signing", "nuages-structures"]),
    ("nuages-cache", &["nuages-structures"]),
    ("nuages-web", &["nuages-orm", "nuages-cache", "nuages-signing"]),
    ("nuages-auth", &["nuages-web"]),
    ("nuages-tasks", &["nuages-web"]),
    ("nuages-mail", &["nuages-web"]),
    ("nuages-admin", &["nuages-auth", "nuages-tasks"]),
    ("nuages-channels", &["nuages-auth"]),
    ("nuages-search", &["nuages-tasks"]),
    ("nuages-notify", &["nuages-auth", "nuages-tasks", "nuages-mail"]),
    ("nuages-uploads", &["nuages-auth", "nuages-tasks"]),
    ("nuages-gateway", &["nuages-tasks"]),
    (
        "nuages",
        &["nuages-admin", "nuages-channels", "nuages-search", "nuages-notify", "nuages-uploads", "nuages-gateway"],
    ),
    ("nuages-shortener", &["nuages"]),
    ("nuages-chat", &["nuages"]),
    ("nuages-feed", &["nuages"]),
    ("site", &["nuages-shortener", "nuages-chat", "nuages-feed"]),
    ("lab", &["nuages"]),
    ("nuages-benches", &["site"]),
    ("xtask", &[]),
];

/// What HTTP is made of.
const HTTP: &[&str] = &["axum", "axum-core", "http", "http-body", "hyper", "tower", "tower-http"];

#[test]
fn crates_stand_only_on_what_the_floor_plan_puts_below_them() {
    let mut wrong = Vec::new();
    let members = members();
    for (name, uses) in &members {
        let Some(below) = below(name) else {
            wrong.push(format!("{name} has no place in the floor plan: give it one in ARROWS"));
            continue;
        };
        for used in uses.intersection(&members.keys().cloned().collect()) {
            if !below.contains(used.as_str()) {
                wrong.push(format!("{name} must not depend on {used}; below it are {below:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_floor_plan_has_no_cycle() {
    for (name, _) in ARROWS {
        let below = below(name).expect("the name is in the list");
        assert!(!below.contains(name), "{name} stands on itself");
    }
}

#[test]
fn orm_knows_no_http() {
    let tree = cargo(&["tree", "--package", "nuages-orm", "--all-features", "--edges", "normal", "--prefix", "none"]);
    let found: BTreeSet<&str> =
        tree.lines().filter_map(|line| line.split(' ').next()).filter(|name| HTTP.contains(name)).collect();
    assert!(found.is_empty(), "nuages-orm brings in {found:?}");
}

/// Everything that the named crate stands on, near and far; `None` if it is not listed.
fn below(name: &str) -> Option<BTreeSet<&'static str>> {
    let list: BTreeMap<&str, &[&'static str]> = ARROWS.iter().copied().collect();
    let mut below = BTreeSet::new();
    let mut open: Vec<&str> = list.get(name)?.to_vec();
    while let Some(next) = open.pop() {
        if below.insert(next) {
            open.extend(list.get(next).copied().unwrap_or_default());
        }
    }
    Some(below)
}

/// The workspace's crates, each with the names it depends on outside of its tests.
fn members() -> BTreeMap<String, BTreeSet<String>> {
    let text = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let metadata: Value = serde_json::from_str(&text).expect("cargo writes JSON");
    let array = |value: &Value| value.as_array().cloned().expect("an array");
    array(&metadata["packages"])
        .iter()
        .map(|package| {
            let uses = array(&package["dependencies"])
                .iter()
                .filter(|used| used["kind"] != "dev")
                .map(|used| text_of(&used["name"]))
                .collect();
            (text_of(&package["name"]), uses)
        })
        .collect()
}

fn text_of(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}
