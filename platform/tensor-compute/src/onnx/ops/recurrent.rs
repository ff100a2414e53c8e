//! To come.

use super::super::call::Run;

pub const TABLE: &[(&str, Run)] = &[];
