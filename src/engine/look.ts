/**
 * A whole look at the machine while it goes on: the tasks and the mirrored groups that exist at one instant,
 * with no hole and nothing counted twice. Reading them takes time and the machine does not wait, so what the
 * source sees meanwhile is laid over what was read.
 */
import type { Clock, HierarchySeen, Observation, Source, TaskSeen } from '../ports.ts';
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
 * happened later.
 */
export function lookAtMachine(source: Source, clock: Clock): Look {
  // What is queued by now happened before the look began, and the look will show its result. Some of it
  // may still be on its way into the queue, which is what the comparison of times is for.
  source.drain(() => {});
  const sinceUs = clock.bootUs();
  const meanwhile: Observation[] = [];
  const keep = (observation: Observation): void => {
    if (observation.bootUs >= sinceUs) meanwhile.push(observation);
  };
  const hierarchies = source.hierarchies();
  const tasks = new Map<number, TaskSeen>();
  for (const task of source.scan()) {
    tasks.set(task.pid, task);
    if (tasks.size % drainEveryTasks === 0) source.drain(keep);
  }
  source.drain(keep);
  return {
    tasks: stitchTasks(tasks, meanwhile),
    hierarchies: stitchHierarchies(hierarchies, meanwhile),
  };
}
