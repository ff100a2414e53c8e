/** Follows a signal that changes with every frame, at a pace that is enough for what costs more than a frame to draw. */

import { untrack } from 'svelte';
import type { Signal } from '$lib/signal';

/** Call it while a component is set up. Reading `value` depends on it; it changes at most once per `everyMs`. */
export function slowed(fast: () => Signal<number>, everyMs: number): { readonly value: number } {
  let value = $state(0);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let missed = false;
  // The first change at once, those that follow it soon together.
  const follow = () => {
    missed = false;
    value = untrack(() => value) + 1;
    timer = setTimeout(() => {
      timer = undefined;
      if (missed) follow();
    }, everyMs);
  };
  $effect(() => {
    void fast().value;
    if (timer === undefined) follow();
    else missed = true;
  });
  $effect(() => () => clearTimeout(timer));
  return {
    get value() {
      return value;
    },
  };
}
