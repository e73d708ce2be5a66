/**
 * A whole look at the machine while it goes on: the tasks that exist at one instant, with no hole and no
 * task counted twice. Reading /proc takes time and the machine does not wait, so what the source sees
 * meanwhile is laid over what was read.
 */
import type { ExecSeen } from '../kernel/observation.ts';
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
  const ended = new Map<number, TaskSeen>();
  for (const seen of meanwhile) {
    switch (seen.type) {
      case 'fork':
        tasks.set(seen.pid, seen);
        break;
      case 'exit':
        move(tasks, seen.pid, ended);
        break;
      case 'exec':
        if (seen.oldPid !== seen.pid) succeed(tasks, seen, ended.get(seen.pid));
        change(tasks, seen.pid, { startTicks: seen.startTicks, comm: seen.comm });
        break;
      case 'comm':
        change(tasks, seen.pid, { comm: seen.comm });
        break;
      case 'uid':
        change(tasks, seen.pid, { uid: seen.uid, suid: seen.suid });
        break;
    }
  }
  return [...tasks.values()];
}

/**
 * A thread takes the place of its leader, whose exit came before. When the thread was not read under its old
 * pid, or another task has that by now, then what was read under the leader's, and ended with it, was the
 * leader or already the thread: one of the same process in either case.
 */
function succeed(
  tasks: Map<number, TaskSeen>,
  { pid, oldPid }: ExecSeen,
  leader: TaskSeen | undefined,
): void {
  const thread = tasks.get(oldPid);
  if (thread?.tgid === pid) {
    tasks.delete(oldPid);
    const { parentPid } = leader ?? thread;
    tasks.set(pid, { ...thread, pid, parentPid });
  } else if (leader) {
    tasks.set(leader.pid, leader);
  }
}

function move(tasks: Map<number, TaskSeen>, pid: number, ended: Map<number, TaskSeen>): void {
  const task = tasks.get(pid);
  if (task) ended.set(pid, task);
  tasks.delete(pid);
}

/** A task that was not read under this pid ends within the look, and there is nothing to change. */
function change(tasks: Map<number, TaskSeen>, pid: number, changes: Partial<TaskSeen>): void {
  const task = tasks.get(pid);
  if (task) tasks.set(pid, { ...task, ...changes });
}
