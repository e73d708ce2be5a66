/**
 * Tells how a soak stands, again and again until it ends.
 */
import { setTimeout } from 'node:timers/promises';
import { grouped, size } from '../../src/cli/format/count.ts';
import type { Restarter } from '../restart/restarter.ts';
import type { Gauge, Stand } from './gauge.ts';

export interface TellingOptions {
  readonly gauge: Gauge;
  readonly restarts: Restarter;
  readonly distanceMs: number;
  tell(line: string): void;
}

export class Telling {
  readonly #options: TellingOptions;
  readonly #ending = new AbortController();

  /** Begins. */
  constructor(options: TellingOptions) {
    this.#options = options;
    // What keeps it from telling ends the soak too, and is told there.
    this.#go().catch(() => {});
  }

  end(): void {
    this.#ending.abort();
  }

  async #go(): Promise<void> {
    const { gauge, restarts, distanceMs, tell } = this.#options;
    const { signal } = this.#ending;
    for (let before = await gauge.stand(); ; ) {
      await setTimeout(distanceMs, undefined, { signal });
      const stand = await gauge.stand();
      const { stops, kills, earlyKills } = restarts.counts;
      if (!signal.aborted) tell(`${lineOf(before, stand)}, ${stops + kills + earlyKills} restarts`);
      before = stand;
    }
  }
}

function lineOf(
  before: Stand,
  { second, events, sizeBytes, tasks, containers, gaps, memory }: Stand,
): string {
  const rate = (events - before.events) / (second - before.second);
  return [
    `${clockText(second)}  ${grouped(events)} events, ${grouped(Math.round(rate))}/s`,
    `${size(sizeBytes)} on the disk, ${(sizeBytes / events).toFixed(1)} bytes an event`,
    ...(memory ? [`heap ${size(memory.heapBytes)}, own ${size(memory.ownBytes)}`] : []),
    `${tasks} tasks, ${containers} containers`,
    `${gaps} gaps`,
  ].join(', ');
}

/** `12:05` of minutes and seconds. */
function clockText(second: number): string {
  return `${Math.floor(second / 60)}:${String(Math.floor(second % 60)).padStart(2, '0')}`;
}
