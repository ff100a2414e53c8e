// What all fields of one form share.
import { getContext, setContext } from 'svelte';
import type { Schema } from './resolve';

export interface FormContext {
  readonly root: Schema;
  /** Messages of a place, by JSON pointer; only those that should be shown by now. */
  faults(pointer: string): string[];
  /** The person left this field: its faults may be shown. */
  touch(pointer: string): void;
  readonly disabled: boolean;
}

const KEY = Symbol('schema form');

export const provideForm = (context: FormContext): FormContext => setContext(KEY, context);
export const useForm = (): FormContext => getContext<FormContext>(KEY);
