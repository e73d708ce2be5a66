/**
 * observeGroup: what happened to the groups of the machine's own cgroup hierarchies, and to the tasks in
 * them, as facts about the trees that mirror them. Pure, like `observe`, which hands over to it.
 */
import { type Bytes, textOf } from '../../events/bytes.ts';
import type { By, Fact, MkdirFact } from '../../events/event.ts';
import { type Container, type Hierarchy, pathOf, placeIn, type Task } from '../../projections/hierarchy.ts';
import { byOf } from './doer.ts';
import { isNonsense, type Nonsense, type Observed } from './nonsense.ts';
import type {
  GroupId,
  GroupMadeSeen,
  GroupObservation,
  GroupRemovedSeen,
  GroupRenamedSeen,
  MovedSeen,
} from './observation.ts';
import { populationFacts, type Shifts, shift } from './population.ts';

export function observeGroup(state: Hierarchy, seen: GroupObservation): Observed {
  const tree = state.mirrorOf(seen.hierarchy);
  // The source tells of hierarchies only that are mirrored; one may have gone a moment ago.
  if (!tree) return [];
  switch (seen.type) {
    case 'groupMade':
      return made(state, seen);
    case 'groupRemoved':
      return removed(state, seen);
    case 'groupRenamed':
      return renamed(state, seen);
    case 'moved':
      return moved(state, seen);
    case 'hierarchyGone':
      return [{ type: 'untree', tree: tree.number }];
  }
}

function made(state: Hierarchy, seen: GroupMadeSeen): Observed {
  const parent = containerOf(state, { hierarchy: seen.hierarchy, group: seen.parent });
  if (isNonsense(parent)) return parent;
  const namesake = parent.children.get(seen.name);
  if (namesake) return { nonsense: `${spoken(state, namesake)} is made while it is there` };
  return [mkdirFact(state.nextContainer, parent.id, seen.group, seen.name, byOf(state, seen.by))];
}

function removed(state: Hierarchy, seen: GroupRemovedSeen): Observed {
  const container = containerOf(state, seen);
  if (isNonsense(container)) return container;
  if (container.tasks.size > 0 || container.children.size > 0) {
    return { nonsense: `${spoken(state, container)} is removed while it is in use` };
  }
  return [{ type: 'rmdir', container: container.id, by: byOf(state, seen.by) }];
}

function renamed(state: Hierarchy, seen: GroupRenamedSeen): Observed {
  const container = containerOf(state, seen);
  if (isNonsense(container)) return container;
  if (container.name === seen.name) return [];
  const namesake = container.parent?.children.get(seen.name);
  if (namesake) {
    return { nonsense: `${spoken(state, container)} takes the name of ${spoken(state, namesake)}` };
  }
  return [{ type: 'rename', container: container.id, name: seen.name, by: byOf(state, seen.by) }];
}

/** The kernel tells of moves of zombies too, and of moves to where a task is already: nothing happens then. */
function moved(state: Hierarchy, seen: MovedSeen): Observed {
  const to = containerOf(state, seen);
  if (isNonsense(to)) return to;
  const one = state.taskByPid(seen.pid);
  const tasks = seen.whole ? state.threadsOf(seen.tgid) : one ? [one] : [];
  return moveFacts(tasks, to, byOf(state, seen.by));
}

/** Moves tasks within a mirrored tree, with the changes of population that this makes. */
function moveFacts(tasks: readonly Task[], to: Container, by: By): readonly Fact[] {
  const movers = tasks.filter((task) => placeIn(task, to.tree) !== to);
  const shifts: Shifts = new Map();
  for (const task of movers) shift(shifts, placeIn(task, to.tree), to);
  const attaches = movers.map(
    (task): Fact => ({ type: 'attach', task: task.id, container: to.id, by, certainty: 'known' }),
  );
  return [...attaches, ...populationFacts(shifts)];
}

/** The birth of a group. Mode, owner and flag are the kernel's to tell. */
export function mkdirFact(container: number, parent: number, group: number, name: Bytes, by: By): MkdirFact {
  return { type: 'mkdir', container, parent, name, group, mode: 0, uid: 0, gid: 0, notify: false, by };
}

function containerOf(state: Hierarchy, { hierarchy, group }: GroupId): Container | Nonsense {
  const tree = state.mirrorOf(hierarchy);
  const whose = tree ? ` of ${textOf(tree.name)}` : '';
  return tree?.groups.get(group) ?? { nonsense: `something happened to the unknown group ${group}${whose}` };
}

/** `v2:/a/b`, as the log speaks of it. */
function spoken(state: Hierarchy, container: Container): string {
  return `${textOf(state.tree(container.tree)?.name ?? '')}:${textOf(pathOf(container))}`;
}
