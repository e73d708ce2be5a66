/**
 * A recording with mirrored trees, told step by step: every step is one fact, with ids that fit. What came of it is
 * in `world`, and the events are in `events`.
 */
import { strict as assert } from 'node:assert';
import type { Certainty, Event, Fact } from '../../events/event.ts';
import { type Container, pathOf, type Task, type Tree } from '../../projections/hierarchy.ts';
import { World } from '../../projections/world.ts';

const nobody = { task: 0, pid: 0, uid: 0, gid: 0 };

export class Mirrored {
  readonly world = new World();
  readonly events: Event[] = [];

  /** Our own tree, init in its root, and a mirror of each of these. */
  constructor(...trees: readonly string[]) {
    this.#happen({ ...bareTree, tree: 0, name: 'tasktrail', container: 1 });
    for (const name of trees) this.tree(name);
    this.adopt(1, 'init');
  }

  /** A hierarchy is mirrored from here on; its number is its place among the trees. */
  tree(name: string): void {
    const { nextTree: tree, nextContainer: container } = this.world.hierarchy;
    const hierarchy = name === 'v2' ? 0 : tree + 1;
    const mountPoint = `/sys/fs/cgroup/${name}`;
    this.#happen({ type: 'tree', tree, name, container, hierarchy, group: 1, mountPoint });
  }

  untree(name: string): void {
    this.#happen({ type: 'untree', tree: this.treeNamed(name).number });
  }

  /** A container, with those above it that are missing. */
  mkdir(tree: string, path: string, byPid = 1): void {
    let parent: Container = this.treeNamed(tree).root;
    for (const name of namesIn(path)) {
      const container = this.world.hierarchy.nextContainer;
      if (!parent.children.has(name)) {
        const ids = { container, parent: parent.id, group: tree === 'tasktrail' ? 0 : 100 + container };
        this.#happen({
          type: 'mkdir',
          ...ids,
          name,
          mode: 0,
          uid: 0,
          gid: 0,
          notify: false,
          by: this.#by(byPid),
        });
      }
      const made = parent.children.get(name);
      assert(made);
      parent = made;
    }
  }

  rmdir(tree: string, path: string): void {
    this.#happen({ type: 'rmdir', container: this.at(tree, path).id, by: this.#by(1) });
  }

  rename(tree: string, path: string, name: string): void {
    this.#happen({ type: 'rename', container: this.at(tree, path).id, name, by: this.#by(1) });
  }

  /** What the runtime calls a container. */
  call(tree: string, path: string, name: string): void {
    this.#happen({ type: 'name', container: this.at(tree, path).id, name });
  }

  populated(tree: string, path: string): void {
    this.#happen({ type: 'populated', container: this.at(tree, path).id });
  }

  empty(tree: string, path: string): void {
    this.#happen({ type: 'empty', container: this.at(tree, path).id });
  }

  /** A task that is there already, in the root of every tree. */
  adopt(pid: number, comm: string, certainty: Certainty = 'known'): void {
    const [own, ...mirrored] = [...this.world.hierarchy.trees()].map(({ root }) => root.id);
    assert(own);
    const task = this.world.hierarchy.nextTask;
    this.#happen({
      type: 'adopt',
      task,
      parent: 0,
      container: own,
      mirrored,
      ...born(pid, comm),
      certainty,
    });
  }

  /** Init has a child; in each tree that is named it is born into another container than init's. */
  fork(pid: number, comm: string, into: Readonly<Record<string, string>> = {}): void {
    const places = Object.entries(into).map(([tree, path]) => this.at(tree, path).id);
    const task = this.world.hierarchy.nextTask;
    this.#happen({ type: 'fork', task, parent: this.task(1).id, into: places, ...born(pid, comm) });
  }

  move(pid: number, tree: string, path: string, byPid = 1): void {
    const ids = { task: this.task(pid).id, container: this.at(tree, path).id };
    this.#happen({ type: 'attach', ...ids, by: this.#by(byPid), certainty: 'known' });
  }

  oom(pid: number): void {
    this.#happen({ type: 'oom', task: this.task(pid).id });
  }

  exit(pid: number, { code = 0, signal = 0, cpuUs = 0, peakBytes = 0 } = {}): void {
    const end = { code, signal, cpuUs, peakBytes };
    this.#happen({ type: 'exit', task: this.task(pid).id, ...end, certainty: 'known' });
  }

  gap(): void {
    this.#happen({ type: 'gap', reason: 'overflow', lost: 1, sinceUs: 0, detail: '' });
  }

  treeNamed(name: string): Tree {
    const tree = [...this.world.hierarchy.trees()].find((each) => each.name === name);
    assert(tree, `there is a tree ${name}`);
    return tree;
  }

  at(tree: string, path: string): Container {
    let at: Container | undefined = this.treeNamed(tree).root;
    for (const name of namesIn(path)) at = at?.children.get(name);
    assert(at, `${path} is in ${tree}`);
    assert.equal(pathOf(at), path);
    return at;
  }

  task(pid: number): Task {
    const task = this.world.hierarchy.taskByPid(pid);
    assert(task, `task ${pid} lives`);
    return task;
  }

  #by(pid: number) {
    return { ...nobody, pid, task: this.world.hierarchy.taskByPid(pid)?.id ?? 0 };
  }

  #happen(fact: Fact): void {
    const seq = this.events.length + 1;
    const event: Event = { ...fact, seq, timeUs: seq * 1_000_000, skewUs: 0 };
    this.events.push(event);
    this.world.apply(event);
  }
}

const bareTree = { type: 'tree', hierarchy: 0, group: 0, mountPoint: '' } as const;

function born(pid: number, comm: string) {
  return { pid, tgid: pid, startTicks: pid, uid: 0, suid: 0, comm };
}

function namesIn(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}
