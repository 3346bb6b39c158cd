#![no_main]
//! A response, decoded as each type that one is decoded as. The first byte chooses the status.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| canva_connect::fuzzing::response(bytes));
