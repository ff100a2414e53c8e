//! The guest backend in one process with the host's session: no sandbox between them, the same bytes.

use burn_remote::Transport;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tensor_compute::{BurnHost, BurnSession, BurnUpload, Isa, Session, Settings};

/// One call of the host. In golden files: the order of variants and fields is their format.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub enum Call {
    /// A batch.
    Submit(Vec<u8>),
    /// A tensor: id, shape, element type, bytes.
    Upload(u64, Vec<u64>, Vec<u8>, Vec<u8>),
    /// A read: the name of the tensor, the answer.
    Read(Vec<u8>, Vec<u8>),
}

/// What a guest sent, in order.
pub type Record = Arc<Mutex<Vec<Call>>>;

struct InProcess {
    session: Box<dyn BurnSession>,
    account: Session,
    record: Record,
}

impl InProcess {
    fn note(&self, call: Call) {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
}

impl Transport for InProcess {
    fn hello(&mut self) -> Vec<u8> {
        self.session.hello(&self.account).expect("a greeting")
    }

    fn submit(&mut self, batch: &[u8]) -> Result<(), String> {
        self.note(Call::Submit(batch.to_vec()));
        self.session
            .submit(&self.account, batch)
            .map_err(|error| error.to_string())
    }

    fn upload(&mut self, id: u64, shape: &[u64], element_type: &[u8], bytes: &[u8]) -> Result<(), String> {
        self.note(Call::Upload(id, shape.to_vec(), element_type.to_vec(), bytes.to_vec()));
        let upload = BurnUpload {
            id,
            shape,
            element_type,
            bytes,
        };
        self.session
            .upload(&self.account, upload)
            .map_err(|error| error.to_string())
    }

    fn read(&mut self, tensor: &[u8]) -> Result<Vec<u8>, String> {
        let answer = self.session.read(&self.account, tensor);
        let answer = answer.map_err(|error| error.to_string())?;
        self.note(Call::Read(tensor.to_vec(), answer.clone()));
        Ok(answer)
    }
}

/// How to compute; no bit depends on it.
pub fn settings(isa: Isa, threads: usize) -> Settings {
    Settings {
        isa,
        threads,
        ..Settings::default()
    }
}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A fresh session behind `Device::default()`, for as long as the guard lives: a process has one.
pub struct Installed {
    /// What was sent so far.
    pub record: Record,
    _guard: MutexGuard<'static, ()>,
}

/// Puts a fresh session of class exact behind `Device::default()`.
pub fn install(settings: Settings) -> Installed {
    let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let account = Session::unlimited(settings);
    let session = burn_host::ExactHost.open(&account).expect("a session");
    let record = Record::default();
    burn_remote::install(Box::new(InProcess {
        session,
        account,
        record: record.clone(),
    }));
    Installed { record, _guard: guard }
}
