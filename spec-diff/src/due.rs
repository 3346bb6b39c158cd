//! The version that a change requires.

use semver::Version;

use crate::Class;

/// The lowest version that may follow `released` if the gravest change is `gravest`, as Cargo reads semantic versions:
/// below 1.0 a breaking change raises the second number, and an additive one the third.
///
/// ```
/// use semver::Version;
/// use spec_diff::{Class, due};
///
/// assert_eq!(due(&Version::new(0, 1, 3), Some(Class::Breaking)), Version::new(0, 2, 0));
/// assert_eq!(due(&Version::new(0, 1, 3), Some(Class::Additive)), Version::new(0, 1, 4));
/// assert_eq!(due(&Version::new(1, 2, 3), Some(Class::Breaking)), Version::new(2, 0, 0));
/// assert_eq!(due(&Version::new(1, 2, 3), Some(Class::Additive)), Version::new(1, 3, 0));
/// assert_eq!(due(&Version::new(1, 2, 3), Some(Class::Editorial)), Version::new(1, 2, 3));
/// assert_eq!(due(&Version::new(1, 2, 3), None), Version::new(1, 2, 3));
/// ```
pub fn due(released: &Version, gravest: Option<Class>) -> Version {
    let Version { major, minor, patch, .. } = *released;
    match (gravest, major) {
        (Some(Class::Breaking), 0) => Version::new(0, minor + 1, 0),
        (Some(Class::Breaking), _) => Version::new(major + 1, 0, 0),
        (Some(Class::Additive), 0) => Version::new(0, minor, patch + 1),
        (Some(Class::Additive), _) => Version::new(major, minor + 1, 0),
        (Some(Class::Editorial) | None, _) => released.clone(),
    }
}
