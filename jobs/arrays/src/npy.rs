//! Headers of NumPy's `.npy` files, versions 1 to 3 (NEP 1 and its successors): a magic number, the header's length and a
//! Python literal with type, order and shape; the elements follow.

use crate::element::ElementType;
use p2pjob::prelude::*;

/// The first bytes of a `.npy` file.
const MAGIC: &[u8] = b"\x93NUMPY";
/// The elements begin at a multiple of this, as NumPy writes them.
const ALIGNMENT: usize = 64;
/// Longest header read, in bytes: far more than any shape needs, and one read of the platform.
const MAX_HEADER_BYTES: u64 = 64 << 10;

/// What a `.npy` file says of its elements.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Type of the elements.
    pub element: ElementType,
    /// Whether the elements are big-endian.
    pub big_endian: bool,
    /// Whether the first index runs fastest (Fortran order); else the last does.
    pub fortran: bool,
    /// Length of each dimension.
    pub shape: Vec<u64>,
    /// Where the elements begin, in bytes.
    pub offset: u64,
}

impl Header {
    /// Whether a file begins as a `.npy` file does.
    pub fn is_npy(source: Source) -> bool {
        source.read_at(0, MAGIC.len() as u32) == MAGIC
    }

    /// Reads the header and compares the file's size with it. Errors name what is wrong and how to save the array.
    pub fn read(source: Source) -> Result<Self> {
        let start = source.read_at(0, 12);
        let (head, wide) = match start.get(..8) {
            Some([head @ .., 1, 0]) => (head, false),
            Some([head @ .., 2 | 3, 0]) => (head, true),
            Some(head) if head.starts_with(MAGIC) => {
                bail!(
                    "a .npy file of version {}.{}; versions 1 to 3 are read",
                    head[6],
                    head[7]
                )
            }
            _ => bail!("no .npy file: it does not begin with \\x93NUMPY; save it with numpy.save"),
        };
        if head != MAGIC {
            bail!("no .npy file: it does not begin with \\x93NUMPY; save it with numpy.save");
        }
        let (length, from) = match (wide, &start[8..]) {
            (false, [one, two, ..]) => (u64::from(u16::from_le_bytes([*one, *two])), 10),
            (true, [one, two, three, four]) => (u64::from(u32::from_le_bytes([*one, *two, *three, *four])), 12),
            _ => bail!("the .npy file ends inside its header"),
        };
        if length > MAX_HEADER_BYTES {
            bail!("the .npy header claims {length} bytes; {MAX_HEADER_BYTES} are read at most");
        }
        let text = source.read_at(from, length as u32);
        if (text.len() as u64) < length {
            bail!("the .npy file ends inside its header");
        }
        let header = parse(&String::from_utf8_lossy(&text), from + length)?;
        header.check_size(source.size())?;
        Ok(header)
    }

    /// Number of elements.
    pub fn elements(&self) -> Result<u64> {
        let product = self.shape.iter().try_fold(1u64, |all, length| all.checked_mul(*length));
        match product.filter(|elements| elements.checked_mul(self.element.size()).is_some()) {
            Some(elements) => Ok(elements),
            None => bail!("the shape {:?} is larger than any file", self.shape),
        }
    }

    fn check_size(&self, size: u64) -> Result<()> {
        let bytes = self.elements()? * self.element.size();
        let there = size.saturating_sub(self.offset);
        if there == bytes {
            return Ok(());
        }
        let what = if there < bytes {
            "cut off"
        } else {
            "longer than it says"
        };
        bail!(
            "the .npy file is {what}: shape {:?} of {} needs {bytes} bytes after the header, and there are {there}",
            self.shape,
            self.element
        )
    }
}

/// Reads the literal `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`.
fn parse(text: &str, offset: u64) -> Result<Header> {
    let malformed = || Error::new(format_args!("the .npy header is malformed: {}", text.trim()));
    let behind = |key: &str| {
        let at = text.find(key).ok_or_else(malformed)?;
        let rest = text[at + key.len()..].trim_start();
        rest.strip_prefix(':').map(str::trim_start).ok_or_else(malformed)
    };
    let descr = behind("'descr'")?;
    if descr.starts_with('[') {
        bail!("the .npy file has records (structured dtype); save one field of plain numbers");
    }
    let descr = descr
        .strip_prefix('\'')
        .and_then(|rest| rest.split_once('\''))
        .ok_or_else(malformed)?
        .0;
    let (element, big_endian) = element_of(descr)?;
    let order = behind("'fortran_order'")?;
    let fortran = order.starts_with("True");
    if !fortran && !order.starts_with("False") {
        return Err(malformed());
    }
    let dimensions = behind("'shape'")?
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(')'))
        .ok_or_else(malformed)?
        .0;
    let numbers = dimensions.split(',').map(str::trim).filter(|number| !number.is_empty());
    let shape = numbers
        .map(|number| number.trim_end_matches('L').parse().map_err(|_| malformed()))
        .collect::<Result<Vec<u64>>>()?;
    Ok(Header {
        element,
        big_endian,
        // One dimension has no order, and neither has none.
        fortran: fortran && shape.len() > 1,
        shape,
        offset,
    })
}

fn element_of(descr: &str) -> Result<(ElementType, bool)> {
    let (order, code) = match descr.as_bytes() {
        [order @ (b'<' | b'>' | b'|' | b'='), ..] => (*order, &descr[1..]),
        _ => (b'|', descr),
    };
    let Some(element) = ElementType::from_code(code) else {
        let what = match code.as_bytes().first() {
            Some(b'O') => "Python objects",
            Some(b'U' | b'S' | b'a') => "texts",
            Some(b'c') => "complex numbers",
            Some(b'M' | b'm') => "times",
            Some(b'V') => "raw records",
            _ => "a type that is not known here",
        };
        bail!(
            "the .npy file holds {what} (dtype {descr:?}); save float16, float32, float64, int8 to int64, uint8 to \
             uint64 or bool, such as array.astype(\"float64\")"
        );
    };
    Ok((element, order == b'>' && element.size() > 1))
}

/// The bytes in front of the elements of a `.npy` file of this type, order and shape.
pub fn npy_header(element: ElementType, fortran: bool, shape: &[u64]) -> Vec<u8> {
    npy_header_as(&element.descr(), fortran, shape)
}

/// The same for a type that only NumPy knows, by its code: `<c16`, `<U5`.
pub fn npy_header_as(descr: &str, fortran: bool, shape: &[u64]) -> Vec<u8> {
    let lengths: Vec<String> = shape.iter().map(u64::to_string).collect();
    let comma = if shape.len() == 1 { "," } else { "" };
    let order = if fortran { "True" } else { "False" };
    let mut text = format!(
        "{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({}{comma}), }}",
        lengths.join(", ")
    );
    let prefix = MAGIC.len() + 4;
    let whole = (prefix + text.len() + 1).next_multiple_of(ALIGNMENT);
    text.extend(std::iter::repeat_n(' ', whole - prefix - text.len() - 1));
    text.push('\n');
    let mut header = MAGIC.to_vec();
    header.extend([1, 0]);
    header.extend((text.len() as u16).to_le_bytes());
    header.extend(text.into_bytes());
    header
}
