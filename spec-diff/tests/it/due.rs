use semver::Version;
use spec_diff::{Class, due};

#[test]
fn a_version_is_due_by_what_breaks() {
    let due = |released: &str, class| due(&Version::parse(released).unwrap(), class).to_string();
    assert_eq!(due("0.1.3", Some(Class::Breaking)), "0.2.0");
    assert_eq!(due("0.1.3", Some(Class::Additive)), "0.1.4");
    assert_eq!(due("0.1.3", Some(Class::Editorial)), "0.1.3");
    assert_eq!(due("0.1.3", None), "0.1.3");
    assert_eq!(due("1.2.3", Some(Class::Breaking)), "2.0.0");
    assert_eq!(due("1.2.3", Some(Class::Additive)), "1.3.0");
}
