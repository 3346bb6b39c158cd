//! The command fits the shell: what is copied from a browser is taken, and completions and man pages are there.

use std::process::Command;

use canva_simulator::Simulator;
use tokio::runtime::Runtime;

use crate::common::{against, canva, run, simulated};

#[test]
fn what_has_a_url_in_canva_is_taken_by_it() {
    let runtime = Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::builder().start()).unwrap();
    let design = "https://www.canva.com/design/DAF1/sh4re-t0ken/edit?utm_content=DAF1";
    let folder = "https://www.canva.com/folder/FAF1";
    let cases: [(&[&str], &str); 6] = [
        (&["design", "get", design], "/v1/designs/DAF1"),
        (&["design", "get", "https://www.canva.com/design/DAF2?x=y"], "/v1/designs/DAF2"),
        (&["design", "copy", design], r#""design_id":"DAF1""#),
        (&["list", folder], "/v1/folders/FAF1/items"),
        (&["folder", "New", "--in", folder], r#""parent_folder_id":"FAF1""#),
        (&["move", design, "--to", folder], r#""item_id":"DAF1","to_folder_id":"FAF1""#),
    ];
    for (command, sent) in cases {
        run(against(&simulator, command.iter().copied()));
        let request = simulator.requests().pop().unwrap();
        let (path, body) = (&request.path, String::from_utf8_lossy(&request.body));
        assert!(path.ends_with(sent) || body.contains(sent), "{command:?}: {path} {body}");
    }
    // The links that the API gives have no id.
    let asked = simulator.requests().len();
    let ran = run(against(&simulator, ["design", "get", "https://www.canva.com/api/design/ey.J0.eX/edit"]));
    assert!(ran.stderr.ends_with("; take the id from the design's URL in Canva, or from `canva design list`\n"));
    assert_eq!(simulator.requests().len(), asked);
}

#[test]
fn what_is_only_planned_is_described_by_the_schema_too() {
    let planned = simulated(["--json", "upload", "photo.png", "notes.txt", "--dry-run"]).json();
    assert_eq!(planned.len(), 2);
    assert!(planned.iter().all(|line| line["status"] == "planned"), "{planned:?}");
}

#[test]
fn each_shell_gets_completions_and_bash_completes_with_them() {
    for shell in ["elvish", "fish", "powershell", "zsh"] {
        let script = run(canva(["completions", shell])).succeeded();
        assert!(script.contains("upload-url") && script.contains("remove-tag"), "{shell}");
    }
    let script = run(canva(["completions", "bash"])).succeeded();
    let complete = r#"eval "$0"; COMP_WORDS=(canva up); COMP_CWORD=1; _canva canva up canva; echo "${COMPREPLY[@]}""#;
    let mut bash = Command::new("bash");
    bash.args(["-c", complete, &script]);
    assert_eq!(run(bash).succeeded(), "upload upload-url update\n");
}

#[test]
fn there_is_a_man_page_for_each_command() {
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("share/man1");
    run(canva(["man", pages.to_str().unwrap()])).succeeded();
    for (page, text) in [("canva", "130"), ("canva-upload", "tag"), ("canva-design-new", "size"), ("canva-job", "kind")]
    {
        let page = std::fs::read_to_string(pages.join(format!("{page}.1"))).unwrap();
        assert!(page.starts_with(".ie") && page.contains(text), "{page}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let ran = run(canva(["man", file.path().to_str().unwrap()]));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.ends_with("; choose another directory\n"), "{}", ran.stderr);
}
