//! Archives of arrays: NumPy's `.npz`, a ZIP file without compression (APPNOTE 6.3). Members are written as they come,
//! and up to 4 GiB in all.

use p2pjob::prelude::*;

/// 1 January 1980, the first day a ZIP file knows: the same archive on every node.
const FIRST_DATE: u16 = 0x21;

/// Builds an archive in memory.
#[derive(Default)]
pub struct ZipWriter {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    members: u16,
}

impl ZipWriter {
    /// An empty archive.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file.
    pub fn add(&mut self, name: &str, content: &[u8]) -> Result<()> {
        let (Ok(offset), Ok(size)) = (u32::try_from(self.bytes.len()), u32::try_from(content.len())) else {
            bail!("an archive of more than 4 GiB; ask for fewer outputs, or for one at a time as .npy");
        };
        let Ok(name_bytes) = u16::try_from(name.len()) else {
            bail!("a name of {} bytes does not fit in an archive", name.len());
        };
        let mut fields = Vec::with_capacity(26);
        // Version 2.0, names in UTF-8, stored, time and date.
        for field in [20, 1 << 11, 0, 0, FIRST_DATE] {
            fields.extend(u16::to_le_bytes(field));
        }
        for field in [crc32(content), size, size] {
            fields.extend(field.to_le_bytes());
        }
        fields.extend(name_bytes.to_le_bytes());
        fields.extend([0, 0]);
        self.bytes.extend(b"PK\x03\x04");
        self.bytes.extend(&fields);
        self.bytes.extend(name.as_bytes());
        self.bytes.extend(content);
        self.directory.extend(b"PK\x01\x02\x14\0");
        self.directory.extend(&fields);
        // No comment, first disk, no attributes.
        self.directory.extend([0; 10]);
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.members = self.members.saturating_add(1);
        Ok(())
    }

    /// The archive.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        let (Ok(offset), Ok(size)) = (u32::try_from(self.bytes.len()), u32::try_from(self.directory.len())) else {
            bail!("an archive of more than 4 GiB; ask for fewer outputs, or for one at a time as .npy");
        };
        self.bytes.extend(&self.directory);
        self.bytes.extend(b"PK\x05\x06\0\0\0\0");
        self.bytes.extend(self.members.to_le_bytes());
        self.bytes.extend(self.members.to_le_bytes());
        self.bytes.extend(size.to_le_bytes());
        self.bytes.extend(offset.to_le_bytes());
        self.bytes.extend([0, 0]);
        Ok(self.bytes)
    }
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 {
                (value >> 1) ^ 0xEDB8_8320
            } else {
                value >> 1
            };
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
};

/// CRC-32 as ZIP uses it (polynomial 0x04C11DB7, reflected).
pub fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| (crc >> 8) ^ CRC_TABLE[((crc ^ u32::from(*byte)) & 0xFF) as usize];
    !bytes.iter().fold(u32::MAX, step)
}
