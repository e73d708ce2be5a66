/**
 * A fake machine for simulations: processes and threads with pids from a small space that wraps, so that
 * pids are used again all the time. It does what Linux does as far as a source can see it, and hands out
 * what a source would see, in the order of its queue. It knows nothing of containers.
 */
import type { Bytes } from '../../events/bytes.ts';
import type { Observation, TaskSeen } from '../../src/kernel/observation.ts';
import type { Random } from '../../src/random.ts';

export interface Thread {
  pid: number;
  startTicks: number;
  uid: number;
  suid: number;
  comm: Bytes;
  readonly process: Process;
}

/** A thread group. Without a living thread it is a zombie, and has its pid until it is reaped. */
export interface Process {
  readonly tgid: number;
  /** The start of its first leader, which every later leader takes over. */
  readonly startTicks: number;
  parent: Process | undefined;
  /** The living threads. */
  threads: Thread[];
}

/** How crowded and how cramped a machine is. */
export interface MachineOptions {
  /** Pids are from 1 to this. */
  readonly pidLimit: number;
  /** About how many threads live at a time. */
  readonly threadLimit: number;
  /** Users that tasks belong to, beside root. */
  readonly uids: readonly number[];
}

const comms: readonly Bytes[] = [
  'sh',
  'sleep',
  'make -j2',
  'caf\xc3\xa9',
  '\xff\xfe',
  'a\nb',
  'fifteen-letters',
];
const programs: readonly Bytes[] = ['/bin/sh', '/usr/bin/make', '/opt/\xe9\xff/run', '', '/tmp/a b'];

export class Machine {
  readonly #random: Random;
  readonly #options: MachineOptions;
  #init: Process;
  #processes: Process[];
  #lastPid = 0;
  #ticks = 1;
  /** When each pid was last given out: the machine is never so fast that one comes back within its tick. */
  readonly #givenTicks = new Map<number, number>();

  /** A machine that has just started: one process, with the pid 1. */
  constructor(random: Random, options: MachineOptions) {
    this.#random = random;
    this.#options = options;
    this.#init = this.#firstProcess();
    this.#processes = [this.#init];
  }

  get threadCount(): number {
    return this.#processes.reduce((count, process) => count + process.threads.length, 0);
  }

  /** The living threads. */
  threads(): Thread[] {
    return this.#processes.flatMap((process) => process.threads);
  }

  /** One of the living threads. */
  anyThread(): Thread {
    let at = this.#random.below(this.threadCount);
    for (const process of this.#processes) {
      const thread = process.threads[at];
      if (thread !== undefined) return thread;
      at -= process.threads.length;
    }
    throw new Error('impossible state: there is always init');
  }

  /** Something happens somewhere. Returns what a source would see of it; nothing for what it cannot see. */
  step(): Observation[] {
    const random = this.#random;
    if (random.chance(0.2)) this.#ticks++;
    if (random.chance(0.3)) this.#reap();
    const thread = this.anyThread();
    const isCrowded = random.chance(this.threadCount / this.#options.threadLimit / 2);
    const dice = random.below(100);
    if (dice < 45) return isCrowded ? this.#exit(thread) : this.#fork(thread);
    if (dice < 70) return isCrowded ? this.#exit(thread) : this.#clone(thread);
    if (dice < 84) return this.#exitGroup(thread.process);
    if (dice < 92) return this.#exec(thread);
    if (dice < 96) return [this.#changeUid(thread)];
    return [this.#changeComm(thread)];
  }

  /** Every task that exists, as /proc lists them: by process, then by thread. Zombies are left out. */
  scan(): TaskSeen[] {
    return [...this.#processes]
      .sort((a, b) => a.tgid - b.tgid)
      .flatMap(({ parent, threads }) =>
        [...threads].sort((a, b) => a.pid - b.pid).map((thread) => seenOf(thread, parent?.tgid ?? 0)),
      );
  }

  /** Starts anew: all that was is gone, unseen. */
  reboot(): void {
    this.#ticks = 1;
    this.#lastPid = 0;
    this.#givenTicks.clear();
    this.#processes = [];
    this.#init = this.#firstProcess();
    this.#processes = [this.#init];
    for (let i = 0; i < 20; i++) this.step();
  }

  #firstProcess(): Process {
    const ticks = this.#ticks;
    const process: Process = { tgid: 1, startTicks: ticks, parent: undefined, threads: [] };
    process.threads.push(threadOf(process, 1, ticks, 0, 0, 'init'));
    return process;
  }

  #fork(caller: Thread): Observation[] {
    const pid = this.#takePid();
    if (pid === undefined) return [];
    // With CLONE_PARENT the child becomes its caller's sibling. The caller is still who forked it.
    const isSibling = this.#random.chance(0.1) && caller.process.parent !== undefined;
    const parent = isSibling ? caller.process.parent : caller.process;
    const process: Process = { tgid: pid, startTicks: this.#ticks, parent, threads: [] };
    this.#processes.push(process);
    return [this.#born(process, pid, caller)];
  }

  #clone(caller: Thread): Observation[] {
    const pid = this.#takePid();
    return pid === undefined ? [] : [this.#born(caller.process, pid, caller)];
  }

  #born(process: Process, pid: number, caller: Thread): Observation {
    const thread = threadOf(process, pid, this.#ticks, caller.uid, caller.suid, caller.comm);
    process.threads.push(thread);
    return { type: 'fork', bootUs: this.#bootUs(), ...seenOf(thread, caller.pid) };
  }

  /** By whichever thread: all others exit first, its leader among them, whose pid and start it takes. */
  #exec(caller: Thread): Observation[] {
    const { process } = caller;
    const others = this.#shuffled(process.threads.filter((thread) => thread !== caller));
    const seen = others.map((thread) => this.#end(thread, 9));
    const oldPid = caller.pid;
    caller.pid = process.tgid;
    caller.startTicks = process.startTicks;
    caller.comm = this.#random.pick(comms);
    // Its old pid is free before its exec is seen, and may be taken at once.
    const other = this.anyThread();
    if (oldPid !== caller.pid && other !== caller && this.#random.chance(0.3)) {
      this.#lastPid = oldPid - 1;
      seen.push(...this.#fork(other));
    }
    const { pid, startTicks, comm } = caller;
    const program = this.#random.pick(programs);
    seen.push({ type: 'exec', bootUs: this.#bootUs(), pid, oldPid, startTicks, comm, program });
    return seen;
  }

  /** One thread ends; a leader may do so before the others. Init never ends altogether. */
  #exit(thread: Thread): Observation[] {
    const { process } = thread;
    if (process === this.#init && thread.pid === this.#init.tgid) return [];
    const seen = [this.#end(thread, this.#status())];
    if (process.threads.length === 0) this.#orphan(process);
    return seen;
  }

  #exitGroup(process: Process): Observation[] {
    if (process === this.#init) return [];
    const status = this.#status();
    const seen = this.#shuffled(process.threads).map((thread) => this.#end(thread, status));
    this.#orphan(process);
    return seen;
  }

  #end(thread: Thread, status: number): Observation {
    thread.process.threads = thread.process.threads.filter((other) => other !== thread);
    return { type: 'exit', bootUs: this.#bootUs(), pid: thread.pid, status, cpuUs: 0, peakBytes: 0 };
  }

  #orphan(parent: Process): void {
    for (const process of this.#processes) if (process.parent === parent) process.parent = this.#init;
  }

  /** Zombies go, and their pids may come back. */
  #reap(): void {
    this.#processes = this.#processes.filter(({ threads }) => threads.length > 0 || this.#random.chance(0.3));
  }

  #changeUid(thread: Thread): Observation {
    const uids = [0, ...this.#options.uids];
    thread.uid = this.#random.pick(uids);
    thread.suid = this.#random.chance(0.5) ? thread.uid : this.#random.pick(uids);
    const { pid, uid, suid } = thread;
    return { type: 'uid', bootUs: this.#bootUs(), pid, uid, suid };
  }

  #changeComm(thread: Thread): Observation {
    thread.comm = this.#random.pick(comms);
    return { type: 'comm', bootUs: this.#bootUs(), pid: thread.pid, comm: thread.comm };
  }

  /** The next free pid, as the kernel gives them out: upwards, then again from the bottom. */
  #takePid(): number | undefined {
    const { pidLimit } = this.#options;
    for (let tried = 0; tried < pidLimit; tried++) {
      this.#lastPid = (this.#lastPid % pidLimit) + 1;
      if (this.#isUsed(this.#lastPid)) continue;
      if (this.#givenTicks.get(this.#lastPid) === this.#ticks) this.#ticks++;
      this.#givenTicks.set(this.#lastPid, this.#ticks);
      return this.#lastPid;
    }
    return undefined;
  }

  #isUsed(pid: number): boolean {
    return this.#processes.some(
      ({ tgid, threads }) => tgid === pid || threads.some((thread) => thread.pid === pid),
    );
  }

  /** Times of several CPUs run backwards against the queue's order. */
  #bootUs(): number {
    return this.#ticks * 10_000 - this.#random.below(this.#random.chance(0.1) ? 5000 : 10);
  }

  #status(): number {
    const { below, chance, pick } = this.#random;
    if (chance(0.7)) return pick([0, 0, 1, below(256)]) << 8;
    return pick([9, 15, 11 | 0x80, 1 + below(64)]);
  }

  #shuffled<T>(items: readonly T[]): T[] {
    const rest = [...items];
    const shuffled: T[] = [];
    while (rest.length > 0) shuffled.push(...rest.splice(this.#random.below(rest.length), 1));
    return shuffled;
  }
}

function threadOf(
  process: Process,
  pid: number,
  startTicks: number,
  uid: number,
  suid: number,
  comm: Bytes,
): Thread {
  return { process, pid, startTicks, uid, suid, comm };
}

function seenOf(thread: Thread, parentPid: number): TaskSeen {
  const { pid, startTicks, uid, suid, comm, process } = thread;
  return { pid, tgid: process.tgid, startTicks, uid, suid, comm, parentPid };
}
