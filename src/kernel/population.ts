/**
 * Population, as v2's `cgroup.events` counts it: a container is populated while it or one below it holds a
 * task. Where that changes in a mirrored tree, a `populated` or `empty` fact goes into the batch of its cause.
 */
import type { EmptyFact, PopulatedFact } from '../../events/event.ts';
import { type Container, isPopulated } from '../../projections/hierarchy.ts';

/** How many tasks more or fewer each container holds after the facts that go before. */
export type Shifts = Map<Container, number>;

/** Notes that a task goes from one container to another; undefined stands for birth and death. */
export function shift(shifts: Shifts, from: Container | undefined, to: Container | undefined): void {
  if (from) shifts.set(from, (shifts.get(from) ?? 0) - 1);
  if (to) shifts.set(to, (shifts.get(to) ?? 0) + 1);
}

/** The changes of population that these shifts make, deepest containers first. Roots and our own tree never change. */
export function populationFacts(shifts: Shifts): readonly (PopulatedFact | EmptyFact)[] {
  const facts: (PopulatedFact | EmptyFact)[] = [];
  const risenChildren = new Map<Container, number>();
  for (const container of deepestFirst(shifts.keys())) {
    const tasks = container.tasks.size + (shifts.get(container) ?? 0);
    const children = container.populatedChildren + (risenChildren.get(container) ?? 0);
    const populated = tasks > 0 || children > 0;
    if (populated === isPopulated(container) || !container.parent) continue;
    const risen = risenChildren.get(container.parent) ?? 0;
    risenChildren.set(container.parent, risen + (populated ? 1 : -1));
    facts.push({ type: populated ? 'populated' : 'empty', container: container.id });
  }
  return facts;
}

/** The containers of mirrored trees among these, and everything above them. */
function deepestFirst(containers: Iterable<Container>): Container[] {
  const depths = new Map<Container, number>();
  for (const container of containers) {
    if (container.tree === 0) continue;
    for (let at: Container | undefined = container; at && !depths.has(at); at = at.parent) {
      depths.set(at, depthOf(at));
    }
  }
  return [...depths.keys()].sort((a, b) => (depths.get(b) ?? 0) - (depths.get(a) ?? 0));
}

function depthOf(container: Container): number {
  let depth = 0;
  for (let at = container.parent; at; at = at.parent) depth += 1;
  return depth;
}
