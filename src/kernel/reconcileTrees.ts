/**
 * reconcileTrees: pure functions from the trees as they stand and a whole look at the machine's cgroup
 * hierarchies to what must have happened to them in between. Trees and groups that have come are told before
 * the tasks are reconciled; groups that have gone after it, when no task is in them any more.
 */
import type { Fact, MkdirFact, RenameFact } from '../../events/event.ts';
import type { Container, Hierarchy, Tree } from '../../projections/hierarchy.ts';
import { nobody } from './doer.ts';
import type { HierarchySeen } from './observation.ts';
import { mkdirFact } from './observeGroup.ts';

/**
 * The trees that are mirrored no longer go, and those that are mirrored now come, as bare roots. After
 * another boot, or when a hierarchy was mounted anew, nothing of the old tree is left.
 */
export function reconcileTrees(
  state: Hierarchy,
  seen: readonly HierarchySeen[],
  sameBoot: boolean,
): readonly Fact[] {
  const kept = new Set<HierarchySeen>();
  const facts: Fact[] = [];
  for (const tree of state.trees()) {
    if (tree.number === 0) continue;
    const same = sameBoot ? seen.find((hierarchy) => mirrors(tree, hierarchy)) : undefined;
    if (same) kept.add(same);
    else facts.push({ type: 'untree', tree: tree.number });
  }
  const strangers = seen.filter((hierarchy) => !kept.has(hierarchy));
  strangers.forEach(({ hierarchy, name, mountPoint, groups }, i) => {
    facts.push({
      type: 'tree',
      tree: state.nextTree + i,
      name,
      container: state.nextContainer + i,
      hierarchy,
      group: groups[0]?.group ?? 0,
      mountPoint,
    });
  });
  return facts;
}

/**
 * One hierarchy's groups that have come or have another name; its tree must stand already. A group that has
 * gone may still bear a name that another has by now: it goes later, and a name means whoever got it last.
 */
export function reconcileGroups(state: Hierarchy, seen: HierarchySeen): readonly Fact[] {
  const tree = state.mirrorOf(seen.hierarchy);
  if (!tree) return [];
  const renames: RenameFact[] = [];
  const mkdirs: MkdirFact[] = [];
  const come = new Map<number, number>();
  for (const { group, parent, name } of seen.groups.slice(1)) {
    const known = tree.groups.get(group);
    if (known) {
      if (known.name !== name) renames.push({ type: 'rename', container: known.id, name, by: nobody });
      continue;
    }
    const parentId = come.get(parent) ?? tree.groups.get(parent)?.id;
    // Its parent went while the groups were read, and so did it.
    if (parentId === undefined) continue;
    const container = state.nextContainer + come.size;
    come.set(group, container);
    mkdirs.push(mkdirFact(container, parentId, group, name, nobody));
  }
  return [...renames, ...mkdirs];
}

/**
 * The groups of one hierarchy that have gone, children before parents. Where something was lost in the middle of a look,
 * one can have gone that seems to be in use yet: it stays until the next look, which that loss brings about.
 */
export function removeGroups(state: Hierarchy, seen: HierarchySeen): readonly Fact[] {
  const there = new Set(seen.groups.map(({ group }) => group));
  const gone = new Set<Container>();
  const containers = [...(state.mirrorOf(seen.hierarchy)?.groups.values() ?? [])];
  for (const container of containers.reverse()) {
    const isInUse =
      container.tasks.size > 0 || [...container.children.values()].some((child) => !gone.has(child));
    if (!there.has(container.group) && !isInUse) gone.add(container);
  }
  return [...gone].map(({ id }) => ({ type: 'rmdir', container: id, by: nobody }));
}

function mirrors(tree: Tree, seen: HierarchySeen): boolean {
  return tree.hierarchy === seen.hierarchy && tree.root.group === seen.groups[0]?.group;
}
