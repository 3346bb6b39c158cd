#![no_main]
//! The value of `Retry-After`, and after a line end that of `Date`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (value, date) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()));
    canva_connect::fuzzing::retry_after(value, date.get(1..).unwrap_or_default());
});
