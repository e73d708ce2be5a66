/**
 * Observations: what a source saw happen on the machine. They have happened already, so `decide` never
 * refuses one; it may find that one makes no sense, and then a fresh look at the machine follows.
 *
 * `bootUs` is the kernel's BOOTTIME in microseconds. Observations come in the source's queue order, which
 * is not the order of their times.
 */
import type { Bytes } from '../../events/bytes.ts';

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
}

/** `status` as wait(2) gives it: signal in the low 7 bits, exit code in the next byte. */
export interface ExitSeen {
  readonly type: 'exit';
  readonly bootUs: number;
  readonly pid: number;
  readonly status: number;
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

export type Observation = ForkSeen | ExecSeen | ExitSeen | CommSeen | UidSeen;
