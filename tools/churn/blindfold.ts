/**
 * A source that is not told into which groups a task is born, to show that this has to be told.
 */
import type { Observation } from '../../src/ports.ts';
import { PassingSource } from './passing.ts';

export class WithoutGroupsOfForks extends PassingSource {
  override drain(see: (observation: Observation) => void): number {
    return super.drain((observation) => see(withoutGroups(observation)));
  }
}

function withoutGroups(observation: Observation): Observation {
  if (observation.type !== 'fork') return observation;
  const { groups: _, unplaced: __, ...fork } = observation;
  return fork;
}
