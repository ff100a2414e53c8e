// The time for relative times: one timer for all of them.
import { createSubscriber } from 'svelte/reactivity';

const TICK_MS = 1_000;

const track = createSubscriber((update) => {
  const timer = setInterval(update, TICK_MS);
  return () => clearInterval(timer);
});

/** Unix milliseconds, reactive once a second. */
export function now(): number {
  track();
  return Date.now();
}
