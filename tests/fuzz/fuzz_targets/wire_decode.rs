//! libFuzzer's door to [`p2pjob_fuzz::wire_decode`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    p2pjob_fuzz::wire_decode(data);
});
