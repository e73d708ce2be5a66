/**
 * The event union: everything tasktrail remembers. A *fact* is what `decide` found to have happened; an
 * *event* is a fact with its place in the log. Facts are plain frozen data and hold no behaviour.
 *
 * Ids of tasks and containers are dense, given out in log order and never reused; 0 means "none". Pids
 * are thread ids as the machine knows them. Names, paths, comms and program paths are byte strings.
 */
import type { Bytes } from './bytes.ts';

/** How the recorder came to know: seen happening, concluded from a later look, or not to be concluded. */
export type Certainty = 'known' | 'inferred' | 'unknown';

/**
 * Who gave a command or changed a kernel's group, by the kernel's word, never by the client's. `uid` and `gid` are the
 * effective ones of who gives a command, and the real ones of who changes a group.
 */
export interface By {
  /** Task id, 0 where the recorder does not know the task. */
  readonly task: number;
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

// The recording and its source.

/** The first event of every recording. `id` is a nanoid; `version` is the tasktrail that began it. */
export interface RecordingFact {
  readonly type: 'recording';
  readonly id: string;
  readonly version: string;
}

/** A source records from here on. `blind` says in words what it cannot see; empty when nothing. */
export interface SourceFact {
  readonly type: 'source';
  readonly name: string;
  readonly bootId: string;
  readonly blind: string;
}

/**
 * The recorder stopped in order. What follows, until the next `source`, the kernel has held for the one who came
 * after; a `gap` behind that says where it has not.
 */
export interface StopFact {
  readonly type: 'stop';
}

/**
 * A tree appears, with its root container. Tree 0 is tasktrail's own; the others mirror a cgroup hierarchy of
 * the machine: `name` is `v2`, a controller's such as `cpuset`, or `name=systemd`.
 */
export interface TreeFact {
  readonly type: 'tree';
  readonly tree: number;
  readonly name: Bytes;
  readonly container: number;
  /** The kernel's id of the hierarchy (0 is v2), one instance of it; 0 in our own tree. */
  readonly hierarchy: number;
  /** The kernel's id of the root group (kernfs id); 0 in our own tree. */
  readonly group: number;
  /** Where the hierarchy was mounted; empty for our own tree. */
  readonly mountPoint: Bytes;
}

/** A mirrored tree is gone: its hierarchy was unmounted for good, or is not mirrored any more. */
export interface UntreeFact {
  readonly type: 'untree';
  readonly tree: number;
}

/** From here on, boot-clock time plus `offsetUs` is wall-clock time (microseconds since the epoch). */
export interface ClockFact {
  readonly type: 'clock';
  readonly offsetUs: number;
}

export type GapReason = 'overflow' | 'stopped' | 'nonsense' | 'unplaced' | 'unsound' | 'full';

/** Between `sinceUs` (wall-clock microseconds) and this event things happened that were not seen. */
export interface GapFact {
  readonly type: 'gap';
  readonly reason: GapReason;
  /** Observations the source counted as lost, or events that were; 0 where it cannot be told. */
  readonly lost: number;
  readonly sinceUs: number;
  /**
   * What did not make sense, whose groups were not found, why nothing was recorded, or which part of the log was not what
   * was written, in words; else empty.
   */
  readonly detail: string;
}

/**
 * The recorder was late: something that was due had to wait for `lengthUs` (microseconds), up to this event.
 * What happened meanwhile was queued, and is recorded.
 */
export interface StallFact {
  readonly type: 'stall';
  readonly lengthUs: number;
}

// Tasks.

/** A task met by looking at the machine, not by its fork. */
export interface AdoptFact {
  readonly type: 'adopt';
  readonly task: number;
  /** The task that forked it, where that is known; else 0. */
  readonly parent: number;
  readonly container: number;
  /** The containers that it is in in the mirrored trees, one for each in which that could be told. */
  readonly mirrored: readonly number[];
  readonly pid: number;
  readonly tgid: number;
  /** Clock ticks (1/100 s) since boot: with pid and boot id this names the task on the machine. */
  readonly startTicks: number;
  readonly uid: number;
  readonly suid: number;
  readonly comm: Bytes;
  readonly certainty: Certainty;
}

/** A task is born into the containers of the thread that forked it. */
export interface ForkFact {
  readonly type: 'fork';
  readonly task: number;
  readonly parent: number;
  /**
   * Of mirrored trees, the containers that it is born into instead: by clone3 with CLONE_INTO_CGROUP, where its parent
   * has been moved and that is not told yet, and where nothing is known of the parent's place.
   */
  readonly into: readonly number[];
  readonly pid: number;
  readonly tgid: number;
  readonly startTicks: number;
  readonly uid: number;
  readonly suid: number;
  readonly comm: Bytes;
}

/**
 * A task runs another program. `pid` and `startTicks` are its own from here on: a thread that is not the
 * leader takes over both of them from its leader when it execs (de_thread in the kernel's fs/exec.c).
 */
export interface ExecFact {
  readonly type: 'exec';
  readonly task: number;
  readonly pid: number;
  readonly startTicks: number;
  readonly comm: Bytes;
  readonly program: Bytes;
}

/** The command line of a process: its arguments, with a zero byte between two of them. */
export interface CommandLine {
  readonly arguments: Bytes;
  /** There was more than is kept. */
  readonly cut: boolean;
}

/** The command line of the process that a task leads; recorded only where that was asked for. */
export interface CmdlineFact extends CommandLine {
  readonly type: 'cmdline';
  readonly task: number;
}

export interface CommFact {
  readonly type: 'comm';
  readonly task: number;
  readonly comm: Bytes;
}

/** A task's real and saved user ids change. */
export interface UidFact {
  readonly type: 'uid';
  readonly task: number;
  readonly uid: number;
  readonly suid: number;
}

/** A task ends: with `code` (0–255), or by `signal` (1–64, else 0). All numbers are 0 where inferred. */
export interface ExitFact {
  readonly type: 'exit';
  readonly task: number;
  readonly code: number;
  readonly signal: number;
  /** CPU time that it has used, user and system, microseconds. */
  readonly cpuUs: number;
  /** The most memory its process has had resident, bytes; told by its process's last task, else 0. */
  readonly peakBytes: number;
  readonly certainty: Certainty;
}

// Containers.

/** In a mirrored tree mode, owner and flag are 0 and false: they are the kernel's to tell. */
export interface MkdirFact {
  readonly type: 'mkdir';
  readonly container: number;
  readonly parent: number;
  readonly name: Bytes;
  /** The kernel's id of the group (kernfs id); 0 in our own tree. */
  readonly group: number;
  /** Permission bits with the sticky bit, 0–01777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly notify: boolean;
  readonly by: By;
}

export interface RmdirFact {
  readonly type: 'rmdir';
  readonly container: number;
  readonly by: By;
}

export interface RenameFact {
  readonly type: 'rename';
  readonly container: number;
  readonly name: Bytes;
  readonly by: By;
}

/**
 * A task moves into `container`, out of the one it was in. Where it has had no place in the tree, as every task when
 * another hierarchy begins to be mirrored, it has not moved: this only says where it is.
 */
export interface AttachFact {
  readonly type: 'attach';
  readonly task: number;
  readonly container: number;
  readonly by: By;
  readonly certainty: Certainty;
}

/** notify_on_release is set on or off. */
export interface FlagFact {
  readonly type: 'flag';
  readonly container: number;
  readonly on: boolean;
  readonly by: By;
}

/** The things of a container that carry a mode and an owner. Only the root of our own tree has a `release_agent`. */
export type Node = 'directory' | 'tasks' | 'notify_on_release' | 'release_agent';

/** Those of them that are written to. */
export type File = Exclude<Node, 'directory'>;

export interface AttrFact {
  readonly type: 'attr';
  readonly container: number;
  readonly node: Node;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly by: By;
}

/**
 * A mirrored container has its first task, in itself or below, after it had none. Each begins with none, also where a
 * look finds it with tasks in it. Roots are never told.
 */
export interface PopulatedFact {
  readonly type: 'populated';
  readonly container: number;
}

/** A mirrored container has no task any more, neither in itself nor below. Not told of what goes with its tree. */
export interface EmptyFact {
  readonly type: 'empty';
  readonly container: number;
}

/**
 * What its runtime calls a mirrored container, beside the id in its path: `web-1`, or for kubernetes
 * `namespace/pod/container`.
 */
export interface NameFact {
  readonly type: 'name';
  readonly container: number;
  readonly name: Bytes;
}

/** The kernel chose this task to be killed because memory ran out. */
export interface OomFact {
  readonly type: 'oom';
  readonly task: number;
}

// Release.

export type ReleaseCause = 'exit' | 'attach' | 'rmdir' | 'look';

/** The zero-count event: `container` fell empty, under `path`; `task` left it last (0: none did). */
export interface ReleaseFact {
  readonly type: 'release';
  readonly container: number;
  readonly path: Bytes;
  readonly cause: ReleaseCause;
  readonly task: number;
}

/** From here on the release agent is this program, an absolute path; until the first of these, the patch's own. */
export interface AppointFact {
  readonly type: 'appoint';
  readonly program: Bytes;
  readonly by: By;
}

/** The release agent is about to be started for the release at seq `release`; attempts count from 1. */
export interface AgentFact {
  readonly type: 'agent';
  readonly release: number;
  readonly attempt: number;
  readonly program: Bytes;
}

/** How that attempt ended: by `code`, by `signal`, or it could not start (`error`, an errno name). */
export interface OutcomeFact {
  readonly type: 'outcome';
  readonly release: number;
  readonly attempt: number;
  readonly code: number;
  readonly signal: number;
  readonly error: string;
}

/** The release at seq `release` is not attempted again: its container is in use or gone. */
export interface StaleFact {
  readonly type: 'stale';
  readonly release: number;
}

// Refusals.

/** A command was refused and changed nothing. `saw` is what stood in its way, in words. */
export interface RefusedFact {
  readonly type: 'refused';
  readonly command: string;
  readonly path: Bytes;
  readonly errno: string;
  readonly saw: string;
  readonly by: By;
}

/** `count` further refusals of this uid were not recorded one by one. */
export interface SuppressedFact {
  readonly type: 'suppressed';
  readonly uid: number;
  readonly count: number;
}

export type Fact =
  | RecordingFact
  | SourceFact
  | StopFact
  | TreeFact
  | UntreeFact
  | ClockFact
  | GapFact
  | StallFact
  | AdoptFact
  | ForkFact
  | ExecFact
  | CmdlineFact
  | CommFact
  | UidFact
  | ExitFact
  | MkdirFact
  | RmdirFact
  | RenameFact
  | AttachFact
  | FlagFact
  | AttrFact
  | PopulatedFact
  | EmptyFact
  | NameFact
  | OomFact
  | ReleaseFact
  | AgentFact
  | OutcomeFact
  | StaleFact
  | AppointFact
  | RefusedFact
  | SuppressedFact;

export type EventType = Fact['type'];

/** A fact's place in the log. */
export interface Envelope {
  /** Dense, from 1. It alone orders events. */
  readonly seq: number;
  /** Microseconds since the epoch, never decreasing over the log. */
  readonly timeUs: number;
  /** What the kernel's own clock said, as a difference to `timeUs`: 0 or below, in microseconds. */
  readonly skewUs: number;
}

export type Event = Fact & Envelope;
