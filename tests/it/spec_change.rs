//! What `openapi.yaml` changes since the last release is written down in a snapshot, and the version says it too. How a
//! change is judged is `spec-diff`'s business.

use semver::Version;
use spec_diff::{Report, Spec, compare, due};

const BASELINE: &str = "tests/baseline/openapi.yaml";
const CURRENT: &str = "openapi.yaml";

fn read(path: &str) -> Spec {
    Spec::parse(path, &std::fs::read_to_string(path).unwrap()).unwrap()
}

fn since_the_last_release() -> Report {
    compare(&read(BASELINE), &read(CURRENT))
}

fn version(spec: &Spec) -> Version {
    Version::parse(spec.version().unwrap()).unwrap()
}

#[test]
fn every_change_since_the_last_release_is_written_down() {
    // Without line numbers, which an edit anywhere above would change.
    insta::assert_snapshot!("since_the_last_release", since_the_last_release().text(false));
}

#[test]
fn the_version_says_what_callers_must_expect() {
    let released = version(&read(BASELINE));
    let due = due(&released, since_the_last_release().gravest());
    let ours = Version::parse(env!("CARGO_PKG_VERSION")).unwrap();
    assert!(
        ours >= due,
        "the change since {released} asks for version {due}: set it in Cargo.toml and openapi.yaml, which say {ours}.\n\n{}",
        since_the_last_release().text(true)
    );
}

#[test]
fn the_spec_and_the_crate_have_one_version() {
    assert_eq!(
        version(&read(CURRENT)).to_string(),
        env!("CARGO_PKG_VERSION"),
        "openapi.yaml (left), Cargo.toml (right)"
    );
}
