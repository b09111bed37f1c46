#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| acquit_fuzz::redirect::run(data));
