// A reactive cell for plain modules: components that read `value` are drawn again when it changes. Outside of components
// (in tests, in workers) it is an ordinary variable.
import { createSubscriber } from 'svelte/reactivity';

export interface Signal<T> {
  value: T;
  /** The value without becoming dependent on it. */
  peek(): T;
}

export function signal<T>(initial: T): Signal<T> {
  let current = initial;
  let changed = () => {};
  const track = createSubscriber((update) => {
    changed = update;
    return () => {
      changed = () => {};
    };
  });
  return {
    get value() {
      track();
      return current;
    },
    set value(next: T) {
      if (Object.is(next, current)) return;
      current = next;
      changed();
    },
    peek: () => current,
  };
}
