//! `ai.onnx.ml`: ensembles of decision trees. The attributes become flat arrays at the first run, which the node keeps.
//! Votes are summed in double precision, tree after tree in the order of the model.

use super::super::call::{Call, Run};
use super::ml_features::features;
use super::ml_linear::{label_count, labels, largest, transformed};
use crate::dtype::DType;
use crate::error::Result;
use crate::kernels::in_parallel;
use crate::session::Lease;
use crate::tensor::Tensor;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

pub const TABLE: &[(&str, Run)] = &[
    ("TreeEnsembleClassifier", classifier),
    ("TreeEnsembleRegressor", regressor),
];

/// Rows of one part of the work.
const ROWS_PER_PART: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Test {
    LessOrEqual,
    Less,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

/// An inner node, or a leaf (no test), whose votes lie from `yes` to `no`.
#[derive(Clone, Copy, Debug)]
struct Node {
    feature: u32,
    test: Option<Test>,
    missing_is_yes: bool,
    value: f64,
    yes: u32,
    no: u32,
}

#[derive(Debug)]
struct Trees {
    nodes: Vec<Node>,
    roots: Vec<u32>,
    /// What leaves add: to which class or target, how much.
    votes: Vec<(u32, f64)>,
    features: usize,
    base: Vec<f64>,
    /// Memory of all this.
    _lease: Arc<Lease>,
}

/// Numbers of an attribute, which may be a tensor for double precision.
fn numbers(call: &Call<'_>, name: &str) -> Result<Vec<f64>> {
    match call.tensor(&format!("{name}_as_tensor")) {
        Some(tensor) => Ok(call.wide(tensor)?.values::<f64>(call.node.op)?.to_vec()),
        None => Ok(call.floats(name).iter().map(|value| f64::from(*value)).collect()),
    }
}

fn test_of(call: &Call<'_>, mode: &str) -> Result<Option<Test>> {
    Ok(Some(match mode {
        "LEAF" => return Ok(None),
        "BRANCH_LEQ" => Test::LessOrEqual,
        "BRANCH_LT" => Test::Less,
        "BRANCH_GT" => Test::Greater,
        "BRANCH_GTE" => Test::GreaterOrEqual,
        "BRANCH_EQ" => Test::Equal,
        "BRANCH_NEQ" => Test::NotEqual,
        other => return Err(call.wrong(format!("the mode {other:?} is not known"))),
    }))
}

/// Reads the attributes; `prefix` is `class` or `target`.
fn build(call: &Call<'_>, prefix: &str) -> Result<Trees> {
    let list = |name: &str| call.ints(name).unwrap_or_default();
    let (trees, ids) = (list("nodes_treeids"), list("nodes_nodeids"));
    let (features, yes, no) = (
        list("nodes_featureids"),
        list("nodes_truenodeids"),
        list("nodes_falsenodeids"),
    );
    let (values, modes) = (numbers(call, "nodes_values")?, call.texts("nodes_modes"));
    let missing = list("nodes_missing_value_tracks_true");
    let count = trees.len();
    let lengths = [
        ids.len(),
        features.len(),
        yes.len(),
        no.len(),
        values.len(),
        modes.len(),
    ];
    if lengths.iter().any(|length| *length != count) || count > u32::MAX as usize {
        return Err(call.wrong(format!("{count} nodes, but other lists have {lengths:?} entries")));
    }
    let lease = call.session.lease(200 * count as u64)?;
    let places: HashMap<(i64, i64), u32> = (0..count).map(|at| ((trees[at], ids[at]), at as u32)).collect();
    if places.len() != count {
        return Err(call.wrong("two nodes have one number".to_owned()));
    }
    let (mut votes_of, votes) = read_votes(call, prefix, &places)?;
    let mut made = Trees {
        nodes: Vec::with_capacity(count),
        roots: Vec::new(),
        votes,
        features: 0,
        base: numbers(call, "base_values")?,
        _lease: lease,
    };
    let mut is_child = vec![false; count];
    for at in 0..count {
        let test = test_of(call, &modes[at])?;
        let child = |id: i64| {
            let found = places.get(&(trees[at], id)).copied();
            found.ok_or_else(|| call.wrong(format!("node {} of tree {} leads to no node", ids[at], trees[at])))
        };
        let (yes, no) = match test {
            Some(_) => (child(yes[at])?, child(no[at])?),
            None => votes_of.remove(&(at as u32)).unwrap_or((0, 0)),
        };
        let feature = u32::try_from(features[at]).map_err(|_| call.wrong("a feature is negative".to_owned()))?;
        if test.is_some() {
            made.features = made.features.max(feature as usize + 1);
            is_child[yes as usize] = true;
            is_child[no as usize] = true;
        }
        let missing_is_yes = missing.get(at).copied().unwrap_or(0) != 0;
        made.nodes.push(Node {
            feature,
            test,
            missing_is_yes,
            value: values[at],
            yes,
            no,
        });
    }
    made.roots = (0..count).filter(|at| !is_child[*at]).map(|at| at as u32).collect();
    Ok(made)
}

/// Votes of leaves: for each node the range of its votes, and the votes.
type Votes = (HashMap<u32, (u32, u32)>, Vec<(u32, f64)>);

fn read_votes(call: &Call<'_>, prefix: &str, places: &HashMap<(i64, i64), u32>) -> Result<Votes> {
    let list = |name: &str| call.ints(&format!("{prefix}_{name}")).unwrap_or_default();
    let (trees, ids, targets) = (list("treeids"), list("nodeids"), list("ids"));
    let weights = numbers(call, &format!("{prefix}_weights"))?;
    if [ids.len(), targets.len(), weights.len()]
        .iter()
        .any(|length| *length != trees.len())
    {
        return Err(call.wrong("the lists of votes are not of one length".to_owned()));
    }
    let mut entries = Vec::with_capacity(trees.len());
    for at in 0..trees.len() {
        let leaf = places.get(&(trees[at], ids[at])).copied();
        let leaf = leaf.ok_or_else(|| {
            call.wrong(format!(
                "a vote of node {} in tree {}, which is not there",
                ids[at], trees[at]
            ))
        })?;
        let target = u32::try_from(targets[at]).map_err(|_| call.wrong("a class is negative".to_owned()))?;
        entries.push((leaf, target, weights[at]));
    }
    entries.sort_by_key(|(leaf, _, _)| *leaf);
    let mut ranges: HashMap<u32, (u32, u32)> = HashMap::new();
    for (at, (leaf, _, _)) in entries.iter().enumerate() {
        ranges.entry(*leaf).or_insert((at as u32, at as u32)).1 = at as u32 + 1;
    }
    Ok((
        ranges,
        entries
            .into_iter()
            .map(|(_, target, weight)| (target, weight))
            .collect(),
    ))
}

/// The trees, built once.
fn kept(call: &Call<'_>, prefix: &str) -> Result<Arc<Trees>> {
    if let Some(trees) = call
        .node
        .kept
        .get()
        .and_then(|kept| kept.clone().downcast::<Trees>().ok())
    {
        return Ok(trees);
    }
    let trees = Arc::new(build(call, prefix)?);
    let _ = call.node.kept.set(trees.clone());
    Ok(trees)
}

impl Trees {
    /// The leaf of one tree for one row; none if the nodes run in a circle.
    fn leaf(&self, root: u32, row: &[f64]) -> Option<&Node> {
        let mut node = self.nodes.get(root as usize)?;
        for _ in 0..=self.nodes.len() {
            let Some(test) = node.test else { return Some(node) };
            let x = row.get(node.feature as usize).copied()?;
            let yes = match test {
                Test::LessOrEqual => x <= node.value,
                Test::Less => x < node.value,
                Test::Greater => x > node.value,
                Test::GreaterOrEqual => x >= node.value,
                Test::Equal => x == node.value,
                Test::NotEqual => x != node.value,
            };
            let yes = yes || (node.missing_is_yes && x.is_nan());
            node = self.nodes.get(if yes { node.yes } else { node.no } as usize)?;
        }
        None
    }

    /// Adds the votes of all trees for one row. `seen` says which sums any tree voted for.
    fn vote(&self, row: &[f64], fold: Fold, (sums, seen): (&mut [f64], &mut [bool])) -> Option<()> {
        for root in &self.roots {
            let leaf = self.leaf(*root, row)?;
            for (target, weight) in self.votes.get(leaf.yes as usize..leaf.no as usize)? {
                let sum = sums.get_mut(*target as usize)?;
                let seen = seen.get_mut(*target as usize)?;
                *sum = match fold {
                    Fold::Min if *seen => sum.min(*weight),
                    Fold::Max if *seen => sum.max(*weight),
                    Fold::Min | Fold::Max => *weight,
                    Fold::Sum => *sum + weight,
                };
                *seen = true;
            }
        }
        Some(())
    }
}

#[derive(Clone, Copy)]
enum Fold {
    Sum,
    Min,
    Max,
}

/// The sums of all trees, (rows, width), without base values.
fn evaluate(call: &Call<'_>, trees: &Trees, width: usize, fold: Fold) -> Result<Tensor> {
    let x = call.wide(&features(call, call.arg(0)?)?)?;
    let [rows, columns] = *x.shape() else {
        return Err(call.misfit("takes a matrix".to_owned()));
    };
    if columns < trees.features {
        return Err(call.misfit(format!(
            "the trees look at {} features, {columns} were given",
            trees.features
        )));
    }
    if width > 1 << 24 || trees.votes.iter().any(|(target, _)| *target as usize >= width) {
        return Err(call.wrong(format!("a vote for a class or target beyond {width}")));
    }
    // A balanced tree's depth; a degenerate one costs what it costs and is bounded by its nodes.
    let depth = (trees.nodes.len() / trees.roots.len().max(1) + 2).ilog2() as usize + 1;
    call.charge(
        rows.saturating_mul(trees.roots.len()).saturating_mul(8 * depth),
        x.len(),
    )?;
    let values = x.values::<f64>(call.node.op)?;
    call.session.make::<f64>(call.node.op, &[rows, width], |out| {
        let parts: Vec<Mutex<&mut [f64]>> = out.chunks_mut((ROWS_PER_PART * width).max(1)).map(Mutex::new).collect();
        in_parallel(call.session, parts.len(), |part| {
            let mut out = parts[part]
                .lock()
                .map_err(|_| call.wrong("a thread failed".to_owned()))?;
            let mut seen = vec![false; width];
            for (at, sums) in out.chunks_mut(width.max(1)).enumerate() {
                call.session.go_on()?;
                seen.fill(false);
                let row = (part * ROWS_PER_PART + at) * columns;
                let row = values.get(row..row + columns).unwrap_or_default();
                trees
                    .vote(row, fold, (sums, &mut seen))
                    .ok_or_else(|| call.wrong("a tree runs in a circle".to_owned()))?;
            }
            Ok(())
        })
    })
}

fn classifier(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let trees = kept(call, "class")?;
    let classes = label_count(call).max(1);
    let sums = evaluate(call, &trees, classes, Fold::Sum)?;
    let mut totals = sums.values::<f64>(call.node.op)?.to_vec();
    let first = trees.votes.first().map(|(target, _)| *target as usize);
    let binary = first.filter(|first| classes == 2 && trees.votes.iter().all(|(target, _)| *target as usize == *first));
    let mut chosen = Vec::new();
    if let Some(column) = binary {
        // All votes are for one of two classes: the other's score follows.
        let positive = trees.votes.iter().all(|(_, weight)| *weight >= 0.0);
        let base = trees
            .base
            .get(if trees.base.len() == 2 { column } else { 0 })
            .copied()
            .unwrap_or(0.0);
        for pair in totals.chunks_mut(2) {
            let score = pair[column] + base;
            chosen.push(usize::from(score > if positive { 0.5 } else { 0.0 }));
            (pair[0], pair[1]) = (if positive { 1.0 - score } else { -score }, score);
        }
    } else {
        for row in totals.chunks_mut(classes) {
            row.iter_mut().zip(&trees.base).for_each(|(sum, base)| *sum += base);
        }
    }
    let scores = call.cast(&call.numbers(sums.shape(), totals)?, DType::F32)?;
    if binary.is_none() {
        chosen = largest(scores.values::<f32>(call.node.op)?, classes);
    }
    Ok(vec![labels(call, &chosen)?, transformed(call, &scores)?])
}

fn regressor(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let trees = kept(call, "target")?;
    let targets = usize::try_from(call.int("n_targets", 1)).unwrap_or(0);
    let fold = match call.text("aggregate_function", "SUM") {
        "MIN" => Fold::Min,
        "MAX" => Fold::Max,
        _ => Fold::Sum,
    };
    let sums = evaluate(call, &trees, targets, fold)?;
    let divisor = if call.text("aggregate_function", "SUM") == "AVERAGE" {
        trees.roots.len().max(1) as f64
    } else {
        1.0
    };
    let totals = sums.values::<f64>(call.node.op)?;
    let base = |at: usize| {
        if trees.base.len() == 1 {
            trees.base[0]
        } else {
            trees.base.get(at).copied().unwrap_or(0.0)
        }
    };
    let width = targets.max(1);
    let totals: Vec<f64> = totals
        .iter()
        .enumerate()
        .map(|(at, sum)| sum / divisor + base(at % width))
        .collect();
    let scores = call.cast(&call.numbers(sums.shape(), totals)?, DType::F32)?;
    Ok(vec![transformed(call, &scores)?])
}
