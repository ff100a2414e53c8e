//! What an operator sees of its node: arguments, attributes, and the operations it is made of.

use super::graph::{Attr, Graph, Node};
use crate::dtype::{DType, Element};
use crate::error::{ComputeError, Result};
use crate::kernels;
use crate::op::{Binary, Op, Reduce, Unary};
use crate::session::Session;
use crate::tensor::Tensor;

/// Runs an operator: its results in the order of ONNX. Outputs that a node does not name may be left out at the end.
pub type Run = fn(&Call<'_>) -> Result<Vec<Tensor>>;

/// One use of an operator while it runs.
pub struct Call<'a> {
    /// Pays for the work.
    pub session: &'a Session,
    /// The node.
    pub node: &'a Node,
    /// Inputs; none where the node leaves one out.
    pub args: &'a [Option<Tensor>],
    /// Values of the graph it stands in.
    pub frame: &'a [Option<Tensor>],
}

impl<'a> Call<'a> {
    /// An argument that must be there.
    pub fn arg(&self, at: usize) -> Result<&'a Tensor> {
        self.opt(at).ok_or_else(|| self.wrong(format!("input {at} is missing")))
    }

    /// An argument that may be left out.
    pub fn opt(&self, at: usize) -> Option<&'a Tensor> {
        self.args.get(at).and_then(Option::as_ref)
    }

    /// All arguments that are there.
    pub fn all(&self) -> Vec<&'a Tensor> {
        self.args.iter().flatten().collect()
    }

    /// Whether the node names this output.
    pub fn wants(&self, at: usize) -> bool {
        self.node.outputs.get(at).copied().flatten().is_some()
    }

    /// An error about an argument or attribute.
    pub fn wrong(&self, why: String) -> ComputeError {
        ComputeError::Argument { op: self.node.op, why }
    }

    /// An error about shapes.
    pub fn misfit(&self, why: String) -> ComputeError {
        ComputeError::Shape { op: self.node.op, why }
    }

    /// An error about element types.
    pub fn mistyped(&self, tensor: &Tensor) -> ComputeError {
        ComputeError::DType {
            op: self.node.op,
            why: format!("does not take {}", tensor.dtype()),
        }
    }

    /// An attribute.
    pub fn attr(&self, name: &str) -> Option<&'a Attr> {
        self.node
            .attrs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// A whole number, or its default.
    pub fn int(&self, name: &str, default: i64) -> i64 {
        match self.attr(name) {
            Some(Attr::Int(value)) => *value,
            _ => default,
        }
    }

    /// Whether an attribute is there and not 0.
    pub fn flag(&self, name: &str) -> bool {
        self.int(name, 0) != 0
    }

    /// A number, or its default.
    pub fn float(&self, name: &str, default: f32) -> f32 {
        match self.attr(name) {
            Some(Attr::Float(value)) => *value,
            _ => default,
        }
    }

    /// A text, or its default.
    pub fn text(&self, name: &str, default: &'static str) -> &'a str {
        match self.attr(name) {
            Some(Attr::Text(value)) => value,
            _ => default,
        }
    }

    /// Whole numbers, if given.
    pub fn ints(&self, name: &str) -> Option<&'a [i64]> {
        match self.attr(name) {
            Some(Attr::Ints(values)) => Some(values),
            _ => None,
        }
    }

    /// Numbers; empty if not given.
    pub fn floats(&self, name: &str) -> &'a [f32] {
        match self.attr(name) {
            Some(Attr::Floats(values)) => values,
            _ => &[],
        }
    }

    /// Texts; empty if not given.
    pub fn texts(&self, name: &str) -> &'a [String] {
        match self.attr(name) {
            Some(Attr::Texts(values)) => values,
            _ => &[],
        }
    }

    /// A tensor, if given.
    pub fn tensor(&self, name: &str) -> Option<&'a Tensor> {
        match self.attr(name) {
            Some(Attr::Tensor(tensor)) => Some(tensor),
            _ => None,
        }
    }

    /// A graph and its captured values.
    pub fn graph(&self, name: &str) -> Result<(&'a Graph, Vec<Tensor>)> {
        let (_, graph) = self
            .node
            .graphs
            .iter()
            .find(|(key, _)| key == name)
            .ok_or_else(|| self.wrong(format!("the graph {name:?} is missing")))?;
        Ok((graph, graph.captured(self.frame)?))
    }

    /// Whole numbers from an argument of any whole-number type; none if it is left out.
    pub fn ints_arg(&self, at: usize) -> Result<Option<Vec<i64>>> {
        self.opt(at).map(|tensor| self.ints_of(tensor)).transpose()
    }

    /// Whole numbers of a tensor. For shapes, axes and the like: at most 65536 of them.
    pub fn ints_of(&self, tensor: &Tensor) -> Result<Vec<i64>> {
        if tensor.len() > 1 << 16 {
            return Err(self.wrong(format!("{} numbers where a shape or axes are expected", tensor.len())));
        }
        if let Some(values) = tensor.try_values::<i64>() {
            return Ok(values.to_vec());
        }
        if !tensor.dtype().is_int() {
            return Err(self.mistyped(tensor));
        }
        Ok(self
            .one(&Op::Cast(DType::I64), &[tensor])?
            .values::<i64>(self.node.op)?
            .to_vec())
    }

    /// Whole numbers from an attribute (older operator sets) or an argument.
    pub fn ints_either(&self, name: &str, at: usize) -> Result<Option<Vec<i64>>> {
        match self.ints(name) {
            Some(values) => Ok(Some(values.to_vec())),
            None => self.ints_arg(at),
        }
    }

    /// A single number of an argument of any number type; none if it is left out.
    pub fn scalar_arg(&self, at: usize) -> Result<Option<f64>> {
        let Some(tensor) = self.opt(at) else { return Ok(None) };
        if tensor.len() != 1 || tensor.dtype() == DType::Text {
            return Err(self.wrong(format!(
                "input {at} is to be one number, not of shape {:?}",
                tensor.shape()
            )));
        }
        let wide = self.cast(tensor, DType::F64)?;
        Ok(wide.try_values::<f64>().and_then(|values| values.first().copied()))
    }

    /// An axis, which counts from the end if negative; `end` more than the last one is allowed.
    pub fn resolve(&self, axis: i64, rank: usize) -> Result<usize> {
        let signed = rank as i64;
        let found = if axis < 0 { axis.checked_add(signed) } else { Some(axis) };
        match found.and_then(|axis| usize::try_from(axis).ok()) {
            Some(axis) if axis < rank => Ok(axis),
            _ => Err(self.wrong(format!("there is no axis {axis} in a tensor of {rank} dimensions"))),
        }
    }

    /// An axis from an attribute.
    pub fn axis(&self, default: i64, rank: usize) -> Result<usize> {
        self.resolve(self.int("axis", default), rank)
    }

    /// Axes, each once and in order.
    pub fn resolve_all(&self, axes: &[i64], rank: usize) -> Result<Vec<usize>> {
        let mut found: Vec<usize> = axes
            .iter()
            .map(|axis| self.resolve(*axis, rank))
            .collect::<Result<_>>()?;
        found.sort_unstable();
        if found.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(self.wrong(format!("the axes {axes:?} name one twice")));
        }
        Ok(found)
    }

    /// Runs an operation that gives several tensors.
    pub fn apply(&self, op: &Op, args: &[&Tensor]) -> Result<Vec<Tensor>> {
        kernels::apply(self.session, op, args)
    }

    /// Runs an operation that gives one tensor.
    pub fn one(&self, op: &Op, args: &[&Tensor]) -> Result<Tensor> {
        self.apply(op, args)?
            .into_iter()
            .next()
            .ok_or_else(|| self.wrong("no result".to_owned()))
    }

    /// Two tensors, broadcast.
    pub fn binary(&self, op: Binary, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        self.one(&Op::Binary(op), &[a, b])
    }

    /// One tensor.
    pub fn unary(&self, op: Unary, x: &Tensor) -> Result<Tensor> {
        self.one(&Op::Unary(op), &[x])
    }

    /// Sum.
    pub fn add(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        self.binary(Binary::Add, a, b)
    }

    /// Product, element by element.
    pub fn mul(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        self.binary(Binary::Mul, a, b)
    }

    /// Matrix product.
    pub fn matmul(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        self.one(&Op::MatMul, &[a, b])
    }

    /// The same elements in another shape.
    pub fn reshape(&self, x: &Tensor, shape: &[usize]) -> Result<Tensor> {
        x.with_shape(self.node.op, shape)
    }

    /// Dimensions in another order.
    pub fn transpose(&self, x: &Tensor, perm: &[usize]) -> Result<Tensor> {
        self.one(&Op::Transpose(perm.to_vec()), &[x])
    }

    /// To another element type; the same tensor if it has it.
    pub fn cast(&self, x: &Tensor, to: DType) -> Result<Tensor> {
        if x.dtype() == to {
            Ok(x.clone())
        } else {
            self.one(&Op::Cast(to), &[x])
        }
    }

    /// Folds axes.
    pub fn reduce(&self, x: &Tensor, kind: Reduce, axes: &[usize], keep: bool) -> Result<Tensor> {
        self.one(
            &Op::Reduce {
                kind,
                axes: axes.to_vec(),
                keep,
            },
            &[x],
        )
    }

    /// One number in the element type of another tensor.
    pub fn number(&self, value: f64, dtype: DType) -> Result<Tensor> {
        self.cast(&Tensor::new(&[], vec![value])?, dtype)
    }

    /// A tensor of whole numbers, paid for.
    pub fn numbers<T: Element>(&self, shape: &[usize], values: Vec<T>) -> Result<Tensor> {
        let (_, lease) = self.session.lease_for(self.node.op, shape, T::DTYPE)?;
        self.session.adopt(shape, T::wrap(std::sync::Arc::new(values)), lease)
    }

    /// A tensor of texts: their bytes are leased with it.
    pub fn words(&self, shape: &[usize], texts: Vec<String>) -> Result<Tensor> {
        let bytes: usize = texts.iter().map(|text| size_of::<String>() + text.len()).sum();
        let lease = self.session.lease(bytes as u64)?;
        self.session
            .adopt(shape, crate::Data::Text(std::sync::Arc::new(texts)), lease)
    }

    /// The tensor in double precision. Operators that few models use compute in it, whatever their type.
    pub fn wide(&self, x: &Tensor) -> Result<Tensor> {
        self.cast(x, DType::F64)
    }

    /// In single precision if it is a half: what operators made of several operations compute in.
    pub fn at_least_single(&self, x: &Tensor) -> Result<Tensor> {
        match x.dtype() {
            DType::F16 | DType::BF16 => self.cast(x, DType::F32),
            _ => Ok(x.clone()),
        }
    }

    /// Pays for work, before it is done.
    pub fn charge(&self, flops: usize, elements: usize) -> Result<()> {
        self.session.charge(flops as u64, 8 * elements as u64)
    }
}

/// The distance in elements from index to index of each dimension of a tensor of this shape.
pub fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1_usize; shape.len()];
    for at in (1..shape.len()).rev() {
        strides[at - 1] = strides[at].saturating_mul(shape[at].max(1));
    }
    strides
}
