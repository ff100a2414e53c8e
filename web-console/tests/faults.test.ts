import { expect, test } from 'vitest';
import { ApiProblem } from '../src/lib/api';
import type { Quote, Task } from '../src/lib/types';
import { paramsPointer, placeErrors } from '../src/submit/faults';
import { expectedTime } from '../src/submit/timing';

const problem = (detail: string, errors: { field: string; message: string }[] = []) => new ApiProblem(400, 'bad_input', 'Bad Request', detail, '', errors);

test('fields of the node lead to fields of the form', () => {
  expect(['params.a.b', 'params/a/0', '/a', 'parameters.x', 'params'].map(paramsPointer)).toEqual(['/a/b', '/a/0', '/a', '/x', '']);
  expect(['config.verify', 'paramsx', 'inputs.params'].map(paramsPointer)).toEqual([null, null, null]);
  const placed = placeErrors(problem('', [{ field: 'params.start', message: 'no' }, { field: 'config.verify', message: 'bad' }]));
  expect([...placed.params]).toEqual([['/start', ['no']]]);
  expect([...placed.fields]).toEqual([['config.verify', ['bad']]]);
});

test('places inside a sentence are found too', () => {
  const placed = placeErrors(problem('parameters of range_reduce: /start: "x; y" does not match; /end: 5 is less; than 6; parameters: "z" was unexpected'));
  expect([...placed.params]).toEqual([['/start', ['"x; y" does not match']], ['/end', ['5 is less; than 6']], ['', ['"z" was unexpected']]]);
  expect(placeErrors(problem('there is no job called x')).params.size).toBe(0);
  expect([...placeErrors(problem("plan failed: expression: Unexpected '*' (at character 4)")).params]).toEqual([['/expression', ["Unexpected '*' (at character 4)"]]]);
  expect(placeErrors(null).fields.size).toBe(0);
});

test('the time rests on what chunks of the job took before', () => {
  const quote = { chunks: 100, recalled: 20 } as Quote;
  const task = (accepted: number, execution_time: number) => ({ accepted, failed: 0, execution_time, started_at: 1, ended_at: 2 }) as Task;
  expect(expectedTime(quote, [])).toBeNull();
  expect(expectedTime(quote, [task(10, 1), task(40, 1), task(20, 1)])).toEqual({ ms: 4_000, tasks: 3 });
  expect(expectedTime(quote, [task(0, 1)])).toBeNull();
  expect(expectedTime({ ...quote, estimate_ms: 77 }, [])).toEqual({ ms: 77, tasks: 0 });
});
