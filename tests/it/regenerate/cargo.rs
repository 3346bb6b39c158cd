//! What Cargo makes of the build script.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Copy, EDITS, Edit, GENERATED, edited, original, spec};
use crate::types::yaml;

/// Runs cargo in a directory, without what the cargo that runs this test has set. Says whether it succeeded, and what it
/// said.
fn cargo(directory: &Path, target: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("cargo")
        .args(arguments)
        .current_dir(directory)
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_TERM_COLOR", "never")
        .env_remove("RUSTFLAGS")
        // It would be another compiler, which everything is compiled for again.
        .env_remove("RUSTC_BOOTSTRAP")
        .env_remove("CANVA_CONNECT_CHECKOUT")
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The manifest up to this table, of a workspace of the library alone.
fn manifest_until(table: &str) -> String {
    let manifest = fs::read_to_string(original("Cargo.toml")).unwrap();
    let (package, _) = manifest.split_once(table).unwrap();
    let members = package.lines().find(|line| line.starts_with("members")).unwrap();
    package.replace(members, "members = [\".\"]")
}

/// Without dependencies and sources: only the build script is compiled.
#[test]
fn a_stale_client_is_not_built() {
    let copy = Copy::new();
    let check = || cargo(copy.0.path(), &copy.path("target"), &["check"]);
    fs::write(copy.path("Cargo.toml"), manifest_until("[features]")).unwrap();
    fs::create_dir(copy.path("src")).unwrap();
    fs::write(copy.path("src/lib.rs"), "").unwrap();
    let (ok, said) = check();
    assert!(ok, "{said}");

    fs::write(copy.path("openapi.yaml"), edited(&spec(), "The asset's id.", "The asset's identifier.")).unwrap();
    let (ok, said) = check();
    assert!(!ok);
    let expected = "generated/ is stale: openapi.yaml changed since it was written. Run `cargo regenerate`";
    assert!(said.contains(expected), "{said}");
}

/// A copy of the whole package, at a place that stays the same, so that the shared target directory doesn't grow.
fn package() -> PathBuf {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("package");
    let _ = fs::remove_dir_all(&package);
    for name in ["src", "codegen", "generated", "docs", ".cargo"] {
        copy_directory(&original(name), &package.join(name));
    }
    for name in ["build.rs", "openapi.yaml", "Cargo.lock", "README.md"] {
        fs::copy(original(name), package.join(name)).unwrap();
    }
    fs::write(package.join("Cargo.toml"), manifest_until("[dev-dependencies]")).unwrap();
    package
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// In the target directory that `cargo regenerate` has too. Progenitor is compiled only once for both, but for a minute.
#[test]
#[ignore = "compiles progenitor as a build dependency; .ci/run runs it"]
fn regenerate_writes_in_its_checkout_alone_and_says_whether_the_facade_compiles() {
    let package = package();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let regenerate = |edits: &[&Edit]| {
        let spec = edits.iter().fold(spec(), |spec, edit| edit.apply(&spec));
        fs::write(package.join("openapi.yaml"), spec).unwrap();
        cargo(&package, target, &["regenerate"])
    };
    let (ok, said) = regenerate(&[]);
    assert!(ok && said.contains("generated/ is current; nothing was written"), "{said}");

    program_rewrites_nothing(&package, target);

    let [edits @ .., remove, _, _] = &EDITS;
    let (ok, said) = regenerate(&edits.iter().collect::<Vec<_>>());
    let wrote = format!(
        "wrote {}",
        GENERATED
            .iter()
            .filter(|file| !file.contains("schemas") && !file.contains("jobs"))
            .copied()
            .collect::<Vec<_>>()
            .join(", ")
    );
    assert!(ok && said.contains(&wrote), "{said}");

    // Eleven operations more, with everything that an operation may have, and no edit but that of the spec.
    let constructs = fs::read_to_string(original("tests/fixtures/constructs/openapi.yaml")).unwrap();
    let more = yaml(&constructs.replace("https://api.example.com", "https://api.canva.com"));
    let mut merged = yaml(&spec());
    let sections = ["/paths", "/components/schemas", "/components/parameters", "/components/securitySchemes"];
    for section in sections {
        let added = more.pointer(section).unwrap().as_object().unwrap();
        let into = merged.pointer_mut(section).unwrap().as_object_mut().unwrap();
        added.iter().for_each(|(name, value)| _ = into.entry(name).or_insert(value.clone()));
    }
    fs::write(package.join("openapi.yaml"), merged.to_string()).unwrap();
    let (ok, said) = cargo(&package, target, &["regenerate"]);
    assert!(ok && said.contains("wrote generated/client.rs"), "{said}");
    assert!(!said.contains("generated/client.rs:"), "it has warnings: {said}");

    let (ok, said) = regenerate(&[remove]);
    assert!(!ok && said.contains("error: no rules expected `USERS_ME`"), "{said}");
}

/// A program that depends on the published package and turns on its feature `codegen`.
fn program_rewrites_nothing(package: &Path, target: &Path) {
    let (ok, said) = cargo(package, &package.join("packaged"), &["package", "--no-verify", "--allow-dirty"]);
    assert!(ok, "{said}");
    let name = format!("canva-connect-{}", env!("CARGO_PKG_VERSION"));
    let mut unpack = Command::new("tar");
    // With the time of now: by the times in the archive, which are always the same, Cargo would take it for unchanged.
    unpack.arg("-xmf").arg(format!("{name}.crate")).current_dir(package.join("packaged/package"));
    assert!(unpack.status().unwrap().success());
    let unpacked = package.join("packaged/package").join(name);
    // A line that only the generator would take out again.
    let touched = unpacked.join("generated/docs.rs");
    let text = fs::read_to_string(&touched).unwrap() + "// mine\n";
    fs::write(&touched, &text).unwrap();

    // Outside of any checkout.
    let program = tempfile::tempdir().unwrap();
    fs::create_dir(program.path().join("src")).unwrap();
    fs::write(program.path().join("src/lib.rs"), "").unwrap();
    fs::copy(package.join("Cargo.lock"), program.path().join("Cargo.lock")).unwrap();
    let dependency = format!("canva-connect = {{ path = {unpacked:?}, features = [\"codegen\"] }}");
    let manifest = format!("[package]\nname = \"program\"\nedition = \"2024\"\n\n[dependencies]\n{dependency}\n");
    // The profile too, so that Cargo compiles nothing a second time.
    let ours = fs::read_to_string(original("Cargo.toml")).unwrap();
    let profile = ours.split_once("\n[profile.dev]").unwrap().1.split("\n\n").next().unwrap();
    let manifest = format!("{manifest}\n[profile.dev]{profile}\n");
    fs::write(program.path().join("Cargo.toml"), manifest).unwrap();
    let (ok, said) = cargo(program.path(), target, &["check"]);
    assert!(ok && !said.contains("wrote"), "{said}");
    assert_eq!(fs::read_to_string(&touched).unwrap(), text);
}
