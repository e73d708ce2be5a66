/**
 * What a page tells of the recording that it was given. The same is made by Node, and held against it.
 */
import type { Hierarchy } from '../../projections/hierarchy.ts';
import { type LifelineSource, type Standing, standingAt } from '../../projections/standing.ts';

export interface Told {
  readonly seq: number;
  /** The chain's hash at the end, as numbers. */
  readonly hash: readonly number[];
  /** The world behind the last event, as it dumps itself. */
  readonly world: Record<string, unknown>;
  /** How some tasks stood at some events. */
  readonly standings: readonly unknown[];
}

export function standingsIn(lifelines: LifelineSource, hierarchy: Hierarchy): readonly unknown[] {
  const told: unknown[] = [];
  for (let seq = 500; seq <= lifelines.lastSeq; seq += 500) {
    for (let task = 1; task < hierarchy.nextTask; task += 11) {
      told.push(plain(standingAt(lifelines, task, seq)));
    }
  }
  return told;
}

function plain(standing: Standing): unknown {
  return standing.state === 'living' ? { ...standing, places: [...standing.places] } : standing;
}
