//! From the messages of a file to a graph that can run.

use super::graph::{Attr, Graph, Node};
use super::ops;
use super::proto::{AttributeProto, ContentProto, FunctionProto, GraphProto, ModelProto, NodeProto};
use super::weights;
use crate::error::{ComputeError, Result};
use crate::session::{Lease, Session};
use crate::tensor::Tensor;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

/// Deepest nesting of graphs and functions.
const MAX_DEPTH: usize = 24;
/// What a node is taken to need, in bytes.
const NODE_BYTES: u64 = 512;

/// The newest version of the default operator set that the operators here follow.
pub const NEWEST_OPSET: i64 = 28;

/// Builds graphs.
pub struct Builder<'b, 'a> {
    session: &'b Session,
    model: &'b ModelProto<'a>,
    /// Leases of what the graphs take.
    pub leases: Vec<Arc<Lease>>,
}

/// Where names are looked up: one graph's, and what it took from the graphs around it.
#[derive(Default)]
struct Scope<'a> {
    names: HashMap<&'a str, usize>,
    slots: usize,
    captures: Vec<(&'a str, usize)>,
}

/// What a graph stands in.
struct Setting<'x, 'b, 'a> {
    opsets: &'x [(&'a str, i64)],
    /// The attributes that the function around it was called with.
    attributes: Option<&'x HashMap<&'b str, &'b ContentProto<'a>>>,
    depth: usize,
}

impl<'b, 'a> Setting<'_, 'b, 'a> {
    /// An attribute's content; that of the caller, if it refers to it; none if the caller left it out.
    fn look_up(&self, content: &'b ContentProto<'a>) -> Option<&'b ContentProto<'a>> {
        match content {
            ContentProto::Reference(name) => self.attributes?.get(name).copied(),
            content => Some(content),
        }
    }
}

impl<'a> Scope<'a> {
    fn slot(&mut self) -> usize {
        self.slots += 1;
        self.slots - 1
    }

    fn define(&mut self, name: &'a str) -> Result<usize> {
        let slot = self.slot();
        if self.names.insert(name, slot).is_some() {
            return Err(ComputeError::Model {
                why: format!("the value {name:?} is given twice"),
            });
        }
        Ok(slot)
    }
}

/// The version of a domain's operator set.
fn version(opsets: &[(&str, i64)], domain: &str) -> i64 {
    let alias = |name: &str| name.is_empty() || name == "ai.onnx";
    opsets
        .iter()
        .find(|(name, _)| *name == domain || (alias(name) && alias(domain)))
        .map_or(1, |(_, version)| *version)
}

/// The version of the default operator set.
pub fn default_opset(model: &ModelProto<'_>) -> i64 {
    version(&model.opsets, "")
}

fn function<'b, 'a>(model: &'b ModelProto<'a>, node: &NodeProto<'_>) -> Option<&'b FunctionProto<'a>> {
    model
        .functions
        .iter()
        .find(|function| function.name == node.op && function.domain == node.domain)
}

/// Every operator of a model: name, how often, and why it cannot run, if so. Functions count as what they are made of.
pub fn survey(model: &ModelProto<'_>) -> BTreeMap<String, (usize, Option<String>)> {
    let mut found = BTreeMap::new();
    let bodies = model
        .functions
        .iter()
        .map(|function| (&function.body, function.opsets.as_slice()));
    let mut todo: Vec<(&GraphProto<'_>, &[(&str, i64)])> = bodies.collect();
    todo.extend(model.graph.as_ref().map(|graph| (graph, model.opsets.as_slice())));
    while let Some((graph, opsets)) = todo.pop() {
        for node in &graph.nodes {
            for attribute in &node.attributes {
                if let ContentProto::Graph(inner) = &attribute.content {
                    todo.push((inner, opsets));
                }
            }
            if function(model, node).is_some() {
                continue;
            }
            let name = match node.domain {
                "" | "ai.onnx" => node.op.to_owned(),
                domain => format!("{domain}::{}", node.op),
            };
            let why = ops::find(node.domain, node.op)
                .err()
                .or_else(|| refused_attribute(node));
            let entry = found.entry(name).or_insert((0, None));
            entry.0 += 1;
            entry.1 = entry.1.take().or(why);
        }
        if graph.sparse {
            found.insert(
                "sparse_initializer".to_owned(),
                (1, Some("sparse constants are not supported".to_owned())),
            );
        }
    }
    found
}

fn refused_attribute(node: &NodeProto<'_>) -> Option<String> {
    node.attributes
        .iter()
        .find_map(|attribute| match (&attribute.content, node.op, attribute.name) {
            (ContentProto::Other, _, _) => Some(format!(
                "its attribute {:?} is of a kind that is not supported",
                attribute.name
            )),
            (ContentProto::Int(kind), "Cast", "to") => weights::dtype_of(*kind).err(),
            (ContentProto::Tensor(tensor), _, _) => weights::dtype_of(tensor.kind).err(),
            _ => None,
        })
}

impl<'b, 'a: 'b> Builder<'b, 'a> {
    /// A builder for the graphs of one model.
    pub fn new(session: &'b Session, model: &'b ModelProto<'a>) -> Self {
        Self {
            session,
            model,
            leases: Vec::new(),
        }
    }

    /// The graph of the model.
    pub fn main(&mut self, graph: &'b GraphProto<'a>) -> Result<Graph> {
        let setting = Setting {
            opsets: &self.model.opsets,
            attributes: None,
            depth: 0,
        };
        self.graph(graph, &setting, &mut Vec::new())
    }

    fn graph(
        &mut self,
        proto: &'b GraphProto<'a>,
        setting: &Setting<'_, 'b, 'a>,
        outer: &mut Vec<Scope<'a>>,
    ) -> Result<Graph> {
        if setting.depth > MAX_DEPTH {
            return Err(ComputeError::Model {
                why: format!("graphs and functions are nested more than {MAX_DEPTH} deep (or a function calls itself)"),
            });
        }
        let mut graph = Graph::default();
        let mut scope = Scope::default();
        for constant in &proto.initializers {
            let slot = scope.define(constant.name)?;
            graph.constants.push((slot, weights::decode(self.session, constant)?));
        }
        for input in &proto.inputs {
            // An input with a constant of its name has that as its default.
            let slot = match scope.names.get(input.name) {
                Some(slot) if *slot < graph.constants.len() => *slot,
                _ => scope.define(input.name)?,
            };
            graph.inputs.push(slot);
        }
        outer.push(scope);
        for node in &proto.nodes {
            let node = self.node(node, setting, outer)?;
            graph.nodes.push(node);
        }
        for output in &proto.outputs {
            let slot = resolve(outer, output.name).ok_or_else(|| ComputeError::Model {
                why: format!("the output {:?} is given by no node", output.name),
            })?;
            graph.outputs.push(slot);
        }
        let scope = outer.pop().unwrap_or_default();
        graph.slots = scope.slots;
        for (name, slot) in &scope.captures {
            let around = resolve(outer, name).ok_or_else(|| ComputeError::Model {
                why: format!("no value {name:?}"),
            })?;
            graph.captures.push((around, *slot));
        }
        mark_last_uses(&mut graph);
        Ok(graph)
    }

    fn node(
        &mut self,
        proto: &'b NodeProto<'a>,
        setting: &Setting<'_, 'b, 'a>,
        scopes: &mut Vec<Scope<'a>>,
    ) -> Result<Node> {
        self.leases.push(self.session.lease(NODE_BYTES)?);
        self.session.charge(0, NODE_BYTES)?;
        let name = if proto.name.is_empty() {
            proto.outputs.first().copied().unwrap_or_default()
        } else {
            proto.name
        };
        let fail = |why: String| ComputeError::Model {
            why: format!("node {name:?} ({}): {why}", proto.op),
        };
        let mut inputs = Vec::new();
        for input in &proto.inputs {
            inputs.push(if input.is_empty() {
                None
            } else {
                Some(resolve(scopes, input).ok_or_else(|| {
                    fail(format!(
                        "its input {input:?} is given by no node before it (a missing input, or a cycle)"
                    ))
                })?)
            });
        }
        let mut node = Node {
            op: "",
            name: name.to_owned(),
            opset: version(setting.opsets, proto.domain),
            run: ops::call_function,
            inputs,
            outputs: Vec::new(),
            attrs: Vec::new(),
            graphs: Vec::new(),
            drops: Vec::new(),
            kept: OnceLock::new(),
        };
        if let Some(function) = function(self.model, proto) {
            node.op = "function";
            node.graphs
                .push(("body".to_owned(), self.function(function, proto, setting)?));
        } else {
            (node.op, node.run) = ops::find(proto.domain, proto.op).map_err(&fail)?;
            for attribute in &proto.attributes {
                self.attribute(attribute, setting, scopes, &mut node)?;
            }
        }
        for output in &proto.outputs {
            node.outputs.push(match (output.is_empty(), scopes.last_mut()) {
                (false, Some(scope)) => Some(scope.define(output).map_err(|error| fail(error.to_string()))?),
                _ => None,
            });
        }
        Ok(node)
    }

    /// The body of a function, with the attributes of this call put in.
    fn function(
        &mut self,
        function: &'b FunctionProto<'a>,
        call: &'b NodeProto<'a>,
        around: &Setting<'_, 'b, 'a>,
    ) -> Result<Graph> {
        let mut attributes: HashMap<&str, &ContentProto<'a>> = HashMap::new();
        for attribute in function.defaults.iter().chain(&call.attributes) {
            if let Some(content) = around.look_up(&attribute.content) {
                attributes.insert(attribute.name, content);
            }
        }
        let setting = Setting {
            opsets: &function.opsets,
            attributes: Some(&attributes),
            depth: around.depth + 1,
        };
        self.graph(&function.body, &setting, &mut Vec::new())
    }

    fn attribute(
        &mut self,
        proto: &'b AttributeProto<'a>,
        setting: &Setting<'_, 'b, 'a>,
        scopes: &mut Vec<Scope<'a>>,
        node: &mut Node,
    ) -> Result<()> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let Some(content) = setting.look_up(&proto.content) else {
            return Ok(());
        };
        let value = match content {
            ContentProto::Float(value) => Attr::Float(*value),
            ContentProto::Int(value) => Attr::Int(*value),
            ContentProto::Text(value) => Attr::Text(text(value)),
            ContentProto::Tensor(tensor) => Attr::Tensor(weights::decode(self.session, tensor)?),
            ContentProto::Floats(values) => Attr::Floats(values.clone()),
            ContentProto::Ints(values) => Attr::Ints(values.clone()),
            ContentProto::Texts(values) => Attr::Texts(values.iter().map(|value| text(value)).collect()),
            ContentProto::Graph(graph) => {
                let inner = Setting {
                    depth: setting.depth + 1,
                    ..*setting
                };
                node.graphs
                    .push((proto.name.to_owned(), self.graph(graph, &inner, scopes)?));
                return Ok(());
            }
            ContentProto::Reference(_) | ContentProto::Other => return Ok(()),
        };
        node.attrs.push((proto.name.to_owned(), value));
        Ok(())
    }
}

/// The slot of a name in the innermost graph. A name of a graph around it is captured by every graph between.
fn resolve<'a>(scopes: &mut [Scope<'a>], name: &'a str) -> Option<usize> {
    let found = scopes.iter().rposition(|scope| scope.names.contains_key(name))?;
    let mut slot = scopes.get(found)?.names.get(name).copied()?;
    for scope in scopes.iter_mut().skip(found + 1) {
        slot = scope.slot();
        scope.names.insert(name, slot);
        scope.captures.push((name, slot));
    }
    Some(slot)
}

fn mark_last_uses(graph: &mut Graph) {
    let mut needed = vec![false; graph.slots];
    for slot in &graph.outputs {
        needed[*slot] = true;
    }
    for node in graph.nodes.iter_mut().rev() {
        let captured = node
            .graphs
            .iter()
            .flat_map(|(_, inner)| inner.captures.iter().map(|(outer, _)| *outer));
        let touched: Vec<usize> = node
            .inputs
            .iter()
            .chain(&node.outputs)
            .flatten()
            .copied()
            .chain(captured)
            .collect();
        for slot in touched {
            if !std::mem::replace(&mut needed[slot], true) {
                node.drops.push(slot);
            }
        }
    }
}

/// The defaults of inputs that have one, by slot.
pub fn default_constants(graph: &Graph) -> HashMap<usize, Tensor> {
    graph
        .constants
        .iter()
        .filter(|(slot, _)| graph.inputs.contains(slot))
        .cloned()
        .collect()
}
