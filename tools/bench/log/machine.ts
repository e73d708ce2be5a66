/**
 * The bench's machine: events as a real machine makes them, one after the other, without end; they follow from a seed.
 * It holds no more than what lives on it. Tasks fork, the half of them execs, most end soon; 3 % of the events are
 * attaches, 1 % make, rename and remove containers, in our own tree and in one mirror.
 */
import type { By, Fact } from '../../../events/event.ts';
import type { Stamped } from '../../../src/ports.ts';
import { type Random, seededRandom } from '../../../src/random.ts';
import { someProgram } from './programs.ts';

export interface MachineOptions {
  readonly seed: number;
  readonly tasks: number;
  readonly containers: number;
}

export const usualMachine: Omit<MachineOptions, 'seed'> = { tasks: 20_000, containers: 2000 };

interface Task {
  readonly id: number;
  readonly pid: number;
  readonly uid: number;
  /** Of each tree, by its number. */
  readonly places: [Container, Container];
  comm: string;
}

interface Container {
  readonly id: number;
  readonly tree: 0 | 1;
  readonly parent: Container | undefined;
  name: string;
}

/** A live task, where it is. */
export interface Spot {
  readonly task: number;
  readonly pid: number;
  /** The id of its container in our own tree. */
  readonly container: number;
  /** Its path in our own tree. */
  readonly path: string;
}

const beginUs = 1_790_000_000_000_000;
const pidLimit = 4_194_304;
const uids = [0, 0, 0, 0, 1000, 1000, 33, 999, 101, 65_534];
const passingLimit = 200;

export class BenchMachine {
  readonly #options: MachineOptions;
  readonly #random: Random;
  readonly #live: Task[] = [];
  readonly #pids = new Set<number>();
  /** What stands for good, by tree; the root first. */
  readonly #standing: readonly [Container[], Container[]] = [[], []];
  /** What comes and goes, and never holds a task. */
  readonly #passing: Container[] = [];
  /** What has to come first, in the order in which it comes. */
  readonly #opening: Fact[];
  #next = 0;
  #execNext: Task | undefined;
  #lastTask = 0;
  #lastContainer = 0;
  #lastPid = 1;
  #timeUs = beginUs;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#opening = this.#opened();
  }

  /** Of the last event. No two events have the same. */
  get timeUs(): number {
    return this.#timeUs;
  }

  /** What has to come first has come: its trees, its containers, its first task. */
  get isOpened(): boolean {
    return this.#next === this.#opening.length;
  }

  /** How many tasks live. */
  get taskCount(): number {
    return this.#live.length;
  }

  /** The next so many events. */
  next(count: number): Stamped[] {
    return Array.from({ length: count }, () => this.#stamped(this.#fact()));
  }

  /** One of the tasks that live now. */
  someTask(random: Random): Spot {
    const { id, pid, places } = random.pick(this.#live);
    return { task: id, pid, container: places[0].id, path: pathOf(places[0]) };
  }

  #stamped(fact: Fact): Stamped {
    const random = this.#random;
    this.#timeUs += 1 + Math.floor(-200 * Math.log(1 - random.bits() / 2 ** 32));
    return { fact, timeUs: this.#timeUs, skewUs: random.chance(0.9) ? 0 : -random.below(40) };
  }

  #opened(): Fact[] {
    const root = (tree: 0 | 1): Container => {
      const container = { id: ++this.#lastContainer, tree, parent: undefined, name: '' };
      this.#standing[tree].push(container);
      return container;
    };
    const [own, mirror] = [root(0), root(1)];
    const first: Task = { id: ++this.#lastTask, pid: 1, uid: 0, places: [own, mirror], comm: 'systemd' };
    this.#live.push(first);
    this.#pids.add(1);
    const tree = { type: 'tree', hierarchy: 0 } as const;
    const adopt = { type: 'adopt', parent: 0, startTicks: 1, suid: 0, certainty: 'known' } as const;
    const made = Array.from({ length: this.#options.containers - 2 }, (_, i) => this.#mkdir(i));
    return [
      { type: 'recording', id: 'bench', version: '0' },
      { ...tree, tree: 0, name: 'tasktrail', container: own.id, group: 0, mountPoint: '' },
      { type: 'source', name: 'simulated', bootId: 'bench', blind: '' },
      { type: 'clock', offsetUs: beginUs },
      { ...tree, tree: 1, name: 'v2', container: mirror.id, group: 1, mountPoint: '/sys/fs/cgroup' },
      ...made,
      {
        ...adopt,
        task: 1,
        pid: 1,
        tgid: 1,
        uid: 0,
        comm: 'systemd',
        container: own.id,
        mirrored: [mirror.id],
      },
    ];
  }

  #fact(): Fact {
    const first = this.#opening[this.#next];
    if (first !== undefined) {
      this.#next += 1;
      return first;
    }
    if (this.#execNext) return this.#exec(this.#execNext);
    const random = this.#random;
    const share = random.bits() / 2 ** 32;
    const isFull = this.#live.length >= this.#options.tasks;
    // A task that execs does so in a draw of its own, so that these parts are of all events.
    if (isFull && share < 0.0371) return this.#attach();
    if (share < 0.0495) return this.#change();
    const fork = isFull ? 0.5 : 0.98;
    return random.chance(fork) || this.#live.length < 2 ? this.#fork() : this.#exit();
  }

  #fork(): Fact {
    const random = this.#random;
    // A few tasks fork most, shells and servers that live long.
    const parent = this.#live[Math.floor(this.#live.length * (random.bits() / 2 ** 32) ** 3)] as Task;
    const pid = this.#freePid();
    const uid = random.chance(0.95) ? parent.uid : random.pick(uids);
    const task: Task = { id: ++this.#lastTask, pid, uid, places: [...parent.places], comm: parent.comm };
    this.#live.push(task);
    if (random.chance(0.5)) this.#execNext = task;
    return {
      type: 'fork',
      task: task.id,
      parent: parent.id,
      into: [],
      pid,
      tgid: pid,
      startTicks: this.#ticks,
      uid,
      suid: uid,
      comm: task.comm,
    };
  }

  #exec(task: Task): Fact {
    this.#execNext = undefined;
    const { comm, path } = someProgram(this.#random);
    task.comm = comm;
    return { type: 'exec', task: task.id, pid: task.pid, startTicks: this.#ticks, comm, program: path };
  }

  #exit(): Fact {
    const random = this.#random;
    const count = this.#live.length;
    // Most tasks are young when they end. The first one never does.
    const age = random.chance(0.8) ? random.below(Math.min(64, count - 1)) : random.below(count - 1);
    const at = count - 1 - age;
    const task = this.#live[at] as Task;
    const last = this.#live.pop();
    if (last && last !== task) this.#live[at] = last;
    this.#pids.delete(task.pid);
    const failed = random.chance(0.1);
    return {
      type: 'exit',
      task: task.id,
      code: failed ? 1 + random.below(3) : 0,
      signal: random.chance(0.01) ? 9 : 0,
      cpuUs: Math.floor(10 ** (2.5 + 3 * (random.bits() / 2 ** 32) ** 3)),
      peakBytes: 4096 * Math.floor(10 ** (2.5 + 2 * (random.bits() / 2 ** 32))),
      certainty: 'known',
    };
  }

  #attach(): Fact {
    const random = this.#random;
    const task = random.pick(this.#live);
    const tree = random.chance(0.5) ? 1 : 0;
    const container = random.pick(this.#standing[tree]);
    task.places[tree] = container;
    return {
      type: 'attach',
      task: task.id,
      container: container.id,
      by: this.#by(),
      certainty: 'known',
    };
  }

  /** What becomes of containers that come and go. */
  #change(): Fact {
    const random = this.#random;
    const share = random.below(5);
    if (this.#passing.length === 0 || (share < 2 && this.#passing.length < passingLimit)) {
      return this.#mkdir(this.#lastContainer, true);
    }
    const at = random.below(this.#passing.length);
    const container = this.#passing[at] as Container;
    // The kernel renames no group of v2.
    if (share === 4 && container.tree === 0) {
      container.name = `renamed-${this.#timeUs % 1e9}`;
      return { type: 'rename', container: container.id, name: container.name, by: this.#by() };
    }
    this.#passing.splice(at, 1);
    return { type: 'rmdir', container: container.id, by: this.#by() };
  }

  #mkdir(number: number, passes = false): Fact {
    const random = this.#random;
    const tree = number % 2 === 0 ? 0 : 1;
    const parent = random.pick(this.#standing[tree].slice(0, 40));
    const id = ++this.#lastContainer;
    const name = passes
      ? `run-r${random.bits().toString(16)}${id}.scope`
      : `${random.pick(kinds)}-${id}.service`;
    const container: Container = { id, tree, parent, name };
    if (passes) this.#passing.push(container);
    else this.#standing[tree].push(container);
    const own = tree === 0;
    return {
      type: 'mkdir',
      container: id,
      parent: parent.id,
      name,
      group: own ? 0 : 1 + id,
      mode: own ? 0o755 : 0,
      uid: 0,
      gid: 0,
      notify: own && random.chance(0.2),
      by: this.#by(),
    };
  }

  #by(): By {
    const by = this.#live[this.#random.below(Math.min(50, this.#live.length))];
    return { task: by?.id ?? 0, pid: by?.pid ?? 0, uid: by?.uid ?? 0, gid: by?.uid ?? 0 };
  }

  get #ticks(): number {
    return Math.floor((this.#timeUs - beginUs) / 10_000);
  }

  #freePid(): number {
    do {
      this.#lastPid = this.#lastPid >= pidLimit ? 300 : this.#lastPid + 1;
    } while (this.#pids.has(this.#lastPid));
    this.#pids.add(this.#lastPid);
    return this.#lastPid;
  }
}

const kinds = ['app', 'web', 'database', 'session', 'build', 'batch', 'cron', 'user'];

function pathOf({ name, parent }: Container): string {
  if (parent === undefined) return '/';
  return parent.parent === undefined ? `/${name}` : `${pathOf(parent)}/${name}`;
}
