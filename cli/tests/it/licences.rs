//! LICENSE-THIRD-PARTY.md says where the source code is that the licences of the binary's crates ask for.

use std::process::Command;

use crate::common::run;

#[test]
fn each_crate_under_the_mpl_is_named_with_its_version_and_its_source() {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--package", "canva-cli", "--edges", "normal", "--prefix", "none", "--format", "{p}|{l}"]);
    tree.args(["--locked", "--offline", "--quiet"]);
    let tree = run(tree).succeeded();
    let mut named: Vec<&str> = include_str!("../../LICENSE-THIRD-PARTY.md")
        .lines()
        .filter(|line| line.contains("https://crates.io/"))
        .collect();
    for line in tree.lines().filter(|line| line.contains("MPL")) {
        let (package, _) = line.split_once('|').unwrap();
        let [name, version] = package.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let version = version.trim_start_matches('v');
        let row = format!("| {name} | {version} | <https://crates.io/crates/{name}/{version}> |");
        assert!(named.contains(&row.as_str()), "LICENSE-THIRD-PARTY.md lacks {row}");
        named.retain(|it| *it != row);
    }
    assert!(named.is_empty(), "no longer in the binary, or not under the MPL: {named:?}");
}
