//! Keeps `generated/` in step with `openapi.yaml`.
//!
//! With the feature `codegen`, in this repository's checkout, it rewrites `generated/`. Otherwise it only checks that
//! `generated/` was made from the spec and the generator as they are now, so that a stale client can't be built.

use std::fs;
use std::path::Path;

#[cfg(any(feature = "codegen", test))]
mod codegen;

const SPEC: &str = "openapi.yaml";

/// Everything that `generated/` is made from.
pub const SOURCES: [&str; 16] = [
    SPEC,
    "build.rs",
    "codegen/mod.rs",
    "codegen/check.rs",
    "codegen/docs.rs",
    "codegen/examples.rs",
    "codegen/jobs.rs",
    "codegen/lower.rs",
    "codegen/model.rs",
    "codegen/names.rs",
    "codegen/operations.rs",
    "codegen/spec.rs",
    "codegen/tables.rs",
    "codegen/types.rs",
    "codegen/unions.rs",
    "codegen/usage.rs",
];

const FINGERPRINTS: &str = "generated/fingerprints";

/// The directory of `.cargo/config.toml`, which sets this. Cargo reads the configuration of the directory that it is
/// called from, and never a dependency's: a program that depends on this crate doesn't write into its sources,
/// whatever features it turns on.
#[cfg(feature = "codegen")]
const CHECKOUT: &str = "CANVA_CONNECT_CHECKOUT";

fn main() {
    for path in SOURCES.iter().chain(&["generated"]) {
        println!("cargo::rerun-if-changed={path}");
    }
    #[cfg(feature = "codegen")]
    println!("cargo::rerun-if-env-changed={CHECKOUT}");
    let package = Path::new(".");
    #[cfg(feature = "codegen")]
    let result = match is_checkout() {
        // A warning is the one thing that Cargo shows of a build script that succeeds.
        true => write(package).map(|said| said.lines().for_each(|line| println!("cargo::warning={line}"))),
        false => check(package),
    };
    #[cfg(not(feature = "codegen"))]
    let result = check(package);
    // Each line of the message, because Cargo ends a directive at the line's end.
    if let Err(message) = result {
        for line in message.lines() {
            println!("cargo::error={line}");
        }
    }
}

#[cfg(feature = "codegen")]
fn is_checkout() -> bool {
    let directory = |name| std::env::var_os(name).and_then(|path| fs::canonicalize(path).ok());
    directory(CHECKOUT).is_some_and(|checkout| directory("CARGO_MANIFEST_DIR") == Some(checkout))
}

/// Writes the files of `generated/` whose content changes, and says which.
#[cfg(any(feature = "codegen", test))]
pub fn write(package: &Path) -> Result<String, String> {
    let codegen::Generated { mut files, notes } = codegen::generate(SPEC, &read(package, SPEC)?)?;
    files.push((FINGERPRINTS, fingerprints(package)?));
    let mut written = Vec::new();
    fs::create_dir_all(package.join("generated")).map_err(|e| format!("generated: {e}"))?;
    for (path, content) in files {
        if !read(package, path).is_ok_and(|current| current == content) {
            fs::write(package.join(path), content).map_err(|e| format!("{path}: {e}"))?;
            written.push(path);
        }
    }
    let wrote = match written.as_slice() {
        [] => "generated/ is current; nothing was written".to_owned(),
        paths => format!("wrote {}", paths.join(", ")),
    };
    Ok(notes.into_iter().chain([wrote]).collect::<Vec<_>>().join("\n"))
}

pub fn check(package: &Path) -> Result<(), String> {
    let now = fingerprints(package)?;
    let then = read(package, FINGERPRINTS).unwrap_or_default();
    let changed: Vec<&str> = now.lines().filter(|line| !then.lines().any(|old| old == *line)).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = changed.iter().filter_map(|line| line.split_whitespace().nth(1)).collect();
    Err(format!(
        "generated/ is stale: {} changed since it was written. Run `cargo regenerate` and commit generated/.",
        names.join(", ")
    ))
}

/// One line a source, `HASH NAME`: a spec edit and a generator edit on two branches then merge without a conflict.
fn fingerprints(package: &Path) -> Result<String, String> {
    SOURCES.iter().map(|path| Ok(format!("{:016x} {path}\n", fnv1a(&read(package, path)?)))).collect()
}

/// FNV-1a, 64 bits. `std`'s hasher may change between toolchains, and nothing here is an adversary.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A file's text with line endings as Unix has them, so that a checkout on Windows has the same fingerprints.
fn read(package: &Path, path: &str) -> Result<String, String> {
    let text = fs::read_to_string(package.join(path)).map_err(|e| format!("{path}: {e}"))?;
    Ok(text.replace("\r\n", "\n"))
}
