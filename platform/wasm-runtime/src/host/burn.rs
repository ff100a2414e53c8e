//! `burn-zero-twentytwo`: passes the guest backend's operations on to whoever knows burn.

use super::compute::{Held, begin, compute, end, guarded, hold, release};
use super::{Host, HostState, Stop};
use crate::outcome::cut;
use job_model::limits::MAX_TEXT_BYTES;
use tensor_compute::{BurnSession, BurnUpload, ComputeError, Session};
use wasmtime::AsContext;
use wasmtime::component::{Linker, Resource, ResourceType, WasmList};

pub(super) const NAME: &str = "p2pjob:job/burn-zero-twentytwo@0.1.0";

/// None while a function works with it, and for good after one that panicked.
type Open = Option<Box<dyn BurnSession>>;
type BurnHandle = Resource<Held<Open>>;
type Answer<T> = wasmtime::Result<(Result<T, String>,)>;

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(NAME)?;
    instance.resource("session", ResourceType::host::<Held<Open>>(), |host, rep| {
        release::<Open>(host, rep)
    })?;
    instance.func_wrap("[constructor]session", |mut host: Host<'_>, (): ()| {
        let Some(burn) = host.data().compute.burn() else {
            return Err(Stop::Unsupported("burn: this node does not run burn sessions".to_owned()).into());
        };
        let opened = compute(&mut host, |session| {
            session.charge(0, 0)?;
            burn.open(session)
        })?;
        let opened = opened.map_err(|error| Stop::Refused(format!("burn: {error}")))?;
        Ok((hold(&mut host, Some(opened))?,))
    })?;
    instance.func_wrap("[method]session.hello", |host: Host<'_>, (handle,): (BurnHandle,)| {
        let (said,) = with(host, &handle, |_, session, burn| {
            session.charge(0, 0)?;
            burn.hello(session)
        })?;
        Ok((said.map_err(|error| Stop::Refused(format!("burn: {error}")))?,))
    })?;
    instance.func_wrap(
        "[method]session.submit",
        |host: Host<'_>, (handle, batch): (BurnHandle, WasmList<u8>)| {
            with(host, &handle, |host, session, burn| {
                session.charge(0, batch.len() as u64)?;
                burn.submit(session, batch.as_le_slice(host.as_context()))
            })
        },
    )?;
    instance.func_wrap("[method]session.upload", upload)?;
    instance.func_wrap(
        "[method]session.read",
        |host: Host<'_>, (handle, tensor): (BurnHandle, WasmList<u8>)| {
            with(host, &handle, |host, session, burn| {
                session.charge(0, tensor.len() as u64)?;
                let bytes = burn.read(session, tensor.as_le_slice(host.as_context()))?;
                // How many there are is only known now; a read that cannot be paid for ends the call all the same.
                session.charge(0, bytes.len() as u64)?;
                Ok(bytes)
            })
        },
    )
}

type Upload = (BurnHandle, u64, Vec<u64>, WasmList<u8>, WasmList<u8>);

fn upload(host: Host<'_>, (handle, id, shape, element_type, bytes): Upload) -> Answer<()> {
    with(host, &handle, |host, session, burn| {
        session.charge(0, (bytes.len() + element_type.len() + 8 * shape.len()) as u64)?;
        let tensor = BurnUpload {
            id,
            shape: &shape,
            element_type: element_type.as_le_slice(host.as_context()),
            bytes: bytes.as_le_slice(host.as_context()),
        };
        burn.upload(session, tensor)
    })
}

/// Lets `work` have a session, and tells the guest what was wrong.
fn with<R>(
    mut host: Host<'_>,
    handle: &BurnHandle,
    work: impl FnOnce(&Host<'_>, &Session, &mut dyn BurnSession) -> Result<R, ComputeError>,
) -> Answer<R> {
    let open = host.data_mut().compute.get_mut(handle)?.take();
    let Some(mut burn) = open else {
        return Err(Stop::Host("burn: the session is gone".to_owned()).into());
    };
    let session = begin(&mut host)?;
    let result = guarded(|| work(&host, &session, burn.as_mut()));
    let answer = end(&mut host, result)?;
    *host.data_mut().compute.get_mut(handle)? = Some(burn);
    Ok((answer.map_err(|error| cut(&error.to_string(), MAX_TEXT_BYTES).to_owned()),))
}
