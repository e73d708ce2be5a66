/**
 * The tracker: messages of the connector in, observations out. A message leaves much out (a child's name and users,
 * which thread made another, who it was that executed a program), and an exit's may come late: so it remembers what
 * is known of every living task, asks /proc for the rest, and holds back what can only be told after a late exit.
 *
 * In the kernel an exit is told only after the parent has been (kernel/exit.c: do_exit). So a pid can be born again,
 * and a thread can take its leader's place, before the exit that made way for it has come; it is on its way then.
 */
import type { Bytes } from '../../../events/bytes.ts';
import type { CommandLine } from '../../../events/event.ts';
import type { Observation, TaskSeen } from '../../ports.ts';
import type { Message } from './message.ts';

/** What /proc tells of a task now, for what no message tells. */
export interface Witness {
  /** Undefined where there is no such task, or it is exiting. */
  look(pid: number): TaskSeen | undefined;
  /** The path of what a task executes; empty where that cannot be told. */
  program(pid: number): Bytes;
  /** Of a process; undefined where it has none, or none is to be told. */
  commandLine(pid: number): CommandLine | undefined;
}

type See = (observation: Observation) => void;
type Fork = Extract<Message, { readonly type: 'fork' }>;
type Exec = Extract<Message, { readonly type: 'exec' }>;
type Exit = Extract<Message, { readonly type: 'exit' }>;

interface Known {
  readonly process: Process;
  startTicks: number;
  uid: number;
  suid: number;
  comm: Bytes;
  /** The last look at all tasks that found it, or before which it was born. */
  look: number;
  /** It was found by a look: its birth may be told yet. */
  isFound: boolean;
}

interface Process {
  readonly tgid: number;
  /** Its living threads. */
  readonly pids: Set<number>;
  /** Of its leader, also after that has exited: whoever takes its place takes its start. */
  leaderTicks: number | undefined;
  /** Whether one of its threads may have a name of its own. */
  isMixed: boolean;
}

/** /proc counts time in ticks of a hundredth of a second (USER_HZ). */
const tickUs = 10_000;
/**
 * A fork's message is stamped up to about this long after the start of the child, and one or two microseconds are not
 * known: within this distance of a tick's edges the child may have started in the tick beside it.
 */
const forkUs = 1000;
const edgeUs = 10;
/** The kernel's thread that makes its others; it names them when they are born already. */
const kthreadd = 2;

export class Tracker {
  readonly #witness: Witness;
  readonly #tasks = new Map<number, Known>();
  readonly #processes = new Map<number, Process>();
  /** What cannot be told before an exit has come that is on its way; the first is what that stands before. */
  #held: Message[] = [];
  #look = 0;
  /** Nothing has been missed since all tasks were looked at: who is known to live has not exited unseen. */
  #isSure = false;

  constructor(witness: Witness) {
    this.#witness = witness;
  }

  /** Whether something is held back. */
  get holds(): boolean {
    return this.#held.length > 0;
  }

  /** Takes the next message of the queue, and hands over what can be told by now, in the order in which it happened. */
  take(message: Message, see: See): void {
    if (!this.holds && !this.#mustWait(message)) {
      this.#tell(message, see);
      return;
    }
    this.#held.push(message);
    // Nothing else can make way for what waits, and very many messages may be behind it.
    const [first = message] = this.#held;
    if (processEnding(message) === this.#awaitedProcess(first)) this.#tellHeld(see);
  }

  /**
   * Hands over what is held back, whatever it lacks: something was missed. Until all tasks have been looked at again,
   * nothing is held back.
   */
  giveUp(see: See): void {
    this.#isSure = false;
    this.#tellHeld(see);
  }

  /** A look at all tasks begins. */
  beginLook(): void {
    this.#look += 1;
  }

  /** A look at all tasks has found this one. */
  found(task: TaskSeen): void {
    this.#forget(task.pid);
    this.#enter(task, true);
  }

  /** A look at all tasks has ended: who was not found, nor born meanwhile, has gone. */
  endLook(): void {
    for (const [pid, { look }] of this.#tasks) if (look !== this.#look) this.#forget(pid);
    this.#isSure = true;
  }

  #tellHeld(see: See): void {
    for (;;) {
      const [first] = this.#held;
      if (first === undefined) return;
      const at = this.#mustWait(first) ? this.#awaitedBy(first) : 0;
      const [next] = at === -1 ? [] : this.#held.splice(at, 1);
      if (next === undefined) return;
      this.#tell(next, see);
    }
  }

  /** Whether something has happened before this that has not been told. */
  #mustWait(message: Message): boolean {
    if (!this.#isSure) return false;
    if (message.type === 'fork') return this.#predecessorOf(message) !== undefined;
    if (message.type !== 'exec' || this.#tasks.has(message.pid)) return false;
    // All threads but the one that has become the leader have exited.
    return (this.#processes.get(message.pid)?.pids.size ?? 0) > 1;
  }

  /** The task that had the pid of this birth before, unless it is the very task, which a look has found. */
  #predecessorOf({ pid, bootUs }: Fork): Known | undefined {
    const task = this.#tasks.get(pid);
    if (task === undefined) return undefined;
    const isItself = task.isFound && Math.abs(task.startTicks - Math.floor(bootUs / tickUs)) <= 1;
    return isItself ? undefined : task;
  }

  /**
   * Where among the messages that are held back one stands that makes way for the first, which has to wait: the exit
   * of a thread of that process, or, as a thread that takes its leader's place gives up its own pid, an exec. It can
   * go before others that say nothing of its task. -1 where it has not come yet.
   */
  #awaitedBy(first: Message): number {
    const tgid = this.#awaitedProcess(first);
    return this.#held.findIndex((message, at) => {
      if (processEnding(message) !== tgid || (message.type === 'exec' && this.#mustWait(message)))
        return false;
      // Behind an exec its pid is that of who executed. Behind a birth it is the new task's, but for the one exit by
      // which it was free: that of a task which had been reaped.
      if (message.pid === first.pid)
        return first.type === 'fork' && message.type === 'exit' && message.isReaped;
      return !this.#held.slice(1, at).some((other) => involves(other, message.pid));
    });
  }

  /** The process of which something is missing before this, which has to wait, can be told. */
  #awaitedProcess(first: Message): number | undefined {
    return first.type === 'fork' ? this.#predecessorOf(first)?.process.tgid : first.pid;
  }

  #tell(message: Message, see: See): void {
    switch (message.type) {
      case 'fork':
        this.#fork(message, see);
        return;
      case 'exec':
        this.#exec(message, see);
        return;
      case 'exit':
        this.#exit(message, see);
        return;
      case 'comm': {
        const task = this.#tasks.get(message.pid);
        // Somebody else may name a task that has exited.
        if (task === undefined) return;
        task.comm = message.comm;
        task.process.isMixed ||= task.process.pids.size > 1;
        see({ type: 'comm', bootUs: message.bootUs, pid: message.pid, comm: message.comm });
        return;
      }
      case 'uid': {
        const task = this.#tasks.get(message.pid);
        if (task === undefined) return;
        // Who sets its users sets the saved one to the effective one as a rule (setuid(2), setreuid(2), execve(2)).
        const suid = this.#lookAt(message.pid, task.startTicks)?.suid ?? message.euid;
        this.#changeUsers(message.pid, task, message.uid, suid, message.bootUs, see);
        return;
      }
    }
  }

  #fork(message: Fork, see: See): void {
    const { bootUs, pid, tgid } = message;
    const parentPid = this.#forkerOf(message);
    const parent = this.#tasks.get(parentPid);
    const ticks = Math.floor(bootUs / tickUs);
    const sinceTickUs = bootUs % tickUs;
    const isAtEdge = sinceTickUs < forkUs || sinceTickUs >= tickUs - edgeUs;
    const isNamedByOther = parent?.process.tgid === kthreadd || (pid !== tgid && parent?.process.isMixed);
    const seen = isAtEdge || isNamedByOther || !parent ? this.#lookAt(pid, ticks) : undefined;
    const { uid, suid, comm } = parent ?? seen ?? { uid: 0, suid: 0, comm: '' };
    const task: TaskSeen = {
      pid,
      tgid,
      startTicks: seen?.startTicks ?? ticks,
      uid,
      suid,
      comm: isNamedByOther ? (seen?.comm ?? comm) : comm,
      parentPid,
    };
    this.#forget(pid);
    this.#enter(task, false);
    see({ type: 'fork', bootUs, ...task });
  }

  /**
   * Who forked this task. Of a thread that is not told, so it is taken to be the leader; and where the real parent
   * has exited meanwhile, one of its threads that live.
   */
  #forkerOf({ pid, tgid, parentPid, parentTgid }: Fork): number {
    const [forker, itsTgid] = pid === tgid ? [parentPid, parentTgid] : [tgid, tgid];
    if (this.#tasks.has(forker)) return forker;
    const [living] = this.#processes.get(itsTgid)?.pids ?? [];
    return living ?? forker;
  }

  #exit({ bootUs, pid, tgid, status }: Exit, see: See): void {
    const task = this.#tasks.get(pid);
    // Of a task that had this pid before, and was exiting already when a look found this one.
    if (task !== undefined && task.process.tgid !== tgid) return;
    this.#forget(pid);
    see({ type: 'exit', bootUs, pid, status, cpuUs: 0, peakBytes: 0 });
  }

  /** An exec's message names the leader that whoever executed has become, and not who that was. */
  #exec({ bootUs, pid }: Exec, see: See): void {
    const leader = this.#tasks.get(pid);
    const process = this.#processes.get(pid);
    const [thread] = leader ? [pid] : (process?.pids ?? []);
    const executing = leader ?? (thread === undefined ? undefined : this.#tasks.get(thread));
    const startTicks = executing && process?.leaderTicks;
    const seen = this.#lookAt(pid, startTicks);
    const { comm, uid, suid } = { uid: 0, suid: 0, ...executing, comm: seen?.comm ?? executing?.comm ?? '' };
    const task: TaskSeen = {
      pid,
      tgid: pid,
      startTicks: startTicks ?? seen?.startTicks ?? 0,
      uid,
      suid,
      comm,
      parentPid: 0,
    };
    const program = seen ? this.#witness.program(pid) : '';
    const commandLine = seen && this.#witness.commandLine(pid);
    if (thread !== undefined) this.#forget(thread);
    this.#enter(task, false);
    // No task has the pid 0: where it is not known who it was, a look at the machine has to follow.
    see({
      type: 'exec',
      bootUs,
      pid,
      oldPid: thread ?? 0,
      startTicks: task.startTicks,
      comm,
      program,
      ...(commandLine && { commandLine }),
    });
    const entered = this.#tasks.get(pid);
    if (entered && seen) this.#changeUsers(pid, entered, seen.uid, seen.suid, bootUs, see);
  }

  #changeUsers(pid: number, task: Known, uid: number, suid: number, bootUs: number, see: See): void {
    if (task.uid === uid && task.suid === suid) return;
    task.uid = uid;
    task.suid = suid;
    see({ type: 'uid', bootUs, pid, uid, suid });
  }

  /** The task that started then, to one tick, and not another that has its pid by now. */
  #lookAt(pid: number, startTicks: number | undefined): TaskSeen | undefined {
    const seen = this.#witness.look(pid);
    if (seen === undefined || startTicks === undefined) return seen;
    return Math.abs(seen.startTicks - startTicks) <= 1 ? seen : undefined;
  }

  #enter({ pid, tgid, startTicks, uid, suid, comm }: TaskSeen, isFound: boolean): void {
    let process = this.#processes.get(tgid);
    if (process === undefined) {
      process = { tgid, pids: new Set(), leaderTicks: undefined, isMixed: false };
      this.#processes.set(tgid, process);
    }
    const [other] = process.pids;
    process.isMixed ||= other !== undefined && this.#tasks.get(other)?.comm !== comm;
    process.pids.add(pid);
    if (pid === tgid) process.leaderTicks = startTicks;
    this.#tasks.set(pid, { process, startTicks, uid, suid, comm, look: this.#look, isFound });
  }

  #forget(pid: number): void {
    const task = this.#tasks.get(pid);
    if (task === undefined) return;
    this.#tasks.delete(pid);
    const { process } = task;
    process.pids.delete(pid);
    if (process.pids.size === 0) this.#processes.delete(process.tgid);
  }
}

/** The process one of whose threads gives up its pid with this; 0 for none. */
function processEnding(message: Message): number {
  if (message.type === 'exit') return message.tgid;
  return message.type === 'exec' ? message.pid : 0;
}

/** Whether a message says something of who has this pid. */
function involves(message: Message, pid: number): boolean {
  return message.pid === pid || (message.type === 'fork' && message.parentPid === pid);
}
