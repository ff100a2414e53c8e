//! libFuzzer's door to [`p2pjob_fuzz::ledger`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    p2pjob_fuzz::ledger(data);
});
