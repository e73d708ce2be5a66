/** Which containers of a mirror become populated or fall empty when tasks come and go. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Container } from '../../projections/hierarchy.ts';
import { populationFacts } from '../../src/kernel/population.ts';

const test = suite('population');

/** Empty containers, each in the one before it, and how often anybody has asked one for what it is in. */
class Chain {
  readonly containers: Container[] = [];
  climbs = 0;

  constructor(depth: number) {
    const counted = (): void => {
      this.climbs += 1;
    };
    for (let id = 1; id <= depth; id++) {
      const parent = this.containers.at(-1);
      this.containers.push({
        id,
        tree: 1,
        get parent() {
          counted();
          return parent;
        },
        name: `${id}`,
        notify: false,
        attributes: { directory: root, tasks: root, notify_on_release: root },
        group: id,
        populatedChildren: 0,
        children: new Map(),
        tasks: new Set(),
      });
    }
  }

  /** Of containers that each get one task, what is told, by ids. */
  fill(...ids: readonly number[]): string[] {
    const shifts = this.containers.filter(({ id }) => ids.includes(id)).map((each) => [each, 1] as const);
    return populationFacts(new Map(shifts)).map(({ type, container }) => `${type} ${container}`);
  }
}

const root = { mode: 0, uid: 0, gid: 0 };

test('the deepest are told first, and of several in one chain each once', () => {
  const told = ['populated 4', 'populated 3', 'populated 2'];
  assert.equal(new Chain(4).fill(4), told);
  assert.equal(new Chain(4).fill(2, 4), told);
  assert.equal(new Chain(5).fill(4, 3), told);
});

test('a chain of groups is climbed once, however deep it is', () => {
  const deep = new Chain(2000);
  assert.is(deep.fill(2000).length, 1999);
  assert.ok(deep.climbs < 20_000, `${deep.climbs} steps`);
});

test.run();
