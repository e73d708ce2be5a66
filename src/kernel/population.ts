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

/** The containers of mirrored trees among these, and everything above them. A chain is climbed once, as deep as it may be. */
function deepestFirst(containers: Iterable<Container>): Container[] {
  const depths = new Map<Container, number>();
  for (const container of containers) {
    if (container.tree === 0) continue;
    const chain: Container[] = [];
    let top: Container | undefined = container;
    for (; top && !depths.has(top); top = top.parent) chain.push(top);
    const least = top ? (depths.get(top) ?? 0) + 1 : 0;
    chain.reverse().forEach((each, i) => {
      depths.set(each, least + i);
    });
  }
  return [...depths.keys()].sort((a, b) => (depths.get(b) ?? 0) - (depths.get(a) ?? 0));
}
