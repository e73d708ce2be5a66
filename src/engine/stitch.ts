/**
 * Stitching: lays what a source saw during a look over what was read. Every observation is an absolute
 * statement that holds whatever was read before, so only their own order matters. Pure.
 */
import type {
  ExecSeen,
  ForkSeen,
  GroupSeen,
  HierarchySeen,
  MovedSeen,
  Observation,
  TaskSeen,
} from '../kernel/observation.ts';

/** The tasks that exist when all of this has been seen. */
export function stitchTasks(
  read: ReadonlyMap<number, TaskSeen>,
  meanwhile: readonly Observation[],
): TaskSeen[] {
  const tasks = new Map(read);
  const pids = new Map<number, Set<number>>();
  for (const { pid, tgid } of tasks.values()) note(pids, tgid, pid);
  const ended = new Map<number, TaskSeen>();
  for (const seen of meanwhile) {
    switch (seen.type) {
      case 'fork':
        tasks.set(seen.pid, born(tasks, seen));
        note(pids, seen.tgid, seen.pid);
        break;
      case 'exit':
        move(tasks, seen.pid, ended);
        break;
      case 'exec':
        if (seen.oldPid !== seen.pid) succeed(tasks, seen, ended.get(seen.pid));
        note(pids, seen.pid, seen.pid);
        change(tasks, seen.pid, {
          startTicks: seen.startTicks,
          comm: seen.comm,
          ...(seen.commandLine && { commandLine: seen.commandLine }),
        });
        break;
      case 'comm':
        change(tasks, seen.pid, { comm: seen.comm });
        break;
      case 'uid':
        change(tasks, seen.pid, { uid: seen.uid, suid: seen.suid });
        break;
      case 'moved':
        for (const pid of seen.whole ? (pids.get(seen.tgid) ?? []) : [seen.pid]) regroup(tasks, pid, seen);
        break;
      default:
    }
  }
  return [...tasks.values()];
}

/** A new process has its parent's command line until it executes a program. */
function born(tasks: ReadonlyMap<number, TaskSeen>, seen: ForkSeen): TaskSeen {
  if (seen.pid !== seen.tgid) return seen;
  const parent = tasks.get(seen.parentPid);
  const commandLine = parent && tasks.get(parent.tgid)?.commandLine;
  return commandLine ? { ...seen, commandLine } : seen;
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

/** Notes that a process has, or had, a thread of this pid. */
function note(pids: Map<number, Set<number>>, tgid: number, pid: number): void {
  const known = pids.get(tgid);
  if (known) known.add(pid);
  else pids.set(tgid, new Set([pid]));
}

/** Puts the thread of this pid where its process, or it alone, was moved to; the pid may be another process's by now. */
function regroup(tasks: Map<number, TaskSeen>, pid: number, { tgid, hierarchy, group }: MovedSeen): void {
  const task = tasks.get(pid);
  if (task?.tgid !== tgid) return;
  const others = (task.groups ?? []).filter((place) => place.hierarchy !== hierarchy);
  tasks.set(pid, { ...task, groups: [...others, { hierarchy, group }] });
}

/** The hierarchies that exist when all of this has been seen, with their groups. */
export function stitchHierarchies(
  read: readonly HierarchySeen[],
  meanwhile: readonly Observation[],
): HierarchySeen[] {
  const gone = new Set(meanwhile.map((seen) => (seen.type === 'hierarchyGone' ? seen.hierarchy : undefined)));
  return read.filter(({ hierarchy }) => !gone.has(hierarchy)).map((each) => stitchGroups(each, meanwhile));
}

function stitchGroups(read: HierarchySeen, meanwhile: readonly Observation[]): HierarchySeen {
  const groups = new Map<number, GroupSeen>(read.groups.map((seen) => [seen.group, seen]));
  for (const seen of meanwhile) {
    if (!('hierarchy' in seen) || seen.hierarchy !== read.hierarchy) continue;
    switch (seen.type) {
      case 'groupMade':
        groups.set(seen.group, seen);
        break;
      case 'groupRemoved':
        groups.delete(seen.group);
        break;
      case 'groupRenamed': {
        const group = groups.get(seen.group);
        if (group) groups.set(seen.group, { ...group, name: seen.name });
        break;
      }
      default:
    }
  }
  return { ...read, groups: [...groups.values()] };
}
