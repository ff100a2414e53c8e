//! Operators of object detection.

use super::super::call::{Call, Run};
use crate::error::Result;
use crate::tensor::Tensor;

pub const TABLE: &[(&str, Run)] = &[("NonMaxSuppression", suppress)];

/// `(y1, x1, y2, x2)` with the smaller ones first.
fn corners(line: &[f32], centred: bool) -> [f32; 4] {
    let [a, b, c, d] = [line[0], line[1], line[2], line[3]];
    if centred {
        // Centre x, centre y, width, height.
        return [b - d / 2.0, a - c / 2.0, b + d / 2.0, a + c / 2.0];
    }
    [a.min(c), b.min(d), a.max(c), b.max(d)]
}

/// The share of two boxes' union that both cover.
fn overlap(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let side = |low: usize| (a[low + 2].min(b[low + 2]) - a[low].max(b[low])).max(0.0);
    let area = |box_: &[f32; 4]| (box_[2] - box_[0]) * (box_[3] - box_[1]);
    let shared = side(0) * side(1);
    let union = area(a) + area(b) - shared;
    if union > 0.0 { shared / union } else { 0.0 }
}

fn suppress(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (boxes, scores) = (call.arg(0)?, call.arg(1)?);
    let ([n, count, 4], [batches, classes, per_class]) = (boxes.shape(), scores.shape()) else {
        return Err(call.misfit(format!("boxes {:?} and scores {:?}", boxes.shape(), scores.shape())));
    };
    if n != batches || count != per_class {
        return Err(call.misfit(format!("boxes {:?} and scores {:?}", boxes.shape(), scores.shape())));
    }
    let most = call.scalar_arg(2)?.unwrap_or(0.0).clamp(0.0, *count as f64) as usize;
    let limit = call.scalar_arg(3)?.unwrap_or(0.0) as f32;
    let least = call.scalar_arg(4)?.map(|least| least as f32);
    let centred = call.flag("center_point_box");
    let lines = boxes.values::<f32>(call.node.op)?;
    let scores = scores.values::<f32>(call.node.op)?;
    let _scratch = call.session.lease((count * 40 + n * classes * most * 24) as u64)?;
    let mut chosen: Vec<i64> = Vec::new();
    for plane in 0..n * classes {
        let (batch, class) = (plane / classes, plane % classes);
        // Every candidate is compared with the boxes kept so far.
        call.charge(count.saturating_mul(16 * most + 32), *count)?;
        let boxes: Vec<[f32; 4]> = lines[batch * count * 4..][..count * 4]
            .chunks_exact(4)
            .map(|line| corners(line, centred))
            .collect();
        let own = &scores[plane * count..][..*count];
        let mut order: Vec<usize> = (0..*count)
            .filter(|at| least.is_none_or(|least| own[*at] > least))
            .collect();
        order.sort_by(|a, b| own[*b].total_cmp(&own[*a]));
        let mut kept: Vec<usize> = Vec::new();
        for at in order {
            if kept.len() >= most {
                break;
            }
            if kept.iter().all(|other| overlap(&boxes[*other], &boxes[at]) <= limit) {
                kept.push(at);
            }
        }
        chosen.extend(kept.iter().flat_map(|at| [batch as i64, class as i64, *at as i64]));
    }
    Ok(vec![call.numbers(&[chosen.len() / 3, 3], chosen)?])
}
