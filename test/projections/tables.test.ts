/** Tables, slot tables and tallies: against plain maps that do the same. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SlotTable } from '../../projections/slotTable.ts';
import { Table } from '../../projections/table.ts';
import { attaches, exits, forks, Tallies, windowSeconds } from '../../projections/tallies.ts';
import { seededRandom } from '../../src/random.ts';

const tables = suite('tables');

tables('hold any number that an event may hold, beside those that were there', () => {
  const table = new Table(2);
  table.open(40);
  table.set(40, 0, 2 ** 32 - 1);
  table.set(40, 1, 2 ** 53 - 1);
  table.open(1000);
  assert.equal([table.get(40, 0), table.get(40, 1), table.get(1000, 1)], [2 ** 32 - 1, 2 ** 53 - 1, 0]);
});

for (const firstKey of [1, 2 ** 32 - 500, 2 ** 53 - 20_000]) {
  tables(`find each key's slot while slots come and go: keys from ${firstKey}`, () => {
    const random = seededRandom(1);
    const table = new Table(1);
    const slots = new SlotTable(table, 0);
    const known = new Map<number, number>();
    const free: number[] = [];
    let nextKey = firstKey;
    for (let step = 0; step < 12_000; step++) {
      if (known.size < 50 || random.chance(step < 6000 ? 0.7 : 0.4)) {
        const slot = free.pop() ?? known.size + 1;
        table.open(slot);
        table.set(slot, 0, nextKey);
        slots.put(slot);
        known.set(nextKey, slot);
        nextKey += 1;
      } else {
        const [key, slot] = random.pick([...known]);
        slots.remove(slot);
        known.delete(key);
        free.push(slot);
        assert.is(slots.find(key), 0);
      }
      if (step % 500 === 0) for (const [key, slot] of known) assert.is(slots.find(key), slot);
    }
  });
}

tables('have the slot that was put last found by its key, and the other one not taken out for it', () => {
  const table = new Table(1);
  const slots = new SlotTable(table, 0);
  for (const slot of [1, 2]) {
    table.set(slot, 0, 77);
    slots.put(slot);
  }
  slots.remove(1);
  assert.is(slots.find(77), 2);
});

tables(
  'of tallies keep what was counted in each of the last seconds, and what a place had before it was forgotten not',
  () => {
    const random = seededRandom(2);
    const tallies = new Tallies();
    const model = new Map<number, Map<number, [number, number, number]>>();
    let second = 1_790_000_000;
    for (let step = 0; step < 20_000; step++) {
      if (random.chance(0.02)) second += 1 + random.below(3);
      const place = 1 + random.below(40);
      if (random.chance(0.005)) {
        tallies.forget(place);
        model.delete(place);
        continue;
      }
      const kind = random.pick([forks, exits, attaches] as const);
      tallies.count(place, kind, second);
      const seconds = model.get(place) ?? new Map<number, [number, number, number]>();
      const counts = seconds.get(second) ?? [0, 0, 0];
      counts[kind] += 1;
      model.set(place, seconds.set(second, counts));
      if (step % 200 !== 0) continue;
      for (let each = 1; each <= 40; each++) {
        const kept = [...(model.get(each) ?? [])].filter(([at]) => at >= second - windowSeconds);
        assert.equal(
          tallies.of(each),
          kept.map(([at, counted]) => [at, ...counted]),
        );
      }
    }
  },
);

tables.run();
