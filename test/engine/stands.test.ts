/**
 * How tasks stood: what the lifelines of a recording tell is what a fold of all its events tells, for every task and at
 * any event, and where values are missing or damaged nothing else is told.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../events/event.ts';
import { Hierarchy } from '../../projections/hierarchy.ts';
import { placesOf } from '../../projections/places.ts';
import type { Scale } from '../../projections/scale.ts';
import type { Standing } from '../../projections/standing.ts';
import { standsAt } from '../../src/engine/stands.ts';
import { pieceKey } from '../../src/log/keys.ts';
import type { LevelReader } from '../../src/log/levelReader.ts';
import { MemoryLog } from '../../src/log/memoryLog.ts';
import { type LevelLog, openLevelLog, openLogReader } from '../../src/log/openLog.ts';
import { seededRandom } from '../../src/random.ts';
import { Scratch } from '../log/recordings.ts';
import { keepAll } from '../support/keeping.ts';
import { recordStory, stampedAs, storyOfMirrors, storyOfRequests } from '../support/stories.ts';

const stands = suite('stands');
const scratch = await Scratch.open();
stands.after(() => scratch.remove());

const distance = { events: 3000, perTask: 0 };
/** With a roll in every window, and in few. */
const scales: readonly Scale[] = [
  { windowEvents: 1024, pieces: 4, rollPerTask: 0 },
  { windowEvents: 2048, pieces: 7, rollPerTask: 1e6 },
];

/** What a full fold tells of every task at some seqs. */
class Truth {
  readonly #hierarchy = new Hierarchy();
  readonly #ends = new Map<number, number>();
  readonly #bySeq = new Map<number, ReadonlyMap<number, Standing>>();
  tasks = 0;

  constructor(events: readonly Event[], seqs: ReadonlySet<number>) {
    for (const event of events) {
      this.#hierarchy.apply(event);
      if (event.type === 'exit') this.#ends.set(event.task, event.seq);
      if (seqs.has(event.seq)) this.#bySeq.set(event.seq, this.#standings());
    }
    this.tasks = this.#hierarchy.nextTask - 1;
  }

  at(seq: number, task: number): Standing {
    return this.#bySeq.get(seq)?.get(task) ?? { state: 'unborn' };
  }

  #standings(): ReadonlyMap<number, Standing> {
    const standings = new Map<number, Standing>();
    for (const [task, seq] of this.#ends) standings.set(task, { state: 'ended', seq });
    for (const task of this.#hierarchy.tasks()) {
      standings.set(task.id, { state: 'living', places: placesOf(task) });
    }
    return standings;
  }
}

async function begin(events: readonly Event[]): Promise<LevelLog> {
  const log = await openLevelLog({ folder: scratch.folder() });
  await recordStory(log, stampedAs(events));
  return log;
}

async function withReader(log: LevelLog, use: (reader: LevelReader) => Promise<void>): Promise<void> {
  const reader = await openLogReader(log);
  await use(reader);
  await reader.close();
}

/** Any, and those at the borders of blocks and of windows. */
function seqsOf(events: readonly Event[], count: number, seed: number): ReadonlySet<number> {
  const random = seededRandom(seed);
  const borders = Array.from({ length: events.length / 1024 - 1 }, (_, i) => (i + 1) * 1024);
  return new Set([
    1,
    events.length,
    ...borders.flatMap((seq) => [seq, seq + 1]),
    ...Array.from({ length: count }, () => 1 + random.below(events.length)),
  ]);
}

const mirrors = await storyOfMirrors(5, 5000);
const requests = await storyOfRequests(2, 6000);

for (const [name, events] of [
  ['with mirrored trees', mirrors],
  ['with requests', requests],
] as const) {
  for (const scale of scales) {
    stands(`of every task, ${name}, ${scale.windowEvents} events a window`, async () => {
      const log = await begin(events);
      await keepAll(log, { distance, scale, blocksAtOnce: 3 });
      const seqs = seqsOf(events, 12, 1);
      const truth = new Truth(events, seqs);
      await withReader(log, async (reader) => {
        const lifelines = await reader.lifelines(scale);
        assert.ok(lifelines.lastSeq >= 4096, `windows up to ${lifelines.lastSeq}`);
        const met = { unborn: 0, living: 0, ended: 0 };
        for (const seq of seqs) {
          // Behind the last window each question goes through events, or opens the world.
          const step = seq <= lifelines.lastSeq ? 1 : 97;
          for (let task = 1; task <= truth.tasks + 1; task += step) {
            const { standing, obstacle } = await standsAt(reader, lifelines, task, seq);
            assert.equal(standing, truth.at(seq, task), `task ${task} behind #${seq}`);
            assert.is(obstacle, undefined);
            met[standing.state] += 1;
          }
        }
        assert.ok(Math.min(...Object.values(met)) > 50, JSON.stringify(met));
      });
      await log.close();
    });
  }
}

stands('what is missing or damaged is said, and the events are asked instead', async () => {
  const [scale] = scales;
  assert.ok(scale);
  const log = await begin(mirrors);
  await keepAll(log, { distance, scale, blocksAtOnce: 3 });
  const seqs = new Set([600, 1024, 2500, 4096]);
  const truth = new Truth(mirrors, seqs);
  const random = seededRandom(3);
  const puts: (readonly [Uint8Array, Uint8Array])[] = [];
  const dels: Uint8Array[] = [];
  const keys = [pieceKey(2, 1), pieceKey(1, 0), pieceKey(3, 2), pieceKey(0, 3)];
  await withReader(log, async (reader) => {
    for (const [i, key] of keys.entries()) {
      const value = reader.store.level.getSync(key)?.slice();
      assert.ok(value);
      const at = random.below(value.length);
      value[at] = (value[at] ?? 0) ^ (1 << random.below(8));
      if (i % 2 === 0) puts.push([key, value]);
      else dels.push(key);
    }
  });
  await log.store({ puts, dels });
  await withReader(log, async (reader) => {
    const lifelines = await reader.lifelines(scale);
    const said = new Set<string>();
    for (const seq of seqs) {
      for (let task = 1; task <= truth.tasks + 1; task += 5) {
        const { standing, obstacle } = await standsAt(reader, lifelines, task, seq);
        assert.equal(standing, truth.at(seq, task), `task ${task} behind #${seq}`);
        if (obstacle) said.add(obstacle.replace(/:.*/, ''));
      }
    }
    assert.ok(said.has('piece 1 of window 2 is damaged'), [...said].join());
    assert.ok(said.has('piece 0 of window 1 is missing'), [...said].join());
  });
  await log.close();
});

stands('the stories have all that changes where tasks are', () => {
  for (const type of ['fork', 'adopt', 'exit', 'attach', 'tree'] as const) {
    const met = mirrors.filter((event) => event.type === type).length;
    assert.ok(met > 0, `${met} events of type ${type}`);
  }
});

stands('a log without lifelines is gone through', async () => {
  const events = mirrors.slice(0, 1500);
  const log = new MemoryLog();
  log.append(stampedAs(events));
  await log.commit('written');
  const truth = new Truth(events, new Set([700, 1500]));
  const lifelines = await log.lifelines();
  for (const seq of [700, 1500]) {
    for (let task = 1; task <= truth.tasks + 1; task += 7) {
      assert.equal((await standsAt(log, lifelines, task, seq)).standing, truth.at(seq, task));
    }
  }
});

stands.run();
