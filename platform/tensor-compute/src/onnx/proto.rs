//! The messages of an ONNX file (onnx.proto, IR version 3 to 13), as far as running it needs them. Big data stay borrowed
//! from the file; what the structures take is leased while they are made, and their nesting is bounded.

use super::wire::{Fields, Value, broken};
use crate::error::{ComputeError, Result};
use crate::session::{Lease, Session};
use std::sync::Arc;

/// Deepest nesting of graphs (`If` in `Loop` in ...).
const MAX_DEPTH: usize = 12;
/// Leases are taken in steps of this many bytes.
const LEASE_STEP: u64 = 1 << 18;
/// What one structure (node, attribute, value) is taken to need beside its bytes, in bytes.
const ITEM_BYTES: u64 = 256;

/// A model file.
#[derive(Debug, Default)]
pub struct ModelProto<'a> {
    /// Operator sets: domain and version.
    pub opsets: Vec<(&'a str, i64)>,
    /// The graph.
    pub graph: Option<GraphProto<'a>>,
    /// Functions of its own.
    pub functions: Vec<FunctionProto<'a>>,
}

/// Operators in terms of others.
#[derive(Debug, Default)]
pub struct FunctionProto<'a> {
    /// Domain.
    pub domain: &'a str,
    /// Name.
    pub name: &'a str,
    /// Operator sets of the body.
    pub opsets: Vec<(&'a str, i64)>,
    /// Its body; inputs and outputs have names only.
    pub body: GraphProto<'a>,
    /// Attributes with default values.
    pub defaults: Vec<AttributeProto<'a>>,
}

/// A graph of nodes.
#[derive(Debug, Default)]
pub struct GraphProto<'a> {
    /// Nodes, in an order in which they can run.
    pub nodes: Vec<NodeProto<'a>>,
    /// Constants.
    pub initializers: Vec<TensorProto<'a>>,
    /// Inputs.
    pub inputs: Vec<ValueProto<'a>>,
    /// Outputs.
    pub outputs: Vec<ValueProto<'a>>,
    /// Whether it has sparse constants.
    pub sparse: bool,
}

/// One use of an operator.
#[derive(Debug, Default)]
pub struct NodeProto<'a> {
    /// Names of inputs; an empty one is left out.
    pub inputs: Vec<&'a str>,
    /// Names of outputs; an empty one is not wanted.
    pub outputs: Vec<&'a str>,
    /// Its name, for messages.
    pub name: &'a str,
    /// Operator.
    pub op: &'a str,
    /// Domain of the operator.
    pub domain: &'a str,
    /// Attributes.
    pub attributes: Vec<AttributeProto<'a>>,
}

/// A constant argument.
#[derive(Debug)]
pub struct AttributeProto<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its content.
    pub content: ContentProto<'a>,
}

/// What an attribute holds.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum ContentProto<'a> {
    Float(f32),
    Int(i64),
    Text(&'a [u8]),
    Tensor(TensorProto<'a>),
    Graph(Box<GraphProto<'a>>),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
    Texts(Vec<&'a [u8]>),
    /// The attribute of this name of the function that it stands in.
    Reference(&'a str),
    /// Something no operator here takes.
    Other,
}

/// A tensor of which only the head is decoded.
#[derive(Clone, Debug, Default)]
pub struct TensorProto<'a> {
    /// Name, if it is a graph's constant.
    pub name: &'a str,
    /// ONNX number of its element type.
    pub kind: i64,
    /// Lengths of its dimensions.
    pub dims: Vec<i64>,
    /// Whether its data lie in another file.
    pub external: bool,
    /// The whole message.
    pub message: &'a [u8],
}

/// An input or output.
#[derive(Clone, Debug, Default)]
pub struct ValueProto<'a> {
    /// Its name.
    pub name: &'a str,
    /// ONNX number of the element type; 0 if it is not given, or no tensor.
    pub kind: i64,
    /// Whether it is a sequence, map or optional.
    pub compound: bool,
    /// Lengths, where fixed.
    pub dims: Vec<Option<i64>>,
}

/// Parses messages and pays for the memory they take.
#[derive(Debug)]
pub struct Parser<'s> {
    session: &'s Session,
    leases: Vec<Arc<Lease>>,
    unpaid: u64,
}

impl<'s> Parser<'s> {
    /// A parser that leases from `session`.
    pub fn new(session: &'s Session) -> Self {
        Self {
            session,
            leases: Vec::new(),
            unpaid: LEASE_STEP,
        }
    }

    /// The leases of all it made.
    pub fn into_leases(self) -> Vec<Arc<Lease>> {
        self.leases
    }

    fn pay(&mut self, bytes: u64) -> Result<()> {
        self.unpaid = self.unpaid.saturating_add(bytes);
        if self.unpaid >= LEASE_STEP {
            self.leases.push(self.session.lease(self.unpaid)?);
            self.unpaid = 0;
            self.session.go_on()?;
        }
        Ok(())
    }

    /// A whole file.
    pub fn model<'a>(&mut self, bytes: &'a [u8]) -> Result<ModelProto<'a>> {
        let mut model = ModelProto::default();
        let mut fields = Fields::new(bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                7 if model.graph.is_some() => return Err(broken("it has two graphs")),
                7 => model.graph = Some(self.graph(value.bytes()?, 0)?),
                8 => model.opsets.push(self.opset(value.bytes()?)?),
                25 => {
                    let function = self.function(value.bytes()?)?;
                    model.functions.push(function);
                }
                _ => {}
            }
        }
        Ok(model)
    }

    fn opset<'a>(&mut self, bytes: &'a [u8]) -> Result<(&'a str, i64)> {
        self.pay(ITEM_BYTES)?;
        let mut opset = ("", 1);
        let mut fields = Fields::new(bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => opset.0 = value.text()?,
                2 => opset.1 = value.int()?,
                _ => {}
            }
        }
        Ok(opset)
    }

    fn function<'a>(&mut self, bytes: &'a [u8]) -> Result<FunctionProto<'a>> {
        self.pay(ITEM_BYTES)?;
        let mut function = FunctionProto::default();
        let mut fields = Fields::new(bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => function.name = value.text()?,
                4 | 5 => {
                    self.pay(ITEM_BYTES)?;
                    let port = ValueProto {
                        name: value.text()?,
                        ..ValueProto::default()
                    };
                    if number == 4 {
                        function.body.inputs.push(port)
                    } else {
                        function.body.outputs.push(port)
                    }
                }
                7 => function.body.nodes.push(self.node(value.bytes()?, 1)?),
                9 => function.opsets.push(self.opset(value.bytes()?)?),
                10 => function.domain = value.text()?,
                11 => function.defaults.extend(self.attribute(value.bytes()?, 1)?),
                _ => {}
            }
        }
        Ok(function)
    }

    fn graph<'a>(&mut self, bytes: &'a [u8], depth: usize) -> Result<GraphProto<'a>> {
        if depth > MAX_DEPTH {
            return Err(ComputeError::Model {
                why: format!("graphs are nested more than {MAX_DEPTH} deep"),
            });
        }
        self.pay(ITEM_BYTES)?;
        let mut graph = GraphProto::default();
        let mut fields = Fields::new(bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => graph.nodes.push(self.node(value.bytes()?, depth)?),
                5 => graph.initializers.push(self.tensor(value.bytes()?)?),
                11 => graph.inputs.push(self.value(value.bytes()?)?),
                12 => graph.outputs.push(self.value(value.bytes()?)?),
                15 => graph.sparse = true,
                _ => {}
            }
        }
        Ok(graph)
    }

    fn node<'a>(&mut self, bytes: &'a [u8], depth: usize) -> Result<NodeProto<'a>> {
        self.pay(2 * ITEM_BYTES)?;
        let mut node = NodeProto::default();
        let mut fields = Fields::new(bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 | 2 => {
                    self.pay(64)?;
                    if number == 1 {
                        node.inputs.push(value.text()?)
                    } else {
                        node.outputs.push(value.text()?)
                    }
                }
                3 => node.name = value.text()?,
                4 => node.op = value.text()?,
                5 => node.attributes.extend(self.attribute(value.bytes()?, depth)?),
                7 => node.domain = value.text()?,
                _ => {}
            }
        }
        Ok(node)
    }

    /// None for an attribute without content (a function's attribute that its caller left out).
    fn attribute<'a>(&mut self, bytes: &'a [u8], depth: usize) -> Result<Option<AttributeProto<'a>>> {
        self.pay(ITEM_BYTES)?;
        let (mut name, mut kind, mut single) = ("", 0, None);
        let (mut floats, mut ints, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        let mut fields = Fields::new(bytes);
        while let Some((number, value)) = fields.next()? {
            if let (7 | 8, Value::Bytes(packed)) = (number, value) {
                self.pay(8 * packed.len() as u64)?;
            }
            match number {
                1 => name = value.text()?,
                2 => single = Some(ContentProto::Float(value.float()?)),
                3 => single = Some(ContentProto::Int(value.int()?)),
                4 => single = Some(ContentProto::Text(value.bytes()?)),
                5 => single = Some(ContentProto::Tensor(self.tensor(value.bytes()?)?)),
                6 => single = Some(ContentProto::Graph(Box::new(self.graph(value.bytes()?, depth + 1)?))),
                7 => value.floats_into(&mut floats)?,
                8 => value.ints_into(&mut ints)?,
                9 => {
                    self.pay(64)?;
                    texts.push(value.bytes()?);
                }
                20 => kind = value.int()?,
                21 => single = Some(ContentProto::Reference(value.text()?)),
                10 | 11 | 14 | 15 | 22 | 23 => single = Some(ContentProto::Other),
                _ => {}
            }
        }
        // The kind tells an empty list from a number that is zero and so may have been left out.
        let content = match (kind, single) {
            (_, Some(content @ ContentProto::Reference(_))) => content,
            (6, _) => ContentProto::Floats(floats),
            (7, _) => ContentProto::Ints(ints),
            (8, _) => ContentProto::Texts(texts),
            (_, Some(content)) => content,
            (1, None) => ContentProto::Float(0.0),
            (2, None) => ContentProto::Int(0),
            (3, None) => ContentProto::Text(&[]),
            _ if !floats.is_empty() => ContentProto::Floats(floats),
            _ if !ints.is_empty() => ContentProto::Ints(ints),
            _ if !texts.is_empty() => ContentProto::Texts(texts),
            _ => return Ok(None),
        };
        Ok(Some(AttributeProto { name, content }))
    }

    fn tensor<'a>(&mut self, bytes: &'a [u8]) -> Result<TensorProto<'a>> {
        self.pay(ITEM_BYTES)?;
        let mut tensor = TensorProto {
            message: bytes,
            ..TensorProto::default()
        };
        let mut fields = Fields::new(bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => {
                    if let Value::Bytes(packed) = value {
                        self.pay(8 * packed.len() as u64)?;
                    }
                    value.ints_into(&mut tensor.dims)?;
                }
                2 => tensor.kind = value.int()?,
                8 => tensor.name = value.text()?,
                13 => tensor.external = true,
                14 => tensor.external |= value.int()? != 0,
                _ => {}
            }
        }
        Ok(tensor)
    }

    fn value<'a>(&mut self, bytes: &'a [u8]) -> Result<ValueProto<'a>> {
        self.pay(ITEM_BYTES)?;
        let mut port = ValueProto::default();
        let mut fields = Fields::new(bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => port.name = value.text()?,
                2 => self.value_type(value.bytes()?, &mut port)?,
                _ => {}
            }
        }
        Ok(port)
    }

    fn value_type<'a>(&mut self, bytes: &'a [u8], port: &mut ValueProto<'a>) -> Result<()> {
        let mut fields = Fields::new(bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => {
                    let mut fields = Fields::new(value.bytes()?);
                    while let Some((number, value)) = fields.next()? {
                        match number {
                            1 => port.kind = value.int()?,
                            2 => port.dims = self.lengths(value.bytes()?)?,
                            _ => {}
                        }
                    }
                }
                4 | 5 | 8 | 9 => port.compound = true,
                _ => {}
            }
        }
        Ok(())
    }

    fn lengths(&mut self, bytes: &[u8]) -> Result<Vec<Option<i64>>> {
        let mut lengths = Vec::new();
        let mut fields = Fields::new(bytes);
        while let Some((number, value)) = fields.next()? {
            if number == 1 {
                self.pay(32)?;
                let mut length = None;
                let mut fields = Fields::new(value.bytes()?);
                while let Some((number, value)) = fields.next()? {
                    if number == 1 {
                        length = Some(value.int()?);
                    }
                }
                lengths.push(length);
            }
        }
        Ok(lengths)
    }
}
