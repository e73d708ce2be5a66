/**
 * The simulation: a fake machine and random requests, decided by the kernel and by the naive model side by
 * side. Every step's facts and errnos must be the same; at intervals so must everything that can be read,
 * and a world rebuilt from the log. All of it follows from a seed, so a difference can be had again.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Event, Fact, GapReason } from '../events/event.ts';
import { World } from '../projections/world.ts';
import type { Command } from '../src/kernel/command.ts';
import { decide } from '../src/kernel/decide.ts';
import { byOf } from '../src/kernel/doer.ts';
import { type Errno, isRefusal, type Refusal } from '../src/kernel/errno.ts';
import { isNonsense, observe } from '../src/kernel/observe.ts';
import { find, locate, openForWriting, pathLimitBytes } from '../src/kernel/path.ts';
import { adoptAll, reconcile } from '../src/kernel/reconcile.ts';
import { MemoryLog } from '../src/log/memoryLog.ts';
import type { LogReader, Observation } from '../src/ports.ts';
import { type Random, seededRandom } from '../src/random.ts';
import { type Answer, Model, type ModelTask } from '../test/model/model.ts';
import { Machine, type Process } from '../test/support/machine.ts';
import { type Request, Requests } from '../test/support/requests.ts';
import { differingLines, isSame, printable, textOfModel, textOfWorld } from './sameness.ts';

/** The pure functions under test. Another kernel than ours shows that the simulation can fail. */
export interface Kernel {
  readonly decide: typeof decide;
  readonly observe: typeof observe;
  readonly reconcile: typeof reconcile;
}

export const ourKernel: Kernel = { decide, observe, reconcile };

/** Two things that must be the same are not. The message holds all that is needed to see why. */
export class Difference extends Error {
  override readonly name = 'Difference';
  readonly seed: number;
  readonly step: number;

  constructor(seed: number, step: number, parts: readonly string[], cause: unknown) {
    const again = `Run it again with: npm run simulate -- --seed ${seed} --steps ${step}`;
    super([`seed ${seed}, step ${step}: a difference`, ...parts, again].join('\n\n'), { cause });
    this.seed = seed;
    this.step = step;
  }
}

/** Steps between two comparisons of everything that can be read. */
const compareEvery = 500;
/** Steps between two rebuilds from the log. */
const rebuildEvery = 10_000;
/** Steps that are told before a difference. */
const recentLimit = 30;
const rootId = 1;

/** Something that happened, kept as it was until somebody wants it in words. */
interface Told {
  readonly step: number;
  readonly what: string;
  readonly of: unknown;
}

export class Simulation {
  readonly world = new World();
  /** How often each outcome came up: `mkdir EACCES`, `release exit`, `nonsense fork`, … */
  readonly tally = new Map<string, number>();
  readonly #seed: number;
  readonly #kernel: Kernel;
  readonly #random: Random;
  readonly #model = new Model(rootId);
  readonly #machine: Machine;
  readonly #requests: Requests;
  readonly #log = new MemoryLog();
  readonly #lossiness: number;
  readonly #recent: Told[] = [];
  /** What the live world looked like at some seqs of the past. */
  readonly #past = new Map<number, string>();
  /** Which process each task id has stood for. */
  readonly #processes = new Map<number, Process>();
  /** The pids that were ever given out. */
  readonly #pids = new Set<number>();
  #step = 0;
  #timeUs = 0;
  /** Machine steps for which the source goes on losing things. */
  #lossSteps = 0;
  /** Something was lost since the last look, so what is known may be wrong. */
  #isAstray = false;
  #boots = 1;

  constructor(seed: number, kernel: Kernel = ourKernel) {
    this.#seed = seed;
    this.#kernel = kernel;
    this.#random = seededRandom(seed);
    const { pick } = this.#random;
    const uids = pick([[1000], [1000, 1001], [1000, 1001, 1002]]);
    this.#lossiness = pick([0, 0.0005, 0.005]);
    const threadLimit = pick([5, 20, 60]);
    this.#machine = new Machine(this.#random, {
      threadLimit,
      pidLimit: threadLimit * pick([2, 3, 10]),
      uids,
    });
    this.#requests = new Requests(this.#random, this.#model, this.#machine, {
      ...pick([
        { containerLimit: 6, depthChance: 0 },
        { containerLimit: 20, depthChance: 0.1 },
        { containerLimit: 50, depthChance: 0 },
        { containerLimit: 50, depthChance: 0.4 },
      ]),
      uids,
    });
  }

  get events(): number {
    return this.#log.seq;
  }

  get log(): LogReader {
    return this.#log;
  }

  /** Runs it, once. Throws a `Difference`. */
  async run(steps: number): Promise<void> {
    try {
      this.#begin();
      for (this.#step = 1; this.#step <= steps; this.#step++) {
        this.#take();
        if (this.#step % compareEvery === 0) await this.#compare();
        if (this.#step % rebuildEvery === 0) await this.#rebuild();
      }
      this.#step = steps;
      await this.#compare();
      await this.#rebuild();
    } catch (error) {
      throw new Difference(
        this.#seed,
        this.#step,
        [printable(String(error)), ...this.#circumstances()],
        error,
      );
    }
  }

  #begin(): void {
    for (let i = 0; i < 20; i++) this.#machine.step();
    this.#append([
      { type: 'recording', id: `seed ${this.#seed}`, version: '0.0.0' },
      { type: 'tree', tree: 0, name: 'tasktrail', container: rootId, hierarchy: 0, group: 0, mountPoint: '' },
      { type: 'source', name: 'simulation', bootId: `${this.#boots}`, blind: '' },
      { type: 'clock', offsetUs: 0 },
    ]);
    const seen = this.#machine.scan();
    const facts = adoptAll(this.world.hierarchy, seen);
    this.#expect(this.#model.adoptAll(seen), facts);
    this.#append(facts);
  }

  #take(): void {
    const random = this.#random;
    if (random.chance(this.#lossiness)) this.#lossSteps = 1 + random.below(30);
    if (random.chance(this.#lossiness / 20)) this.#pause();
    if (random.chance(0.001)) this.#append([{ type: 'clock', offsetUs: random.below(1e9) }]);
    if (random.chance(0.02)) this.#react();
    if (random.chance(0.5)) this.#ask(this.#requests.next());
    else this.#watch();
  }

  // The machine goes on.

  #watch(): void {
    const isLossy = this.#lossSteps > 0;
    for (const observation of this.#machine.step()) {
      if (isLossy && this.#random.chance(0.5)) {
        this.#tell('lost', observation);
        this.#isAstray = true;
      } else if (this.#see(observation) === 'looked') {
        // The look has shown what becomes of the rest.
        break;
      }
    }
    if (!isLossy) return;
    this.#lossSteps--;
    if (this.#lossSteps === 0 && this.#isAstray) this.#look();
  }

  #see(observation: Observation): 'seen' | 'looked' {
    this.#tell('seen', observation);
    const observed = this.#kernel.observe(this.world.hierarchy, observation);
    const expected = this.#model.observe(observation);
    if (!isNonsense(observed)) {
      this.#expect(expected, observed);
      this.#append(observed, observation.bootUs);
      return 'seen';
    }
    this.#expect(expected, 'nonsense');
    this.#count(`nonsense ${observation.type}`);
    if (!this.#isAstray) throw new Error(`nothing was lost, and yet: ${observed.nonsense}`);
    if (this.#random.chance(0.3)) return 'seen';
    this.#look();
    return 'looked';
  }

  #look(reason: GapReason = 'overflow', sameBoot = true): void {
    const seen = this.#machine.scan();
    this.#tell('look', seen);
    const facts = this.#kernel.reconcile(this.world.hierarchy, seen, sameBoot);
    this.#expect(this.#model.look(seen, sameBoot), facts);
    this.#append([{ type: 'gap', reason, lost: 0, sinceUs: this.#timeUs, detail: '' }, ...facts]);
    this.#isAstray = false;
    this.#recognise();
  }

  /** The recorder is away for a while, in which the machine goes on unseen, or is started anew. */
  #pause(): void {
    const sameBoot = this.#random.chance(0.7);
    this.#tell('pause', { sameBoot });
    this.#append([{ type: 'stop' }]);
    if (sameBoot) {
      for (let steps = this.#random.below(300); steps > 0; steps--) this.#machine.step();
    } else {
      this.#machine.reboot();
      this.#boots++;
    }
    this.#append([{ type: 'source', name: 'simulation', bootId: `${this.#boots}`, blind: '' }]);
    this.#look('stopped', sameBoot);
  }

  /** What the reactor would record: attempts, their outcomes, and releases that are stale. No agent is run. */
  #react(): void {
    const { pick, chance } = this.#random;
    for (const { seq: release, attempts } of [...this.world.releases.open()].slice(0, 3)) {
      if (chance(0.1)) {
        this.#append([{ type: 'stale', release }]);
        continue;
      }
      const attempt = attempts + 1;
      const outcome = pick([
        { code: 0, signal: 0, error: '' },
        { code: 1, signal: 0, error: '' },
        { code: 0, signal: 9, error: '' },
        { code: 0, signal: 0, error: 'ENOENT' },
      ]);
      this.#append([{ type: 'agent', release, attempt, program: this.world.hierarchy.releaseAgent }]);
      this.#append([{ type: 'outcome', release, attempt, ...outcome }]);
    }
  }

  // Somebody asks.

  #ask(request: Request): void {
    this.#tell('asked', request);
    const { command, actor } = request;
    const planned = this.#plan(request);
    const decision = isRefusal(planned) ? planned : this.#kernel.decide(this.world.hierarchy, planned, actor);
    const expected = this.#answer(request);
    if (!isRefusal(decision)) {
      this.#expect(expected, decision);
      this.#count(`${command.type} ${decision.length === 0 ? 'idle' : 'done'}`);
      this.#append(decision);
      return;
    }
    this.#expect(expected, decision.errno);
    this.#count(`${command.type} ${decision.errno}`);
    if (this.#random.chance(0.9)) return;
    const by = byOf(this.world.hierarchy, actor);
    const { errno, saw } = decision;
    this.#append([{ type: 'refused', command: command.type, path: request.path ?? '', errno, saw, by }]);
  }

  /** The request as a door plans it: its paths looked up in the kernel's trees. */
  #plan({ command, actor, path, toPath }: Request): Command | Refusal {
    if (path === undefined) return command;
    const state = this.world.hierarchy;
    switch (command.type) {
      case 'write':
      case 'attach': {
        const file = command.type === 'write' ? command.file : 'tasks';
        const container = openForWriting(state, actor, path, file);
        return isRefusal(container) ? container : { ...command, container: container.id };
      }
      case 'attr':
      case 'delegate': {
        const container = find(state, actor, path);
        return isRefusal(container) ? container : { ...command, container: container.id };
      }
      case 'rename': {
        const from = locate(state, actor, path);
        if (isRefusal(from)) return from;
        const to = locate(state, actor, toPath ?? path);
        return isRefusal(to) ? to : { ...command, from, to };
      }
      default: {
        const at = locate(state, actor, path);
        return isRefusal(at) ? at : { ...command, at };
      }
    }
  }

  /** The same, with the model. */
  #answer({ command, actor, path, toPath }: Request): Answer {
    const model = this.#model;
    if (path === undefined) return model.command(command, actor);
    switch (command.type) {
      case 'write':
      case 'attach': {
        const file = command.type === 'write' ? command.file : 'tasks';
        const container = model.open(path, file, actor);
        return refused(container) ? container : model.command({ ...command, container: container.id }, actor);
      }
      case 'attr':
      case 'delegate': {
        const container = model.lookup(path, actor);
        return refused(container) ? container : model.command({ ...command, container: container.id }, actor);
      }
      case 'rename': {
        const from = model.locate(path, actor);
        if (refused(from)) return from;
        const to = model.locate(toPath ?? path, actor);
        return refused(to) ? to : model.command({ ...command, from, to }, actor);
      }
      default: {
        const at = model.locate(path, actor);
        return refused(at) ? at : model.command({ ...command, at }, actor);
      }
    }
  }

  #append(facts: readonly Fact[], bootUs?: number): void {
    if (facts.length === 0) return;
    const kernelUs = bootUs ?? this.#timeUs + this.#random.below(2000);
    this.#timeUs = Math.max(this.#timeUs, kernelUs);
    const skewUs = kernelUs - this.#timeUs;
    const events = this.#log.append(facts.map((fact) => ({ fact, timeUs: this.#timeUs, skewUs })));
    for (const event of events) {
      this.world.apply(event);
      this.#countFact(event);
    }
  }

  // Comparisons.

  #expect(expected: Answer | 'nonsense', actual: Answer | 'nonsense'): void {
    if (isSame(expected, actual)) return;
    throw new Error(
      `the answers differ\n\nkernel: ${JSON.stringify(actual)}\nmodel:  ${JSON.stringify(expected)}`,
    );
  }

  async #compare(): Promise<void> {
    await this.#log.commit('written');
    const live = textOfWorld(this.world);
    const model = textOfModel(this.#model);
    if (live !== model) throw new Error(`the states differ\n\n${differingLines(live, model)}`);
    if (!this.#isAstray) this.#recognise();
    if (this.#random.chance(0.1)) this.#past.set(this.#log.seq, live);
    this.#countLongPaths();
  }

  /** The log read back through its codec gives the same world, and the same past; and so does one that is saved midway. */
  async #rebuild(): Promise<void> {
    const savedAt = 1 + this.#random.below(this.#log.seq);
    let rebuilt = new World();
    for await (const events of this.#log.read(1)) {
      for (const event of events) {
        rebuilt.apply(event);
        if (event.seq === savedAt) rebuilt = World.load(rebuilt.save());
        const past = this.#past.get(event.seq);
        if (past === undefined) continue;
        const again = textOfWorld(rebuilt);
        if (again !== past)
          throw new Error(`at seq ${event.seq} live and rebuilt differ\n\n${differingLines(past, again)}`);
      }
    }
    this.#past.clear();
    if (isDeepStrictEqual(rebuilt.dump(), this.world.dump())) return;
    const [live, again] = [this.world, rebuilt].map((world) => JSON.stringify(world.dump(), null, 1));
    throw new Error(`live and rebuilt differ\n\n${differingLines(live ?? '', again ?? '')}`);
  }

  /** What is known is what the machine has, and no task id has gone from one process to another. */
  #recognise(): void {
    const { hierarchy } = this.world;
    for (const thread of this.#machine.threads()) {
      const task = hierarchy.taskByPid(thread.pid);
      if (task === undefined) throw new Error(`${thread.pid} lives and is not known`);
      const { tgid, startTicks, uid, suid, comm } = task;
      const isIt =
        tgid === thread.process.tgid &&
        startTicks === thread.startTicks &&
        uid === thread.uid &&
        suid === thread.suid &&
        comm === thread.comm;
      if (!isIt) throw new Error(`task ${task.id} is not what the machine has as ${thread.pid}`);
      const process = this.#processes.get(task.id) ?? thread.process;
      if (process !== thread.process) throw new Error(`task ${task.id} was another process before`);
      this.#processes.set(task.id, process);
    }
    if (hierarchy.taskCount !== this.#machine.threadCount)
      throw new Error('a task is known that does not live');
  }

  // Telling.

  #tell(what: string, of: unknown): void {
    this.#recent.push({ step: this.#step, what, of });
    if (this.#recent.length > recentLimit) this.#recent.shift();
  }

  #circumstances(): string[] {
    const recent = this.#recent.map(({ step, what, of }) => `${step} ${what} ${printable(of)}`);
    return [
      `The last that happened:\n${recent.join('\n')}`,
      `The kernel's state:\n${printable(textOfWorld(this.world))}`,
      `The model's state, which the last step may have changed already:\n${printable(textOfModel(this.#model))}`,
    ];
  }

  #countLongPaths(): void {
    const isTooLong = (task: ModelTask) => this.#model.pathOf(task.container).length === pathLimitBytes;
    if (this.#model.tasks.some(isTooLong)) this.#count('task under a path too long by one');
  }

  #countFact(event: Event): void {
    this.#count(event.type === 'release' ? `release ${event.cause}` : `fact ${event.type}`);
    if (event.type === 'fork') {
      if (this.#pids.has(event.pid)) this.#count('pid that came back');
      this.#pids.add(event.pid);
    }
    if (event.type === 'release' && event.path.length === pathLimitBytes - 1)
      this.#count('release of the longest path');
  }

  #count(what: string): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
  }
}

/** Narrows an answer of the model's doors to its errno. */
function refused<T>(answer: T | Errno): answer is Errno {
  return typeof answer === 'string';
}
