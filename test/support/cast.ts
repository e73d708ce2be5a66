/**
 * The cast of a session: the tasks that exist on its machine, each called by a name, and what sentences
 * (`t forks c`, `t exits 3`) make a source see. It is the truth that a recorder may or may not notice.
 *
 * `init` and `sh` exist from the start. A name stands for its pid also when the task has ended, and never for
 * two pids.
 */
import { strict as assert } from 'node:assert';
import type { Observation, TaskSeen } from '../../src/kernel/observation.ts';

export const initPid = 1;
export const shellPid = 100;

export class Cast {
  readonly #tasks = new Map<number, TaskSeen>();
  readonly #pids = new Map<string, number>();
  #lastPid = shellPid;
  #ticks = 0;

  constructor() {
    this.boot();
  }

  /** Starts anew: nobody is left, and init and the shell have the same pids as before. */
  boot(): void {
    this.#tasks.clear();
    this.#enter('init', { ...newborn, pid: initPid, tgid: initPid, parentPid: 0 });
    this.#enter('sh', { ...newborn, pid: shellPid, tgid: shellPid, parentPid: initPid });
  }

  /** Every task that exists. */
  tasks(): readonly TaskSeen[] {
    return [...this.#tasks.values()];
  }

  /** The task that exists under this name. */
  task(name: string): TaskSeen {
    const task = this.#tasks.get(this.pidOf(name));
    assert(task, `${name} has ended`);
    return task;
  }

  pidOf(name: string): number {
    const pid = this.#pids.get(name);
    assert(pid, `no task was ever called ${name}`);
    return pid;
  }

  /** The name that stands for a pid; the number itself where none does. */
  nameOf(pid: number): string {
    return [...this.#pids].find(([, known]) => known === pid)?.[0] ?? String(pid);
  }

  /** What a sentence makes happen, as a source would see it. */
  happen(sentence: string): readonly Observation[] {
    const words = sentence.split(' ');
    const [subject = '', verb = '', object = ''] = words;
    if (subject === 'start') return [this.#bear(this.task('init'), verb, uidsIn(words))];
    const task = this.task(subject);
    switch (verb) {
      case 'forks':
      case 'vforks':
        return [this.#bear(task, object, {})];
      case 'clones':
        return [this.#bear(task, object, { tgid: task.tgid })];
      case 'execs':
        return this.#exec(task, object);
      case 'exits':
        return [this.#end(task, Number(object) << 8)];
      case 'killed':
        return [this.#end(task, 9)];
      case 'becomes':
        return [this.#become(task, uidsIn(words))];
      default:
        throw new Error(`nothing on the machine happens like this: ${sentence}`);
    }
  }

  /** A child of `parent`, or with the parent's tgid a thread of it. */
  #bear(parent: TaskSeen, name: string, change: Partial<TaskSeen>): Observation {
    assert(!this.#pids.has(name), `there was a task ${name} before`);
    this.#lastPid += 1;
    const pid = this.#lastPid;
    const child = this.#enter(name, { ...parent, pid, tgid: pid, parentPid: parent.pid, ...change });
    return { ...child, type: 'fork', bootUs: this.#ticks };
  }

  #enter(name: string, task: Omit<TaskSeen, 'startTicks'>): TaskSeen {
    this.#ticks += 1;
    const entered = { ...task, startTicks: this.#ticks };
    this.#pids.set(name, task.pid);
    this.#tasks.set(task.pid, entered);
    return entered;
  }

  #end({ pid }: TaskSeen, status: number): Observation {
    this.#tasks.delete(pid);
    return { type: 'exit', bootUs: this.#ticks, pid, status, cpuUs: 0, peakBytes: 0 };
  }

  /** A thread that is not the leader ends its leader, and then takes its pid and start time. */
  #exec(task: TaskSeen, program: string): Observation[] {
    const leader = this.task(this.nameOf(task.tgid));
    const ended = leader === task ? [] : [this.#end(leader, 0)];
    const { pid, startTicks, parentPid } = leader;
    const comm = program.slice(program.lastIndexOf('/') + 1);
    this.#tasks.delete(task.pid);
    this.#tasks.set(pid, { ...task, pid, startTicks, parentPid, comm });
    const seen = { pid, oldPid: task.pid, startTicks, comm, program };
    return [...ended, { type: 'exec', bootUs: this.#ticks, ...seen }];
  }

  #become(task: TaskSeen, change: Partial<TaskSeen>): Observation {
    const changed = { ...task, ...change };
    this.#tasks.set(task.pid, changed);
    const { pid, uid, suid } = changed;
    return { type: 'uid', bootUs: this.#ticks, pid, uid, suid };
  }
}

const newborn = { uid: 0, suid: 0, comm: 'task' };

/** `… uid 1000 suid 0`: the saved uid is the real one unless it is said. */
function uidsIn(words: readonly string[]): Partial<TaskSeen> {
  const uid = wordAfter(words, 'uid');
  if (uid === undefined) return {};
  return { uid: Number(uid), suid: Number(wordAfter(words, 'suid') ?? uid) };
}

/** In `uid 1000 gid 5` the word after `gid` is `5`. */
export function wordAfter(words: readonly string[], word: string): string | undefined {
  const at = words.indexOf(word);
  return at < 0 ? undefined : words[at + 1];
}
