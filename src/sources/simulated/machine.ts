/**
 * A machine that is made up: its tasks, their pids, and what can happen to them. Whatever happens is queued
 * as a source would see it. When and why is the workload's affair; time is what `nowUs` says.
 *
 * It does what Linux does, as far as a source can see it: pids are given out in turn from a range that wraps,
 * never one that a task or a thread group still has; a process that ends takes its threads with it; who is
 * left behind becomes a child of init.
 */
import { strict as assert } from 'node:assert';
import type { Bytes } from '../../../events/bytes.ts';
import type { Observation, TaskSeen } from '../../ports.ts';

/** A task of the machine: a process's leader or one of its threads. */
export interface Thread {
  readonly pid: number;
  readonly tgid: number;
  readonly alive: boolean;
}

interface ThreadNode extends Writable<TaskSeen> {
  alive: boolean;
  readonly bornUs: number;
}
type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

const initPid = 1;
/** As on Linux, the lowest pids are not given out again after the first round (RESERVED_PIDS). */
const firstPid = 300;
/** A task's name holds so many bytes (TASK_COMM_LEN without its NUL). */
const commLimitBytes = 15;
const microsecondsPerTick = 10_000;
const pageBytes = 4096;

export class SimulatedMachine {
  /** BOOTTIME, microseconds; never set back. */
  nowUs: number;
  readonly #pidLimit: number;
  readonly #threads = new Map<number, ThreadNode>();
  readonly #queue: Observation[] = [];
  #lastPid = firstPid - 1;

  /** A machine with nothing but init. Pids stay below `pidLimit`. */
  constructor(nowUs: number, pidLimit: number) {
    this.nowUs = nowUs;
    this.#pidLimit = pidLimit;
    const init = { pid: initPid, tgid: initPid, parentPid: 0, uid: 0, suid: 0, comm: 'systemd', alive: true };
    this.#threads.set(initPid, { ...init, startTicks: this.#ticks(), bornUs: nowUs });
  }

  get init(): Thread {
    return this.#alive(initPid);
  }

  /** How many tasks exist. */
  get size(): number {
    return this.#threads.size;
  }

  /** How many observations are queued. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Takes everything out of the queue. */
  takeQueued(): Observation[] {
    return this.#queue.splice(0);
  }

  /** The pids of all tasks that exist, in no particular order. */
  pids(): number[] {
    return [...this.#threads.keys()];
  }

  look(pid: number): TaskSeen | undefined {
    const thread = this.#threads.get(pid);
    if (!thread) return undefined;
    const { alive: _alive, bornUs: _bornUs, ...seen } = thread;
    return seen;
  }

  /** A new process, which is its parent's image until it executes a program. */
  fork(parent: Thread): Thread {
    const { uid, suid, comm } = this.#alive(parent.pid);
    const pid = this.#freePid();
    return this.#bear({ pid, tgid: pid, parentPid: parent.pid, uid, suid, comm });
  }

  /** A new thread in the process of `maker`. */
  clone(maker: Thread): Thread {
    const { tgid, uid, suid, comm } = this.#alive(maker.pid);
    return this.#bear({ pid: this.#freePid(), tgid, parentPid: maker.pid, uid, suid, comm });
  }

  /**
   * The thread's process runs another program, and has no other thread after it. A thread that is not the
   * leader takes its leader's place and start time; the returned thread stands for it from then on.
   */
  exec(thread: Thread, program: Bytes): Thread {
    const caller = this.#alive(thread.pid);
    const leader = this.#alive(caller.tgid);
    for (const other of this.#processOf(caller.tgid)) if (other !== caller) this.#end(other, 0);
    const oldPid = caller.pid;
    this.#threads.delete(oldPid);
    caller.pid = leader.pid;
    caller.parentPid = leader.parentPid;
    caller.startTicks = leader.startTicks;
    caller.comm = commOf(program);
    this.#threads.set(caller.pid, caller);
    const { pid, startTicks, comm } = caller;
    this.#queue.push({ type: 'exec', bootUs: this.nowUs, pid, oldPid, startTicks, comm, program });
    return caller;
  }

  /** The process ends with a code (0–255), and all of its threads with it. */
  exit(process: Thread, code: number): void {
    this.#endProcess(process, code << 8);
  }

  /** The process is ended by a signal (1–64). */
  kill(process: Thread, signal: number): void {
    this.#endProcess(process, signal);
  }

  /** One thread that is not the leader ends. */
  exitThread(thread: Thread): void {
    assert(thread.pid !== thread.tgid, 'a leader ends with its process');
    this.#end(this.#alive(thread.pid), 0);
  }

  /** The thread gives itself a name. */
  rename(thread: Thread, comm: Bytes): void {
    const { pid } = thread;
    this.#alive(pid).comm = comm.slice(0, commLimitBytes);
    this.#queue.push({ type: 'comm', bootUs: this.nowUs, pid, comm: comm.slice(0, commLimitBytes) });
  }

  /** The process becomes another user's, for good. */
  setUid(process: Thread, uid: number): void {
    for (const thread of this.#processOf(process.tgid)) {
      thread.uid = uid;
      thread.suid = uid;
      this.#queue.push({ type: 'uid', bootUs: this.nowUs, pid: thread.pid, uid, suid: uid });
    }
  }

  /** As in /proc, a task's parent is a process from then on, whichever thread of it made the task. */
  #bear(task: Omit<TaskSeen, 'startTicks'>): Thread {
    const born = { ...task, startTicks: this.#ticks() };
    const parentPid = this.#alive(task.parentPid).tgid;
    const thread = { ...born, parentPid, alive: true, bornUs: this.nowUs };
    this.#threads.set(thread.pid, thread);
    this.#queue.push({ type: 'fork', bootUs: this.nowUs, ...born });
    return thread;
  }

  #endProcess({ tgid }: Thread, status: number): void {
    const threads = this.#processOf(tgid);
    for (const thread of threads) if (thread.pid !== tgid) this.#end(thread, status);
    this.#end(this.#alive(tgid), status);
  }

  #end(thread: ThreadNode, status: number): void {
    thread.alive = false;
    this.#threads.delete(thread.pid);
    const { pid, comm } = thread;
    const isLast = this.#processOf(thread.tgid).length === 0;
    const cpuUs = Math.floor((this.nowUs - thread.bornUs) * busyShareOf(comm));
    const peakBytes = isLast ? peakBytesOf(comm) : 0;
    this.#queue.push({ type: 'exit', bootUs: this.nowUs, pid, status, cpuUs, peakBytes });
    if (!isLast) return;
    for (const other of this.#threads.values()) {
      if (other.parentPid === thread.tgid) other.parentPid = initPid;
    }
  }

  #processOf(tgid: number): ThreadNode[] {
    return [...this.#threads.values()].filter((thread) => thread.tgid === tgid);
  }

  #alive(pid: number): ThreadNode {
    const thread = this.#threads.get(pid);
    assert(thread, `the simulated task ${pid} lives`);
    return thread;
  }

  #freePid(): number {
    assert(this.size < this.#pidLimit - firstPid, 'a simulated machine has more pids than tasks');
    do {
      this.#lastPid = this.#lastPid + 1 < this.#pidLimit ? this.#lastPid + 1 : firstPid;
    } while (this.#threads.has(this.#lastPid));
    return this.#lastPid;
  }

  #ticks(): number {
    return Math.floor(this.nowUs / microsecondsPerTick);
  }
}

function commOf(program: Bytes): Bytes {
  return program.slice(program.lastIndexOf('/') + 1).slice(0, commLimitBytes);
}

/** The part of its life that a task of this name has spent on a CPU: up to a half, the same for all of them. */
function busyShareOf(comm: Bytes): number {
  return (digestOf(comm) % 51) / 100;
}

/** From 1 to 65 MiB, in whole pages. */
function peakBytesOf(comm: Bytes): number {
  return pageBytes * (256 + (digestOf(comm) % 16_385));
}

/** A number that a name always gives, from 0 to 2³²−1. */
function digestOf(name: Bytes): number {
  let digest = 0;
  for (let i = 0; i < name.length; i++) digest = (Math.imul(digest, 31) + name.charCodeAt(i)) >>> 0;
  return digest;
}
