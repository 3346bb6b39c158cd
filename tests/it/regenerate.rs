//! From an edit of the spec to the generated code: what the generator and the build say, and that `generated/` changes by
//! no more than the edit. The generator runs in this process, on a copy of its sources; what Cargo makes of it is in
//! `regenerate/cargo.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use similar::{ChangeTag, TextDiff};
use spec_diff as diff;

use crate::{build, support};

mod cargo;

const CLIENT: &str = "generated/client.rs";

/// The files that are Rust code, and not a list.
const CODE: [&str; 5] =
    [CLIENT, "generated/jobs.rs", "generated/operations.rs", "generated/lengths.rs", "generated/docs.rs"];

const GENERATED: [&str; 7] =
    [CLIENT, CODE[1], CODE[2], CODE[3], CODE[4], "generated/schemas.rs", "generated/fingerprints"];

/// What `generated/` is made from, and `generated/`, in a directory that goes away.
struct Copy(tempfile::TempDir);

impl Copy {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["codegen", "generated"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        for name in build::SOURCES.iter().chain(&GENERATED) {
            fs::copy(original(name), directory.path().join(name)).unwrap();
        }
        Self(directory)
    }

    /// With this spec instead.
    fn of(spec: &str) -> Self {
        let copy = Self::new();
        fs::write(copy.path("openapi.yaml"), spec).unwrap();
        copy
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn check(&self) -> Result<(), String> {
        build::check(self.0.path())
    }

    fn regenerate(&self) -> Result<String, String> {
        build::write(self.0.path())
    }

    fn modified(&self) -> [std::time::SystemTime; 7] {
        GENERATED.map(|file| fs::metadata(self.path(file)).unwrap().modified().unwrap())
    }
}

fn original(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn spec() -> String {
    fs::read_to_string(original("openapi.yaml")).unwrap()
}

#[test]
fn regenerating_twice_changes_nothing() {
    const CURRENT: &str = "generated/ is current; nothing was written";
    let copy = Copy::new();
    let committed = GENERATED.map(|file| copy.read(file));
    assert_eq!(copy.regenerate().unwrap(), CURRENT);
    let written = copy.modified();

    fs::remove_dir_all(copy.path("generated")).unwrap();
    assert_eq!(copy.regenerate().unwrap(), format!("wrote {}", GENERATED.join(", ")));
    assert_eq!(GENERATED.map(|file| copy.read(file)), committed);

    let rewritten = copy.modified();
    assert_ne!(written, rewritten, "the files were removed and written again");
    assert_eq!(copy.regenerate().unwrap(), CURRENT);
    assert_eq!(copy.modified(), rewritten);
}

/// `tests/fixtures/constructs` has each construct that the generator takes. There it is compiled and used.
#[test]
fn of_each_construct_the_code_is_the_one_that_is_tested() {
    const CONSTRUCTS: &str = "tests/fixtures/constructs";
    let spec = fs::read_to_string(original(CONSTRUCTS).join("openapi.yaml")).unwrap();
    let copy = Copy::of(&spec);
    copy.regenerate().unwrap();
    for file in [CLIENT, "generated/jobs.rs", "generated/operations.rs", "generated/schemas.rs"] {
        let (code, path) = (copy.read(file), original(CONSTRUCTS).join(file.trim_start_matches("generated/")));
        if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
            fs::write(&path, &code).unwrap();
        }
        let current = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(current, code, "{path:?}: run the tests with INSTA_UPDATE=always");
    }
}

/// An example shows what the service sends, whatever the schema says.
#[test]
fn what_an_example_lacks_is_optional_and_said_as_is_a_scope_that_nobody_can_grant() {
    let copy = Copy::of(&edited(&spec(), "oauthAuthCode: ['profile:read']", "oauthAuthCode: ['profile:reed']"));
    let said = copy.regenerate().unwrap();
    let expected = "openapi.yaml: getUserProfile needs the scope `profile:reed`, which no flow lists\nwrote ";
    assert!(said.starts_with(expected), "{said}");

    let example = "\n                view_url: https://www.canva.com/api/design/...\n";
    let copy = Copy::of(&edited(&spec(), example, "\n"));
    let said = copy.regenerate().unwrap();
    let expected =
        "openapi.yaml: DesignLinks.view_url is required, and an example lacks it: it is optional in Rust\nwrote ";
    assert!(said.starts_with(expected), "{said}");
    assert!(copy.read(CLIENT).contains("pub view_url: ::std::option::Option<::std::string::String>"));
}

#[test]
fn line_endings_make_no_client_stale() {
    let copy = Copy::of(&spec().replace('\n', "\r\n"));
    copy.check().unwrap();
}

/// An operation more, where the components begin.
const COPY_ASSET: &str = "  /v1/assets/{assetId}/copies:\n    post:\n      operationId: copyAsset\n      summary: Copy an asset\n      \
    x-rate-limit-per-client-user: 30\n      security:\n        - oauthAuthCode: ['asset:write']\n      parameters:\n        \
    - $ref: '#/components/parameters/AssetId'\n      responses:\n        '200':\n          \
    $ref: '#/components/responses/AssetUploadJob'\n\ncomponents:\n";

/// The parameters of an operation whose only one is in its path.
const PARAMETERS: &str = "        - $ref: '#/components/parameters/AssetId'\n";

#[test]
fn a_bad_spec_is_refused_in_one_line_with_its_place_and_generated_is_left_alone() {
    // The spec's text, what takes its place, and what the error says.
    let parameter = |parameter: &str| format!("{PARAMETERS}        - {{ name: limit, in: query, {parameter} }}\n");
    let thumbnail = |schema: &str| format!("    Thumbnail:\n      {schema}\n    Painting:\n");
    let edits = [
        ("  /v1/imports:\n", "\t/v1/imports:\n".to_owned(), "openapi.yaml: not readable as YAML: "),
        ("paths:\n", "path:\n".to_owned(), "openapi.yaml: `path` isn't a keyword of OpenAPI 3.0 here"),
        (
            "$ref: '#/components/schemas/TeamUserSummary'",
            "$ref: '#/components/schemas/TeamUser'".to_owned(),
            "openapi.yaml:",
        ),
        (
            "      operationId: updateAsset\n",
            String::new(),
            "openapi.yaml: paths./v1/assets/{assetId}.patch: `operationId` is missing: give it one",
        ),
        (
            "operationId: getAsset\n",
            "operationId: '*'\n".to_owned(),
            "openapi.yaml: paths./v1/assets/{assetId}.get: `operationId: *`: `*` gives no name that Rust can have",
        ),
        (
            "operationId: getAsset\n",
            "operationId: delete-asset\n".to_owned(),
            "openapi.yaml: paths./v1/assets/{assetId}.get: `operationId: delete-asset`: its name in Rust, `delete_asset`, is taken",
        ),
        (
            "      x-rate-limit-per-client-user: 20\n",
            "      x-rate-limit-per-client-user: many\n".to_owned(),
            "openapi.yaml: createDesignImportJob: `x-rate-limit-per-client-user` must be the number of requests a minute",
        ),
        (
            "application/octet-stream:",
            "image/png:".to_owned(),
            "openapi.yaml: createAssetUploadJob: the request body must be `application/json`, ",
        ),
        (
            "          $ref: '#/components/responses/AssetUploadJob'\n",
            "          description: A name.\n          content:\n            text/plain:\n              schema: { type: string }\n".to_owned(),
            "openapi.yaml: createAssetUploadJob: response 200 must be `application/json` alone, or have no body",
        ),
        (
            PARAMETERS,
            parameter("schema: { type: object }"),
            "openapi.yaml: getAsset: the query parameter `limit`: it must be text, a number, an enum, or a list of these",
        ),
        (
            PARAMETERS,
            parameter("style: deepObject, schema: { type: integer }"),
            "openapi.yaml: getAsset: the query parameter `limit`: it can't be generated in the style `deepObject`: only",
        ),
        (PARAMETERS, parameter("content: {}"), "openapi.yaml: getAsset: the query parameter `limit`: `schema` is missing"),
        (
            "    Thumbnail:\n",
            thumbnail("oneOf: [{ $ref: '#/components/schemas/TeamUserSummary' }, { type: string }]"),
            "openapi.yaml: components.schemas.Thumbnail: `oneOf` and `anyOf` need a `discriminator`",
        ),
        (
            "    Thumbnail:\n",
            thumbnail("{ discriminator: { propertyName: t }, oneOf: [{ type: object, properties: { a: { type: string } } }, { type: string }] }"),
            "openapi.yaml: components.schemas.Thumbnail: the member without a name: no value of `t` stands for it",
        ),
        (
            "    Thumbnail:\n",
            thumbnail("{ type: object, properties: { a: { not: { type: string } } } }"),
            "openapi.yaml: components.schemas.Thumbnail: properties.a: `not` can't be generated",
        ),
        (
            "    Thumbnail:\n",
            thumbnail("{ type: string, enum: [a, 5] }"),
            "openapi.yaml: components.schemas.Thumbnail: `enum` value `5` must be text: put it in quotes",
        ),
        (
            "    Thumbnail:\n",
            thumbnail("{ allOf: [{ $ref: '#/components/schemas/Thumbnail' }, { type: object }] }"),
            "openapi.yaml: components.schemas.Thumbnail: `allOf` with `$ref: '#/components/schemas/Thumbnail'` leads back to itself",
        ),
        ("    Thumbnail:\n", thumbnail("{ type: [string, 'null'] }"), "openapi.yaml: components.schemas.Thumbnail: `type` must be one word"),
        ("    Thumbnail:\n", thumbnail("{ type: text }"), "openapi.yaml: components.schemas.Thumbnail: `type: text` isn't one of"),
        (
            "    Thumbnail:\n",
            "    asset:\n      { type: object, properties: {} }\n    Thumbnail:\n".to_owned(),
            "openapi.yaml: components.schemas.asset: its name in Rust, `Asset`, is taken: give it another one",
        ),
        ("        read: getUrlImportJob\n", "        read: getUrlImport\n".to_owned(), "openapi.yaml: createUrlImportJob: `x-job`: `read: getUrlImport` must be"),
        ("        result: /asset\n", "        result: /assets\n".to_owned(), "openapi.yaml: createAssetUploadJob: `x-job`: `result: /assets`: the job has no `assets` there"),
        ("        kind: url-import\n", "        kind: import\n".to_owned(), "openapi.yaml: createUrlImportJob: `x-job`: its name in Rust, `Import`, is taken"),
        ("        token: continuation\n", "        token: next\n".to_owned(), "openapi.yaml: listDesigns: `x-pages`: `token: next` must be an optional text"),
        ("        items: items\n", "        items: item\n".to_owned(), "openapi.yaml: listDesigns: `x-pages`: `items: item` must be a required list"),
        (
            "    Thumbnail:\n",
            thumbnail("{ type: array, items: { type: object, properties: { children: { $ref: '#/components/schemas/Thumbnail' } } } }"),
            "openapi.yaml: components.schemas.Thumbnail: properties.children: properties.children: ",
        ),
        (
            "    Thumbnail:\n",
            thumbnail("{ discriminator: { propertyName: t }, oneOf: [{ type: object, properties: { t: { type: string, enum: [a, b] } } }, { type: object, properties: { t: { type: string, enum: [a] } } }] }"),
            "openapi.yaml: components.schemas.Thumbnail: the member without a name: `t: a` stands for another member too",
        ),
        (
            PARAMETERS,
            parameter("schema: { type: string } }\n        - { name: asset-id, in: path, required: true, schema: { type: string }"),
            "openapi.yaml: getAsset: the path parameter `asset-id`: /v1/assets/{assetId} has no `{asset-id}`",
        ),
        ("        - oauthAuthCode: []\n", "        - { oauthAuthCode: [], basic: [] }\n".to_owned(), "openapi.yaml: usersMe: `security` asks for two things at once"),
        // What is misspelled isn't left out in silence.
        ("openapi: 3.0.3\n", "openapi: 3.1.0\n".to_owned(), "openapi.yaml: `openapi: 3.1.0` must be 3.0, such as"),
        ("      requestBody:\n", "      requestBodies:\n".to_owned(), "openapi.yaml: paths./v1/asset-uploads.post: `requestBodies` isn't a keyword of OpenAPI 3.0 here"),
        ("        '413':\n", "        '41E':\n".to_owned(), "openapi.yaml: paths./v1/asset-uploads.post.responses.41E: it must be a status"),
        ("  /v1/imports:\n    post:\n", "  /v1/imports:\n    pots:\n".to_owned(), "openapi.yaml: paths./v1/imports: `pots` isn't a keyword"),
        ("  /v1/imports:\n", "  v1/imports:\n".to_owned(), "openapi.yaml: paths.v1/imports: a path begins with `/`"),
        (
            "      required: [width, height, url]\n",
            "      required: true\n".to_owned(),
            "openapi.yaml: components.schemas.Thumbnail: `required` must be a list",
        ),
        ("    Thumbnail:\n", thumbnail("{ type: object, propertis: {} }"), "openapi.yaml: components.schemas.Thumbnail: `propertis` isn't a keyword"),
        ("    Thumbnail:\n", thumbnail("{ type: object, properties: { a: string } }"), "openapi.yaml: components.schemas.Thumbnail.properties.a: it must be a map"),
        ("    Thumbnail:\n", thumbnail("{ type: string, maxLength: fifty }"), "openapi.yaml: components.schemas.Thumbnail: `maxLength` must be a number"),
        (
            "          maxLength: 255\n",
            "          maxLength: -5\n".to_owned(),
            "openapi.yaml: listDesigns: the query parameter `query`: `maxLength` must be a whole number",
        ),
        (
            "$ref: '#/components/schemas/TeamUserSummary'",
            "$ref: '#/components/parameters/AssetId'".to_owned(),
            "openapi.yaml: components.schemas.Asset: properties.owner: `$ref: '#/components/parameters/AssetId'` must be one of",
        ),
        ("          folder: '#/components/schemas/FolderItem'\n", "          folder: FolderItems\n".to_owned(), "openapi.yaml: components.schemas.FolderItemSummary: `mapping` has `folder: FolderItems`, which leads nowhere"),
        ("        propertyName: type\n", "        propertyName: kind\n".to_owned(), "openapi.yaml: components.schemas.CreateDesignRequest: `discriminator`: no member has the property `kind`"),
        (
            "    Thumbnail:\n",
            thumbnail("{ type: object, discriminator: { propertyName: t }, properties: { t: { type: string } } }"),
            "openapi.yaml: components.schemas.Thumbnail: `discriminator` needs `oneOf`",
        ),
        (PARAMETERS, parameter("schema: { type: string } }\n        - { name: limit, in: query, schema: { type: string }"), "openapi.yaml: paths./v1/assets/{assetId}.get: the parameter `query limit` is there twice"),
        (PARAMETERS, format!("{PARAMETERS}        - {{ name: a, in: cookie, schema: {{ type: string }} }}\n"), "openapi.yaml: getAsset: the cookie parameter `a`: `in: cookie` can't be generated"),
        (PARAMETERS, format!("{PARAMETERS}        - {{ name: X A, in: header, schema: {{ type: string }} }}\n"), "openapi.yaml: getAsset: the header parameter `X A`: it isn't the name of a header"),
        ("        - oauthAuthCode: []\n", "        - oauthAuthCode\n".to_owned(), "openapi.yaml: paths./v1/users/me.get: `security` must be a list of maps, such as"),
        ("        mapping:\n", "        mappings:\n".to_owned(), "openapi.yaml: components.schemas.CreateDesignRequest.discriminator: `mappings` isn't a keyword"),
        ("  /v1/users/me:\n", "  /v1/users/me?x=y:\n".to_owned(), "openapi.yaml: paths./v1/users/me?x=y: it isn't a path"),
        ("        result: /asset\n", "        result: /status\n".to_owned(), "openapi.yaml: createAssetUploadJob: `x-job`: `result: /status`: the job's `status` is no result"),
        ("      required: [job]\n", "      required: []\n".to_owned(), "openapi.yaml: createAssetUploadJob: `x-job`: the response has no object `job`, or need not have it"),
        ("        kind: url-import\n", String::new(), "openapi.yaml: createUrlImportJob: `x-job`: `kind` is missing"),
        (
            "          application/json:\n            schema:\n              $ref: '#/components/schemas/CreateUrlImportJobRequest'\n",
            "          application/x-www-form-urlencoded:\n            schema: { type: object, properties: { a: { type: object } } }\n".to_owned(),
            "openapi.yaml: createUrlImportJob: the form must be an object of text, numbers",
        ),
        (
            "  - url: https://api.canva.com/rest\n",
            "  - url: https://api.canva.com/{version}\n".to_owned(),
            "openapi.yaml: /servers/0/url has variables: write a URL in place of https://api.canva.com/{version}",
        ),
        (
            "      operationId: usersMe\n",
            "      operationId: usersMe\n      servers: [{ url: 'https://evil.example/rest' }]\n".to_owned(),
            "openapi.yaml: usersMe: its server https://evil.example/rest must have the scheme and host of the document's",
        ),
        ("        - oauthAuthCode: []\n", "        - key: []\n".to_owned(), "openapi.yaml: usersMe: `security` asks for `key`, which isn't"),
    ];
    let mut wrong = Vec::new();
    for (from, to, expected) in edits {
        let copy = Copy::of(&edited(&spec(), from, &to));
        let committed = GENERATED.map(|file| copy.read(file));
        let said = copy.regenerate().unwrap_or_else(|said| said);
        if !said.starts_with(expected) || said.lines().count() != 1 {
            wrong.push(format!("{to:?} gives\n  {said}, not\n  {expected}"));
        }
        assert!(GENERATED.map(|file| copy.read(file)) == committed, "{to:?}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn edited(spec: &str, from: &str, to: &str) -> String {
    assert!(spec.contains(from), "the spec has no {from:?}");
    spec.replacen(from, to, 1)
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
    Edit { name: "add an enum value", from: "enum: [image, video]", to: "enum: [image, video, audio]" },
    Edit {
        name: "change a field's type",
        from: "        page_count:\n          type: integer\n          format: int64\n",
        to: "        page_count:\n          type: string\n",
    },
    Edit { name: "rename a field of a response", from: "        page_count:\n", to: "        pages:\n" },
    Edit { name: "tighten a request's bound", from: "          maxLength: 255\n", to: "          maxLength: 200\n" },
    Edit {
        name: "lower a rate limit",
        from: "x-rate-limit-per-client-user: 20\n",
        to: "x-rate-limit-per-client-user: 10\n",
    },
    Edit { name: "add an operation", from: "\ncomponents:\n", to: COPY_ASSET },
    // With nothing in its place, the whole block goes.
    Edit { name: "remove an operation", from: "  /v1/users/me:\n", to: "" },
    Edit {
        name: "mistype a `$ref`",
        from: "$ref: '#/components/schemas/TeamUserSummary'",
        to: "$ref: '#/components/schemas/TeamUser'",
    },
    Edit { name: "indent with a tab", from: "  /v1/imports:\n", to: "\t/v1/imports:\n" },
];

impl Edit {
    fn apply(&self, spec: &str) -> String {
        if !self.to.is_empty() {
            return edited(spec, self.from, self.to);
        }
        let (_, block) = spec.split_once(self.from).unwrap();
        let (block, _) = block.split_once("\n  /").unwrap();
        edited(spec, &format!("{}{block}\n", self.from), "")
    }
}

/// `+3 −1`, of the lines in a file.
fn size(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
    format!("+{} −{}", count(ChangeTag::Insert), count(ChangeTag::Delete))
}

/// The generated types, each with its code.
fn types(client: &str) -> BTreeMap<String, String> {
    let file = syn::parse_file(client).unwrap();
    let module = file.items.into_iter().find_map(|item| match item {
        syn::Item::Mod(module) => module.content,
        _ => None,
    });
    let mut types = BTreeMap::new();
    for item in module.unwrap().1 {
        let name = match &item {
            syn::Item::Struct(item) => item.ident.to_string(),
            syn::Item::Enum(item) => item.ident.to_string(),
            _ => continue,
        };
        types.insert(name, item.to_token_stream().to_string());
    }
    types
}

/// Every name in this code.
fn names(code: TokenStream, into: &mut BTreeSet<String>) {
    for token in code {
        match token {
            TokenTree::Group(group) => names(group.stream(), into),
            TokenTree::Ident(name) => _ = into.insert(name.to_string()),
            _ => {}
        }
    }
}

fn names_in(files: impl IntoIterator<Item = PathBuf>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for file in files {
        names(fs::read_to_string(file).unwrap().parse().unwrap(), &mut all);
    }
    all
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

fn listed(names: impl IntoIterator<Item = String>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What everything says to an edit, as a row of the table.
fn row(edit: &Edit) -> String {
    let before = spec();
    let after = edit.apply(&before);
    let copy = Copy::of(&after);
    assert!(copy.check().unwrap_err().starts_with("generated/ is stale: openapi.yaml changed"), "{}", edit.name);

    if let Err(refusal) = copy.regenerate() {
        // Without the line's number, which an edit anywhere above would change.
        let line = after.lines().position(|line| line.contains(edit.to.trim())).unwrap() + 1;
        let refusal = refusal.replace('`', "'").replace(&line.to_string(), "N");
        return format!("| {} | nothing: `{}` | | | |", edit.name, refusal.lines().next().unwrap());
    }
    copy.check().unwrap();
    let old = |file: &str| fs::read_to_string(original(file)).unwrap();
    let sizes = CODE.map(|file| (file.trim_start_matches("generated/"), size(&old(file), &copy.read(file))));
    let wrote = sizes.iter().filter(|(_, size)| size != "+0 −0").map(|(file, size)| format!("`{file}` {size}"));
    let wrote = wrote.collect::<Vec<_>>().join(", ");
    assert!(!wrote.is_empty(), "{}", edit.name);

    let (old_types, new_types) = (types(&old(CLIENT)), types(&copy.read(CLIENT)));
    let changed = new_types.into_iter().filter(|(name, code)| old_types.get(name) != Some(code)).map(|(name, _)| name);
    let gone: BTreeSet<_> = &names_in(CODE.map(original)) - &names_in(CODE.map(|file| copy.path(file)));
    let facade = match gone.is_empty() {
        true => BTreeSet::new(),
        false => &names_in(sources(&original("src"))) & &gone,
    };
    let facade = match facade.is_empty() {
        true => String::new(),
        false => format!("names {}, and doesn't compile", listed(facade)),
    };

    let (old, new) = (diff::Spec::parse("old", &before).unwrap(), diff::Spec::parse("new", &after).unwrap());
    let report = diff::compare(&old, &new);
    let class = report.gravest().unwrap();
    let text = report.text(false);
    let sentence = text.lines().find_map(|line| line.trim_start().strip_prefix(class.name())).unwrap().trim();
    let due = diff::due(&semver::Version::new(0, 1, 0), Some(class));
    let (name, changed) = (edit.name, listed(changed));
    format!("| {name} | {wrote} | {changed} | {facade} | {}: {sentence}; 0.1.0 -> {due} |", class.name())
}

#[test]
fn no_edit_breaks_in_silence() {
    let mut table = String::from(
        "| edit | `cargo regenerate` writes | parts of `it__schemas__every_type.snap` that change | the facade | `it__spec_change__since_the_last_release.snap`, and the version gate |\n|---|---|---|---|---|\n",
    );
    for edit in &EDITS {
        writeln!(table, "{}", row(edit)).unwrap();
    }
    support::check_table("CONTRIBUTING.md", "edits", &table);
}
