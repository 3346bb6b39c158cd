#![no_main]
//! A file, read as the simulator reads an import.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| canva_simulator::fuzzing::document(bytes));
