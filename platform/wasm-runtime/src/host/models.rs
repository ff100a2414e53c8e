//! `models`: loads a model from an input and runs it.

use super::compute::{Held, compute, hold, release, told};
use super::fast::{FastLink, LoadedModel, Value};
use super::operation::told_dtype;
use super::tensors::{Answer, TensorHandle, fetch};
use super::{Host, HostState, OPERANDS_MAX, Stop, charge, cost, enter, inputs};
use crate::bindings::p2pjob::job::models as wit;
use std::sync::Arc;
use tensor_compute::onnx::{Model, Port};
use tensor_compute::{ComputeError, DType, FastRequest, Session, Tensor};
use wasmtime::component::{Linker, Resource, ResourceType};

pub(super) const NAME: &str = "p2pjob:job/models@0.1.0";

/// Shared, so that a run does not borrow the guest's handles.
type Loaded = Arc<LoadedModel>;
type ModelHandle = Resource<Held<Loaded>>;
type Ports = fn(&LoadedModel) -> &[Port];

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(NAME)?;
    instance.resource("model", ResourceType::host::<Held<Loaded>>(), |host, rep| {
        release::<Loaded>(host, rep)
    })?;
    instance.func_wrap("[static]model.load", load)?;
    let ports: [(&str, Ports); 2] = [
        ("[method]model.inputs", LoadedModel::inputs),
        ("[method]model.outputs", LoadedModel::outputs),
    ];
    for (name, of) in ports {
        instance.func_wrap(name, move |mut host: Host<'_>, (handle,): (ModelHandle,)| {
            let model = Arc::clone(host.data().compute.get(&handle)?);
            let ports = of(&model);
            let bytes: usize = ports.iter().map(|port| size_of::<Port>() + port.name.len()).sum();
            enter(&mut host, bytes as u64, cost::COPY_FUEL_PER_BYTE)?;
            Ok((ports.iter().map(port).collect::<Vec<_>>(),))
        })?;
    }
    instance.func_wrap("[method]model.run", run)
}

fn port(port: &Port) -> wit::Port {
    wit::Port {
        name: port.name.clone(),
        element_type: told_dtype(port.dtype),
        shape: port
            .shape
            .iter()
            .map(|length| length.map(|length| length as u64))
            .collect(),
    }
}

fn load(mut host: Host<'_>, (index,): (u32,)) -> Answer<ModelHandle> {
    let size = inputs::size(host.data(), index);
    let size = compute(&mut host, |session| {
        session.charge(0, 0)?;
        match size {
            Ok(size) => Ok(size),
            Err(_) => super::compute::refused("load", format!("there is no input (or slice) {index} to read here")),
        }
    })?;
    let size = match size {
        Ok(size) => size,
        Err(error) => return Ok((Err(told(error)),)),
    };
    let made = match host.data().compute.fast() {
        None => load_here(&mut host, index, size)?,
        Some(link) => load_far(&mut host, &link, index, size)?,
    };
    match made {
        Ok(model) => Ok((Ok(hold(&mut host, Arc::new(model))?),)),
        Err(error) => Ok((Err(told(error)),)),
    }
}

type Made = wasmtime::Result<Result<LoadedModel, ComputeError>>;

fn load_here(host: &mut Host<'_>, index: u32, size: u64) -> Made {
    let _lease = match compute(host, |session| session.lease(size))? {
        Ok(lease) => lease,
        Err(error) => return Ok(Err(error)),
    };
    charge(host, size.saturating_mul(cost::COPY_FUEL_PER_BYTE))?;
    let mut file = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    fetch(host, (index, 0, size), |_, _, piece| {
        file.extend_from_slice(piece);
        Ok(())
    })?;
    compute(host, |session| Model::load(session, &file).map(LoadedModel::Near))
}

fn load_far(host: &mut Host<'_>, link: &FastLink, index: u32, size: u64) -> Made {
    let begin = FastRequest::Begin {
        dtype: DType::U8,
        shape: super::compute::lengths(&[size]),
    };
    let file = match compute(host, |session| link.number(session, begin))? {
        Ok(file) => file,
        Err(error) => return Ok(Err(error)),
    };
    charge(host, size.saturating_mul(cost::COPY_FUEL_PER_BYTE))?;
    fetch(host, (index, 0, size), |session, at, piece| {
        link.put(session, &file, at as u64, piece)
    })?;
    compute(host, |session| link.load_model(session, &file))
}

fn run(mut host: Host<'_>, (handle, inputs): (ModelHandle, Vec<(String, TensorHandle)>)) -> Answer<Vec<TensorHandle>> {
    if inputs.len() > OPERANDS_MAX {
        let refusal = format!(
            "models.run: {} tensors given, at most {OPERANDS_MAX} are allowed",
            inputs.len()
        );
        return Err(Stop::Refused(refusal).into());
    }
    let model = Arc::clone(host.data().compute.get(&handle)?);
    let named = inputs
        .into_iter()
        .map(|(name, handle)| Ok((name, host.data().compute.get(&handle)?.clone())));
    let named: Vec<(String, Value)> = named.collect::<Result<_, Stop>>()?;
    let fast = host.data().compute.fast();
    let made = compute(&mut host, |session| {
        session.charge(0, named.iter().map(|(name, _)| name.len() as u64).sum())?;
        match (model.as_ref(), &fast) {
            (LoadedModel::Far { number, .. }, Some(link)) => link.run_model(session, number, named),
            (LoadedModel::Near(model), _) => run_here(session, model, named),
            (LoadedModel::Far { .. }, None) => Err(ComputeError::Device("a model without its session".to_owned())),
        }
    })?;
    let outputs = match made {
        Ok(outputs) => outputs,
        Err(error) => return Ok((Err(told(error)),)),
    };
    let handles = outputs.into_iter().map(|value| hold(&mut host, value));
    Ok((Ok(handles.collect::<wasmtime::Result<_>>()?),))
}

fn run_here(session: &Session, model: &Model, named: Vec<(String, Value)>) -> Result<Vec<Value>, ComputeError> {
    let named = named.into_iter().map(|(name, value)| Ok((name, value.near()?.clone())));
    let named: Vec<(String, Tensor)> = named.collect::<Result<_, ComputeError>>()?;
    let outputs = model.run(session, named)?;
    Ok(outputs.into_iter().map(|(_, tensor)| Value::Near(tensor)).collect())
}
