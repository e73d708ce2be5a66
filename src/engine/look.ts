/**
 * A whole look at the machine while it goes on: the tasks that exist at one instant, with no hole and no
 * task counted twice. Reading /proc takes time and the machine does not wait, so what the source sees
 * meanwhile is laid over what was read.
 */
import type { Clock, Observation, Source, TaskSeen } from '../ports.ts';

/** How many tasks are read between two drains of the source: its queue must not fill up meanwhile. */
const drainEveryTasks = 64;

/**
 * The tasks that exist at the return of this call. The source has been drained up to there: what it hands
 * over next happened later.
 */
export function lookAtMachine(source: Source, clock: Clock): TaskSeen[] {
  // What is queued by now happened before the look began, and the look will show its result. Some of it
  // may still be on its way into the queue, which is what the comparison of times is for.
  source.drain(() => {});
  const sinceUs = clock.bootUs();
  const meanwhile: Observation[] = [];
  const keep = (observation: Observation): void => {
    if (observation.bootUs >= sinceUs) meanwhile.push(observation);
  };
  const tasks = new Map<number, TaskSeen>();
  for (const task of source.scan()) {
    tasks.set(task.pid, task);
    if (tasks.size % drainEveryTasks === 0) source.drain(keep);
  }
  source.drain(keep);
  return stitch(tasks, meanwhile);
}

/** Lays observations over what was read, as absolute statements: each holds whatever was read before. */
export function stitch(read: ReadonlyMap<number, TaskSeen>, meanwhile: readonly Observation[]): TaskSeen[] {
  const tasks = new Map(read);
  for (const seen of meanwhile) {
    switch (seen.type) {
      case 'fork':
        tasks.set(seen.pid, seen);
        break;
      case 'exit':
        tasks.delete(seen.pid);
        break;
      case 'exec':
        replace(tasks, seen.oldPid, { pid: seen.pid, startTicks: seen.startTicks, comm: seen.comm });
        break;
      case 'comm':
        replace(tasks, seen.pid, { comm: seen.comm });
        break;
      case 'uid':
        replace(tasks, seen.pid, { uid: seen.uid, suid: seen.suid });
        break;
    }
  }
  return [...tasks.values()];
}

/**
 * A task that /proc had not shown under its old pid has been read under its new one, or exits within the
 * look: there is nothing to change then.
 */
function replace(tasks: Map<number, TaskSeen>, pid: number, change: Partial<TaskSeen>): void {
  const task = tasks.get(pid);
  if (!task) return;
  tasks.delete(pid);
  const changed = { ...task, ...change };
  tasks.set(changed.pid, changed);
}
