/**
 * Kept: what retention has removed is told as that, and never as something that was not.
 */
import type { KeptFrom, LogReader } from '../ports.ts';
import type { Edge } from './edge.ts';
import type { KeptView } from './reader.ts';
import { timeText } from './reads.ts';

/** What was asked for, or what is needed for an answer, is not kept. The message is one sentence for a person. */
export class NotKept extends Error {
  override readonly name = 'NotKept';
}

/** Why nothing can be told of an edge; undefined where it lies in what is kept. */
export function notKept(log: LogReader, edge: Edge): string | undefined {
  const kept = log.keptFrom();
  if (kept.seq === 1) return undefined;
  const isKept = 'timeUs' in edge ? edge.timeUs >= kept.timeUs : edge.firstSeq >= kept.seq;
  return isKept ? undefined : `that is not kept any more: ${keptText(kept)}`;
}

/** Where what is kept begins, for a status; nothing where all is kept. */
export function keptView(log: LogReader): { readonly keptFrom?: KeptView } {
  const { seq, timeUs } = log.keptFrom();
  return seq === 1 ? {} : { keptFrom: { seq, time: timeText(timeUs) } };
}

/** In words: where what is kept begins. */
export function keptText({ seq, timeUs }: KeptFrom): string {
  return `what is kept begins at ${timeText(timeUs)}, with event #${seq}`;
}
