//! What burn's router calls.

use crate::bridge::RemoteChannel;
use crate::device::RemoteDevice;
use crate::transport::link;
use crate::wire::Message;
use burn_backend::{DType, DTypeUsage, DTypeUsageSet, ExecutionError, TensorData};
use burn_ir::{CustomOpIr, GraphBindings, GraphId, OperationIr, TensorId, TensorIr};
use burn_router::{Graph, RouterClient, RouterTensor};
use burn_std::future::DynFut;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Graphs that the caller wants to repeat. They are kept here: sending one costs no more than its operations.
static GRAPHS: Mutex<Option<HashMap<u64, Graph>>> = Mutex::new(None);

/// Sends operations to the host.
#[derive(Clone, Debug)]
pub struct HostClient {
    device: RemoteDevice,
}

impl HostClient {
    /// A client of a device.
    pub fn new(device: &RemoteDevice) -> Self {
        Self { device: device.clone() }
    }
}

impl RouterClient for HostClient {
    type Device = RemoteDevice;

    fn register_op(&self, op: OperationIr) {
        link().push(&Message::Operation(op));
    }

    fn read_tensor_async(&self, tensor: TensorIr) -> DynFut<Result<TensorData, ExecutionError>> {
        // The host is called at once: a sandbox has nothing that would poll later.
        let read = link().read(&tensor);
        Box::pin(async move { read })
    }

    fn sync(&self) -> Result<(), ExecutionError> {
        link().flush();
        Ok(())
    }

    fn flush(&self) {
        link().flush();
    }

    fn create_empty_handle(&self) -> TensorId {
        link().new_id()
    }

    fn register_tensor_data(&self, data: TensorData) -> RouterTensor<Self> {
        let id = link().upload(&data);
        RouterTensor::new(id, data.shape().clone(), data.dtype(), self.clone())
    }

    fn device(&self) -> RemoteDevice {
        self.device.clone()
    }

    fn seed(&self, seed: u64) {
        link().push(&Message::Seed(seed));
    }

    fn dtype_usage(&self, dtype: DType) -> DTypeUsageSet {
        if link().knows(dtype) {
            DTypeUsage::general()
        } else {
            DTypeUsageSet::empty()
        }
    }

    fn register_and_execute_graph(&self, id: GraphId, operations: Vec<OperationIr>, bindings: GraphBindings) {
        let graph = Graph::new(operations);
        let mut graphs = GRAPHS.lock().unwrap_or_else(PoisonError::into_inner);
        graphs.get_or_insert_default().insert(id.0, graph);
        drop(graphs);
        self.execute_graph(id, bindings);
    }

    fn execute_graph(&self, id: GraphId, bindings: GraphBindings) {
        let graphs = GRAPHS.lock().unwrap_or_else(PoisonError::into_inner);
        let graph = graphs.as_ref().and_then(|graphs| graphs.get(&id.0)).cloned();
        drop(graphs);
        for operation in graph
            .into_iter()
            .flat_map(|graph| graph.bind(bindings.clone()).operations)
        {
            self.register_op(operation);
        }
    }

    fn register_alias(&self, new: TensorId, source: TensorId) {
        link().push(&Message::Alias { new, source });
    }
}

/// Operations by name, which this host has none of: it answers with an error that names the operation.
#[derive(Clone, Debug)]
pub struct CustomOpClient {
    device: RemoteDevice,
}

impl CustomOpClient {
    /// A client of a device.
    pub fn new(device: &RemoteDevice) -> Self {
        Self { device: device.clone() }
    }

    /// A name that no tensor has had.
    pub fn create_empty_handle(&self) -> TensorId {
        link().new_id()
    }

    /// Sends an operation.
    pub fn register(&self, op: CustomOpIr) -> Vec<RouterTensor<HostClient>> {
        burn_router::get_client::<RemoteChannel>(&self.device).register(OperationIr::Custom(op))
    }
}
