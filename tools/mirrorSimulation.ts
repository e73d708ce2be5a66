/**
 * The simulation of the mirror: a fake machine with cgroup hierarchies is watched, with losses and pauses, and whenever
 * nothing is missing each task's place, each group, and which groups are populated, counted anew from the machine, must
 * be what the world says; and what events said of `populated` and `empty` must have led to the same. All of it follows
 * from a seed.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Event, Fact } from '../events/event.ts';
import { type Container, placeIn } from '../projections/hierarchy.ts';
import { World } from '../projections/world.ts';
import { isNonsense } from '../src/kernel/observe.ts';
import { adoptAll } from '../src/kernel/reconcile.ts';
import { reconcileGroups, reconcileTrees, removeGroups } from '../src/kernel/reconcileTrees.ts';
import { MemoryLog } from '../src/log/memoryLog.ts';
import type { LogReader, Observation } from '../src/ports.ts';
import { type Random, seededRandom } from '../src/random.ts';
import { GroupedMachine } from '../test/support/groupedMachine.ts';
import { Difference, type Kernel, ourKernel } from './simulation.ts';

/** Steps between two comparisons. */
const compareEvery = 100;

export class MirrorSimulation {
  readonly world = new World();
  /** How often each kind of event came up. */
  readonly tally = new Map<string, number>();
  readonly #seed: number;
  readonly #kernel: Kernel;
  readonly #random: Random;
  readonly #machine: GroupedMachine;
  readonly #log = new MemoryLog();
  readonly #lossiness: number;
  /** The containers that events have called populated, and not empty since. */
  readonly #populated = new Set<number>();
  #step = 0;
  #lossSteps = 0;
  /** Something was lost since the last look, so what is known may be wrong. */
  #isAstray = false;

  constructor(seed: number, kernel: Kernel = ourKernel) {
    this.#seed = seed;
    this.#kernel = kernel;
    this.#random = seededRandom(seed);
    const { pick } = this.#random;
    this.#lossiness = pick([0, 0.002, 0.01]);
    const threadLimit = pick([5, 20, 60]);
    const pidLimit = threadLimit * pick([2, 3, 10]);
    this.#machine = new GroupedMachine(this.#random, {
      threadLimit,
      pidLimit,
      uids: [1000],
      groupLimit: pick([3, 10, 40]),
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
        if (this.#step % compareEvery === 0 && !this.#isAstray) this.#compare();
      }
      this.#step = steps;
      this.#look(true);
      this.#compare();
      await this.#rebuild();
    } catch (error) {
      throw new Difference(this.#seed, this.#step, [String(error)], error);
    }
  }

  #begin(): void {
    for (let i = 0; i < 50; i++) this.#machine.step();
    const own = { type: 'tree', tree: 0, name: 'tasktrail', container: 1, mountPoint: '' } as const;
    this.#append([{ ...own, hierarchy: 0, group: 0 }]);
    this.#look(true);
  }

  #take(): void {
    const { chance, below } = this.#random;
    if (chance(this.#lossiness)) this.#lossSteps = 1 + below(30);
    if (chance(this.#lossiness / 10)) this.#pause();
    const isLossy = this.#lossSteps > 0;
    for (const observation of this.#machine.step()) {
      if (isLossy && chance(0.5)) this.#isAstray = true;
      else if (!this.#see(observation)) return;
    }
    if (!isLossy) return;
    this.#lossSteps--;
    if (this.#lossSteps === 0 && this.#isAstray) this.#look(true);
  }

  /** Whether it made sense; where not, a look has shown what becomes of the rest. */
  #see(observation: Observation): boolean {
    const observed = this.#kernel.observe(this.world.hierarchy, observation);
    if (!isNonsense(observed)) {
      this.#append(observed);
      return true;
    }
    if (!this.#isAstray) throw new Error(`nothing was lost, and yet: ${observed.nonsense}`);
    this.#count(`nonsense ${observation.type}`);
    this.#look(true);
    return false;
  }

  #pause(): void {
    const sameBoot = this.#random.chance(0.7);
    if (!sameBoot) this.#machine.reboot();
    for (let steps = this.#random.below(100); steps > 0; steps--) this.#machine.step();
    this.#look(sameBoot);
  }

  /** As the recorder looks: trees and groups that have come, then tasks, then groups that have gone. */
  #look(sameBoot: boolean): void {
    const { hierarchy: state } = this.world;
    const { tasks, hierarchies } = this.#machine.look();
    this.#append(reconcileTrees(state, hierarchies, sameBoot));
    for (const seen of hierarchies) this.#append(reconcileGroups(state, seen));
    if (state.taskCount > 0) {
      this.#append(this.#kernel.reconcile(state, tasks, sameBoot));
    } else {
      this.#append(adoptAll(state, tasks));
      // What the first of all looks finds is not told to have become so.
      for (const container of this.#mirrored()) if (isPopulated(container)) this.#populated.add(container.id);
    }
    for (const seen of hierarchies) this.#append(removeGroups(state, seen));
    this.#isAstray = false;
  }

  #append(facts: readonly Fact[]): void {
    for (const event of this.#log.append(facts.map((fact) => ({ fact, timeUs: 0, skewUs: 0 })))) {
      if (event.type === 'untree')
        for (const { id } of this.#groupsOf(event.tree)) this.#populated.delete(id);
      this.world.apply(event);
      this.#follow(event);
      this.#count(event.type);
    }
  }

  /** Whoever acts on these events has nothing else. */
  #follow(event: Event): void {
    if (event.type !== 'populated' && event.type !== 'empty' && event.type !== 'rmdir') return;
    const { container, type } = event;
    const was = this.#populated.has(container);
    if (type === 'rmdir' ? was : was === (type === 'populated')) {
      throw new Error(`container ${container} is told to be ${type}, which it was`);
    }
    if (type === 'populated') this.#populated.add(container);
    else this.#populated.delete(container);
  }

  #compare(): void {
    const { hierarchy: state } = this.world;
    const threads = this.#machine.threads();
    if (state.taskCount !== threads.length)
      throw new Error('there are more or fewer tasks than on the machine');
    for (const [id, groups] of this.#machine.hierarchies) {
      const tree = state.mirrorOf(id);
      if (tree?.groups.size !== groups.size) throw new Error(`hierarchy ${id} has other groups`);
      const populated = new Set<number>();
      for (const thread of threads) {
        const task = state.taskByPid(thread.pid);
        const group = this.#machine.groupOf(thread, id);
        const place = task && placeIn(task, tree.number);
        if (place?.group !== group)
          throw new Error(`${thread.pid} is in ${group} of ${id}, and not in ${place?.group}`);
        for (let at = groups.get(group); at; at = groups.get(at.parent)) populated.add(at.group);
      }
      for (const { group, parent, name } of groups.values()) {
        const container = tree.groups.get(group);
        const isSame = container?.name === name && (container.parent?.group ?? 0) === parent;
        if (!isSame) throw new Error(`group ${group} of ${id} is another`);
        if (isPopulated(container) !== populated.has(group))
          throw new Error(`group ${group} of ${id} is populated, or is not`);
        if (parent !== 0 && this.#populated.has(container.id) !== populated.has(group))
          throw new Error(`group ${group} of ${id} is populated, or is not, and no event has said so`);
      }
    }
  }

  /** The log read back through its codec gives the same world, and so does one that is saved midway. */
  async #rebuild(): Promise<void> {
    await this.#log.commit('written');
    const savedAt = 1 + this.#random.below(this.#log.seq);
    let rebuilt = new World();
    for await (const events of this.#log.read(1)) {
      for (const event of events) {
        rebuilt.apply(event);
        if (event.seq === savedAt) rebuilt = World.load(rebuilt.save());
      }
    }
    if (!isDeepStrictEqual(rebuilt.dump(), this.world.dump())) throw new Error('live and rebuilt differ');
  }

  *#mirrored(): Generator<Container> {
    for (const { number } of this.world.hierarchy.trees()) yield* this.#groupsOf(number);
  }

  #groupsOf(tree: number): Iterable<Container> {
    return this.world.hierarchy.tree(tree)?.groups.values() ?? [];
  }

  #count(what: string): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
  }
}

function isPopulated({ tasks, populatedChildren }: Container): boolean {
  return tasks.size > 0 || populatedChildren > 0;
}
