/**
 * joinTrees: a pure function from the trees as they stand and a whole look at the machine to the places of tasks in
 * trees that are mirrored from now on. Nothing else is concluded from the look: what happens to tasks, and to the trees
 * that were mirrored before, is recorded all the while.
 */
import type { AttachFact, Fact } from '../../events/event.ts';
import { type Hierarchy, placeIn } from '../../projections/hierarchy.ts';
import { nobody } from './doer.ts';
import type { TaskSeen } from './observation.ts';
import { populationFacts, type Shifts, shift } from './population.ts';
import { placesOf } from './reconcile.ts';

/**
 * Every task that is known and was looked at enters the groups in which it was found, in the trees in which it has no
 * place yet. These must stand already, with their groups.
 */
export function joinTrees(state: Hierarchy, seen: readonly TaskSeen[]): readonly Fact[] {
  const shifts: Shifts = new Map();
  const attaches: AttachFact[] = [];
  for (const task of seen) {
    const known = state.taskByPid(task.pid);
    if (!known || known.startTicks !== task.startTicks) continue;
    for (const place of placesOf(state, task)) {
      if (placeIn(known, place.tree)) continue;
      shift(shifts, undefined, place);
      attaches.push({ type: 'attach', task: known.id, container: place.id, by: nobody, certainty: 'known' });
    }
  }
  return [...attaches, ...populationFacts(shifts)];
}
