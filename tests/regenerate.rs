//! From an edit of the spec to the generated code, in a temporary copy of this package: what `cargo regenerate` and the
//! build say, and that generated/ changes by no more than the edit. Apart, because it runs Cargo for minutes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use spec_diff as diff;

/// The tests share one target directory, so that progenitor is compiled once; Cargo would make them wait anyway, and
/// say so in its output.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What `tests/it/schemas.rs` needs, and nothing else.
const TEST_DEPENDENCIES: &str = r#"[dev-dependencies]
canva-connect = { path = ".", features = ["schemars"] }
insta = { version = "1.49", default-features = false, features = ["yaml"] }
serde-saphyr = { version = "2.0", default-features = false, features = ["deserialize"] }
"#;

const SCHEMAS: &str = "tests/it/snapshots/it__schemas__every_type.snap";

struct Copy {
    directory: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Copy {
    fn new() -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let directory = tempfile::tempdir().unwrap();
        for name in ["src", "codegen", "generated", "docs", ".cargo", "tests/it/snapshots"] {
            copy_directory(&root.join(name), &directory.path().join(name));
        }
        for name in ["build.rs", "openapi.yaml", "Cargo.lock", "README.md", "tests/it/schemas.rs", "tests/it/types.rs"]
        {
            fs::copy(root.join(name), directory.path().join(name)).unwrap();
        }
        // The package alone, without the other members, and of the tests one.
        fs::write(directory.path().join("tests/it/main.rs"), "mod schemas;\nmod types;\n").unwrap();
        let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        let (package, _) = manifest.split_once("[dev-dependencies]").unwrap();
        let members = package.lines().find(|line| line.starts_with("members")).unwrap();
        let package = package.replace(members, "members = [\".\"]");
        fs::write(directory.path().join("Cargo.toml"), format!("{package}{TEST_DEPENDENCIES}")).unwrap();
        Self { directory, _turn: turn }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn edit_spec(&self, from: &str, to: &str) {
        let spec = self.read("openapi.yaml");
        assert!(spec.contains(from), "the spec has no {from:?}");
        fs::write(self.path("openapi.yaml"), spec.replacen(from, to, 1)).unwrap();
    }

    fn restore_spec(&self) {
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.yaml"), self.path("openapi.yaml")).unwrap();
    }

    /// Runs cargo here: whether it succeeded, and what it said.
    fn cargo(&self, arguments: &[&str]) -> (bool, String) {
        cargo(self.directory.path(), arguments)
    }

    /// Runs `cargo regenerate`, which must succeed, and says what it wrote.
    fn regenerate(&self) -> String {
        let (ok, output) = self.cargo(&["regenerate"]);
        assert!(ok, "{output}");
        let line = output.lines().find(|line| line.starts_with("warning: canva-connect")).unwrap();
        line.split_once(": ").unwrap().1.split_once(": ").unwrap().1.to_owned()
    }

    /// Runs `cargo regenerate`, which must fail, and says why.
    fn refused(&self) -> String {
        let (ok, output) = self.cargo(&["regenerate"]);
        assert!(!ok, "{output}");
        let errors = output.lines().filter_map(|line| line.strip_prefix("error: canva-connect@"));
        errors.map(|line| line.split_once(": ").unwrap().1).collect::<Vec<_>>().join("\n")
    }
}

/// Runs cargo in a directory, without what the cargo that runs this test has set.
fn cargo(directory: &Path, arguments: &[&str]) -> (bool, String) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("regenerate");
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(directory)
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_TERM_COLOR", "never")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("INSTA_UPDATE", "always")
        .env("INSTA_WORKSPACE_ROOT", directory)
        .env_remove("RUSTFLAGS")
        .env_remove("CANVA_CONNECT_CHECKOUT")
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
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

/// The lines that came and went, without their indentation.
fn changed_lines(before: &str, after: &str) -> Vec<String> {
    similar::TextDiff::from_lines(before, after)
        .iter_all_changes()
        .filter(|change| change.tag() != similar::ChangeTag::Equal)
        .map(|change| format!("{}{}", change.tag(), change.value().trim()))
        .collect()
}

#[test]
fn regenerating_twice_changes_nothing() {
    let copy = Copy::new();
    let files = [
        "generated/client.rs",
        "generated/operations.rs",
        "generated/lengths.rs",
        "generated/docs.rs",
        "generated/schemas.rs",
        "generated/fingerprints",
    ];
    let committed = files.map(|file| copy.read(file));
    assert_eq!(copy.regenerate(), "generated/ is current; nothing was written");
    let written = files.map(|file| fs::metadata(copy.path(file)).unwrap().modified().unwrap());

    fs::remove_dir_all(copy.path("generated")).unwrap();
    let said = copy.regenerate();
    assert!(files.iter().all(|file| said.contains(file)), "{said}");
    assert_eq!(files.map(|file| copy.read(file)), committed);

    assert_eq!(copy.regenerate(), "generated/ is current; nothing was written");
    let unmoved = files.map(|file| fs::metadata(copy.path(file)).unwrap().modified().unwrap());
    assert_ne!(written, unmoved, "the files were removed and written again");
    assert_eq!(copy.regenerate(), "generated/ is current; nothing was written");
    assert_eq!(files.map(|file| fs::metadata(copy.path(file)).unwrap().modified().unwrap()), unmoved);
}

#[test]
fn a_stale_client_is_not_built() {
    let copy = Copy::new();
    let (ok, output) = copy.cargo(&["check"]);
    assert!(ok, "{output}");

    copy.edit_spec("The asset's id.", "The asset's identifier.");
    let (ok, output) = copy.cargo(&["check"]);
    assert!(!ok);
    let expected = "generated/ is stale: openapi.yaml changed since it was written. Run `cargo regenerate`";
    assert!(output.contains(expected), "{output}");

    // Line endings are no change: a checkout on Windows builds.
    copy.restore_spec();
    let windows = copy.read("openapi.yaml").replace('\n', "\r\n");
    fs::write(copy.path("openapi.yaml"), windows).unwrap();
    let (ok, output) = copy.cargo(&["check"]);
    assert!(ok, "{output}");
}

/// An operation more, where the components begin.
const COPY_ASSET: &str = "  /v1/assets/{assetId}/copies:\n    post:\n      operationId: copyAsset\n      summary: Copy an asset\n      \
    x-rate-limit-per-client-user: 30\n      security:\n        - oauthAuthCode: ['asset:write']\n      parameters:\n        \
    - $ref: '#/components/parameters/AssetId'\n      responses:\n        '200':\n          \
    $ref: '#/components/responses/AssetUploadJob'\n\ncomponents:\n";

/// The parameters of an operation whose only one is in its path.
const PARAMETERS: &str = "        - $ref: '#/components/parameters/AssetId'\n";

#[test]
fn a_program_that_depends_on_the_package_rewrites_nothing_whatever_features_it_turns_on() {
    let copy = Copy::new();
    let (ok, output) = copy.cargo(&["package", "--no-verify", "--allow-dirty", "--target-dir", "packaged"]);
    assert!(ok, "{output}");
    let package = format!("packaged/package/canva-connect-{}", env!("CARGO_PKG_VERSION"));
    let unpacked = Command::new("tar")
        .args(["-xf", &format!("canva-connect-{}.crate", env!("CARGO_PKG_VERSION"))])
        .current_dir(copy.path("packaged/package"))
        .status();
    assert!(unpacked.unwrap().success());
    // A line that only the generator would take out again.
    let touched = copy.path(&format!("{package}/generated/docs.rs"));
    let text = fs::read_to_string(&touched).unwrap() + "// mine\n";
    fs::write(&touched, &text).unwrap();

    let program = copy.path("program");
    fs::create_dir_all(program.join("src")).unwrap();
    fs::write(program.join("src/lib.rs"), "").unwrap();
    fs::copy(copy.path("Cargo.lock"), program.join("Cargo.lock")).unwrap();
    let dependency = format!("canva-connect = {{ path = \"../{package}\", features = [\"codegen\"] }}");
    let manifest =
        format!("[package]\nname = \"program\"\nedition = \"2024\"\n\n[dependencies]\n{dependency}\n\n[workspace]\n");
    fs::write(program.join("Cargo.toml"), manifest).unwrap();
    let (ok, output) = cargo(&program, &["check"]);
    assert!(ok && !output.contains("wrote"), "{output}");
    assert_eq!(fs::read_to_string(&touched).unwrap(), text);
}

#[test]
fn a_bad_spec_is_refused_with_its_place_and_generated_is_left_alone() {
    let copy = Copy::new();
    let committed = copy.read("generated/client.rs");
    // The spec's text, what takes its place, and what the error says.
    let edits = [
        ("  /v1/imports:\n", "\t/v1/imports:\n", "openapi.yaml: not readable as YAML: "),
        ("paths:\n", "path:\n", "openapi.yaml: `paths` is missing or not a map"),
        (
            "$ref: '#/components/schemas/TeamUserSummary'",
            "$ref: '#/components/schemas/TeamUser'",
            "`$ref: '#/components/schemas/TeamUser'` points at nothing in this file",
        ),
        (
            "      operationId: updateAsset\n",
            "",
            "openapi.yaml: paths./v1/assets/{assetId}.patch: `operationId` is missing",
        ),
        (
            "      x-rate-limit-per-client-user: 20\n",
            "",
            "openapi.yaml: createDesignImportJob: `x-rate-limit-per-client-user` must say",
        ),
        (
            "operationId: getAsset\n",
            "operationId: get-asset\n",
            "openapi.yaml: paths./v1/assets/{assetId}.get: `operationId: get-asset` must be letters and digits",
        ),
        (
            "application/octet-stream:",
            "image/png:",
            "openapi.yaml: createAssetUploadJob: the request body must be `application/json` or",
        ),
        (
            "          $ref: '#/components/responses/AssetUploadJob'\n",
            "          description: A name.\n          content:\n            text/plain:\n              schema: { type: string }\n",
            "openapi.yaml: createAssetUploadJob: response 200 must be `application/json` alone, or have no body",
        ),
        (
            PARAMETERS,
            &format!("{PARAMETERS}        - {{ name: limit, in: query, schema: {{ type: integer }} }}\n"),
            "openapi.yaml: getAsset: the query parameter `limit` can't be generated",
        ),
        (
            "      required: [width, height, url]\n",
            "      oneOf: [{ $ref: '#/components/schemas/TeamUserSummary' }]\n",
            "openapi.yaml: components.schemas.Thumbnail: `oneOf` can't be generated",
        ),
        // What progenitor refuses, or panics over.
        (
            "      required: [id, status]\n",
            "      required: [id, status, 5]\n",
            "openapi.yaml: components.schemas.AssetUploadJob: ",
        ),
    ];
    for (from, to, expected) in edits {
        copy.edit_spec(from, to);
        let said = copy.refused();
        assert!(said.contains(expected), "{to:?} gives\n{said}");
        assert!(!said.contains("panicked"), "{said}");
        assert_eq!(copy.read("generated/client.rs"), committed);
        copy.restore_spec();
    }
}

/// An edit of the spec as a maintainer would make it by hand.
struct Edit {
    name: &'static str,
    from: &'static str,
    to: &'static str,
}

const EDITS: [Edit; 11] = [
    Edit {
        name: "add an optional field to a response",
        from: "        view_url:\n",
        to: "        share_url:\n          type: string\n          description: Opens it for others.\n        view_url:\n",
    },
    Edit {
        name: "add a required field to a response",
        from: "      required: [width, height, url]\n      properties:\n",
        to: "      required: [width, height, url, alt]\n      properties:\n        alt:\n          type: string\n",
    },
    Edit { name: "rename a field of a response", from: "        page_count:\n", to: "        pages:\n" },
    Edit { name: "add an enum value", from: "enum: [image, video]", to: "enum: [image, video, audio]" },
    Edit {
        name: "change a field's type",
        from: "        page_count:\n          type: integer\n          format: int64\n",
        to: "        page_count:\n          type: string\n",
    },
    Edit { name: "tighten a request's bound", from: "          maxLength: 255\n", to: "          maxLength: 200\n" },
    Edit {
        name: "lower a rate limit",
        from: "x-rate-limit-per-client-user: 20\n",
        to: "x-rate-limit-per-client-user: 10\n",
    },
    Edit { name: "add an operation", from: "\ncomponents:\n", to: COPY_ASSET },
    // With nothing in its place, the whole block goes.
    Edit { name: "remove an operation", from: "  /v1/url-asset-uploads/{jobId}:\n", to: "" },
    Edit {
        name: "mistype a `$ref`",
        from: "$ref: '#/components/schemas/TeamUserSummary'",
        to: "$ref: '#/components/schemas/TeamUser'",
    },
    Edit { name: "indent with a tab", from: "  /v1/imports:\n", to: "\t/v1/imports:\n" },
];

/// `+3 −1`, of the lines in a file.
fn size(before: &str, after: &str) -> String {
    let lines = changed_lines(before, after);
    let count = |sign| lines.iter().filter(|line| line.starts_with(sign)).count();
    format!("+{} −{}", count('+'), count('-'))
}

/// What everything says to an edit, as a row of the table.
fn row(copy: &Copy, edit: &Edit) -> String {
    let files = ["generated/client.rs", "generated/operations.rs", "generated/lengths.rs", "generated/docs.rs"];
    let before = files.map(|file| copy.read(file));
    let spec = copy.read("openapi.yaml");
    if edit.to.is_empty() {
        let (_, block) = spec.split_once(edit.from).unwrap();
        let (block, _) = block.split_once("\n  /").unwrap();
        copy.edit_spec(&format!("{}{block}\n", edit.from), "");
    } else {
        copy.edit_spec(edit.from, edit.to);
    }
    let edited = copy.read("openapi.yaml");

    let (built, output) = copy.cargo(&["check"]);
    assert!(!built && output.contains("generated/ is stale"), "{}: {output}", edit.name);

    let (compiles, output) = copy.cargo(&["regenerate"]);
    let refusal = output.lines().find_map(|line| line.strip_prefix("error: canva-connect@")?.split_once(": "));
    if let Some((_, refusal)) = refusal {
        // Without the line's number, which an edit anywhere above would change.
        let line = copy.read("openapi.yaml").lines().position(|line| line.contains(edit.to.trim())).unwrap() + 1;
        return format!(
            "| {} | nothing: `{}` | | | |",
            edit.name,
            refusal.replace('`', "'").replace(&line.to_string(), "N")
        );
    }
    let wrote: Vec<String> = files
        .iter()
        .zip(&before)
        .map(|(file, before)| (file, size(before, &copy.read(file))))
        .filter(|(_, size)| size != "+0 −0")
        .map(|(file, size)| format!("`{}` {size}", file.trim_start_matches("generated/")))
        .collect();
    let (facade, schemas) = if compiles {
        let before = copy.read(SCHEMAS);
        let (ok, output) = copy.cargo(&["test", "--quiet", "--test", "it"]);
        assert!(ok, "{}: {output}", edit.name);
        ("compiles".to_owned(), size(&before, &copy.read(SCHEMAS)))
    } else {
        let error = output.lines().find(|line| line.starts_with("error")).unwrap();
        (format!("`{}`", error.replace('`', "'")), String::new())
    };

    let (old, new) = (diff::Spec::parse("old", &spec).unwrap(), diff::Spec::parse("new", &edited).unwrap());
    let report = diff::compare(&old, &new);
    let class = report.gravest().unwrap();
    let text = report.text(false);
    let sentence = text.lines().find_map(|line| line.trim_start().strip_prefix(class.name())).unwrap().trim();
    let due = diff::due(&semver::Version::new(0, 1, 0), Some(class));
    format!(
        "| {} | {} | {facade} | {schemas} | {}: {sentence}; 0.1.0 -> {due} |",
        edit.name,
        wrote.join(", "),
        class.name()
    )
}

#[test]
fn no_edit_breaks_in_silence() {
    let copy = Copy::new();
    // The first run compiles what the others then have.
    assert!(copy.cargo(&["test", "--quiet", "--test", "it"]).0);
    let mut table = String::from(
        "| edit | `cargo regenerate` writes | the facade | `it__schemas__every_type.snap` | `spec_change__since_the_last_release.snap`, and the version gate |\n|---|---|---|---|---|\n",
    );
    for edit in &EDITS {
        writeln!(table, "{}", row(&copy, edit)).unwrap();
        copy.restore_spec();
        for name in ["generated", "tests/it/snapshots"] {
            copy_directory(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name), &copy.path(name));
        }
    }
    support::check_table("CONTRIBUTING.md", "edits", &table);
}
