//! Arrays of numbers as users write them: NumPy's `.npy` and `.npz`, nested JSON lists, raw bytes. Reads headers and
//! parts of files, so that an array may be larger than memory; the arithmetic is the host's.

mod bytes;
mod element;
mod nested;
mod npy;
mod show;
mod zip;

pub use bytes::Bytes;
pub use element::ElementType;
pub use nested::{Nested, Numbers};
pub use npy::{Header, npy_header, npy_header_as};
pub use show::{Shown, write_nested, write_number};
pub use zip::ZipWriter;

#[cfg(test)]
mod tests;
