//! The version that a change asks for. The file that includes it has the module `diff` beside it.

use semver::Version;

use super::diff::Class;

/// The lowest version that may carry a change, by Cargo's reading of semantic versions: below 1.0 the second number
/// stands for breaking changes, and the third for the rest.
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
