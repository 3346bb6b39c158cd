#![no_main]
//! The value of `Retry-After`.

libfuzzer_sys::fuzz_target!(|value: &[u8]| canva_connect::fuzzing::retry_after(value));
