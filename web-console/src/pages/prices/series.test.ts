import { expect, test } from 'vitest';
import { withPrediction } from './series';

test('the dashed line begins where the measured one ends', () => {
  const lines = withPrediction([[1, 0.5], [2, 0.6]], 0.7, 0.9, 10);
  expect(lines.x).toEqual([1, 2, 10, 3_600_010]);
  expect(lines.measured).toEqual([0.5, 0.6, 0.7, null]);
  expect(lines.predicted).toEqual([null, null, 0.7, 0.9]);
});

test('points of a clock that is ahead are left out', () => {
  expect(withPrediction([[1, 1], [20, 2]], 3, undefined, 10)).toEqual({ x: [1, 10], measured: [1, 3], predicted: [null, null] });
});

test('without a current price nothing is invented', () => {
  expect(withPrediction([], undefined, undefined, 10)).toEqual({ x: [], measured: [], predicted: [] });
});
