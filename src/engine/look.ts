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

type See = (observation: Observation) => void;

/**
 * What exists at the return of this call. The source has been drained up to there: what it hands over next
 * happened later. `places` is asked who is in which container; without it nobody is said to be in any.
 *
 * What the source hands over meanwhile goes to `record`. Without that, none of it is recorded one by one: the look takes
 * its place, and its room in the queue is free again.
 */
export function lookAtMachine(source: Source, clock: Clock, places: Places | undefined, record?: See): Look {
  const drain = (see: See): void => {
    source.drain((observation) => {
      record?.(observation);
      see(observation);
    });
    if (!record) source.keptQueue?.skip();
  };
  // What is queued by now happened before the look began, and the look will show its result. Some of it
  // may still be on its way into the queue, which is what the comparison of times is for.
  drain(() => {});
  const sinceUs = clock.bootUs();
  const meanwhile: Observation[] = [];
  const keep: See = (observation) => {
    if (observation.bootUs >= sinceUs) meanwhile.push(observation);
  };
  const hierarchies = source.hierarchies();
  const tasks = new Map<number, TaskSeen>();
  for (const task of source.scan()) {
    tasks.set(task.pid, task);
    if (tasks.size % drainEveryTasks === 0) drain(keep);
  }
  drain(keep);
  const known = places && placesAtEnd(drain, places, keep);
  return {
    tasks: stitchTasks(tasks, meanwhile).map((task) => placed(task, known)),
    hierarchies: stitchHierarchies(hierarchies, meanwhile),
  };
}

type Known = ReadonlyMap<number, number | undefined>;

/**
 * The places of all tasks that exist when the source has been drained after the reading. The kernel takes a place
 * away only when the task's exit is queued, so whoever has lost his meanwhile is known to have ended. But one who has
 * taken his leader's pid meanwhile may have been passed over under both: then the places are read again.
 */
function placesAtEnd(drain: (see: See) => void, places: Places, keep: See): Known | undefined {
  for (;;) {
    const known = places.read();
    let isMoved = false;
    drain((seen) => {
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
