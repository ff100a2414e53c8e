// The whole node as its events tell it, since the console was opened: one state for all pages, fed by the one stream.
import { newNetwork, reduce, type NetworkState } from '../reduce';
import { live } from './live';
import { signal } from './signal';

/** Pages are drawn again at most this often because of events, in milliseconds. */
const DRAW_MS = 250;

let state = newNetwork();
const version = signal(0);
let pending: ReturnType<typeof setTimeout> | undefined;

live.on((event) => {
  state = reduce(state, event);
  pending ??= setTimeout(() => {
    pending = undefined;
    version.value = version.peek() + 1;
  }, DRAW_MS);
});

/** Reactive: the state as of now. */
export function network(): NetworkState {
  void version.value;
  return state;
}
