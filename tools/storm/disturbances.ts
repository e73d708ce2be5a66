/**
 * Disturbances: gaps that are somebody else's doing. There are machines on which no tracepoint tells of what the
 * threads of process 1 fork. When such a task does something that is seen, it makes no sense to the recorder. Where a
 * witness has seen at that time that process 1 had forked it, the gap is known for what it is; elsewhere it may be the
 * recorder's own, whoever the parent is in its end: orphans are children of process 1 as well.
 */
import type { Event, GapFact } from '../../events/event.ts';
import type { Witness } from './firstProcess.ts';

/** What is done at once may be seen by the witness a little later, and what is told later was so a little before. */
const slackUs = 1_000_000;

/** Of time, wall-clock microseconds. */
export interface Interval {
  readonly fromUs: number;
  readonly toUs: number;
}

export class Disturbances {
  /** The gaps that nobody else is known to have caused, in words. */
  readonly gaps: string[] = [];
  /** When the others were, of somebody else's doing. */
  readonly others: Interval[] = [];
  readonly #witness: Witness | undefined;

  /** Without a witness all gaps are taken to be the recorder's. */
  constructor(witness?: Witness) {
    this.#witness = witness;
  }

  apply(event: Event): void {
    if (event.type !== 'gap') return;
    const { sinceUs, timeUs } = event;
    if (this.#isKnown(event, timeUs)) this.others.push({ fromUs: sinceUs, toUs: timeUs });
    else this.gaps.push(`${event.reason}, ${event.lost} lost, ${event.detail}`);
  }

  #isKnown({ reason, detail, sinceUs }: GapFact, untilUs: number): boolean {
    const pid = /^(?:unknown )?task (\d+)/.exec(detail)?.[1];
    if (reason !== 'nonsense' || pid === undefined) return false;
    return this.#witness?.sawForked(Number(pid), sinceUs - slackUs, untilUs + slackUs) ?? false;
  }
}
