//! Float class `fast`: what a guest's handles stand for then, and the way to the session that computes for them.
//!
//! The session opens at the first request, so that a call which computes nothing costs nothing, and is dropped with the
//! sandbox. Numbers of things that the guest has dropped go with the next request.

use crate::call::Limits;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tensor_compute::onnx::{Model, Port};
use tensor_compute::{
    BurnHost, BurnSession, BurnUpload, ComputeError, DType, FastAnswer, FastHost, FastOpening, FastReply, FastRequest,
    FastSession, Result, Session, StopSignal, Tensor, TensorInfo,
};

/// Most bytes of one piece of a tensor that comes back, in bytes: little enough to look at the deadline in between.
pub(super) const PIECE_BYTES: u64 = 8 << 20;

/// The way to one sandbox's session.
pub(crate) struct FastLink {
    host: Arc<dyn FastHost>,
    opening: FastOpening,
    open: Mutex<Option<Box<dyn FastSession>>>,
    dropped: Dropped,
}

type Dropped = Arc<Mutex<Vec<u64>>>;

/// Something of the far side; told to it when it is dropped.
pub(crate) struct Number {
    id: u64,
    dropped: Dropped,
}

impl Drop for Number {
    fn drop(&mut self) {
        lock(&self.dropped).push(self.id);
    }
}

/// A guest's tensor.
#[derive(Clone)]
pub(crate) enum Value {
    /// Class `exact`: here.
    Near(Tensor),
    /// Class `fast`.
    Far(Arc<FarTensor>),
}

/// A tensor of the far side.
pub(crate) struct FarTensor {
    number: Number,
    dtype: DType,
    shape: Vec<usize>,
}

impl Value {
    pub(super) fn shape(&self) -> &[usize] {
        match self {
            Self::Near(tensor) => tensor.shape(),
            Self::Far(far) => &far.shape,
        }
    }

    pub(super) fn dtype(&self) -> DType {
        match self {
            Self::Near(tensor) => tensor.dtype(),
            Self::Far(far) => far.dtype,
        }
    }

    /// All its bytes; it was made, so they cannot overflow.
    pub(super) fn bytes(&self) -> u64 {
        let count: u64 = self.shape().iter().map(|length| *length as u64).product();
        count * self.dtype().size() as u64
    }

    /// The tensor here. All of a sandbox's are on one side, so the error stands for a bug of ours.
    pub(super) fn near(&self) -> Result<&Tensor> {
        match self {
            Self::Near(tensor) => Ok(tensor),
            Self::Far(_) => Err(wrong_side()),
        }
    }

    /// The number on the far side.
    pub(super) fn number(&self) -> Result<u64> {
        match self {
            Self::Near(_) => Err(wrong_side()),
            Self::Far(far) => Ok(far.number.id),
        }
    }
}

/// The numbers of these.
pub(super) fn numbers(values: &[Value]) -> Result<Vec<u64>> {
    values.iter().map(Value::number).collect()
}

/// These tensors here.
pub(super) fn nears(values: &[Value]) -> Result<Vec<&Tensor>> {
    values.iter().map(Value::near).collect()
}

/// A guest's model.
pub(crate) enum LoadedModel {
    /// Class `exact`: here.
    Near(Model),
    /// Class `fast`.
    Far {
        /// Its number.
        number: Number,
        /// What it takes.
        inputs: Vec<Port>,
        /// What it gives.
        outputs: Vec<Port>,
    },
}

impl LoadedModel {
    pub(super) fn inputs(&self) -> &[Port] {
        match self {
            Self::Near(model) => model.inputs(),
            Self::Far { inputs, .. } => inputs,
        }
    }

    pub(super) fn outputs(&self) -> &[Port] {
        match self {
            Self::Near(model) => model.outputs(),
            Self::Far { outputs, .. } => outputs,
        }
    }
}

impl FastLink {
    pub(super) fn new(host: Arc<dyn FastHost>, limits: &Limits, threads: usize, stop: StopSignal) -> Self {
        Self {
            host,
            opening: FastOpening {
                owner: limits.owner,
                threads,
                stop,
            },
            open: Mutex::default(),
            dropped: Dropped::default(),
        }
    }

    /// Sends a request and waits for the reply.
    pub(super) fn ask(&self, account: &Session, request: FastRequest, payload: &[u8]) -> Result<FastReply> {
        let mut open = lock(&self.open);
        let session = match open.as_mut() {
            Some(session) => session,
            None => open.insert(self.host.open(self.opening.clone())?),
        };
        let dropped = std::mem::take(&mut *lock(&self.dropped));
        session.ask(account, dropped, request, payload)
    }

    /// A request that gives tensors.
    pub(super) fn tensors(&self, account: &Session, request: FastRequest) -> Result<Vec<Value>> {
        match self.ask(account, request, &[])?.answer {
            FastAnswer::Tensors(tensors) => Ok(tensors.into_iter().map(|info| self.value(info)).collect()),
            other => Err(unexpected(&other)),
        }
    }

    /// A request that gives one tensor.
    pub(super) fn tensor(&self, account: &Session, request: FastRequest) -> Result<Value> {
        let first = self.tensors(account, request)?.into_iter().next();
        first.ok_or_else(|| unexpected(&FastAnswer::Tensors(Vec::new())))
    }

    /// A request that gives a number.
    pub(super) fn number(&self, account: &Session, request: FastRequest) -> Result<Number> {
        match self.ask(account, request, &[])?.answer {
            FastAnswer::Made(id) => Ok(self.own(id)),
            other => Err(unexpected(&other)),
        }
    }

    /// A tensor made of bytes that are all here.
    pub(super) fn upload(&self, account: &Session, (dtype, shape): (DType, Vec<usize>), bytes: &[u8]) -> Result<Value> {
        let to = self.number(account, FastRequest::Begin { dtype, shape })?;
        self.put(account, &to, 0, bytes)?;
        self.finish(account, &to)
    }

    /// Writes a piece of a tensor that is being filled.
    pub(super) fn put(&self, account: &Session, to: &Number, offset: u64, piece: &[u8]) -> Result<()> {
        let request = FastRequest::Put { to: to.id, offset };
        self.ask(account, request, piece).map(drop)
    }

    /// Ends the filling.
    pub(super) fn finish(&self, account: &Session, to: &Number) -> Result<Value> {
        self.tensor(account, FastRequest::Finish { of: to.id })
    }

    /// Loads a model from the bytes in `file`.
    pub(super) fn load_model(&self, account: &Session, file: &Number) -> Result<LoadedModel> {
        match self.ask(account, FastRequest::LoadModel { file: file.id }, &[])?.answer {
            FastAnswer::Model { id, inputs, outputs } => Ok(LoadedModel::Far {
                number: self.own(id),
                inputs,
                outputs,
            }),
            other => Err(unexpected(&other)),
        }
    }

    /// Runs a model of the far side.
    pub(super) fn run_model(
        &self,
        account: &Session,
        model: &Number,
        inputs: Vec<(String, Value)>,
    ) -> Result<Vec<Value>> {
        let inputs = inputs.into_iter().map(|(name, value)| Ok((name, value.number()?)));
        let inputs = inputs.collect::<Result<_>>()?;
        let model = model.id;
        self.tensors(account, FastRequest::RunModel { model, inputs })
    }

    /// Bytes of a tensor, which has them.
    pub(super) fn read(&self, account: &Session, of: &Value, offset: u64, length: u64) -> Result<Vec<u8>> {
        let of = of.number()?;
        let reply = self.ask(account, FastRequest::Read { of, offset, length }, &[])?;
        if reply.payload.len() as u64 != length {
            let why = format!("{} bytes came where {length} were asked for", reply.payload.len());
            return Err(ComputeError::Device(why));
        }
        Ok(reply.payload)
    }

    fn own(&self, id: u64) -> Number {
        let dropped = Arc::clone(&self.dropped);
        Number { id, dropped }
    }

    fn value(&self, TensorInfo { id, dtype, shape }: TensorInfo) -> Value {
        let number = self.own(id);
        Value::Far(Arc::new(FarTensor { number, dtype, shape }))
    }
}

/// Opens burn sessions on the far side.
pub(super) struct FarBurn(pub(super) Arc<FastLink>);

impl BurnHost for FarBurn {
    fn open(&self, account: &Session) -> Result<Box<dyn BurnSession>> {
        let number = self.0.number(account, FastRequest::BurnOpen)?;
        let link = Arc::clone(&self.0);
        Ok(Box::new(FarBurnSession { link, number }))
    }
}

struct FarBurnSession {
    link: Arc<FastLink>,
    number: Number,
}

impl BurnSession for FarBurnSession {
    fn hello(&mut self, account: &Session) -> Result<Vec<u8>> {
        let of = self.number.id;
        Ok(self.link.ask(account, FastRequest::BurnHello { of }, &[])?.payload)
    }

    fn submit(&mut self, account: &Session, batch: &[u8]) -> Result<()> {
        let of = self.number.id;
        self.link.ask(account, FastRequest::BurnSubmit { of }, batch).map(drop)
    }

    fn upload(&mut self, account: &Session, tensor: BurnUpload<'_>) -> Result<()> {
        let request = FastRequest::BurnUpload {
            of: self.number.id,
            id: tensor.id,
            shape: tensor.shape.to_vec(),
            element_type: tensor.element_type.to_vec(),
        };
        self.link.ask(account, request, tensor.bytes).map(drop)
    }

    fn read(&mut self, account: &Session, tensor: &[u8]) -> Result<Vec<u8>> {
        let of = self.number.id;
        Ok(self.link.ask(account, FastRequest::BurnRead { of }, tensor)?.payload)
    }
}

/// An answer to another question.
pub(super) fn unexpected(answer: &FastAnswer) -> ComputeError {
    let text = format!("{answer:?}");
    ComputeError::Device(format!(
        "the compute process answered with {}",
        crate::outcome::cut(&text, 200)
    ))
}

fn wrong_side() -> ComputeError {
    ComputeError::Device("a tensor is not where its sandbox computes".to_owned())
}

/// The guarded values hold no invariant across a panic, so poison is ignored.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
