/**
 * The fake machine with cgroup hierarchies: groups are made, renamed and removed, tasks are moved among them alone or
 * by process, and born elsewhere than their parent. It hands out what a source would see, and is itself the truth that
 * a mirror is compared with: each thread is in one group of each hierarchy, and that is all there is to it.
 */
import type { Bytes } from '../../events/bytes.ts';
import type {
  Doer,
  GroupId,
  GroupSeen,
  HierarchySeen,
  Observation,
  TaskSeen,
} from '../../src/kernel/observation.ts';
import type { Random } from '../../src/random.ts';
import { Machine, type MachineOptions, type Thread } from './machine.ts';

const rootGroup = 1;
const names: readonly Bytes[] = ['a', 'b', 'web.service', 'caf\xc3\xa9', '\xff\xfe', 'x\\x2dy.slice'];

/** One hierarchy: its groups by their ids, the root among them. */
type Groups = Map<number, GroupSeen>;

export class GroupedMachine {
  readonly #random: Random;
  readonly #machine: Machine;
  readonly #groupLimit: number;
  readonly #hierarchies = new Map<number, Groups>([
    [0, bare()],
    [3, bare()],
  ]);
  /** Where each thread is that has left the roots, by hierarchy. */
  readonly #places = new WeakMap<Thread, Map<number, number>>();
  #lastGroup = rootGroup;
  #lastUs = 0;

  constructor(random: Random, options: MachineOptions & { readonly groupLimit: number }) {
    this.#random = random;
    this.#machine = new Machine(random, options);
    this.#groupLimit = options.groupLimit;
  }

  threads(): Thread[] {
    return this.#machine.threads();
  }

  get hierarchies(): ReadonlyMap<number, ReadonlyMap<number, GroupSeen>> {
    return this.#hierarchies;
  }

  groupOf(thread: Thread, hierarchy: number): number {
    return this.#places.get(thread)?.get(hierarchy) ?? rootGroup;
  }

  /** Something happens. Returns what a source would see of it. */
  step(): Observation[] {
    const dice = this.#random.below(100);
    const [hierarchy, groups] = this.#random.pick([...this.#hierarchies]);
    if (dice < 60) return this.#machine.step().map((seen) => this.#settled(seen));
    if (dice < 85) return [this.#move(hierarchy, groups)];
    if (dice < 92) return this.#make(hierarchy, groups);
    if (dice < 97) return this.#remove(hierarchy, groups);
    return this.#rename(hierarchy, groups);
  }

  /** Starts anew: all groups are gone, and every task is in the roots. */
  reboot(): void {
    this.#machine.reboot();
    for (const hierarchy of this.#hierarchies.keys()) this.#hierarchies.set(hierarchy, bare());
    this.#lastGroup = rootGroup;
  }

  look(): { readonly tasks: readonly TaskSeen[]; readonly hierarchies: readonly HierarchySeen[] } {
    const byPid = new Map(this.threads().map((thread) => [thread.pid, thread]));
    const tasks = this.#machine.scan().map((seen) => {
      const thread = byPid.get(seen.pid);
      return thread ? { ...seen, groups: this.#groupsOf(thread) } : seen;
    });
    const hierarchies = [...this.#hierarchies].map(([hierarchy, groups]) => ({
      hierarchy,
      name: hierarchy === 0 ? 'v2' : 'cpu',
      mountPoint: `/sys/fs/cgroup/${hierarchy}`,
      groups: [...groups.values()],
    }));
    return { tasks, hierarchies };
  }

  /** A child is where its parent is, unless it is put elsewhere. */
  #settled(seen: Observation): Observation {
    this.#lastUs = seen.bootUs;
    if (seen.type !== 'fork') return seen;
    const child = this.#threadOf(seen.pid);
    const places = new Map(this.#places.get(this.#threadOf(seen.parentPid)));
    if (this.#random.chance(0.2)) places.set(0, this.#random.pick([...this.#groupsIn(0).keys()]));
    this.#places.set(child, places);
    return { ...seen, groups: this.#groupsOf(child) };
  }

  #move(hierarchy: number, groups: Groups): Observation {
    const thread = this.#machine.anyThread();
    const { threads, tgid } = thread.process;
    const group = this.#random.pick([...groups.keys()]);
    const whole = threads.length === 1 || this.#random.chance(0.5);
    for (const mover of whole ? threads : [thread]) {
      this.#places.set(mover, new Map(this.#places.get(mover)).set(hierarchy, group));
    }
    return { type: 'moved', ...this.#deed(), hierarchy, group, pid: thread.pid, tgid, whole };
  }

  #make(hierarchy: number, groups: Groups): Observation[] {
    const { group: parent } = this.#random.pick([...groups.values()]);
    const name = this.#freeName(groups, parent);
    if (name === undefined || groups.size > this.#groupLimit) return [];
    this.#lastGroup += 1;
    const group = this.#lastGroup;
    groups.set(group, { group, parent, name });
    return [{ type: 'groupMade', ...this.#deed(), hierarchy, group, parent, name }];
  }

  #remove(hierarchy: number, groups: Groups): Observation[] {
    const { group } = this.#random.pick([...groups.values()]);
    const isParent = [...groups.values()].some(({ parent }) => parent === group);
    const isInUse = this.threads().some((thread) => this.groupOf(thread, hierarchy) === group);
    if (group === rootGroup || isParent || isInUse) return [];
    groups.delete(group);
    return [{ type: 'groupRemoved', ...this.#deed(), hierarchy, group }];
  }

  #rename(hierarchy: number, groups: Groups): Observation[] {
    const { group, parent } = this.#random.pick([...groups.values()]);
    const name = this.#freeName(groups, parent);
    if (group === rootGroup || name === undefined) return [];
    groups.set(group, { group, parent, name });
    return [{ type: 'groupRenamed', ...this.#deed(), hierarchy, group, name }];
  }

  /** A name that no other group in this parent has. */
  #freeName(groups: Groups, parent: number): Bytes | undefined {
    const name = this.#random.pick(names);
    const isTaken = [...groups.values()].some((each) => each.parent === parent && each.name === name);
    return isTaken ? undefined : name;
  }

  #groupsOf(thread: Thread): GroupId[] {
    return [...this.#hierarchies.keys()].map((hierarchy) => ({
      hierarchy,
      group: this.groupOf(thread, hierarchy),
    }));
  }

  #groupsIn(hierarchy: number): Groups {
    const groups = this.#hierarchies.get(hierarchy);
    if (!groups) throw new Error(`impossible state: there is no hierarchy ${hierarchy}`);
    return groups;
  }

  #threadOf(pid: number): Thread {
    const thread = this.threads().find((each) => each.pid === pid);
    if (!thread) throw new Error(`impossible state: ${pid} has just forked, or been born`);
    return thread;
  }

  #deed(): { readonly bootUs: number; readonly by: Doer } {
    const { pid, uid } = this.#machine.anyThread();
    return { bootUs: this.#lastUs, by: { pid, uid, gid: uid } };
  }
}

function bare(): Groups {
  return new Map([[rootGroup, { group: rootGroup, parent: 0, name: '' }]]);
}
