//! Where a local run reads from and writes to: input files, and a temporary file of chunk outputs.

use crate::error::{CliError, Exit};
use job_model::{BlobHash, InputRef, Slice};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use wasm_runtime::{PartialSource, ReadInput};

/// A bound input: an open file and what the task knows of it.
#[derive(Clone)]
pub struct InputFile {
    /// Name, hash and size.
    pub reference: InputRef,
    file: Arc<File>,
}

impl InputFile {
    /// Opens and hashes a file.
    pub fn open(name: &str, path: &Path) -> Result<Self, CliError> {
        let unreadable = |error: std::io::Error| CliError::file("read", path, &error);
        let mut file = File::open(path).map_err(unreadable)?;
        let hash = BlobHash::of_reader(&file).map_err(unreadable)?;
        let size = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
        Ok(Self {
            reference: InputRef {
                name: name.to_owned(),
                hash,
                size,
            },
            file: Arc::new(file),
        })
    }
}

/// Byte ranges of files, by index.
pub struct FileInputs {
    ranges: Vec<(Arc<File>, u64, u64)>,
}

impl FileInputs {
    /// All inputs from their first byte to their last.
    pub fn whole(inputs: &[InputFile]) -> Self {
        Self {
            ranges: inputs
                .iter()
                .map(|input| (Arc::clone(&input.file), 0, input.reference.size))
                .collect(),
        }
    }

    /// The slices of a chunk, which the plan's check has found inside their inputs.
    pub fn slices(inputs: &[InputFile], slices: &[Slice]) -> Self {
        let range = |slice: &Slice| {
            let input = inputs.get(slice.input as usize)?;
            Some((Arc::clone(&input.file), slice.offset, slice.length))
        };
        Self {
            ranges: slices.iter().filter_map(range).collect(),
        }
    }
}

impl ReadInput for FileInputs {
    fn size(&self, index: u32) -> Option<u64> {
        self.ranges.get(index as usize).map(|(_, _, length)| *length)
    }

    fn read(&mut self, index: u32, offset: u64, length: u32) -> Result<Vec<u8>, String> {
        let (file, start, _) = self.ranges.get(index as usize).ok_or("there is no such input")?;
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(&mut bytes, start.saturating_add(offset))
            .map_err(|error| error.to_string())?;
        Ok(bytes)
    }
}

/// Chunk outputs one after the other in a temporary file.
pub struct Spool {
    file: File,
    lengths: Vec<usize>,
}

impl Spool {
    /// An empty one.
    pub fn new() -> Result<Self, CliError> {
        Ok(Self {
            file: temporary()?,
            lengths: Vec::new(),
        })
    }

    /// Appends the next chunk's output.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.lengths.push(bytes.len());
        self.file.write_all(bytes).map_err(|error| temporary_failed(&error))
    }

    /// All outputs one after the other.
    pub fn into_file(self) -> File {
        self.file
    }

    /// One output after the other.
    pub fn into_partials(mut self) -> Result<SpooledPartials, CliError> {
        self.file.rewind().map_err(|error| temporary_failed(&error))?;
        let count = u32::try_from(self.lengths.len()).unwrap_or(u32::MAX);
        Ok(SpooledPartials {
            file: self.file,
            lengths: self.lengths.into_iter(),
            count,
        })
    }
}

/// The outputs of the chunks, read back.
pub struct SpooledPartials {
    file: File,
    lengths: std::vec::IntoIter<usize>,
    count: u32,
}

impl PartialSource for SpooledPartials {
    fn count(&self) -> u32 {
        self.count
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        let Some(length) = self.lengths.next() else {
            return Ok(None);
        };
        let mut bytes = vec![0; length];
        self.file.read_exact(&mut bytes).map_err(|error| error.to_string())?;
        Ok(Some(bytes))
    }
}

/// The output that a check looks at.
pub struct OneOutput(pub Option<Vec<u8>>);

impl PartialSource for OneOutput {
    fn count(&self) -> u32 {
        1
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.take())
    }
}

/// A file without a name: gone when it is closed.
pub fn temporary() -> Result<File, CliError> {
    tempfile::tempfile().map_err(|error| temporary_failed(&error))
}

/// A temporary file could not be used.
pub fn temporary_failed(error: &std::io::Error) -> CliError {
    let message = format!(
        "cannot use a temporary file in {}: {error}",
        std::env::temp_dir().display()
    );
    CliError::new(
        Exit::Environment,
        message,
        "free some space there, or set TMPDIR to another folder",
    )
}
