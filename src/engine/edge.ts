/**
 * Edges: where in a log an instant lies. An event is before an edge, at it or behind it; what happened in the very
 * microsecond that an instant names is at its edge.
 */
import type { Event } from '../../events/event.ts';
import type { LogReader } from '../ports.ts';
import type { Instant } from './instant.ts';
import { openWorld } from './openWorld.ts';

/** At these seqs, which are one but for a commit in which a recorder began; or at this time. */
export type Edge = { readonly firstSeq: number; readonly lastSeq: number } | { readonly timeUs: number };

export async function edgeOf(log: LogReader, instant: Instant): Promise<Edge> {
  switch (instant.kind) {
    case 'time':
      return { timeUs: instant.timeUs };
    case 'seq':
      return { firstSeq: instant.seq, lastSeq: instant.seq };
    default:
      return beginning(log, instant.kind);
  }
}

export function isBefore(event: Event, edge: Edge): boolean {
  return 'timeUs' in edge ? event.timeUs < edge.timeUs : event.seq < edge.firstSeq;
}

export function isBehind(event: Event, edge: Edge): boolean {
  return 'timeUs' in edge ? event.timeUs > edge.timeUs : event.seq > edge.lastSeq;
}

/** The commit in which a recorder began, up to all that it found on the machine: the first, or the first of this boot. */
async function beginning(log: LogReader, which: 'start' | 'boot'): Promise<Edge> {
  const { startSeq, bootSeq } = (await openWorld(log)).chronicle;
  const seq = which === 'start' ? startSeq : bootSeq;
  // What was removed with the beginning of a recording was in commits that nobody asks about.
  return seq < log.keptFrom().seq ? { firstSeq: seq, lastSeq: seq } : log.commitOf(seq);
}
