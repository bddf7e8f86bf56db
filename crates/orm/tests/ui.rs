//! What does not compile, and what the compiler says: each message fits a screen and points at the user's words.

#[test]
fn mistakes_are_explained_where_they_are_made() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/blog.rs");
    cases.compile_fail("tests/ui/mistakes/*.rs");
    cases.compile_fail("tests/ui/document/*.rs");
    #[cfg(feature = "jsonschema")]
    cases.compile_fail("tests/ui/schema/*.rs");
    #[cfg(not(feature = "jsonschema"))]
    cases.compile_fail("tests/ui/no_schema/*.rs");
    #[cfg(feature = "encryption")]
    cases.compile_fail("tests/ui/encrypted/*.rs");
}
