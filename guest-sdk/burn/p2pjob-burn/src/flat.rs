//! A module's float parameters, and their gradients, as one vector: in the order in which the module's fields are
//! visited, each parameter row-major. The order depends on the module's type alone, so vectors of two nodes fit.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Tensor, TensorData};
use p2pjob::{Error, Result};

/// The number of elements of all parameters.
pub fn count<M: Module>(module: &M) -> usize {
    struct Count(usize);
    impl ModuleVisitor for Count {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0 += param.val().shape().num_elements();
        }
    }
    let mut count = Count(0);
    module.visit(&mut count);
    count.0
}

/// All parameters.
pub fn parameters<M: Module>(module: &M) -> Result<Vec<f32>> {
    struct Read(Result<Vec<f32>>);
    impl ModuleVisitor for Read {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            append(&mut self.0, || values(param.val()));
        }
    }
    let mut read = Read(Ok(Vec::new()));
    module.visit(&mut read);
    read.0
}

/// The module with these parameters. Which of them are trained stays as it was.
pub fn set_parameters<M: Module>(module: M, values: &[f32]) -> Result<M> {
    struct Write<'a> {
        rest: &'a [f32],
        missing: bool,
    }
    impl ModuleMapper for Write<'_> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let shape = param.val().shape();
            let Some((mine, rest)) = self.rest.split_at_checked(shape.num_elements()) else {
                self.missing = true;
                return param;
            };
            self.rest = rest;
            let data = TensorData::new(mine.to_vec(), shape);
            param.map(|old| {
                let (device, trained) = (old.device(), old.is_require_grad());
                let new = Tensor::from_data(data, &device);
                if trained { new.require_grad() } else { new }
            })
        }
    }
    let wanted = count(&module);
    let mut write = Write {
        rest: values,
        missing: false,
    };
    let module = module.map(&mut write);
    if write.missing || !write.rest.is_empty() {
        return Err(Error::new(format_args!(
            "the module has {wanted} parameters, {} were given",
            values.len()
        )));
    }
    Ok(module)
}

/// The gradients of all parameters; zeros for a parameter that has none.
pub fn gradients<M: Module>(grads: &GradientsParams, module: &M) -> Result<Vec<f32>> {
    struct Read<'a> {
        grads: &'a GradientsParams,
        out: Result<Vec<f32>>,
    }
    impl ModuleVisitor for Read<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            append(&mut self.out, || match self.grads.get::<D>(param.id) {
                Some(grad) => values(grad),
                None => Ok(vec![0.0; param.val().shape().num_elements()]),
            });
        }
    }
    let mut read = Read {
        grads,
        out: Ok(Vec::new()),
    };
    module.visit(&mut read);
    read.out
}

/// A tensor's elements as `f32`. An error of the host is told here.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let data = tensor
        .try_into_data()
        .map_err(|error| Error::new(format_args!("the device: {error:?}")))?;
    let data = data.convert_dtype(DType::F32);
    data.try_to_vec::<f32>()
        .map_err(|error| Error::new(format_args!("the device's answer: {error:?}")))
}

fn append(out: &mut Result<Vec<f32>>, more: impl FnOnce() -> Result<Vec<f32>>) {
    if let Ok(all) = out {
        match more() {
            Ok(more) => all.extend(more),
            Err(error) => *out = Err(error),
        }
    }
}
