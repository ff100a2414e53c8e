//! Where a kernel hands over to the session's accelerator: after its checks, with the price it would charge itself.

use crate::accelerator::Accelerator;
use crate::bytes::TensorBuilder;
use crate::dtype::DType;
use crate::error::Result;
use crate::op::Op;
use crate::session::Session;
use crate::tensor::{Tensor, element_count};

/// An operation that the accelerator takes.
pub(super) struct Offered<'s> {
    session: &'s Session,
    accelerator: &'s dyn Accelerator,
    op: Op,
}

/// The operation for the accelerator, if there is one that takes it on these tensors. Sessions of class `exact` leave here.
pub(super) fn offered<'s>(session: &'s Session, args: &[&Tensor], op: impl FnOnce() -> Op) -> Option<Offered<'s>> {
    let accelerator = session.accelerator()?.as_ref();
    let op = op();
    accelerator.offers(&op, args).then_some(Offered {
        session,
        accelerator,
        op,
    })
}

/// An operation that belongs to one which the accelerator has taken, however small it is.
pub(super) fn forced(session: &Session, op: Op) -> Option<Offered<'_>> {
    let accelerator = session.accelerator()?.as_ref();
    Some(Offered {
        session,
        accelerator,
        op,
    })
}

impl Offered<'_> {
    /// Leases the result and runs the operation, which is paid for.
    pub(super) fn run(
        &self,
        name: &'static str,
        args: &[&Tensor],
        (shape, dtype): (&[usize], DType),
    ) -> Result<Tensor> {
        self.session.go_on()?;
        if shape.contains(&0) {
            // Devices know no empty tensors.
            return TensorBuilder::new(self.session, name, dtype, shape)?.finish();
        }
        let (_, lease) = self.session.lease_for(name, shape, dtype)?;
        let made = self.accelerator.run(&self.op, args, (shape, dtype))?;
        Tensor::on_device(name, shape, made, lease)
    }

    /// Charges `cost` operations per element as [`super::parts::make`] does, then runs it.
    pub(super) fn make(
        &self,
        (name, cost): (&'static str, u64),
        args: &[&Tensor],
        (shape, dtype): (&[usize], DType),
    ) -> Result<Tensor> {
        let count = element_count(name, shape, dtype)? as u64;
        let bytes = count.saturating_mul(dtype.size() as u64);
        self.session
            .charge(count.saturating_mul(cost), bytes.saturating_mul(2))?;
        self.run(name, args, (shape, dtype))
    }
}
