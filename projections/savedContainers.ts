/**
 * Saved containers: how the trees and containers of a hierarchy are written into a snapshot, in the order of their ids.
 */
import type { Bytes } from '../events/bytes.ts';
import type { Attributes, ContainerNode, NodeAttributes, TreeNode } from './container.ts';
import type { SnapshotReader, SnapshotWriter } from './snapshot.ts';

type SavedTree = Omit<TreeNode, 'root' | 'groups'>;

interface SavedContainer {
  readonly id: number;
  readonly tree: number;
  /** Its parent's place, from 1; 0 for a root. */
  readonly parent: number;
  readonly name: Bytes;
  readonly notify: boolean;
  readonly attributes: Readonly<NodeAttributes>;
  readonly group: number;
  /** It is the one that is found by its name. */
  readonly isCalled: boolean;
}

const nodes = ['directory', 'tasks', 'notify_on_release'] as const;

export function saveTree(writer: SnapshotWriter, tree: TreeNode): void {
  const { number, name, hierarchy, mountPoint, layer } = tree;
  const numbers = [number, writer.string(name), hierarchy, writer.string(mountPoint), layer];
  for (const value of numbers) writer.number(value);
}

export function loadTree(reader: SnapshotReader): SavedTree {
  const number = reader.number();
  const name = reader.string(reader.number());
  const hierarchy = reader.number();
  const mountPoint = reader.string(reader.number());
  return { number, name, hierarchy, mountPoint, layer: reader.number() };
}

/** `places` has the place of each container in this list, from 1, by its slot. */
export function saveContainers(
  writer: SnapshotWriter,
  containers: readonly ContainerNode[],
  places: readonly number[],
): void {
  const column = (numberOf: (container: ContainerNode) => number) => {
    writer.numbers(containers.length, (i) => {
      const container = containers[i];
      return container ? numberOf(container) : 0;
    });
  };
  column(({ id }) => id);
  column(({ tree }) => tree);
  column(({ parent }) => (parent ? (places[parent.slot] ?? 0) : 0));
  column(({ name }) => writer.string(name));
  column(({ notify }) => (notify ? 1 : 0));
  column(({ group }) => group);
  column((container) => (container.parent?.children.get(container.name) === container ? 1 : 0));
  for (const node of nodes) {
    column(({ attributes }) => attributes[node].mode);
    column(({ attributes }) => attributes[node].uid);
    column(({ attributes }) => attributes[node].gid);
  }
}

export function loadContainers(reader: SnapshotReader, count: number): SavedContainer[] {
  const column = () => reader.numbers(count);
  const [ids, trees, parents, names, notifies, groups, called] = [
    column(),
    column(),
    column(),
    column(),
    column(),
    column(),
    column(),
  ];
  const attributes = nodes.map(() => [column(), column(), column()]);
  const known = new Map<string, Attributes>();
  const attributesAt = (node: number, i: number): Attributes => {
    const [mode = 0, uid = 0, gid = 0] = attributes[node]?.map((values) => values[i] ?? 0) ?? [];
    return shared(known, { mode, uid, gid });
  };
  return Array.from({ length: count }, (_, i) => ({
    id: ids?.[i] ?? 0,
    tree: trees?.[i] ?? 0,
    parent: parents?.[i] ?? 0,
    name: reader.string(names?.[i] ?? 0),
    notify: notifies?.[i] === 1,
    attributes: {
      directory: attributesAt(0, i),
      tasks: attributesAt(1, i),
      notify_on_release: attributesAt(2, i),
    },
    group: groups?.[i] ?? 0,
    isCalled: called?.[i] === 1,
  }));
}

/** Most nodes have the attributes of others: one object serves them all. */
function shared(known: Map<string, Attributes>, attributes: Attributes): Attributes {
  const key = `${attributes.mode} ${attributes.uid} ${attributes.gid}`;
  const same = known.get(key);
  if (same) return same;
  known.set(key, attributes);
  return attributes;
}
