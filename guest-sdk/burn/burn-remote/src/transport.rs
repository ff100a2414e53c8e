//! The buffer of operations and the calls to the host. A sandbox has one thread and one session; natively a lock keeps
//! the order.

use crate::wire::{Hello, Message};
use burn_backend::{DType, ExecutionError, TensorData};
use burn_ir::{TensorId, TensorIr};
use burn_std::Bytes;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A batch is sent when the buffer has so many bytes.
const BATCH_BYTES: usize = 16 << 10;

/// The host, as the contract's interface `burn-zero-twentytwo` describes it.
pub trait Transport: Send {
    /// What the device can do.
    fn hello(&mut self) -> Vec<u8>;
    /// Runs a batch.
    fn submit(&mut self, batch: &[u8]) -> Result<(), String>;
    /// Puts a tensor under an id.
    fn upload(&mut self, id: u64, shape: &[u64], element_type: &[u8], bytes: &[u8]) -> Result<(), String>;
    /// The bytes of a tensor.
    fn read(&mut self, tensor: &[u8]) -> Result<Vec<u8>, String>;
}

/// What crossed to the host so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// Operations.
    pub operations: u64,
    /// Calls of the host.
    pub calls: u64,
    /// Bytes, both ways.
    pub bytes: u64,
}

#[cfg(target_arch = "wasm32")]
mod sandbox {
    //! The host's functions in a sandbox.

    #![allow(missing_docs, reason = "generated")]

    wit_bindgen::generate!({
        inline: "
            package p2pjob:burn-guest;
            world burn-guest {
                import p2pjob:job/burn-zero-twentytwo@0.1.0;
            }
        ",
        path: "../../wit",
        world: "p2pjob:burn-guest/burn-guest",
        generate_all,
    });

    pub use p2pjob::job::burn_zero_twentytwo::Session;

    impl super::Transport for Session {
        fn hello(&mut self) -> Vec<u8> {
            Self::hello(self)
        }

        fn submit(&mut self, batch: &[u8]) -> Result<(), String> {
            Self::submit(self, batch)
        }

        fn upload(&mut self, id: u64, shape: &[u64], element_type: &[u8], bytes: &[u8]) -> Result<(), String> {
            Self::upload(self, id, shape, element_type, bytes)
        }

        fn read(&mut self, tensor: &[u8]) -> Result<Vec<u8>, String> {
            Self::read(self, tensor)
        }
    }
}

/// One session.
pub struct Link {
    host: Option<Box<dyn Transport>>,
    hello: Option<Hello>,
    buffer: Vec<u8>,
    next_id: u64,
    failed: Option<String>,
    traffic: Traffic,
}

static LINK: Mutex<Link> = Mutex::new(Link {
    host: None,
    hello: None,
    buffer: Vec::new(),
    next_id: 0,
    failed: None,
    traffic: Traffic {
        operations: 0,
        calls: 0,
        bytes: 0,
    },
});

/// The process's session.
pub fn link() -> MutexGuard<'static, Link> {
    LINK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets the host of this process, with a fresh session. Tensors of an earlier one are lost.
#[cfg(not(target_arch = "wasm32"))]
pub fn install(host: Box<dyn Transport>) {
    let mut link = link();
    link.buffer.clear();
    (link.host, link.hello, link.failed, link.traffic) = (Some(host), None, None, Traffic::default());
}

/// What crossed so far.
pub fn traffic() -> Traffic {
    link().traffic
}

impl Link {
    #[cfg(target_arch = "wasm32")]
    fn host(&mut self) -> &mut dyn Transport {
        &mut **self.host.get_or_insert_with(|| Box::new(sandbox::Session::new()))
    }

    #[cfg(not(target_arch = "wasm32"))]
    #[allow(
        clippy::expect_used,
        reason = "a program without a device cannot go on; burn has no error for it"
    )]
    fn host(&mut self) -> &mut dyn Transport {
        let host = self
            .host
            .as_mut()
            .expect("this process has no host: call burn_remote::install, or use another device");
        &mut **host
    }

    /// A name that no tensor has had.
    pub fn new_id(&mut self) -> TensorId {
        self.next_id += 1;
        TensorId::new(self.next_id)
    }

    /// Sends what is buffered. Once the host has said what is wrong, nothing more is sent; reads tell it.
    pub fn flush(&mut self) {
        let batch = std::mem::take(&mut self.buffer);
        if !batch.is_empty() && self.failed.is_none() {
            self.count(batch.len());
            self.failed = self.host().submit(&batch).err();
        }
        // Its capacity is kept.
        self.buffer = batch;
        self.buffer.clear();
    }

    fn count(&mut self, bytes: usize) {
        self.traffic.calls += 1;
        self.traffic.bytes += bytes as u64;
    }

    /// Buffers a step.
    pub fn push(&mut self, message: &Message) {
        self.traffic.operations += 1;
        let buffer = std::mem::take(&mut self.buffer);
        match postcard::to_extend(message, buffer) {
            Ok(buffer) => self.buffer = buffer,
            Err(error) => self.failed = Some(format!("an operation cannot be encoded: {error}")),
        }
        if self.buffer.len() >= BATCH_BYTES {
            self.flush();
        }
    }

    /// Puts a tensor under a new name.
    pub fn upload(&mut self, data: &TensorData) -> TensorId {
        self.flush();
        let id = self.new_id();
        let shape: Vec<u64> = data.shape().iter().map(|length| *length as u64).collect();
        if self.failed.is_none() {
            self.count(data.as_bytes().len());
            let sent = match postcard::to_stdvec(&data.dtype()) {
                Ok(dtype) => self.host().upload(id.value(), &shape, &dtype, data.as_bytes()),
                Err(error) => Err(error.to_string()),
            };
            self.failed = sent.err();
        }
        id
    }

    /// The values of a tensor.
    pub fn read(&mut self, tensor: &TensorIr) -> Result<TensorData, ExecutionError> {
        self.flush();
        let read = match &self.failed {
            Some(error) => Err(error.clone()),
            None => match postcard::to_stdvec(tensor) {
                Ok(name) => self.host().read(&name),
                Err(error) => Err(error.to_string()),
            },
        };
        match read {
            Ok(bytes) => {
                self.count(bytes.len());
                let bytes = Bytes::from_bytes_vec(bytes);
                TensorData::try_from_bytes(bytes, tensor.shape.clone(), tensor.dtype).map_err(|error| {
                    ExecutionError::WithContext {
                        reason: error.to_string(),
                    }
                })
            }
            Err(reason) => {
                self.failed = Some(reason.clone());
                Err(ExecutionError::WithContext { reason })
            }
        }
    }

    /// What the device can do.
    #[allow(
        clippy::expect_used,
        reason = "host and guest of one version agree; of others, burn cannot go on"
    )]
    pub fn hello(&mut self) -> Hello {
        if self.hello.is_none() {
            let answer = self.host().hello();
            self.count(answer.len());
            self.hello = postcard::from_bytes(&answer).ok();
        }
        self.hello
            .clone()
            .expect("the host speaks another version of burn; build the job with the SDK of this network")
    }

    /// Whether the device computes with a type.
    pub fn knows(&mut self, dtype: DType) -> bool {
        self.hello().1.contains(&dtype)
    }
}
