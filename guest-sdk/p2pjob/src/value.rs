//! How partials and results become bytes: CBOR between nodes, JSON for people, or whatever the job wrote itself.

use crate::codec::{from_cbor, to_cbor};
use crate::error::{Error, Result};
use crate::output::OutputWriter;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::Write;

/// The output of one chunk. Every serde type is one, as CBOR.
pub trait PartialValue: Sized {
    /// Writes it at the end of `run`.
    fn write_partial(self, out: &mut OutputWriter) -> Result<()>;
    /// Reads it in `reduce`.
    fn read_partial(bytes: Vec<u8>) -> Result<Self>;
}

/// The result of a task. Every `Serialize` type is one, as one line of JSON.
pub trait OutputValue {
    /// Writes it at the end of `reduce`.
    fn write_output(self, out: &mut OutputWriter) -> Result<()>;
}

impl<T: Serialize + DeserializeOwned> PartialValue for T {
    fn write_partial(self, out: &mut OutputWriter) -> Result<()> {
        out.write_vec(to_cbor(&self)?);
        Ok(())
    }

    fn read_partial(bytes: Vec<u8>) -> Result<Self> {
        from_cbor(&bytes)
    }
}

impl<T: Serialize> OutputValue for T {
    fn write_output(self, out: &mut OutputWriter) -> Result<()> {
        serde_json::to_writer(&mut *out, &self)?;
        out.write_all(b"\n")?;
        Ok(())
    }
}

/// Says that the function has streamed its output through an [`OutputWriter`]; nothing is added to it.
/// A partial of this kind cannot be read back by `reduce`: use it with [`Reduce::Concat`](crate::Reduce::Concat).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written;

impl PartialValue for Written {
    fn write_partial(self, _: &mut OutputWriter) -> Result<()> {
        Ok(())
    }

    fn read_partial(_: Vec<u8>) -> Result<Self> {
        Err(Error::new(
            "a partial of type Written cannot be read back; use Raw, or Reduce::Concat",
        ))
    }
}

impl OutputValue for Written {
    fn write_output(self, _: &mut OutputWriter) -> Result<()> {
        Ok(())
    }
}

/// Bytes that are the output as they stand.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Raw(pub Vec<u8>);

impl PartialValue for Raw {
    fn write_partial(self, out: &mut OutputWriter) -> Result<()> {
        out.write_vec(self.0);
        Ok(())
    }

    fn read_partial(bytes: Vec<u8>) -> Result<Self> {
        Ok(Self(bytes))
    }
}

impl OutputValue for Raw {
    fn write_output(self, out: &mut OutputWriter) -> Result<()> {
        out.write_vec(self.0);
        Ok(())
    }
}
