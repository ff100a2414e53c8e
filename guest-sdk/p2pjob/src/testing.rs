//! Runs a job natively, with the platform simulated in memory: for a job's own unit tests and benchmarks.
//!
//! The simulation keeps the contract's limits where a test could break them (1 MiB reads, slices inside their input)
//! and runs every chunk twice, comparing the bytes; a job that is checked must accept them. It does not meter fuel: `cargo p2pjob test` does.

use crate::glue::{Package, PlannedChunk};
use crate::job::{Job, PlanHint};
use crate::manifest::Reduce;
use serde::ser::{Serialize, Serializer};
use serde_json::Value;

/// A task to run natively.
#[derive(Clone, Debug)]
pub struct Task {
    params: String,
    inputs: Vec<(String, Vec<u8>)>,
    hint: PlanHint,
}

/// What a task that ran natively gave.
#[derive(Clone, PartialEq, Debug)]
pub struct Finished {
    /// The result's bytes.
    pub output: Vec<u8>,
    /// How many chunks there were.
    pub chunks: usize,
    /// The log lines of all calls.
    pub log: Vec<String>,
    /// What every chunk reported with [`metrics`](crate::metrics), in order: kind, name, value.
    pub metrics: Vec<(&'static str, String, f64)>,
}

impl Finished {
    /// The result as text without the final line end.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).trim_end().to_owned()
    }
}

impl Task {
    /// A task with these parameters, a JSON object, and no inputs.
    pub fn new(params_json: &str) -> Self {
        let hint = PlanHint {
            chunk_size: None,
            target_chunks: 4,
            max_chunks: 10_000,
        };
        Self {
            params: params_json.to_owned(),
            inputs: Vec::new(),
            hint,
        }
    }

    /// Binds an input. Bind them in the order the job declares them.
    #[must_use]
    pub fn input(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.inputs.push((name.to_owned(), bytes.into()));
        self
    }

    /// Sets the chunk size, in the job's own unit.
    #[must_use]
    pub const fn chunk_size(mut self, size: u64) -> Self {
        self.hint.chunk_size = Some(size);
        self
    }

    /// Plans, runs every chunk, reduces. The error is the job's message, with the name of the function it came from.
    pub fn run<J: Job + Package>(&self) -> Result<Finished, String> {
        let params = self.params_cbor()?;
        let whole = self.whole();
        let (chunks, mut log) = self.plan::<J>(&params, &whole)?;
        let mut partials = Vec::new();
        let mut metrics = Vec::new();
        for (number, (body, slices, _)) in chunks.iter().enumerate() {
            let slices = cut_slices(&whole, slices)
                .ok_or_else(|| format!("plan: a slice of chunk {number} lies outside its input"))?;
            let once = || {
                simulated::begin(&slices, Vec::new());
                crate::glue::run::<J>(body).map_err(|error| format!("run of chunk {number}: {error}"))?;
                Ok::<_, String>(simulated::end())
            };
            let ((first, lines, numbers), (second, ..)) = (once()?, once()?);
            if first != second {
                return Err(format!("run of chunk {number} gave two different outputs"));
            }
            if J::CHECKED && !check_once::<J>(body, &slices, first.clone())? {
                return Err(format!("check of chunk {number} refuted the output of its own run"));
            }
            partials.push(first);
            log.extend(lines);
            metrics.extend(numbers);
        }
        if J::REDUCE == Reduce::Concat {
            return Ok(Finished {
                output: partials.concat(),
                chunks: chunks.len(),
                log,
                metrics,
            });
        }
        simulated::begin(&[], partials);
        crate::glue::reduce::<J>(&params).map_err(|error| format!("reduce: {error}"))?;
        let (output, lines, _) = simulated::end();
        log.extend(lines);
        Ok(Finished {
            output,
            chunks: chunks.len(),
            log,
            metrics,
        })
    }

    /// What the job's `check` says of an output that somebody claims for a chunk: for tests of what it must refute.
    /// `run` asks it about every right output of a job that is checked.
    pub fn check<J: Job + Package>(&self, chunk: usize, claimed: &[u8]) -> Result<bool, String> {
        let whole = self.whole();
        let (chunks, _) = self.plan::<J>(&self.params_cbor()?, &whole)?;
        let (body, slices, _) = chunks.get(chunk).ok_or("there is no such chunk")?;
        let slices = cut_slices(&whole, slices).ok_or("plan: a slice lies outside its input")?;
        check_once::<J>(body, &slices, claimed.to_vec())
    }

    /// The output of one chunk as it travels: what `check` takes, for tests that alter it.
    pub fn partial<J: Job + Package>(&self, chunk: usize) -> Result<Vec<u8>, String> {
        let whole = self.whole();
        let (chunks, _) = self.plan::<J>(&self.params_cbor()?, &whole)?;
        let (body, slices, _) = chunks.get(chunk).ok_or("there is no such chunk")?;
        let slices = cut_slices(&whole, slices).ok_or("plan: a slice lies outside its input")?;
        simulated::begin(&slices, Vec::new());
        let ran = crate::glue::run::<J>(body);
        let (output, ..) = simulated::end();
        ran.map(|()| output)
    }

    fn whole(&self) -> Vec<&[u8]> {
        self.inputs.iter().map(|(_, bytes)| bytes.as_slice()).collect()
    }

    /// The chunks, and what the job logged.
    fn plan<J: Job + Package>(
        &self,
        params: &[u8],
        whole: &[&[u8]],
    ) -> Result<(Vec<PlannedChunk>, Vec<String>), String> {
        let sizes = self
            .inputs
            .iter()
            .map(|(name, bytes)| (name.clone(), bytes.len() as u64))
            .collect();
        simulated::begin(whole, Vec::new());
        let chunks = crate::glue::plan::<J>(params, sizes, self.hint).map_err(|error| format!("plan: {error}"))?;
        Ok((chunks, simulated::end().1))
    }

    fn params_cbor(&self) -> Result<Vec<u8>, String> {
        let value: Value = serde_json::from_str(&self.params).map_err(|error| format!("parameters: {error}"))?;
        crate::to_cbor(&Params(&value)).map_err(|error| error.to_string())
    }
}

/// The bytes of a chunk's slices; none when one lies outside its input.
fn cut_slices<'a>(whole: &[&'a [u8]], slices: &[crate::SliceRef]) -> Option<Vec<&'a [u8]>> {
    let range = |slice: &crate::SliceRef| {
        let end = slice.offset.checked_add(slice.length)?;
        whole
            .get(slice.input as usize)?
            .get(usize::try_from(slice.offset).ok()?..usize::try_from(end).ok()?)
    };
    slices.iter().map(range).collect()
}

fn check_once<J: Job>(body: &[u8], slices: &[&[u8]], claimed: Vec<u8>) -> Result<bool, String> {
    simulated::begin(slices, vec![claimed]);
    let said = crate::glue::check::<J>(body).map_err(|error| format!("check: {error}"));
    let (written, ..) = simulated::end();
    if written.is_empty() {
        said
    } else {
        Err("check: output.write is refused there; say true or false".to_owned())
    }
}

/// JSON as the platform encodes it: integers of 64 bits as such, other numbers as floats. A derive will not do: what
/// `serde_json::Value` makes of a number depends on features that other crates of the build switch on.
struct Params<'a>(&'a Value);

impl Serialize for Params<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => serializer.serialize_u64(number),
                (_, Some(number), _) => serializer.serialize_i64(number),
                (.., number) => serializer.serialize_f64(number.unwrap_or(f64::INFINITY)),
            },
            // The CBOR encoder makes an empty list of a unit, and null of a none.
            Value::Null => serializer.serialize_none(),
            Value::Array(items) => serializer.collect_seq(items.iter().map(Params)),
            Value::Object(fields) => serializer.collect_map(fields.iter().map(|(name, field)| (name, Params(field)))),
            other => other.serialize(serializer),
        }
    }
}

/// The manifest of a job, as `describe` returns it.
pub fn manifest<J: Job + Package>() -> String {
    crate::glue::describe::<J>()
}

/// The contract's imports, on thread-local memory.
pub(crate) mod simulated {
    use crate::log::Level;
    use std::cell::RefCell;
    use std::collections::VecDeque;

    #[derive(Default)]
    struct Platform {
        sources: Vec<Vec<u8>>,
        partials: VecDeque<Vec<u8>>,
        open: Option<Vec<u8>>,
        partials_count: u32,
        output: Vec<u8>,
        log: Vec<String>,
        metrics: Vec<(&'static str, String, f64)>,
        /// State of the generator behind `entropy`: every call of a job's function starts from the same one.
        entropy: u64,
    }

    thread_local! {
        static PLATFORM: RefCell<Platform> = RefCell::default();
    }

    /// Starts a call that sees these sources and partials.
    pub fn begin(sources: &[&[u8]], partials: Vec<Vec<u8>>) {
        let platform = Platform {
            sources: sources.iter().map(|bytes| bytes.to_vec()).collect(),
            partials_count: partials.len() as u32,
            partials: partials.into(),
            ..Platform::default()
        };
        PLATFORM.with(|cell| *cell.borrow_mut() = platform);
    }

    /// What a call left behind: its output, its log, its numbers.
    pub type Left = (Vec<u8>, Vec<String>, Vec<(&'static str, String, f64)>);

    /// Ends a call.
    pub fn end() -> Left {
        let platform = PLATFORM.with(RefCell::take);
        (platform.output, platform.log, platform.metrics)
    }

    fn with<T>(act: impl FnOnce(&mut Platform) -> T) -> T {
        PLATFORM.with(|cell| act(&mut cell.borrow_mut()))
    }

    pub fn size(index: u32) -> u64 {
        with(|platform| match platform.sources.get(index as usize) {
            Some(bytes) => bytes.len() as u64,
            None => panic!("there is no input or slice {index}"),
        })
    }

    pub fn read(index: u32, offset: u64, length: u32) -> Vec<u8> {
        assert!(
            length <= crate::source::MAX_READ_BYTES,
            "a read of {length} bytes is over the limit"
        );
        with(|platform| {
            let Some(bytes) = platform.sources.get(index as usize) else {
                panic!("there is no input or slice {index}")
            };
            let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            bytes[from..from.saturating_add(length as usize).min(bytes.len())].to_vec()
        })
    }

    pub fn output_write(bytes: &[u8]) {
        with(|platform| platform.output.extend_from_slice(bytes));
    }

    pub fn partials_next() -> Option<Vec<u8>> {
        with(|platform| platform.partials.pop_front())
    }

    pub fn partial_open() -> Option<u64> {
        with(|platform| {
            platform.open = platform.partials.pop_front();
            platform.open.as_ref().map(|bytes| bytes.len() as u64)
        })
    }

    pub fn partial_read(offset: u64, length: u32) -> Vec<u8> {
        assert!(
            length <= crate::source::MAX_READ_BYTES,
            "a read of {length} bytes is over the limit"
        );
        with(|platform| {
            let Some(bytes) = &platform.open else {
                panic!("no partial is open")
            };
            let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            bytes[from..from.saturating_add(length as usize).min(bytes.len())].to_vec()
        })
    }

    pub fn partials_count() -> u32 {
        with(|platform| platform.partials_count)
    }

    pub fn log_write(level: Level, message: &str) {
        with(|platform| platform.log.push(format!("{level:?}: {message}")));
    }

    fn metric(kind: &'static str, name: &str, value: f64) {
        with(|platform| platform.metrics.push((kind, name.to_owned(), value)));
    }

    pub fn counter_add(name: &str, value: f64) {
        metric("counter", name, value);
    }

    pub fn gauge_set(name: &str, value: f64) {
        metric("gauge", name, value);
    }

    pub fn observe(name: &str, value: f64) {
        metric("observe", name, value);
    }

    /// Reports `done` of `total`, in a unit of the job's choice.
    pub fn progress(_done: u64, _total: u64) {}

    /// `length` random bytes, at most 64 KiB, the same in every replica of the chunk.
    pub fn entropy(length: u32) -> Vec<u8> {
        assert!(length <= 64 << 10, "{length} bytes of entropy are over the limit");
        with(|platform| {
            let mut byte = || {
                // SplitMix64, one byte a step: any fixed sequence will do here.
                platform.entropy = platform.entropy.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mixed = (platform.entropy ^ (platform.entropy >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                (mixed >> 56) as u8
            };
            (0..length).map(|_| byte()).collect()
        })
    }
}
