/** One event in a line of words. */

import { count, credits, shortHash } from '$lib/format';
import { t, tMaybe, tn } from '$lib/i18n';
import type { EventView } from '../../reduce';

export function wordsOf(event: EventView): string {
  switch (event.type) {
    case 'task_submitted':
      return `${event.job_name} · ${event.priority} · ${String(event.verify)}`;
    case 'task_planned':
      return tn('task.chunks', event.chunks);
    case 'chunks_recalled':
      return chunkList(event.chunks);
    case 'replicas_assigned':
      return `${shortHash(event.worker)} · ${t(`task.reason.${event.reason}`)} · ${chunkList(event.chunks)}`;
    case 'replicas_finished': {
      const bad = [...event.outcomes].filter((letter) => letter !== 'v').length;
      const words = `${shortHash(event.worker)} · ${chunkList(event.chunks)}`;
      return bad > 0 ? `${words} · ${tn('task.timeline.bad', bad)}` : words;
    }
    case 'replicas_lost':
      return `${shortHash(event.worker)} · ${tMaybe(`task.lost.${event.why}`, event.why)} · ${chunkList(event.chunks)}`;
    case 'replicas_checked': {
      const told = (letter: string) => [...event.verdicts].filter((one) => one === letter).length;
      const words = chunkList(event.chunks);
      const bad = [
        told('r') > 0 ? tn('task.timeline.refuted', told('r')) : '',
        told('f') > 0 ? `${tn('task.timeline.unchecked', told('f'))} (${event.detail ?? ''})` : '',
      ];
      return [words, ...bad.filter((text) => text !== '')].join(' · ');
    }
    case 'outputs_compared': {
      const told = (letter: string) => [...event.verdicts].filter((one) => one === letter).length;
      const words = [
        chunkList([...new Set(event.chunks)]),
        told('a') > 0 ? tn('task.timeline.apart', told('a')) : '',
        told('f') > 0 ? `${tn('task.timeline.uncompared', told('f'))} (${event.detail ?? ''})` : '',
        event.largest_difference ? t('task.compare.largest', { d: event.largest_difference.toExponential(1) }) : '',
      ];
      return words.filter((text) => text !== '').join(' · ');
    }
    case 'chunks_verified': {
      const wrong = [...new Set((event.wrong ?? []).map((one) => shortHash(one.node)))];
      const words = chunkList(event.chunks);
      return wrong.length > 0 ? `${words} · ${t('task.grid.contradicted')}: ${wrong.join(', ')}` : words;
    }
    case 'credits_posted':
      return event.postings.map((one) => `${shortHash(one.worker)} ${credits(one.amount)}`).join(' · ');
    case 'node_distrusted':
      return `${shortHash(event.node)} · ${t('task.grid.chunk', { n: count(event.chunk) })}`;
    case 'task_completed':
      return shortHash(event.result, 16);
    case 'task_failed':
      return String(event.failure);
    case 'task_cancelled':
      return event.reason;
    case 'settlement_proposed':
      return `${shortHash(event.worker)} · ${tn('task.receipts.lines_n', event.lines)}`;
    case 'settlement_signed':
      return `${shortHash(event.peer)} · ${credits(event.amount)}`;
    case 'quote_received':
      return shortHash(event.worker);
    case 'job_published':
      return `${event.name} ${event.version}`;
  }
}

/** `0–15` where they follow each other, else the first ones. */
function chunkList(chunks: number[]): string {
  const [first, last] = [chunks[0], chunks.at(-1)];
  if (first === undefined || last === undefined) return '';
  if (chunks.length > 1 && last - first === chunks.length - 1) return `${count(first)}–${count(last)}`;
  const shown = chunks.slice(0, 6).map((chunk) => count(chunk)).join(', ');
  return chunks.length > 6 ? `${shown} … (${count(chunks.length)})` : shown;
}
