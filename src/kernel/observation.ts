/**
 * Observations: what a source saw happen on the machine. They have happened already, so `decide` never
 * refuses one; it may find that one makes no sense, and then a fresh look at the machine follows.
 *
 * `bootUs` is the kernel's BOOTTIME in microseconds. Observations come in the source's queue order, which
 * is not the order of their times.
 */
import type { Bytes } from '../../events/bytes.ts';
import type { CommandLine } from '../../events/event.ts';

/**
 * A group of a cgroup hierarchy, as the kernel numbers them: `hierarchy` is one mounted instance (0 is v2),
 * `group` the kernfs id, which is the inode number of its directory. Both are never reused within a boot.
 */
export interface GroupId {
  readonly hierarchy: number;
  readonly group: number;
}

/** What a source knows of a task when it is born or looked at. */
export interface TaskSeen {
  /** Thread id in the initial pid namespace. */
  readonly pid: number;
  /** Thread group: the pid of its leader. */
  readonly tgid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTicks: number;
  /** Real user id. */
  readonly uid: number;
  /** Saved user id. */
  readonly suid: number;
  readonly comm: Bytes;
  /**
   * The pid of the thread that forked it, or, where only /proc was asked, of its real parent; 0 for none.
   */
  readonly parentPid: number;
  /** The container of tasktrail's own tree that the kernel has it in; 0 for the root, absent where nobody knows. */
  readonly place?: number;
  /** The group it is in, in each hierarchy that the source mirrors; absent where it mirrors none. */
  readonly groups?: readonly GroupId[];
  /** In some of these its group could not be found, and is missing from `groups`. */
  readonly unplaced?: true;
  /** Of a leader that was looked at. */
  readonly commandLine?: CommandLine;
}

/** What a source knows of a cgroup hierarchy that it mirrors, as a whole look shows it. */
export interface HierarchySeen {
  readonly hierarchy: number;
  /** `v2`, a controller's name, or `name=…`. */
  readonly name: Bytes;
  /** Where it is mounted. */
  readonly mountPoint: Bytes;
  /** All groups, parents before children; the first is the root, whose parent is 0. */
  readonly groups: readonly GroupSeen[];
}

export interface GroupSeen {
  readonly group: number;
  readonly parent: number;
  readonly name: Bytes;
}

/** The task that did something to a group. */
export interface Doer {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface ForkSeen extends TaskSeen {
  readonly type: 'fork';
  readonly bootUs: number;
}

/** A program was executed. `oldPid` differs from `pid` when a thread that is not the leader did it. */
export interface ExecSeen {
  readonly type: 'exec';
  readonly bootUs: number;
  readonly pid: number;
  readonly oldPid: number;
  /** Of the task after the exec: a thread that is not the leader takes its leader's. */
  readonly startTicks: number;
  readonly comm: Bytes;
  readonly program: Bytes;
  readonly commandLine?: CommandLine;
}

/** `status` as wait(2) gives it: signal in the low 7 bits, exit code in the next byte. */
export interface ExitSeen {
  readonly type: 'exit';
  readonly bootUs: number;
  readonly pid: number;
  readonly status: number;
  /** CPU time used, user and system, microseconds; 0 where the source cannot tell. */
  readonly cpuUs: number;
  /** The most memory that the process has had resident, bytes; 0 unless its last task exits. */
  readonly peakBytes: number;
}

export interface CommSeen {
  readonly type: 'comm';
  readonly bootUs: number;
  readonly pid: number;
  readonly comm: Bytes;
}

export interface UidSeen {
  readonly type: 'uid';
  readonly bootUs: number;
  readonly pid: number;
  readonly uid: number;
  readonly suid: number;
}

/** The kernel has chosen a task to be killed because memory ran out. */
export interface OomSeen {
  readonly type: 'oom';
  readonly bootUs: number;
  readonly pid: number;
}

export interface GroupMadeSeen extends GroupId {
  readonly type: 'groupMade';
  readonly bootUs: number;
  readonly parent: number;
  readonly name: Bytes;
  readonly by: Doer;
}

export interface GroupRemovedSeen extends GroupId {
  readonly type: 'groupRemoved';
  readonly bootUs: number;
  readonly by: Doer;
}

export interface GroupRenamedSeen extends GroupId {
  readonly type: 'groupRenamed';
  readonly bootUs: number;
  readonly name: Bytes;
  readonly by: Doer;
}

/** A task, or with `whole` every thread of its process, was moved into a group. */
export interface MovedSeen extends GroupId {
  readonly type: 'moved';
  readonly bootUs: number;
  readonly pid: number;
  readonly tgid: number;
  readonly whole: boolean;
  readonly by: Doer;
}

/** A mirrored hierarchy is no more. */
export interface HierarchyGoneSeen {
  readonly type: 'hierarchyGone';
  readonly bootUs: number;
  readonly hierarchy: number;
}

/** From here on these hierarchies are mirrored, and no others. What is in those that have come is for a look to say. */
export interface MirrorsSeen {
  readonly type: 'mirrors';
  readonly bootUs: number;
  readonly hierarchies: readonly number[];
}

/**
 * All tasks, as a source that can do no more than look has found them. What has changed since it looked before happened
 * in between.
 */
export interface LookedSeen {
  readonly type: 'looked';
  readonly bootUs: number;
  readonly tasks: readonly TaskSeen[];
}

export type TaskObservation = ForkSeen | ExecSeen | ExitSeen | CommSeen | UidSeen | OomSeen;
export type GroupObservation =
  | GroupMadeSeen
  | GroupRemovedSeen
  | GroupRenamedSeen
  | MovedSeen
  | HierarchyGoneSeen;
export type Observation = TaskObservation | GroupObservation | MirrorsSeen | LookedSeen;
