//! Finds the GPU that was asked for and opens it.

use super::Gpu;
use burn_cubecl::CubeDevice;
use burn_cubecl::cubecl::wgpu::{
    AutoGraphicsApi, RuntimeOptions, WgpuBackend, WgpuDevice, WgpuDeviceKind, try_init_setup, wgpu,
};
use tensor_compute::DeviceKind;

/// An open device.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) kind: DeviceKind,
    pub(super) backend: String,
    pub(super) device: CubeDevice,
}

/// An adapter that the system names, and how CubeCL calls it.
struct Adapter {
    name: String,
    kind: DeviceKind,
    backend: wgpu::Backend,
    device: WgpuDevice,
    /// The lower, the better.
    rank: u8,
}

/// The device; none where there is no GPU and none was named.
///
/// # Errors
/// The named one is not there, or the driver refuses.
pub(super) fn open(gpu: &Gpu) -> Result<Option<Found>, String> {
    let chosen = match gpu {
        Gpu::Off => return Ok(None),
        Gpu::Auto => {
            let gpus = adapters().into_iter().filter(|adapter| adapter.kind == DeviceKind::Gpu);
            match gpus.min_by_key(|adapter| adapter.rank) {
                Some(adapter) => adapter,
                None => return Ok(None),
            }
        }
        Gpu::Named(name) => {
            let all = adapters();
            let known: Vec<String> = all.iter().map(|adapter| format!("{:?}", adapter.name)).collect();
            let mut matching = all.into_iter().filter(|adapter| is_called(&adapter.name, name));
            matching.next().ok_or_else(|| {
                let known = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                format!("there is no GPU whose name begins with {name:?}; there are: {known}")
            })?
        }
    };
    let options = RuntimeOptions::try_default().map_err(|error| error.to_string())?;
    try_init_setup::<AutoGraphicsApi>(&chosen.device, options)
        .map_err(|error| format!("the GPU {:?} cannot be used: {error}", chosen.name))?;
    Ok(Some(Found {
        name: chosen.name,
        kind: chosen.kind,
        backend: format!("wgpu on {}", chosen.backend),
        device: CubeDevice::from(chosen.device),
    }))
}

/// Whether the adapter's name begins with these words.
fn is_called(adapter: &str, asked: &str) -> bool {
    let (adapter, asked) = (adapter.to_lowercase(), asked.to_lowercase());
    let rest = adapter.strip_prefix(&asked);
    !asked.is_empty() && rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

/// Every adapter of the system's first interface that has any.
fn adapters() -> Vec<Adapter> {
    let interfaces = [
        (wgpu::Backend::Vulkan, WgpuBackend::Vulkan),
        (wgpu::Backend::Metal, WgpuBackend::Metal),
        (wgpu::Backend::Dx12, WgpuBackend::Dx12),
    ];
    let found = interfaces
        .into_iter()
        .map(|(backend, pinned)| adapters_of(backend, pinned));
    found.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
}

fn adapters_of(backend: wgpu::Backend, pinned: WgpuBackend) -> Vec<Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: backend.into(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let found = burn_backend::read_sync(instance.enumerate_adapters(backend.into()));
    // CubeCL counts each kind on its own, in this order.
    let mut counts = [0_usize; 4];
    let mut next = |kind: usize| {
        counts[kind] += 1;
        counts[kind] - 1
    };
    let adapters = found.iter().map(|adapter| {
        let info = adapter.get_info();
        let (kind, device, rank) = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => (DeviceKind::Gpu, WgpuDeviceKind::DiscreteGpu(next(0)), 0),
            wgpu::DeviceType::IntegratedGpu => (DeviceKind::Gpu, WgpuDeviceKind::IntegratedGpu(next(1)), 1),
            wgpu::DeviceType::VirtualGpu => (DeviceKind::Gpu, WgpuDeviceKind::VirtualGpu(next(2)), 2),
            wgpu::DeviceType::Other => (DeviceKind::Gpu, WgpuDeviceKind::Other(next(3)), 3),
            wgpu::DeviceType::Cpu => (DeviceKind::Cpu, WgpuDeviceKind::Cpu, 4),
        };
        Adapter {
            name: info.name,
            kind,
            backend,
            device: WgpuDevice::new(device).on(pinned),
            rank,
        }
    });
    adapters.collect()
}
