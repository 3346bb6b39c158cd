#![no_main]
//! A name, a title and a media type as metadata headers.

libfuzzer_sys::fuzz_target!(|texts: (&str, &str, Option<&str>)| {
    let (name, title, mime_type) = texts;
    canva_connect::fuzzing::metadata(name, title, mime_type);
});
