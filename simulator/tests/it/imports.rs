//! Imports become designs where the file is a document that can be read, and fail with `invalid_file` otherwise.

use std::io::{Cursor, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use zip::CompressionMethod;

use crate::common::{fixture, import, import_url, ok, prompt, served};

pub const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";
pub const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
pub const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

#[tokio::test]
async fn documents_become_designs_with_title_links_and_pages() {
    let simulator = prompt().await;
    let cases = [
        ("application/pdf", fixture("deck.pdf"), json!(2)),
        // With its objects in streams; with the first page first; behind something else, with places that are counted
        // from the header, or from the beginning of the file.
        ("application/pdf", fixture("kinds/packed.pdf"), json!(2)),
        ("application/pdf", fixture("kinds/linearized.pdf"), json!(2)),
        ("application/pdf", [b"--mark\r\n", &fixture("deck.pdf")[..]].concat().into(), json!(2)),
        ("application/pdf", counted_from_the_beginning("deck.pdf"), json!(2)),
        ("application/pdf", counted_from_the_beginning("kinds/packed.pdf"), json!(2)),
        (PPTX, fixture("deck.pptx"), json!(2)),
        (DOCX, office(DOCX, "document.main+xml", "word/document.xml", "<document/>"), Value::Null),
        (XLSX, office(XLSX, "sheet.main+xml", "xl/workbook.xml", "<workbook/>"), Value::Null),
    ];
    for (mime_type, bytes, pages) in cases {
        for given in [None, Some(mime_type)] {
            let job = ok(import(&simulator, "Q4 😍", given, bytes.clone())).await["job"].take();
            assert_eq!(job["status"], "success", "{mime_type}: {job}");
            let design = &job["result"]["designs"][0];
            assert_eq!(design["title"], "Q4 😍");
            assert_eq!(design["page_count"], pages, "{mime_type}");
            assert!(design["urls"]["edit_url"].as_str().unwrap().ends_with("/edit"));
            let stored = simulator.designs().pop().unwrap();
            assert_eq!((stored.mime_type, &stored.bytes().unwrap()), (mime_type, &bytes));
        }
    }
    assert_eq!(simulator.designs().len(), 18);
}

/// The PDF behind 900 other bytes, which the place of its table counts.
fn counted_from_the_beginning(name: &str) -> Bytes {
    let pdf = fixture(name);
    let at = pdf.windows(9).rposition(|word| word == b"startxref").unwrap() + 9;
    let place: usize =
        str::from_utf8(&pdf[at..]).unwrap().trim().strip_suffix("%%EOF").unwrap().trim().parse().unwrap();
    [&[b'\n'; 900][..], &pdf[..at], format!("\n{}\n%%EOF\n", place + 900).as_bytes()].concat().into()
}

/// How many pages the design has that this became.
async fn pages(file: Bytes) -> Value {
    let job = ok(import(&prompt().await, "Title", None, file)).await["job"].take();
    assert_eq!(job["status"], "success", "{job}");
    job["result"]["designs"][0]["page_count"].clone()
}

#[tokio::test]
async fn a_slide_in_a_section_is_counted_once() {
    let presentation = r#"<p:presentation xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main">
        <p:sldMasterIdLst><p:sldMasterId id="1"/></p:sldMasterIdLst>
        <p:sldIdLst><p:sldId id="256"/><p:sldId id="257"><p:extLst><p:sldId/></p:extLst></p:sldId><x:sldId xmlns:x="x"/></p:sldIdLst>
        <p:extLst><p:ext uri="{521415D9-36F7-43E2-AB2F-B90AF26B5E84}">
            <p14:sectionLst xmlns:p14="http://schemas.microsoft.com/office/powerpoint/2010/main">
                <p14:section name="One"><p14:sldIdLst><p14:sldId id="256"/></p14:sldIdLst></p14:section>
                <p14:section name="Two"><p14:sldIdLst><p14:sldId id="257"/></p14:sldIdLst></p14:section>
            </p14:sectionLst></p:ext></p:extLst></p:presentation>"#;
    assert_eq!(pages(office(PPTX, "presentation.main+xml", "ppt/presentation.xml", presentation)).await, 2);
    let unprefixed = presentation.replace("<p:", "<").replace("</p:", "</").replace("xmlns:p=", "xmlns=");
    assert_eq!(pages(office(PPTX, "presentation.main+xml", "ppt/presentation.xml", &unprefixed)).await, 2);
}

#[tokio::test]
async fn an_office_file_is_read_however_its_writer_names_and_types_its_parts() {
    const MAIN: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml";
    let (xml, no_type) = ("<p><sldIdLst><sldId/></sldIdLst></p>", "application/xml");
    let by = |default: &str, part: &str, of_part: &str| {
        format!(
            r#"<Types><Default Extension="XML" ContentType="{default}"/>
            <Override PartName="/{part}" ContentType="{of_part}"/></Types>"#
        )
    };
    let file = |types: &str, namespace: &str, target: &str, part: &str| {
        let relationships = relationships(namespace, target);
        zipped(
            CompressionMethod::Stored,
            &[("[content_types].xml", types), ("_Rels/.rels", &relationships), (part, xml)],
        )
    };
    let (main, decoy) = ("ppt/presentation.xml", "ppt/decoy.xml");
    for (what, file) in [
        ("typed by its extension", file(&by(MAIN, decoy, no_type), TRANSITIONAL, main, main)),
        ("typed by its name", file(&by(no_type, main, MAIN), TRANSITIONAL, main, main)),
        ("from the root", file(&by(no_type, main, MAIN), TRANSITIONAL, "/ppt/presentation.xml", main)),
        ("strict", file(&by(no_type, main, MAIN), STRICT, main, main)),
        ("in other case", file(&by(no_type, "PPT/Presentation.XML", MAIN), TRANSITIONAL, main, "ppt/Presentation.xml")),
    ] {
        assert_eq!(pages(file).await, 1, "{what}");
    }
}

#[tokio::test]
async fn what_is_no_document_or_a_broken_one_is_an_invalid_file() {
    let simulator = prompt().await;
    let (pdf, pptx) = (fixture("deck.pdf"), fixture("deck.pptx"));
    let cases = [
        ("text", fixture("notes.txt"), None),
        ("nothing", Bytes::new(), None),
        ("an image", fixture("photo.jpg"), None),
        ("half a PDF", pdf.slice(..pdf.len() / 2), None),
        ("a PDF's first bytes", pdf.slice(..8), None),
        ("a PDF behind a password", fixture("kinds/encrypted.pdf"), None),
        ("a PDF whose password is empty", fixture("kinds/owner-password.pdf"), None),
        ("half a PPTX", pptx.slice(..pptx.len() / 2), None),
        ("a zip of something", office("x", "other+xml", "other.xml", "<x/>"), None),
        ("a DOCX without its document", without_main_part(), None),
        ("a PPTX whose main part has another type", mistyped(), None),
        ("a PPTX whose main part is no XML", office(PPTX, "presentation.main+xml", "ppt/p.xml", "<p"), None),
        ("a PDF given as a PPTX", pdf.clone(), Some(PPTX)),
        ("a PPTX given as a PDF", pptx, Some("application/pdf")),
        ("a PDF given as nonsense", pdf, Some("nonsense")),
        ("a DOCX with a second root", office(DOCX, "document.main+xml", "d.xml", "<a/><b/>"), None),
        ("a DOCX that isn't closed", office(DOCX, "document.main+xml", "d.xml", "<a><b></b>"), None),
        (
            "a DOCX with entities",
            office(DOCX, "document.main+xml", "d.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>"),
            None,
        ),
        ("brackets without end", Bytes::from([b"%PDF-1.4\n1 0 obj\n".as_slice(), &[b'['; 200_000]].concat()), None),
    ];
    for (what, bytes, given) in cases {
        let job = ok(import(&simulator, "Title", given, bytes)).await["job"].take();
        assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!("invalid_file")), "{what}");
    }
    assert!(simulator.designs().is_empty());
}

#[tokio::test]
async fn a_file_at_a_loopback_url_is_imported_as_one_in_a_body_is() {
    let simulator = prompt().await;
    let (deck, notes) = (served(fixture("deck.pdf")).await, served(fixture("notes.txt")).await);

    let job = ok(import_url(&simulator, "Q4 😍", Some("application/pdf"), &deck)).await["job"].take();
    assert_eq!((&job["status"], &job["result"]["designs"][0]["title"]), (&json!("success"), &json!("Q4 😍")), "{job}");
    let stored = simulator.designs().remove(0);
    assert_eq!((stored.bytes().unwrap(), stored.page_count), (fixture("deck.pdf"), Some(2)));

    let failures = [
        (deck.as_str(), Some(PPTX), "invalid_file"),
        (&notes, None, "invalid_file"),
        ("http://192.0.2.1/deck.pdf", None, "fetch_failed"),
    ];
    for (url, given, code) in failures {
        let job = ok(import_url(&simulator, "Title", given, url)).await["job"].take();
        assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!(code)), "{url}: {job}");
    }
    let small = canva_simulator::Simulator::builder().max_body_bytes(200).job_duration(std::time::Duration::ZERO);
    let small = small.start().await.unwrap();
    let job = ok(import_url(&small, "Title", None, &deck)).await["job"].take();
    assert_eq!(job["error"]["code"], "fetch_failed", "{job}");
}

/// An Office file of two parts. `kind` is the end of the main part's media type. Not packed, which takes long where
/// nothing is optimised.
pub fn office(mime_type: &str, kind: &str, name: &str, xml: &str) -> Bytes {
    office_by(CompressionMethod::Stored, mime_type, kind, name, xml)
}

pub fn office_by(method: CompressionMethod, mime_type: &str, kind: &str, name: &str, xml: &str) -> Bytes {
    let family = mime_type.rsplit_once('.').map_or(mime_type, |(family, _)| family);
    let types = format!(r#"<Types><Override PartName="/{name}" ContentType="{family}.{kind}"/></Types>"#);
    zipped(method, &[("[Content_Types].xml", &types), ("_rels/.rels", &relationships(TRANSITIONAL, name)), (name, xml)])
}

const TRANSITIONAL: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const STRICT: &str = "http://purl.oclc.org/ooxml/officeDocument/relationships";

/// That the main part is this one, after another relationship.
fn relationships(namespace: &str, target: &str) -> String {
    format!(
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
            <Relationship Id="a" Type="{namespace}/extended-properties" Target="docProps/app.xml"/>
            <Relationship Id="b" Type="{namespace}/officeDocument" Target="{target}"/></Relationships>"#
    )
}

fn without_main_part() -> Bytes {
    let whole = office(DOCX, "document.main+xml", "word/document.xml", "<document/>");
    let mut archive = zip::ZipArchive::new(Cursor::new(whole)).unwrap();
    let mut types = String::new();
    archive.by_name("[Content_Types].xml").unwrap().read_to_string(&mut types).unwrap();
    let relationships = relationships(TRANSITIONAL, "word/document.xml");
    zipped(CompressionMethod::Stored, &[("[Content_Types].xml", &types), ("_rels/.rels", &relationships)])
}

/// The type of its main part is that of another one.
fn mistyped() -> Bytes {
    let types = r#"<Types><Default Extension="xml" ContentType="application/xml"/>
        <Override PartName="/ppt/other.xml" ContentType="application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"/></Types>"#;
    let relationships = relationships(TRANSITIONAL, "ppt/presentation.xml");
    let parts = [("[Content_Types].xml", types), ("_rels/.rels", &relationships), ("ppt/presentation.xml", "<p/>")];
    zipped(CompressionMethod::Stored, &parts)
}

fn zipped(method: CompressionMethod, parts: &[(&str, &str)]) -> Bytes {
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, xml) in parts {
        archive.start_file(*name, options).unwrap();
        archive.write_all(xml.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner().into()
}

/// A reader of PDFs skips the lines before the header.
#[tokio::test]
async fn a_form_or_base64_in_a_documents_place_is_named() {
    let simulator = prompt().await;
    let deck = fixture("deck.pdf");
    let form = [b"--b\r\ncontent-disposition: form-data\r\n\r\n".as_slice(), &deck, b"\r\n--b--\r\n"].concat();
    for (bytes, named) in [(form, "multipart"), (STANDARD.encode(&deck).into_bytes(), "Base64")] {
        let job = ok(import(&simulator, "Title", None, bytes)).await["job"].take();
        assert_eq!(job["error"]["code"], "invalid_file", "{job}");
        assert!(job["error"]["message"].as_str().unwrap().contains(named), "{job}");
    }
}
