// Short messages about what was just done. Errors stay until they are closed.
import { isAbort, toProblem } from './api';
import { signal } from './signal';
import { problemText } from './problem-text';

export interface Toast {
  id: number;
  kind: 'ok' | 'error';
  text: string;
  detail?: string;
}

const SHOWN_MS = 6_000;
const MAX_TOASTS = 4;

export const toasts = signal<Toast[]>([]);
let next = 1;

export function toast(text: string, kind: Toast['kind'] = 'ok', detail?: string): void {
  const id = next++;
  toasts.value = [...toasts.peek(), { id, kind, text, ...(detail ? { detail } : {}) }].slice(-MAX_TOASTS);
  if (kind === 'ok') setTimeout(() => dismissToast(id), SHOWN_MS);
}

/** Says what went wrong; an aborted call is no error. */
export function toastError(error: unknown): void {
  if (isAbort(error)) return;
  const { title, detail, remedy } = problemText(toProblem(error));
  toast(detail || title, 'error', remedy);
}

export function dismissToast(id: number): void {
  toasts.value = toasts.peek().filter((one) => one.id !== id);
}
