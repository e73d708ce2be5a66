/**
 * A whole look at the machine while it goes on: the tasks and the mirrored groups that exist at one instant,
 * with no hole and nothing counted twice. Reading them takes time and the machine does not wait, so what the
 * source sees meanwhile is laid over what was read.
 */
import type { Clock, HierarchySeen, Observation, Places, Source, TaskSeen } from '../ports.ts';
import { stitchHierarchies, stitchTasks } from './stitch.ts';

/** What exists at one instant. */
export interface Look {
  readonly tasks: readonly TaskSeen[];
  readonly hierarchies: readonly HierarchySeen[];
}

/** How many tasks are read between two drains of the source: its queue must not fill up meanwhile. */
const drainEveryTasks = 64;

/**
 * What exists at the return of this call. The source has been drained up to there: what it hands over next
 * happened later. `places` is asked who is in which container; without it nobody is said to be in any.
 */
export function lookAtMachine(source: Source, clock: Clock, places: Places | undefined): Look {
  // What is queued by now happened before the look began, and the look will show its result. Some of it
  // may still be on its way into the queue, which is what the comparison of times is for.
  drain(source, () => {});
  const sinceUs = clock.bootUs();
  const meanwhile: Observation[] = [];
  const keep = (observation: Observation): void => {
    if (observation.bootUs >= sinceUs) meanwhile.push(observation);
  };
  const hierarchies = source.hierarchies();
  const tasks = new Map<number, TaskSeen>();
  for (const task of source.scan()) {
    tasks.set(task.pid, task);
    if (tasks.size % drainEveryTasks === 0) drain(source, keep);
  }
  drain(source, keep);
  const known = places && placesAtEnd(source, places, keep);
  return {
    tasks: stitchTasks(tasks, meanwhile).map((task) => placed(task, known)),
    hierarchies: stitchHierarchies(hierarchies, meanwhile),
  };
}

/** Nothing of this is recorded one by one: the look takes its place, and its room in the queue is free again. */
function drain(source: Source, see: (observation: Observation) => void): void {
  source.drain(see);
  const { keptQueue } = source;
  keptQueue?.free(keptQueue.cursor());
}

type Known = ReadonlyMap<number, number | undefined>;

/**
 * The places of all tasks that exist when the source has been drained after the reading. The kernel takes a place
 * away only when the task's exit is queued, so whoever has lost his meanwhile is known to have ended. But one who has
 * taken his leader's pid meanwhile may have been passed over under both: then the places are read again.
 */
function placesAtEnd(
  source: Source,
  places: Places,
  keep: (observation: Observation) => void,
): Known | undefined {
  for (;;) {
    const known = places.read();
    let isMoved = false;
    drain(source, (seen) => {
      if (seen.type === 'exec' && seen.oldPid !== seen.pid) isMoved = true;
      keep(seen);
    });
    if (!isMoved) return known;
  }
}

/** Whoever was born during the look has had its place told with its birth; who has none is in the root. */
function placed(task: TaskSeen, known: Known | undefined): TaskSeen {
  const { place: atBirth, ...rest } = task;
  if (!known) return rest;
  const place = atBirth ?? (known.has(task.pid) ? known.get(task.pid) : 0);
  return place === undefined ? rest : { ...rest, place };
}
