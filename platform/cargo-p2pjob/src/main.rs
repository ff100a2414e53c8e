//! cargo-p2pjob
fn main(){}
