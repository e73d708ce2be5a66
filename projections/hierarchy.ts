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
  Event,
  ExecFact,
  ExitFact,
  ForkFact,
  MkdirFact,
  Node,
  RenameFact,
  RmdirFact,
  TreeFact,
} from '../events/event.ts';

/** Mode (permission bits and the sticky bit) and owner of one node. */
export interface Attributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface Container {
  readonly id: number;
  readonly tree: number;
  /** Undefined for the root of a tree. */
  readonly parent: Container | undefined;
  readonly name: Bytes;
  /** notify_on_release. */
  readonly notify: boolean;
  readonly attributes: Readonly<Record<Node, Attributes>>;
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
  readonly container: Container;
  /** How the recorder knows that it is in this container. */
  readonly certainty: Certainty;
}

// The same two shapes, as this file alone may write them.
type Writable<T> = { -readonly [Key in keyof T]: T[Key] };
interface ContainerNode extends Writable<Omit<Container, 'parent' | 'children' | 'tasks' | 'attributes'>> {
  parent: ContainerNode | undefined;
  attributes: Record<Node, Attributes>;
  children: Map<Bytes, ContainerNode>;
  tasks: Set<TaskNode>;
}
interface TaskNode extends Writable<Omit<Task, 'container'>> {
  container: ContainerNode;
}

const rootDirectory: Attributes = { mode: 0o755, uid: 0, gid: 0 };
const rootFile: Attributes = { mode: 0o644, uid: 0, gid: 0 };

export class Hierarchy {
  readonly #containers = new Map<number, ContainerNode>();
  readonly #tasks = new Map<number, TaskNode>();
  readonly #taskByPid = new Map<number, TaskNode>();
  readonly #roots = new Map<number, ContainerNode>();
  #lastContainer = 0;
  #lastTask = 0;

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
      case 'tree':
        this.#tree(event);
        break;
      default:
    }
  }

  /** The root of tasktrail's own tree. */
  get root(): Container {
    const root = this.#roots.get(0);
    assert(root, 'a recording has its own tree from its first commit on');
    return root;
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
    const threads: Task[] = [];
    for (const task of this.#tasks.values()) if (task.tgid === tgid) threads.push(task);
    return threads.sort(byPid);
  }

  /** Everything held, as plain data in a fixed order: equal hierarchies give equal dumps. */
  dump(): unknown {
    return {
      lastContainer: this.#lastContainer,
      lastTask: this.#lastTask,
      containers: [...this.#containers.values()].sort(byId).map((container) => ({
        id: container.id,
        tree: container.tree,
        parent: container.parent?.id ?? 0,
        name: container.name,
        notify: container.notify,
        attributes: container.attributes,
        children: [...container.children.values()].map((child) => child.id).sort((a, b) => a - b),
        tasks: [...container.tasks].map((task) => task.id).sort((a, b) => a - b),
      })),
      tasks: [...this.#tasks.values()].map((task) => ({ ...task, container: task.container.id })),
    };
  }

  #fork(event: ForkFact): void {
    const parent = this.#live(event.parent);
    // What is known of the parent's place is known of the child's, and no more.
    this.#enter(taskOf(event, parent.container, parent.certainty));
  }

  #adopt(event: AdoptFact): void {
    this.#enter(taskOf(event, this.#standing(event.container), event.certainty));
  }

  #enter(task: TaskNode): void {
    assert(task.id === this.nextTask, `task ids are dense: ${task.id} after ${this.#lastTask}`);
    this.#lastTask = task.id;
    this.#tasks.set(task.id, task);
    this.#taskByPid.set(task.pid, task);
    task.container.tasks.add(task);
  }

  #exit(event: ExitFact): void {
    const task = this.#live(event.task);
    this.#tasks.delete(task.id);
    task.container.tasks.delete(task);
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
    task.pid = event.pid;
    assert(!this.#taskByPid.has(task.pid), `the leader ${task.pid} exits before its thread takes its pid`);
    this.#taskByPid.set(task.pid, task);
  }

  #attach(event: AttachFact): void {
    const task = this.#live(event.task);
    task.container.tasks.delete(task);
    task.container = this.#standing(event.container);
    task.container.tasks.add(task);
    task.certainty = event.certainty;
  }

  #tree(event: TreeFact): void {
    this.#raise({
      id: event.container,
      tree: event.tree,
      parent: undefined,
      name: '',
      notify: false,
      attributes: { directory: rootDirectory, tasks: rootFile, notify_on_release: rootFile },
      children: new Map(),
      tasks: new Set(),
    });
  }

  #mkdir(event: MkdirFact): void {
    const parent = this.#standing(event.parent);
    assert(!parent.children.has(event.name), `container ${event.parent} has one child of a name`);
    const file = { mode: 0o644, uid: event.uid, gid: event.gid };
    this.#raise({
      id: event.container,
      tree: parent.tree,
      parent,
      name: event.name,
      notify: event.notify,
      attributes: {
        directory: { mode: event.mode, uid: event.uid, gid: event.gid },
        tasks: file,
        notify_on_release: file,
      },
      children: new Map(),
      tasks: new Set(),
    });
  }

  #raise(container: ContainerNode): void {
    assert(container.id === this.nextContainer, `container ids are dense: ${container.id}`);
    this.#lastContainer = container.id;
    this.#containers.set(container.id, container);
    if (container.parent) container.parent.children.set(container.name, container);
    else this.#roots.set(container.tree, container);
  }

  #rmdir(event: RmdirFact): void {
    const container = this.#standing(event.container);
    assert(container.parent, 'a root is never removed');
    assert(container.tasks.size === 0, `container ${container.id} holds no task when it is removed`);
    assert(container.children.size === 0, `container ${container.id} holds no child when it is removed`);
    container.parent.children.delete(container.name);
    this.#containers.delete(container.id);
  }

  #rename(event: RenameFact): void {
    const container = this.#standing(event.container);
    assert(container.parent, 'a root is never renamed');
    assert(!container.parent.children.has(event.name), 'a new name is free');
    container.parent.children.delete(container.name);
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

/** The tasks in a container, by ascending pid. */
export function tasksOf(container: Container): Task[] {
  return [...container.tasks].sort(byPid);
}

/** Written out: to spread an object into another costs more than all else that a birth does here. */
function taskOf(event: ForkFact | AdoptFact, container: ContainerNode, certainty: Certainty): TaskNode {
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
    container,
    certainty,
  };
}

function byPid(a: Task, b: Task): number {
  return a.pid - b.pid;
}

function byId(a: { id: number }, b: { id: number }): number {
  return a.id - b.id;
}
