/**
 * Edges: where in a log an instant lies. An event is before an edge, at it or behind it; what happened in the very
 * microsecond that an instant names is at its edge.
 */
import type { Event } from '../../events/event.ts';
import type { LogReader } from '../ports.ts';
import type { Instant } from './instant.ts';

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
  let edge = { firstSeq: 0, lastSeq: 0 };
  let bootId: string | undefined;
  for await (const events of log.read(1)) {
    const source = events.find((event) => event.type === 'source');
    if (source === undefined || source.bootId === bootId) continue;
    edge = { firstSeq: events[0]?.seq ?? 0, lastSeq: events.at(-1)?.seq ?? 0 };
    bootId = source.bootId;
    if (which === 'start') break;
  }
  return edge;
}
