/** Follows a signal that changes with every frame, at a pace that is enough for what costs more than a frame to draw. */

import type { Signal } from '$lib/signal';

/** Call it while a component is set up. Reading `value` depends on it; it changes at most once per `everyMs`. */
export function slowed(fast: () => Signal<number>, everyMs: number): { readonly value: number } {
  let value = $state(0);
  let timer: ReturnType<typeof setTimeout> | undefined;
  $effect(() => {
    void fast().value;
    timer ??= setTimeout(() => {
      timer = undefined;
      value += 1;
    }, everyMs);
  });
  $effect(() => () => clearTimeout(timer));
  return {
    get value() {
      return value;
    },
  };
}
