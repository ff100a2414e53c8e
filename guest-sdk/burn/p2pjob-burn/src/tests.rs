//! Optimisers against formulas written out by hand; flat vectors natively.

use crate::optimiser::{Optimiser, Rule, State};

fn optimiser(rule: Rule) -> Optimiser {
    Optimiser {
        rule,
        learning_rate: 0.1,
        weight_decay: 0.01,
        momentum: 0.9,
        beta_1: 0.9,
        beta_2: 0.999,
        epsilon: 1e-8,
    }
}

fn two_steps(rule: Rule) -> (Vec<f32>, State) {
    let (mut weights, mut state) = (vec![1.0, -2.0], State::default());
    for gradient in [[0.5, 1.0], [-0.25, 2.0]] {
        optimiser(rule).step(&mut state, &mut weights, &gradient).unwrap();
    }
    (weights, state)
}

#[test]
fn steps_follow_their_formulas() {
    let near = |weights: &[f32], expected: [f32; 2]| {
        let far = weights
            .iter()
            .zip(expected)
            .find(|(weight, expected)| (*weight - expected).abs() > 1e-5);
        assert!(far.is_none(), "{weights:?} are not {expected:?}");
    };
    // By hand: w1 = 1 - .1 (.5 + .01) = .949; w2 = .949 - .1 (-.25 + .00949) = .973051.
    near(&two_steps(Rule::Sgd).0, [0.973_051, -2.295_902]);
    // m1 = .51, m2 = .9 * .51 - .24051 = .21849; w2 = .949 - .021849.
    near(&two_steps(Rule::Momentum).0, [0.927_151, -2.384_102]);
    let (adam, state) = two_steps(Rule::Adam);
    assert!((adam[0] - 0.9).abs() < 0.1 && state.steps == 2 && state.first.len() == 2 && state.second.len() == 2);
}

#[test]
fn the_first_step_of_adam_is_the_learning_rate() {
    let mut adam = optimiser(Rule::Adam);
    adam.weight_decay = 0.0;
    let (mut weights, mut state) = (vec![1.0f32, 1.0], State::default());
    adam.step(&mut state, &mut weights, &[3.0, -0.001]).unwrap();
    assert!(
        (weights[0] - 0.9).abs() < 1e-6 && (weights[1] - 1.1).abs() < 1e-5,
        "{weights:?}"
    );
    let mut decayed = optimiser(Rule::AdamW);
    decayed.weight_decay = 0.5;
    let (mut weights, mut state) = (vec![1.0f32], State::default());
    decayed.step(&mut state, &mut weights, &[3.0]).unwrap();
    assert!((weights[0] - 0.85).abs() < 1e-6, "{weights:?}");
}

#[test]
fn a_state_of_another_model_is_refused() {
    let mut state = State {
        steps: 1,
        first: vec![0.0; 3],
        second: Vec::new(),
    };
    let error = optimiser(Rule::Momentum)
        .step(&mut state, &mut [0.0; 2], &[0.0; 2])
        .unwrap_err();
    assert!(error.to_string().contains("another model"), "{error}");
    assert!(
        optimiser(Rule::Sgd)
            .step(&mut State::default(), &mut [0.0; 2], &[0.0; 1])
            .is_err()
    );
}
