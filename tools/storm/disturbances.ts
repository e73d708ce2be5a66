/**
 * Disturbances: gaps that are somebody else's doing. There are machines on which no tracepoint tells of what the
 * threads of process 1 fork. When such a task does something that is seen, it makes no sense, and the look that
 * follows adopts it as a child of process 1: by that the gap is known for what it is.
 */
import type { AdoptFact, Event, GapFact } from '../../events/event.ts';

export class Disturbances {
  /** The gaps that nobody else has caused, in words. */
  readonly gaps: string[] = [];
  /** How many were somebody else's. */
  count = 0;
  /** The tasks of process 1, by their ids. */
  readonly #first = new Set<number>();
  #strangerPid: number | undefined;

  apply(event: Event): void {
    if (event.type === 'gap') this.#gap(event);
    else if (event.type === 'adopt') this.#adopt(event);
    else if (event.type === 'fork' && event.tgid === 1) this.#first.add(event.task);
  }

  #gap({ reason, lost, detail }: GapFact): void {
    const pid = Number(/^(?:unknown )?task (\d+)/.exec(detail)?.[1]);
    this.#strangerPid = reason === 'nonsense' ? pid : undefined;
    this.gaps.push(`${reason}, ${lost} lost, ${detail}`);
  }

  #adopt({ task, parent, pid, tgid }: AdoptFact): void {
    if (tgid === 1) this.#first.add(task);
    if (pid !== this.#strangerPid) return;
    this.#strangerPid = undefined;
    if (!this.#first.has(parent)) return;
    this.gaps.pop();
    this.count += 1;
  }
}
