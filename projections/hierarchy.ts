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
  Certainty,
  CmdlineFact,
  CommandLine,
  Event,
  ExecFact,
  ExitFact,
  ForkFact,
  MkdirFact,
  Node,
  RenameFact,
  RmdirFact,
  TreeFact,
  UntreeFact,
} from '../events/event.ts';

/** Mode (permission bits and the sticky bit) and owner of one node. */
export interface Attributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Of each of a container's nodes; the root of our own tree has one more. */
export type NodeAttributes = Record<Exclude<Node, 'release_agent'>, Attributes> & {
  release_agent?: Attributes;
};

export interface Container {
  readonly id: number;
  readonly tree: number;
  /** Undefined for the root of a tree. */
  readonly parent: Container | undefined;
  readonly name: Bytes;
  /** notify_on_release. */
  readonly notify: boolean;
  readonly attributes: Readonly<NodeAttributes>;
  /** The kernel's id of the group in a mirrored tree; 0 in our own. */
  readonly group: number;
  /** How many of its children are populated: hold a task, in themselves or below. */
  readonly populatedChildren: number;
  readonly children: ReadonlyMap<Bytes, Container>;
  readonly tasks: ReadonlySet<Task>;
}

/** A task that has not exited. */
export interface Task {
  readonly id: number;
  /** Id of the task that forked it, 0 where unknown. It may have exited. */
  readonly parent: number;
  readonly pid: number;
  readonly tgid: number;
  readonly startTicks: number;
  readonly uid: number;
  readonly suid: number;
  readonly comm: Bytes;
  /** Path of the last program executed since recording began, else empty. */
  readonly program: Bytes;
  /** Its process's, where command lines are recorded. */
  readonly commandLine: CommandLine | undefined;
  /** Where it is in our own tree. */
  readonly container: Container;
  /** How the recorder knows that it is there. */
  readonly certainty: Certainty;
  /** Where it is in the mirrored trees, one container of each in which the kernel has told. */
  readonly mirrored: readonly Container[];
}

/** One tree: tasktrail's own, which is number 0, or the mirror of a cgroup hierarchy. */
export interface Tree {
  readonly number: number;
  readonly name: Bytes;
  /** The kernel's id of the hierarchy; 0 is v2. */
  readonly hierarchy: number;
  readonly mountPoint: Bytes;
  readonly root: Container;
  /** The containers of a mirrored tree by the kernel's ids of their groups. */
  readonly groups: ReadonlyMap<number, Container>;
}

// The same two shapes, as this file alone may write them.
type Writable<T> = { -readonly [Key in keyof T]: T[Key] };
interface ContainerNode extends Writable<Omit<Container, 'parent' | 'children' | 'tasks' | 'attributes'>> {
  parent: ContainerNode | undefined;
  attributes: NodeAttributes;
  children: Map<Bytes, ContainerNode>;
  tasks: Set<TaskNode>;
}
interface TaskNode extends Writable<Omit<Task, 'container' | 'mirrored'>> {
  container: ContainerNode;
  mirrored: readonly ContainerNode[];
}
interface TreeNode extends Tree {
  readonly root: ContainerNode;
  readonly groups: Map<number, ContainerNode>;
}

const rootDirectory: Attributes = { mode: 0o755, uid: 0, gid: 0 };
const rootFile: Attributes = { mode: 0o644, uid: 0, gid: 0 };

/** The release agent until another is appointed, as in the patch. */
export const firstReleaseAgent: Bytes = '/sbin/container_release_agent';

export class Hierarchy {
  readonly #containers = new Map<number, ContainerNode>();
  readonly #tasks = new Map<number, TaskNode>();
  readonly #taskByPid = new Map<number, TaskNode>();
  /** The threads of each process without its leader, by its tgid. */
  readonly #threads = new Map<number, Set<TaskNode>>();
  readonly #trees = new Map<number, TreeNode>();
  #lastTree = -1;
  #lastContainer = 0;
  #lastTask = 0;
  #releaseAgent = firstReleaseAgent;

  apply(event: Event): void {
    switch (event.type) {
      case 'fork':
        this.#fork(event);
        break;
      case 'exit':
        this.#exit(event);
        break;
      case 'exec':
        this.#exec(event);
        break;
      case 'cmdline':
        this.#cmdline(event);
        break;
      case 'comm':
        this.#live(event.task).comm = event.comm;
        break;
      case 'uid': {
        const task = this.#live(event.task);
        task.uid = event.uid;
        task.suid = event.suid;
        break;
      }
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
    return this.#lastTask + 1;
  }

  /** The id that the next container gets. */
  get nextContainer(): number {
    return this.#lastContainer + 1;
  }

  get taskCount(): number {
    return this.#tasks.size;
  }

  get containerCount(): number {
    return this.#containers.size;
  }

  /** Undefined when no such container was made, or it was removed. */
  container(id: number): Container | undefined {
    return this.#containers.get(id);
  }

  /** Undefined when no such task was born, or it has exited. */
  task(id: number): Task | undefined {
    return this.#tasks.get(id);
  }

  /** The live task that has this pid (thread id). */
  taskByPid(pid: number): Task | undefined {
    return this.#taskByPid.get(pid);
  }

  /** All live tasks, in the order of their ids. */
  tasks(): Iterable<Task> {
    return this.#tasks.values();
  }

  /** The live threads of a process, by ascending pid; the leader may have exited before them. */
  threadsOf(tgid: number): Task[] {
    const threads: Task[] = [...(this.#threads.get(tgid) ?? [])];
    const leader = this.#taskByPid.get(tgid);
    // The leader may have ended, and its pid may be that of another process's thread.
    if (leader?.tgid === tgid) threads.push(leader);
    return threads.sort(byPid);
  }

  /** Everything held, as plain data in a fixed order: equal hierarchies give equal dumps. */
  dump(): unknown {
    return {
      lastContainer: this.#lastContainer,
      lastTask: this.#lastTask,
      releaseAgent: this.#releaseAgent,
      trees: [...this.#trees.values()].map(({ root, groups, ...tree }) => ({
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
      tasks: [...this.#tasks.values()].map((task) => ({
        ...task,
        container: task.container.id,
        mirrored: task.mirrored.map(({ id }) => id),
      })),
    };
  }

  #fork(event: ForkFact): void {
    const parent = this.#live(event.parent);
    const mirrored = event.into.reduce(
      (places, into) => moved(places, this.#standing(into)),
      parent.mirrored,
    );
    // What is known of the parent's place is known of the child's, and no more.
    this.#enter(taskOf(event, parent.container, mirrored, parent.certainty, parent.commandLine));
  }

  #adopt(event: AdoptFact): void {
    const mirrored = event.mirrored.map((container) => this.#standing(container));
    this.#enter(taskOf(event, this.#standing(event.container), mirrored, event.certainty, undefined));
  }

  #enter(task: TaskNode): void {
    assert(task.id === this.nextTask, `task ids are dense: ${task.id} after ${this.#lastTask}`);
    this.#lastTask = task.id;
    this.#tasks.set(task.id, task);
    this.#taskByPid.set(task.pid, task);
    if (task.pid !== task.tgid) this.#joinThreads(task);
    settle(task, task.container);
    for (const container of task.mirrored) settle(task, container);
  }

  #exit(event: ExitFact): void {
    const task = this.#live(event.task);
    this.#tasks.delete(task.id);
    this.#leaveThreads(task);
    leave(task, task.container);
    for (const container of task.mirrored) leave(task, container);
    // A look at the machine reports births before exits, so the pid may be another task's already.
    if (this.#taskByPid.get(task.pid) === task) this.#taskByPid.delete(task.pid);
  }

  #exec(event: ExecFact): void {
    const task = this.#live(event.task);
    task.comm = event.comm;
    task.program = event.program;
    task.startTicks = event.startTicks;
    if (task.pid === event.pid) return;
    // A thread gives its own pid up before its exec is seen, so that may be another task's already.
    if (this.#taskByPid.get(task.pid) === task) this.#taskByPid.delete(task.pid);
    this.#leaveThreads(task);
    task.pid = event.pid;
    assert(!this.#taskByPid.has(task.pid), `the leader ${task.pid} exits before its thread takes its pid`);
    this.#taskByPid.set(task.pid, task);
  }

  #cmdline({ task, arguments: args, cut }: CmdlineFact): void {
    const { tgid } = this.#live(task);
    const commandLine = { arguments: args, cut };
    this.#live(task).commandLine = commandLine;
    for (const thread of this.#threads.get(tgid) ?? []) thread.commandLine = commandLine;
  }

  #joinThreads(task: TaskNode): void {
    const threads = this.#threads.get(task.tgid);
    if (threads) threads.add(task);
    else this.#threads.set(task.tgid, new Set([task]));
  }

  #leaveThreads(task: TaskNode): void {
    const threads = this.#threads.get(task.tgid);
    if (threads?.delete(task) && threads.size === 0) this.#threads.delete(task.tgid);
  }

  #attach(event: AttachFact): void {
    const task = this.#live(event.task);
    const to = this.#standing(event.container);
    const from = placeIn(task, to.tree);
    if (from) leave(task, from);
    settle(task, to);
    if (to.tree === 0) {
      task.container = to;
      task.certainty = event.certainty;
    } else {
      task.mirrored = moved(task.mirrored, to);
    }
  }

  #tree(event: TreeFact): void {
    assert(event.tree === this.nextTree, `tree numbers are dense: ${event.tree} after ${this.#lastTree}`);
    this.#lastTree = event.tree;
    const root: ContainerNode = {
      ...emptyContainer(),
      id: event.container,
      tree: event.tree,
      parent: undefined,
      name: '',
      notify: false,
      group: event.group,
      attributes: {
        directory: rootDirectory,
        tasks: rootFile,
        notify_on_release: rootFile,
        ...(event.tree === 0 && { release_agent: rootFile }),
      },
    };
    const { hierarchy, mountPoint, name } = event;
    this.#trees.set(event.tree, {
      number: event.tree,
      name,
      hierarchy,
      mountPoint,
      root,
      groups: new Map(),
    });
    this.#raise(root);
  }

  /** A tree goes as a whole, and no task is in it any more. */
  #untree(event: UntreeFact): void {
    const tree = this.#trees.get(event.tree);
    assert(tree && tree.number !== 0, `tree ${event.tree} is mirrored`);
    for (const container of tree.groups.values()) this.#containers.delete(container.id);
    this.#trees.delete(event.tree);
    for (const task of this.#tasks.values()) {
      task.mirrored = task.mirrored.filter((container) => container.tree !== event.tree);
    }
  }

  #mkdir(event: MkdirFact): void {
    const parent = this.#standing(event.parent);
    requireFree(parent, event.name);
    const file = { mode: 0o644, uid: event.uid, gid: event.gid };
    this.#raise({
      ...emptyContainer(),
      id: event.container,
      tree: parent.tree,
      parent,
      name: event.name,
      notify: event.notify,
      group: event.group,
      attributes: {
        directory: { mode: event.mode, uid: event.uid, gid: event.gid },
        tasks: file,
        notify_on_release: file,
      },
    });
  }

  #raise(container: ContainerNode): void {
    assert(container.id === this.nextContainer, `container ids are dense: ${container.id}`);
    this.#lastContainer = container.id;
    this.#containers.set(container.id, container);
    container.parent?.children.set(container.name, container);
    if (container.tree !== 0) this.#trees.get(container.tree)?.groups.set(container.group, container);
  }

  #rmdir(event: RmdirFact): void {
    const container = this.#standing(event.container);
    assert(container.parent, 'a root is never removed');
    assert(container.tasks.size === 0, `container ${container.id} holds no task when it is removed`);
    assert(container.children.size === 0, `container ${container.id} holds no child when it is removed`);
    forget(container.parent, container);
    this.#containers.delete(container.id);
    if (container.tree !== 0) this.#trees.get(container.tree)?.groups.delete(container.group);
  }

  #rename(event: RenameFact): void {
    const container = this.#standing(event.container);
    assert(container.parent, 'a root is never renamed');
    requireFree(container.parent, event.name);
    forget(container.parent, container);
    container.name = event.name;
    container.parent.children.set(container.name, container);
  }

  #attr(event: AttrFact): void {
    const { attributes } = this.#standing(event.container);
    attributes[event.node] = { mode: event.mode, uid: event.uid, gid: event.gid };
  }

  #live(id: number): TaskNode {
    const task = this.#tasks.get(id);
    assert(task, `task ${id} lives`);
    return task;
  }

  #standing(id: number): ContainerNode {
    const container = this.#containers.get(id);
    assert(container, `container ${id} stands`);
    return container;
  }
}

/** The path of a container, relative to the root of its tree. */
export function pathOf(container: Container): Bytes {
  let path = '';
  for (let at = container; at.parent; at = at.parent) path = `/${at.name}${path}`;
  return path === '' ? '/' : path;
}

/** The container that a task is in, in a tree; undefined in a mirrored tree of which nobody could tell. */
export function placeIn<Place extends { readonly tree: number }>(
  task: { readonly container: Place; readonly mirrored: readonly Place[] },
  tree: number,
): Place | undefined {
  return tree === 0 ? task.container : task.mirrored.find((container) => container.tree === tree);
}

/** Whether a container holds a task, in itself or below. */
export function isPopulated(container: Container): boolean {
  return container.tasks.size > 0 || container.populatedChildren > 0;
}

/** The tasks in a container, by ascending pid. */
export function tasksOf(container: Container): Task[] {
  return [...container.tasks].sort(byPid);
}

/**
 * In our own tree a name is given once. In a mirrored one a look tells of groups that have come before those
 * that have gone, so a name may be taken over from a group that has still to go.
 */
function requireFree(parent: ContainerNode, name: Bytes): void {
  assert(parent.tree !== 0 || !parent.children.has(name), `container ${parent.id} has one child of a name`);
}

function forget(parent: ContainerNode, child: ContainerNode): void {
  if (parent.children.get(child.name) === child) parent.children.delete(child.name);
}

/** Puts a task into a container; who was empty up to the root has one populated child more. */
function settle(task: TaskNode, container: ContainerNode): void {
  let rises = !isPopulated(container);
  container.tasks.add(task);
  for (let at = container.parent; at && rises; at = at.parent) {
    rises = !isPopulated(at);
    at.populatedChildren += 1;
  }
}

/** Takes a task out of a container, with the same for whoever falls empty. */
function leave(task: TaskNode, container: ContainerNode): void {
  container.tasks.delete(task);
  let falls = !isPopulated(container);
  for (let at = container.parent; at && falls; at = at.parent) {
    at.populatedChildren -= 1;
    falls = !isPopulated(at);
  }
}

/** These places with one instead of that in the same tree, or beside them where none is in it. */
function moved(places: readonly ContainerNode[], to: ContainerNode): readonly ContainerNode[] {
  return places.some(({ tree }) => tree === to.tree)
    ? places.map((container) => (container.tree === to.tree ? to : container))
    : [...places, to];
}

function emptyContainer(): Pick<ContainerNode, 'populatedChildren' | 'children' | 'tasks'> {
  return { populatedChildren: 0, children: new Map(), tasks: new Set() };
}

function byFirst(a: readonly (number | undefined)[], b: readonly (number | undefined)[]): number {
  return (a[0] ?? 0) - (b[0] ?? 0);
}

/** Written out: to spread an object into another costs more than all else that a birth does here. */
function taskOf(
  event: ForkFact | AdoptFact,
  container: ContainerNode,
  mirrored: readonly ContainerNode[],
  certainty: Certainty,
  commandLine: CommandLine | undefined,
): TaskNode {
  return {
    id: event.task,
    parent: event.parent,
    pid: event.pid,
    tgid: event.tgid,
    startTicks: event.startTicks,
    uid: event.uid,
    suid: event.suid,
    comm: event.comm,
    program: '',
    commandLine,
    container,
    mirrored,
    certainty,
  };
}

function byPid(a: Task, b: Task): number {
  return a.pid - b.pid;
}

function byId(a: { id: number }, b: { id: number }): number {
  return a.id - b.id;
}
