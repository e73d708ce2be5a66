/**
 * Containers and their trees, as everybody reads them, and as the hierarchy alone may write them.
 */
import type { Bytes } from '../events/bytes.ts';
import type { Node } from '../events/event.ts';
import type { Task } from './task.ts';

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
  readonly tasks: Members;
}

/** The tasks in a container, in no order. */
export interface Members extends Iterable<Task> {
  readonly size: number;
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

/** The path of a container, relative to the root of its tree. */
export function pathOf(container: Container): Bytes {
  let path = '';
  for (let at = container; at.parent; at = at.parent) path = `/${at.name}${path}`;
  return path === '' ? '/' : path;
}

/** Whether a container holds a task, in itself or below. */
export function isPopulated(container: Container): boolean {
  return container.populatedChildren > 0 || container.tasks.size > 0;
}

/** Who knows which tasks are in a container, by its slot and layer. */
export interface Roster {
  countIn(place: number): number;
  tasksIn(place: number, layer: number): Iterable<Task>;
}

type Fixed = 'id' | 'tree' | 'name' | 'notify' | 'attributes' | 'group';

/** A container, as the hierarchy alone may write it. */
export class ContainerNode implements Container {
  readonly id: number;
  readonly tree: number;
  readonly parent: ContainerNode | undefined;
  readonly group: number;
  name: Bytes;
  notify: boolean;
  attributes: Readonly<NodeAttributes>;
  populatedChildren = 0;
  children = childless;
  /** Its number among the containers that stand; another one has it when this one is gone. */
  readonly slot: number;
  /** The number of its tree among those that stand. */
  readonly layer: number;
  readonly #roster: Roster;

  constructor(
    fields: Pick<Container, Fixed>,
    parent: ContainerNode | undefined,
    slot: number,
    layer: number,
    roster: Roster,
  ) {
    this.id = fields.id;
    this.tree = fields.tree;
    this.parent = parent;
    this.group = fields.group;
    this.name = fields.name;
    this.notify = fields.notify;
    this.attributes = fields.attributes;
    this.slot = slot;
    this.layer = layer;
    this.#roster = roster;
  }

  get tasks(): Members {
    return new Roll(this.#roster, this);
  }

  /** A child has its name here from now on, whoever had it before. */
  call(child: ContainerNode): void {
    if (this.children === childless) this.children = new Map();
    this.children.set(child.name, child);
  }

  /** A child has its name here no longer, unless another one has it by now. */
  forget(child: ContainerNode): void {
    if (this.children.get(child.name) === child) this.children.delete(child.name);
  }
}

/** Most containers have no children: one map, to which nobody adds, serves them all. */
const childless = new Map<Bytes, ContainerNode>();

class Roll implements Members {
  readonly #roster: Roster;
  readonly #container: ContainerNode;

  constructor(roster: Roster, container: ContainerNode) {
    this.#roster = roster;
    this.#container = container;
  }

  get size(): number {
    return this.#roster.countIn(this.#container.slot);
  }

  [Symbol.iterator](): Iterator<Task> {
    const { slot, layer } = this.#container;
    return this.#roster.tasksIn(slot, layer)[Symbol.iterator]();
  }
}

export interface TreeNode extends Tree {
  readonly root: ContainerNode;
  readonly groups: Map<number, ContainerNode>;
  readonly layer: number;
}
