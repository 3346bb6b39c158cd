//! What is said in two places is said in the same words.

#[test]
fn the_readme_says_what_is_retried_as_the_documentation_does() {
    let read = |path: &str| std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
    assert!(read("README.md").contains(&read("docs/retries.md")), "README.md has another table than docs/retries.md");
}
