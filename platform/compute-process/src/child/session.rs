//! One session: what it holds under which number, and the thread that works on its requests.

use super::Shared;
use crate::wire::{Budget, FromChild, ToChild};
use burn_host::ExactHost;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use tensor_compute::linalg;
use tensor_compute::onnx::Model;
use tensor_compute::{
    BurnHost, BurnSession, BurnUpload, ComputeError, Data, FastAnswer, FastReply, FastRequest, FloatClass, Result,
    Session, Settings, Tensor, TensorBuilder, TensorInfo, apply,
};

/// What a number stands for.
enum Thing {
    Tensor(Tensor),
    Unfinished(TensorBuilder),
    Model(Arc<Model>),
    Burn(Box<dyn BurnSession>),
}

/// The thread's owner.
pub(super) struct Worker {
    id: u64,
    stop: Arc<AtomicBool>,
    session: Session,
    things: HashMap<u64, Thing>,
    /// The number given last.
    newest: u64,
    shared: Arc<Shared>,
}

impl Worker {
    pub(super) fn new(id: u64, threads: usize, stop: Arc<AtomicBool>, shared: Arc<Shared>) -> Self {
        let flag = Arc::clone(&stop);
        let settings = Settings {
            threads: threads.max(1),
            stop: Arc::new(move || flag.load(Ordering::Relaxed)),
            ..Settings::default()
        };
        Self {
            id,
            stop,
            session: Session::new(settings, 0),
            things: HashMap::new(),
            newest: 0,
            shared,
        }
    }

    /// Works until nobody asks any more.
    pub(super) fn run(mut self, requests: &Receiver<(ToChild, Vec<u8>)>) {
        // Here and not before: opening a GPU takes seconds, and other sessions may work meanwhile.
        if let Some(accelerator) = self.shared.accelerator() {
            self.session = self.session.with_accelerator(accelerator);
        }
        while let Ok((message, payload)) = requests.recv() {
            let ToChild::Ask {
                budget,
                dropped,
                request,
                ..
            } = message
            else {
                continue;
            };
            for number in dropped {
                self.things.remove(&number);
            }
            let reply = self.answer(budget, request, payload);
            let (result, payload) = match reply {
                Ok(reply) => (Ok(reply.answer), reply.payload),
                Err(error) => (Err(error.into()), Vec::new()),
            };
            let message = FromChild::Answer {
                session: self.id,
                spent: self.session.take_spent(),
                live_bytes: self.session.live_bytes(),
                result,
            };
            self.shared.send(&message, &payload);
        }
    }

    fn answer(&mut self, budget: Budget, request: FastRequest, payload: Vec<u8>) -> Result<FastReply> {
        self.session.grant(budget.fuel);
        self.session.set_limit(budget.memory_bytes);
        if self.stop.load(Ordering::Relaxed) {
            return Err(ComputeError::Cancelled);
        }
        // What a request had in its hands is dropped; the parent ends the call that asked.
        catch_unwind(AssertUnwindSafe(|| self.act(request, &payload))).unwrap_or_else(|_| {
            if self.session.accelerator().is_some() {
                // Most likely the device's library: whatever it does from here on is not to be believed.
                std::process::exit(crate::device::EXIT_DEVICE_FAILED);
            }
            Err(ComputeError::Device(
                "a computation panicked; the log says where".to_owned(),
            ))
        })
    }

    fn act(&mut self, request: FastRequest, payload: &[u8]) -> Result<FastReply> {
        match request {
            FastRequest::Begin { dtype, shape } => {
                let builder = TensorBuilder::new(&self.session, "tensor", dtype, &shape)?;
                Ok(said(FastAnswer::Made(self.keep(Thing::Unfinished(builder)))))
            }
            FastRequest::Put { to, offset } => {
                let Some(Thing::Unfinished(builder)) = self.things.get_mut(&to) else {
                    return Err(no_such("unfinished tensor", to));
                };
                let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                builder.put(offset, payload)?;
                Ok(FastReply::default())
            }
            FastRequest::Finish { of } => {
                let tensor = self.finished(of)?;
                Ok(self.give(vec![tensor]))
            }
            FastRequest::Filled { dtype, shape, value } => {
                let tensor = Tensor::filled(&self.session, "filled", (dtype, &shape), value)?;
                Ok(self.give(vec![tensor]))
            }
            FastRequest::Apply { op, operands } => {
                let operands = self.tensors(&operands)?;
                let first = apply(&self.session, &op, &operands)?.into_iter().next();
                let first = first.ok_or_else(|| ComputeError::Device("an operation gave nothing".to_owned()))?;
                Ok(self.give(vec![first]))
            }
            FastRequest::Matrix { op, operands } => {
                let operands = self.tensors(&operands)?;
                let made = op.run(&self.session, FloatClass::Fast, &operands)?;
                Ok(self.give(vec![made]))
            }
            FastRequest::Determinant { of, by } => {
                let found = linalg::determinant(&self.session, FloatClass::Fast, self.tensor(of)?, by)?;
                Ok(said(FastAnswer::Determinant(found)))
            }
            FastRequest::Norm { of, norm } => {
                let found = linalg::norm(&self.session, FloatClass::Fast, self.tensor(of)?, norm)?;
                Ok(said(FastAnswer::Number(found)))
            }
            FastRequest::Read { of, offset, length } => self.read(of, offset, length),
            FastRequest::Texts { of } => match self.tensor(of)?.data() {
                Data::Text(texts) => Ok(said(FastAnswer::Texts(texts.as_ref().clone()))),
                _ => Err(no_such("tensor of texts", of)),
            },
            other => self.act_on_models(other, payload),
        }
    }

    fn act_on_models(&mut self, request: FastRequest, payload: &[u8]) -> Result<FastReply> {
        match request {
            FastRequest::LoadModel { file } => {
                let file = self.finished(file)?;
                let bytes = file.le_bytes().ok_or_else(|| no_such("file", 0))?;
                let model = Model::load(&self.session, &bytes)?;
                drop(bytes);
                let (inputs, outputs) = (model.inputs().to_vec(), model.outputs().to_vec());
                let id = self.keep(Thing::Model(Arc::new(model)));
                Ok(said(FastAnswer::Model { id, inputs, outputs }))
            }
            FastRequest::RunModel { model, inputs } => {
                let Some(Thing::Model(found)) = self.things.get(&model) else {
                    return Err(no_such("model", model));
                };
                let found = Arc::clone(found);
                let inputs = inputs
                    .into_iter()
                    .map(|(name, of)| Ok((name, self.tensor(of)?.clone())));
                let inputs = inputs.collect::<Result<Vec<_>>>()?;
                let outputs = found.run(&self.session, inputs)?;
                Ok(self.give(outputs.into_iter().map(|(_, tensor)| tensor).collect()))
            }
            FastRequest::BurnOpen => {
                let burn = ExactHost.open(&self.session)?;
                Ok(said(FastAnswer::Made(self.keep(Thing::Burn(burn)))))
            }
            FastRequest::BurnHello { of } => self.burn(of, |burn, account| burn.hello(account)),
            FastRequest::BurnSubmit { of } => {
                self.burn(of, |burn, account| burn.submit(account, payload).map(|()| Vec::new()))
            }
            FastRequest::BurnUpload {
                of,
                id,
                shape,
                element_type,
            } => self.burn(of, |burn, account| {
                let upload = BurnUpload {
                    id,
                    shape: &shape,
                    element_type: &element_type,
                    bytes: payload,
                };
                burn.upload(account, upload).map(|()| Vec::new())
            }),
            FastRequest::BurnRead { of } => self.burn(of, |burn, account| burn.read(account, payload)),
            _ => Err(ComputeError::Device("a request without a place".to_owned())),
        }
    }

    fn burn(
        &mut self,
        of: u64,
        work: impl FnOnce(&mut dyn BurnSession, &Session) -> Result<Vec<u8>>,
    ) -> Result<FastReply> {
        match self.things.get_mut(&of) {
            Some(Thing::Burn(burn)) => Ok(FastReply {
                payload: work(burn.as_mut(), &self.session)?,
                ..FastReply::default()
            }),
            _ => Err(no_such("burn session", of)),
        }
    }

    fn read(&self, of: u64, offset: u64, length: u64) -> Result<FastReply> {
        let tensor = self.tensor(of)?;
        let [start, length] = [offset, length].map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let piece = tensor.le_piece(start, length);
        let piece = piece.ok_or_else(|| no_such("piece of the tensor", of))?;
        Ok(FastReply {
            payload: piece.into_owned(),
            ..FastReply::default()
        })
    }

    fn keep(&mut self, thing: Thing) -> u64 {
        self.newest += 1;
        self.things.insert(self.newest, thing);
        self.newest
    }

    fn give(&mut self, tensors: Vec<Tensor>) -> FastReply {
        let infos = tensors.into_iter().map(|tensor| {
            let (dtype, shape) = (tensor.dtype(), tensor.shape().to_vec());
            let id = self.keep(Thing::Tensor(tensor));
            TensorInfo { id, dtype, shape }
        });
        said(FastAnswer::Tensors(infos.collect()))
    }

    fn finished(&mut self, of: u64) -> Result<Tensor> {
        match self.things.remove(&of) {
            Some(Thing::Unfinished(builder)) => builder.finish(),
            _ => Err(no_such("unfinished tensor", of)),
        }
    }

    fn tensor(&self, of: u64) -> Result<&Tensor> {
        match self.things.get(&of) {
            Some(Thing::Tensor(tensor)) => Ok(tensor),
            _ => Err(no_such("tensor", of)),
        }
    }

    fn tensors(&self, of: &[u64]) -> Result<Vec<&Tensor>> {
        of.iter().map(|number| self.tensor(*number)).collect()
    }
}

fn said(answer: FastAnswer) -> FastReply {
    FastReply {
        answer,
        ..FastReply::default()
    }
}

/// The parent names only what it was given, so this stands for a bug of ours.
fn no_such(what: &str, number: u64) -> ComputeError {
    ComputeError::Device(format!("there is no {what} {number}"))
}
