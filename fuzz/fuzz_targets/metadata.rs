#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| acquit_fuzz::metadata::run(data));

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let moved = if seed % 3 == 0 { acquit_fuzz::mutate::elements(&data[..size], max_size, seed) } else { None };
    match moved {
        Some(moved) => {
            data[..moved.len()].copy_from_slice(&moved);
            moved.len()
        }
        None => libfuzzer_sys::fuzzer_mutate(data, size, max_size),
    }
});
