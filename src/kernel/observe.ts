/**
 * observe: a pure function from the trees as they stand and something that was seen to what happened.
 *
 * An observation is never refused: it has happened. One that cannot follow from what is known (a fork by
 * an unknown task, a pid born twice) is `Nonsense`: nothing is guessed, and a fresh look at the machine
 * follows.
 */
import { textOf } from '../../events/bytes.ts';
import type { Fact } from '../../events/event.ts';
import { type Container, type Hierarchy, placeIn, type Task } from '../../projections/hierarchy.ts';
import { isNonsense, type Nonsense, type Observed } from './nonsense.ts';
import type {
  CommSeen,
  ExecSeen,
  ExitSeen,
  ForkSeen,
  GroupId,
  MirrorsSeen,
  Observation,
  OomSeen,
  UidSeen,
} from './observation.ts';
import { observeGroup } from './observeGroup.ts';
import { populationFacts, type Shifts, shift } from './population.ts';
import { reconcile } from './reconcile.ts';
import { releaseOf } from './release.ts';

export { isNonsense, type Nonsense, type Observed } from './nonsense.ts';

export function observe(state: Hierarchy, observation: Observation): Observed {
  switch (observation.type) {
    case 'fork':
      return fork(state, observation);
    case 'exit':
      return exit(state, observation);
    case 'exec':
      return exec(state, observation);
    case 'comm':
      return comm(state, observation);
    case 'uid':
      return uid(state, observation);
    case 'oom':
      return oom(state, observation);
    case 'mirrors':
      return mirrors(state, observation);
    case 'looked':
      return reconcile(state, observation.tasks, true);
    default:
      return observeGroup(state, observation);
  }
}

/** What is not mirrored any more is no longer known. The trees that come begin with a look (`joinTrees`). */
function mirrors(state: Hierarchy, { hierarchies }: MirrorsSeen): Observed {
  return [...state.trees()]
    .filter(({ number, hierarchy }) => number !== 0 && !hierarchies.includes(hierarchy))
    .map(({ number }) => ({ type: 'untree', tree: number }));
}

function fork(state: Hierarchy, seen: ForkSeen): Observed {
  const parent = state.taskByPid(seen.parentPid);
  if (!parent) return { nonsense: `unknown task ${seen.parentPid} forked ${seen.pid}` };
  if (seen.tgid !== seen.pid && seen.tgid !== parent.tgid) {
    return { nonsense: `task ${seen.parentPid} forked a thread of another process, ${seen.tgid}` };
  }
  const holder = state.taskByPid(seen.pid);
  if (holder && !maySucceed(state, holder)) return { nonsense: `task ${seen.pid} is born while it lives` };
  const into = placesApart(state, parent, seen.groups ?? []);
  if (isNonsense(into)) return into;
  const fact: Fact = {
    type: 'fork',
    task: state.nextTask,
    parent: parent.id,
    into: into.map(({ id }) => id),
    pid: seen.pid,
    tgid: seen.tgid,
    startTicks: seen.startTicks,
    uid: seen.uid,
    suid: seen.suid,
    comm: seen.comm,
  };
  // Who inherits all places is born where its parent is: nothing falls empty or ceases to be.
  if (into.length === 0) return [fact];
  const shifts: Shifts = new Map();
  for (const container of into) shift(shifts, undefined, container);
  return [fact, ...populationFacts(shifts)];
}

/**
 * Of the groups that a child was born into, the containers in which its parent is not. It may have been put
 * there (CLONE_INTO_CGROUP), or the parent has been moved and the move is not told yet.
 */
function placesApart(
  state: Hierarchy,
  parent: Task,
  groups: readonly GroupId[],
): readonly Container[] | Nonsense {
  const apart: Container[] = [];
  for (const { hierarchy, group } of groups) {
    const tree = state.mirrorOf(hierarchy);
    if (!tree) continue;
    const container = tree.groups.get(group);
    if (!container) {
      return { nonsense: `a task is born into the unknown group ${group} of ${textOf(tree.name)}` };
    }
    if (placeIn(parent, tree.number) !== container) apart.push(container);
  }
  return apart;
}

function exit(state: Hierarchy, seen: ExitSeen): Observed {
  const task = state.taskByPid(seen.pid);
  if (!task) return { nonsense: `unknown task ${seen.pid} exited` };
  const { container } = task;
  const fact: Fact = {
    type: 'exit',
    task: task.id,
    code: (seen.status >> 8) & 0xff,
    signal: seen.status & 0x7f,
    cpuUs: seen.cpuUs,
    peakBytes: seen.peakBytes,
    certainty: 'known',
  };
  const left = container.tasks.size - 1;
  const last = task.mirrored.filter((place) => place.tasks.size === 1);
  if (left > 0 && last.length === 0) return [fact];
  const shifts: Shifts = new Map();
  for (const place of last) shift(shifts, place, undefined);
  const releases = left > 0 ? [] : releaseOf(container, left, container.children.size, 'exit', task.id);
  return [fact, ...releases, ...populationFacts(shifts)];
}

/**
 * An exec by a thread that is not the leader comes after the leader's exit (de_thread in fs/exec.c): the
 * caller keeps its identity and takes the leader's pid, and its old one never exits. It gives that up some
 * time before its exec is seen, and by then it may be another task's.
 */
function exec(state: Hierarchy, seen: ExecSeen): Observed {
  const task = executing(state, seen);
  if (!task) return { nonsense: `unknown task ${seen.oldPid} executed a program` };
  // After an exec a task leads its process, and only one that was not the leader has a new start time.
  if (task.tgid !== seen.pid || (seen.pid === seen.oldPid && task.startTicks !== seen.startTicks)) {
    return { nonsense: `the pid ${seen.oldPid} is another task's by now` };
  }
  if (seen.pid !== seen.oldPid && state.taskByPid(seen.pid)) {
    return { nonsense: `task ${seen.oldPid} takes the pid ${seen.pid} of a task that lives` };
  }
  const { pid, startTicks, comm, program, commandLine } = seen;
  const fact: Fact = { type: 'exec', task: task.id, pid, startTicks, comm, program };
  return commandLine ? [fact, { type: 'cmdline', task: task.id, ...commandLine }] : [fact];
}

/** The task that did it: of those that have or had its old pid, the one that leads its process from now on. */
function executing(state: Hierarchy, { pid, oldPid }: ExecSeen): Task | undefined {
  const holder = state.taskByPid(oldPid);
  if (pid === oldPid || holder?.tgid === pid) return holder;
  return state.threadsOf(pid).find((thread) => thread.pid === oldPid) ?? holder;
}

/** Whether a task may be in the middle of an exec by which it takes its leader's place: all others are gone. */
function maySucceed(state: Hierarchy, task: Task): boolean {
  return task.pid !== task.tgid && state.threadsOf(task.tgid).length === 1;
}

function comm(state: Hierarchy, seen: CommSeen): Observed {
  const task = state.taskByPid(seen.pid);
  if (!task) return { nonsense: `unknown task ${seen.pid} changed its name` };
  return task.comm === seen.comm ? [] : [{ type: 'comm', task: task.id, comm: seen.comm }];
}

function uid(state: Hierarchy, seen: UidSeen): Observed {
  const task = state.taskByPid(seen.pid);
  if (!task) return { nonsense: `unknown task ${seen.pid} changed its uid` };
  if (task.uid === seen.uid && task.suid === seen.suid) return [];
  return [{ type: 'uid', task: task.id, uid: seen.uid, suid: seen.suid }];
}

function oom(state: Hierarchy, seen: OomSeen): Observed {
  const task = state.taskByPid(seen.pid);
  if (!task) return { nonsense: `unknown task ${seen.pid} is to be killed` };
  return [{ type: 'oom', task: task.id }];
}
