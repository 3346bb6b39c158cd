//! What the licences of the binary's crates ask for.

use std::process::Command;

use crate::common::run;

#[test]
fn no_crate_in_the_binary_asks_for_its_source_beside_it() {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--package", "canva-cli", "--edges", "normal", "--prefix", "none", "--format", "{p}|{l}"]);
    tree.args(["--locked", "--offline", "--quiet"]);
    let tree = run(tree).succeeded();
    assert!(tree.contains("canva-connect v"), "{tree}");
    // A choice of several has one that doesn't.
    let asks = |line: &&str| ["MPL", "GPL", "EPL", "CDDL"].iter().any(|it| line.contains(it)) && !line.contains(" OR ");
    assert_eq!(tree.lines().filter(asks).collect::<Vec<_>>(), Vec::<&str>::new());
}
