//! PDF: numbered objects, a table of where they are, and the place of that table at the end. Newer ones pack objects
//! into streams. Nothing is drawn, and the table itself isn't followed.

use std::io::Read;

use flate2::read::ZlibDecoder;
use memchr::memmem;

use super::documents::{Document, MAX_PART_BYTES};

/// Readers look for the header this far into the file.
const MARGIN: usize = 1024;

pub fn is_pdf(file: &[u8]) -> bool {
    memmem::find(file.get(..MARGIN).unwrap_or(file), b"%PDF-").is_some()
}

pub fn read(file: &[u8]) -> Result<Document, &'static str> {
    let trailer = trailer(file).ok_or("is a PDF that is damaged, or cut before its end")?;
    if contains_name(trailer, b"/Encrypt") {
        return Err("is a PDF that is encrypted");
    }
    let mut pages = None;
    for_each_object(file, |object| pages = page_count(object).or(pages));
    match pages {
        Some(pages @ 1..) => Ok(Document { mime_type: "application/pdf", page_count: Some(pages) }),
        _ => Err("is a PDF without pages, or a damaged one"),
    }
}

/// The dictionary of the newest table of objects: `None` where the end of the file doesn't say where they are, or they
/// aren't there.
fn trailer(file: &[u8]) -> Option<&[u8]> {
    let end = file.get(memmem::rfind(file, b"startxref")?..)?;
    memmem::find(end, b"%%EOF")?;
    let (place, _) = number(end.strip_prefix(b"startxref")?)?;
    // Places are counted from the header. Some writers count from the beginning of the file, where there is something
    // before the header.
    let header = memmem::find(file, b"%PDF-")?;
    [header.checked_add(place)?, place].into_iter().find_map(|place| dictionary(file.get(place..)?))
}

/// The dictionary of this table.
fn dictionary(table: &[u8]) -> Option<&[u8]> {
    let table = table.trim_ascii_start();
    if table.starts_with(b"xref") {
        let dictionary = table.get(memmem::find(table, b"trailer")?..)?;
        return dictionary.get(..memmem::find(dictionary, b"startxref")?);
    }
    // Or an object that is a packed table, whose dictionary says the rest.
    let (_, rest) = number(table)?;
    let (_, rest) = number(rest)?;
    let object = rest.trim_ascii_start().strip_prefix(b"obj")?;
    object.get(..memmem::find(object, b"stream")?)
}

/// Shows each object of the file, also those that are packed into streams, in their order.
fn for_each_object(file: &[u8], mut seen: impl FnMut(&[u8])) {
    let mut budget = MAX_PART_BYTES;
    let mut rest = file;
    while let Some(start) = memmem::find(rest, b" obj") {
        rest = rest.split_at(start + 4).1;
        let object = rest.split_at(memmem::find(rest, b"endobj").unwrap_or(rest.len())).0;
        match memmem::find(object, b"stream") {
            Some(start) => {
                let (dictionary, stream) = object.split_at(start);
                if contains_name(dictionary, b"/ObjStm") && contains_name(dictionary, b"/FlateDecode") {
                    let _ = for_each_packed(dictionary, stream, &mut budget, &mut seen);
                }
            }
            None => seen(object),
        }
        rest = rest.split_at(object.len()).1;
    }
}

/// A stream of objects begins with the number and the place of each. The places are counted from `First`.
fn for_each_packed(dictionary: &[u8], stream: &[u8], budget: &mut usize, seen: &mut impl FnMut(&[u8])) -> Option<()> {
    let (count, first) = (value(dictionary, b"/N")?, value(dictionary, b"/First")?);
    let packed = stream.strip_prefix(b"stream")?.trim_ascii_start();
    let mut objects = Vec::new();
    // What a damaged stream gives before its damage counts: a table like any other.
    let _ = ZlibDecoder::new(packed).take(*budget as u64).read_to_end(&mut objects);
    *budget -= objects.len();
    let (mut places, contents) = objects.split_at_checked(first)?;
    let mut object = None;
    for _ in 0..count {
        let (_, rest) = number(places)?;
        let (place, rest) = number(rest)?;
        places = rest;
        if let Some(start) = object.replace(place) {
            seen(contents.get(start..place)?);
        }
    }
    seen(contents.get(object?..)?);
    Some(())
}

/// The number of pages below this object, where it is the root of the pages.
fn page_count(object: &[u8]) -> Option<usize> {
    let is_pages = memmem::find_iter(object, b"/Type").any(|start| {
        let after = object.get(start + 5..).unwrap_or_default().trim_ascii_start();
        after.strip_prefix(b"/Pages").is_some_and(ends_a_name)
    });
    if !is_pages || contains_name(object, b"/Parent") { None } else { value(object, b"/Count") }
}

/// The number that this key has.
fn value(dictionary: &[u8], key: &[u8]) -> Option<usize> {
    let mut places = memmem::find_iter(dictionary, key);
    places.find_map(|start| number(dictionary.get(start + key.len()..)?).map(|(number, _)| number))
}

fn contains_name(dictionary: &[u8], name: &[u8]) -> bool {
    let mut places = memmem::find_iter(dictionary, name);
    places.any(|start| dictionary.get(start + name.len()..).is_some_and(ends_a_name))
}

fn ends_a_name(after: &[u8]) -> bool {
    after.first().is_none_or(|byte| byte.is_ascii_whitespace() || b"/<>[]()%".contains(byte))
}

/// A number, perhaps after white space, and what follows it.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let bytes = bytes.trim_ascii_start();
    let length = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = bytes.split_at(length);
    Some((str::from_utf8(digits).ok()?.parse().ok()?, rest))
}
