//! What is said in two places is said in the same words.

#[test]
fn the_readme_says_what_is_retried_as_the_documentation_does() {
    let read = |path: &str| std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
    let retries = read("docs/retries.md");
    let (table, _) = retries.split_once("\n\n").unwrap();
    assert!(read("README.md").contains(table), "README.md has another table than docs/retries.md");
}
