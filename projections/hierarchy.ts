/**
 * The hierarchy: every container and every live task as they stand after the last event applied. It is the
 * state that `decide` sees. A fold over events and nothing else: it asks nobody, decides nothing, and stops
 * on an event that cannot follow from what it holds.
 */
import { assert } from '../events/assert.ts';
import type { Bytes } from '../events/bytes.ts';
import type {
  AdoptFact,
  AttachFact,
  AttrFact,
  Event,
  ForkFact,
  MkdirFact,
  RenameFact,
  RmdirFact,
  TreeFact,
  UntreeFact,
} from '../events/event.ts';
import {
  type Attributes,
  type Container,
  ContainerNode,
  type Roster,
  type Tree,
  type TreeNode,
} from './container.ts';
import { Membership } from './membership.ts';
import { loadContainers, loadTree, saveContainers, saveTree } from './savedContainers.ts';
import { SnapshotReader, SnapshotWriter } from './snapshot.ts';
import { byPid, type Task, TaskView, type Whereabouts } from './task.ts';
import { Tasks } from './tasks.ts';

export {
  type Attributes,
  type Container,
  isPopulated,
  type Members,
  type NodeAttributes,
  pathOf,
  type Tree,
} from './container.ts';
export { placeIn, type Task, tasksOf } from './task.ts';

const rootDirectory: Attributes = { mode: 0o755, uid: 0, gid: 0 };
const rootFile: Attributes = { mode: 0o644, uid: 0, gid: 0 };

/** The release agent until another is appointed, as in the patch. */
export const firstReleaseAgent: Bytes = '/sbin/container_release_agent';

export class Hierarchy {
  /** Of what `save` writes and what that means: another one for every change of either. */
  static readonly version = 1;
  readonly #tasks = new Tasks();
  readonly #membership = new Membership((place, by) => this.#populate(place, by));
  readonly #containers = new Map<number, ContainerNode>();
  /** The containers that stand, by their slots, from 1; and the slots that are free. */
  readonly #places: (ContainerNode | undefined)[] = [undefined];
  readonly #freePlaces: number[] = [];
  readonly #trees = new Map<number, TreeNode>();
  #lastTree = -1;
  #lastContainer = 0;
  #releaseAgent = firstReleaseAgent;
  readonly #roster: Roster = {
    countIn: (place) => this.#membership.countIn(place),
    tasksIn: (place, layer) => Array.from(this.#membership.tasksIn(place, layer), (slot) => this.#view(slot)),
  };
  readonly #whereabouts: Whereabouts = {
    ownPlaceOf: (slot) => this.#placeIn(slot, 0),
    mirroredPlacesOf: (slot) => this.#mirroredPlacesOf(slot),
  };

  apply(event: Event): void {
    switch (event.type) {
      case 'fork':
        this.#fork(event);
        break;
      case 'exit': {
        const slot = this.#live(event.task);
        this.#membership.leave(slot);
        this.#tasks.end(slot);
        break;
      }
      case 'exec':
        this.#tasks.execute(this.#live(event.task), event);
        break;
      case 'cmdline':
        this.#tasks.setCommandLine(this.#live(event.task), event);
        break;
      case 'comm':
        this.#tasks.rename(this.#live(event.task), event.comm);
        break;
      case 'uid':
        this.#tasks.changeUser(this.#live(event.task), event.uid, event.suid);
        break;
      case 'adopt':
        this.#adopt(event);
        break;
      case 'attach':
        this.#attach(event);
        break;
      case 'mkdir':
        this.#mkdir(event);
        break;
      case 'rmdir':
        this.#rmdir(event);
        break;
      case 'rename':
        this.#rename(event);
        break;
      case 'flag':
        this.#standing(event.container).notify = event.on;
        break;
      case 'attr':
        this.#attr(event);
        break;
      case 'appoint':
        this.#releaseAgent = event.program;
        break;
      case 'tree':
        this.#tree(event);
        break;
      case 'untree':
        this.#untree(event);
        break;
      default:
    }
  }

  /** The root of tasktrail's own tree. */
  get root(): Container {
    const own = this.#trees.get(0);
    assert(own, 'a recording has its own tree from its first commit on');
    return own.root;
  }

  /** The program that is run for containers that fall empty: an absolute path. */
  get releaseAgent(): Bytes {
    return this.#releaseAgent;
  }

  /** All trees, our own first. */
  trees(): Iterable<Tree> {
    return this.#trees.values();
  }

  tree(number: number): Tree | undefined {
    return this.#trees.get(number);
  }

  /** The tree that mirrors this hierarchy of the kernel's. */
  mirrorOf(hierarchy: number): Tree | undefined {
    for (const tree of this.#trees.values()) {
      if (tree.number !== 0 && tree.hierarchy === hierarchy) return tree;
    }
    return undefined;
  }

  /** The number that the next tree gets. */
  get nextTree(): number {
    return this.#lastTree + 1;
  }

  /** The id that the next task gets. */
  get nextTask(): number {
    return this.#tasks.lastId + 1;
  }

  /** The id that the next container gets. */
  get nextContainer(): number {
    return this.#lastContainer + 1;
  }

  get taskCount(): number {
    return this.#tasks.count;
  }

  get containerCount(): number {
    return this.#containers.size;
  }

  /** Undefined when no such container was made, or it was removed. */
  container(id: number): Container | undefined {
    return this.#containers.get(id);
  }

  /** All containers of all trees. */
  containers(): Iterable<Container> {
    return this.#containers.values();
  }

  /** The number of a container among those that stand, from 1, which it keeps for as long as it does; 0 for none. */
  placeOf(container: number): number {
    return this.#containers.get(container)?.slot ?? 0;
  }

  /** Undefined when no such task was born, or it has exited. */
  task(id: number): Task | undefined {
    return this.#viewOf(this.#tasks.slotOf(id));
  }

  /** The live task that has this pid (thread id). */
  taskByPid(pid: number): Task | undefined {
    return this.#viewOf(this.#tasks.slotOfPid(pid));
  }

  /** All live tasks, in the order of their ids. */
  tasks(): Task[] {
    return this.#tasks.slots().map((slot) => this.#view(slot));
  }

  /** The live threads of a process, by ascending pid; the leader may have exited before them. */
  threadsOf(tgid: number): Task[] {
    const threads = [...this.#tasks.threadSlots(tgid)].map((slot) => this.#view(slot));
    const leader = this.taskByPid(tgid);
    // The leader may have ended, and its pid may be that of another process's thread.
    if (leader?.tgid === tgid) threads.push(leader);
    return threads.sort(byPid);
  }

  /** How many layers there are: numbers for the trees that stand. In some no tree may stand. */
  get layers(): number {
    return this.#membership.layers;
  }

  /** Where a live task is, as a number that says it for all layers. For folds over many events: nothing is allocated. */
  placementOf(task: number): number {
    return this.#membership.placementOf(this.#live(task));
  }

  /** The place of the container that this is in one layer, or 0. */
  placeIn(placement: number, layer: number): number {
    return this.#membership.placeIn(placement, layer);
  }

  /** Everything held, as plain data in a fixed order: equal hierarchies give equal dumps. */
  dump(): unknown {
    return {
      lastContainer: this.#lastContainer,
      lastTask: this.#tasks.lastId,
      releaseAgent: this.#releaseAgent,
      trees: [...this.#trees.values()].map(({ root, groups, layer: _, ...tree }) => ({
        ...tree,
        root: root.id,
        groups: [...groups].map(([group, container]) => [group, container.id]).sort(byFirst),
      })),
      containers: [...this.#containers.values()].sort(byId).map((container) => ({
        id: container.id,
        tree: container.tree,
        parent: container.parent?.id ?? 0,
        name: container.name,
        notify: container.notify,
        attributes: container.attributes,
        group: container.group,
        populatedChildren: container.populatedChildren,
        children: [...container.children.values()].map((child) => child.id).sort((a, b) => a - b),
        tasks: [...container.tasks].map((task) => task.id).sort((a, b) => a - b),
      })),
      tasks: this.tasks().map((task) => ({
        id: task.id,
        parent: task.parent,
        pid: task.pid,
        tgid: task.tgid,
        startTicks: task.startTicks,
        uid: task.uid,
        suid: task.suid,
        comm: task.comm,
        program: task.program,
        commandLine: task.commandLine,
        container: task.container.id,
        mirrored: task.mirrored.map(({ id }) => id),
        certainty: task.certainty,
      })),
    };
  }

  save(): Uint8Array {
    const writer = new SnapshotWriter('hierarchy', Hierarchy.version);
    const trees = [...this.#trees.values()];
    const containers = [...this.#containers.values()].sort(byId);
    const places: number[] = [];
    for (const [i, { slot }] of containers.entries()) places[slot] = i + 1;
    writer.number(this.#lastTree);
    writer.number(this.#lastContainer);
    writer.number(trees.length);
    writer.number(this.layers);
    for (const tree of trees) saveTree(writer, tree);
    writer.number(writer.string(this.#releaseAgent));
    const { mode, uid, gid } = this.#trees.get(0)?.root.attributes.release_agent ?? rootFile;
    for (const value of [mode, uid, gid]) writer.number(value);
    writer.number(containers.length);
    saveContainers(writer, containers, places);
    const slots = this.#tasks.slots();
    writer.number(slots.length);
    this.#tasks.save(writer, slots);
    this.#membership.save(writer, slots, places);
    return writer.sealed();
  }

  /** Takes in what was saved; nothing must have been applied yet. Throws a `SnapshotError`, and is not to be used then. */
  load(bytes: Uint8Array): void {
    const reader = new SnapshotReader(bytes, 'hierarchy', Hierarchy.version);
    this.#lastTree = reader.number();
    this.#lastContainer = reader.number();
    const treeCount = reader.number();
    const layers = reader.number();
    for (let layer = 0; layer < layers; layer++) this.#membership.addLayer(layer);
    const trees = Array.from({ length: treeCount }, () => loadTree(reader));
    this.#releaseAgent = reader.string(reader.number());
    const ofAgent = { mode: reader.number(), uid: reader.number(), gid: reader.number() };
    for (const saved of loadContainers(reader, reader.number())) {
      const parent = saved.parent === 0 ? undefined : this.#places[saved.parent];
      const tree = parent ? undefined : trees.find(({ number }) => number === saved.tree);
      const container = this.#node(saved, parent, parent?.layer ?? tree?.layer ?? 0);
      if (tree) this.#trees.set(saved.tree, { ...tree, root: container, groups: new Map() });
      if (tree?.number === 0) container.attributes = { ...container.attributes, release_agent: ofAgent };
      this.#stand(container, saved.isCalled);
    }
    const count = reader.number();
    this.#tasks.load(reader, count);
    this.#membership.load(reader, count);
    reader.end();
  }

  #fork(event: ForkFact): void {
    const parent = this.#live(event.parent);
    const slot = this.#tasks.bear(event, parent);
    if (event.into.length === 0) {
      this.#membership.join(slot, parent);
      return;
    }
    this.#membership.draft(parent);
    for (const into of event.into) this.#draft(into);
    this.#membership.settle(slot);
  }

  #adopt(event: AdoptFact): void {
    const slot = this.#tasks.meet(event);
    this.#membership.draft(0);
    this.#draft(event.container);
    for (const container of event.mirrored) this.#draft(container);
    this.#membership.settle(slot);
  }

  #draft(container: number): void {
    const { layer, slot } = this.#standing(container);
    this.#membership.put(layer, slot);
  }

  #attach(event: AttachFact): void {
    const task = this.#live(event.task);
    const { tree, layer, slot } = this.#standing(event.container);
    this.#membership.move(task, layer, slot);
    if (tree === 0) this.#tasks.setCertainty(task, event.certainty);
  }

  #tree(event: TreeFact): void {
    assert(event.tree === this.nextTree, 'tree numbers are dense: % is not the next one', event.tree);
    this.#lastTree = event.tree;
    const layer = this.#freeLayer();
    this.#membership.addLayer(layer);
    const attributes = {
      directory: rootDirectory,
      tasks: rootFile,
      notify_on_release: rootFile,
      ...(event.tree === 0 && { release_agent: rootFile }),
    };
    const { container, tree, name, hierarchy, mountPoint, group } = event;
    const root = this.#node(
      { id: container, tree, name: '', notify: false, group, attributes },
      undefined,
      layer,
    );
    this.#trees.set(tree, { number: tree, name, hierarchy, mountPoint, root, groups: new Map(), layer });
    this.#raise(root);
  }

  /** A tree goes as a whole, and no task is in it any more. */
  #untree(event: UntreeFact): void {
    const tree = this.#trees.get(event.tree);
    assert(tree && tree.number !== 0, 'tree % is mirrored', event.tree);
    for (const container of tree.groups.values()) this.#raze(container);
    this.#membership.clearLayer(tree.layer);
    this.#trees.delete(event.tree);
  }

  #mkdir(event: MkdirFact): void {
    const parent = this.#standing(event.parent);
    requireFree(parent, event.name);
    const { container: id, name, notify, group, mode, uid, gid } = event;
    const file = { mode: 0o644, uid, gid };
    const attributes = { directory: { mode, uid, gid }, tasks: file, notify_on_release: file };
    this.#raise(this.#node({ id, tree: parent.tree, name, notify, group, attributes }, parent, parent.layer));
  }

  #raise(container: ContainerNode): void {
    assert(container.id === this.nextContainer, 'container ids are dense: %', container.id);
    this.#lastContainer = container.id;
    this.#stand(container);
  }

  /** `isCalled` is false where another one has its name by now. */
  #stand(container: ContainerNode, isCalled = true): void {
    this.#containers.set(container.id, container);
    this.#places[container.slot] = container;
    this.#membership.clearPlace(container.slot);
    if (isCalled) container.parent?.call(container);
    if (container.tree !== 0) this.#trees.get(container.tree)?.groups.set(container.group, container);
  }

  #rmdir(event: RmdirFact): void {
    const container = this.#standing(event.container);
    assert(container.parent, 'a root is never removed');
    assert(container.tasks.size === 0, 'container % holds no task when it is removed', container.id);
    assert(container.children.size === 0, 'container % holds no child when it is removed', container.id);
    container.parent.forget(container);
    this.#raze(container);
    if (container.tree !== 0) this.#trees.get(container.tree)?.groups.delete(container.group);
  }

  #raze(container: ContainerNode): void {
    this.#containers.delete(container.id);
    this.#places[container.slot] = undefined;
    this.#freePlaces.push(container.slot);
    this.#membership.clearPlace(container.slot);
  }

  #rename(event: RenameFact): void {
    const container = this.#standing(event.container);
    assert(container.parent, 'a root is never renamed');
    requireFree(container.parent, event.name);
    container.parent.forget(container);
    container.name = event.name;
    container.parent.call(container);
  }

  #attr(event: AttrFact): void {
    const container = this.#standing(event.container);
    const { mode, uid, gid } = event;
    container.attributes = { ...container.attributes, [event.node]: { mode, uid, gid } };
  }

  #node(
    fields: ConstructorParameters<typeof ContainerNode>[0],
    parent: ContainerNode | undefined,
    layer: number,
  ) {
    return new ContainerNode(
      fields,
      parent,
      this.#freePlaces.pop() ?? this.#places.length,
      layer,
      this.#roster,
    );
  }

  /** Who was empty and has a task now, or the other way round, changes what is above it, up to who is populated anyhow. */
  #populate(place: number, by: number): void {
    let container = this.#places[place];
    assert(container, 'a container stands in place %', place);
    let changes = container.populatedChildren === 0;
    for (container = container.parent; container && changes; container = container.parent) {
      const others = container.populatedChildren;
      container.populatedChildren += by;
      changes =
        Math.min(others, container.populatedChildren) === 0 && this.#membership.countIn(container.slot) === 0;
    }
  }

  /** The least number that no tree that stands has. */
  #freeLayer(): number {
    const taken = new Set([...this.#trees.values()].map(({ layer }) => layer));
    let layer = 0;
    while (taken.has(layer)) layer += 1;
    return layer;
  }

  #placeIn(slot: number, layer: number): ContainerNode {
    const container = this.#places[this.#membership.placeOf(slot, layer)];
    assert(container, 'the task in slot % is in the layer', slot);
    return container;
  }

  #mirroredPlacesOf(slot: number): ContainerNode[] {
    const places: ContainerNode[] = [];
    for (const { number, layer } of this.#trees.values()) {
      if (number !== 0 && this.#membership.placeOf(slot, layer) !== 0)
        places.push(this.#placeIn(slot, layer));
    }
    return places;
  }

  #view(slot: number): Task {
    return new TaskView(slot, this.#tasks, this.#whereabouts);
  }

  #viewOf(slot: number): Task | undefined {
    return slot === 0 ? undefined : this.#view(slot);
  }

  #live(id: number): number {
    const slot = this.#tasks.slotOf(id);
    assert(slot !== 0, 'task % lives', id);
    return slot;
  }

  #standing(id: number): ContainerNode {
    const container = this.#containers.get(id);
    assert(container, 'container % stands', id);
    return container;
  }
}

/**
 * In our own tree a name is given once. In a mirrored one a look tells of groups that have come before those
 * that have gone, so a name may be taken over from a group that has still to go.
 */
function requireFree(parent: Container, name: string): void {
  assert(parent.tree !== 0 || !parent.children.has(name), 'container % has one child of a name', parent.id);
}

function byFirst(a: readonly (number | undefined)[], b: readonly (number | undefined)[]): number {
  return (a[0] ?? 0) - (b[0] ?? 0);
}

function byId(a: { id: number }, b: { id: number }): number {
  return a.id - b.id;
}
