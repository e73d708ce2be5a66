/**
 * Lifelines: what they tell of any task at any event is what a fold of all events tells, in portions of any size, with
 * trees that come and go; and from a block on where those before it are not kept.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event, Fact } from '../../events/event.ts';
import { RowReader, RowWriter } from '../../events/rows.ts';
import { Hierarchy } from '../../projections/hierarchy.ts';
import { Lifelines } from '../../projections/lifelines.ts';
import { placesOf } from '../../projections/places.ts';
import { type Scale, windowOf } from '../../projections/scale.ts';
import { LifelineError, type LifelineSource, type Standing, standingAt } from '../../projections/standing.ts';
import { seededRandom } from '../../src/random.ts';

const lifelines = suite('lifelines');

const by = { task: 0, pid: 0, uid: 0, gid: 0 };

/** Random events of tasks that are born, move and end, in trees that come and go. */
function story(seed: number, count: number): readonly Event[] {
  const random = seededRandom(seed);
  const events: Event[] = [];
  const living: number[] = [];
  const trees = new Map<number, number[]>();
  let [tasks, containers, lastTree] = [0, 0, -1];
  const tell = (fact: Fact): void => {
    events.push({ ...fact, seq: events.length + 1, timeUs: 1e15, skewUs: 0 } as Event);
  };
  const anywhere = (tree: number): number => random.pick(trees.get(tree) ?? [0]);
  const plant = (): void => {
    lastTree += 1;
    containers += 1;
    trees.set(lastTree, [containers]);
    const name = `tree ${lastTree}`;
    tell({
      type: 'tree',
      tree: lastTree,
      name,
      container: containers,
      hierarchy: lastTree,
      group: containers,
      mountPoint: '',
    });
    if (lastTree > 0) for (const task of living) if (random.chance(0.7)) attach(task, lastTree);
  };
  const attach = (task: number, tree: number): void => {
    tell({ type: 'attach', task, container: anywhere(tree), by, certainty: 'known' });
  };
  const birth = () => {
    tasks += 1;
    living.push(tasks);
    const numbers = { pid: tasks, tgid: tasks, startTicks: 1, uid: 0, suid: 0, comm: 'a' };
    return { task: tasks, ...numbers } as const;
  };
  plant();
  while (events.length < count) {
    const chosen = random.below(100);
    const task = living.length > 0 ? random.pick(living) : 0;
    const tree = random.pick([...trees.keys()]);
    if (chosen < 3) {
      containers += 1;
      tell({
        type: 'mkdir',
        container: containers,
        parent: anywhere(tree),
        name: `c${containers}`,
        group: containers,
        mode: 0o755,
        uid: 0,
        gid: 0,
        notify: false,
        by,
      });
      trees.get(tree)?.push(containers);
    } else if (chosen < 4 && trees.size < 4) plant();
    else if (chosen < 5 && tree !== 0) {
      trees.delete(tree);
      tell({ type: 'untree', tree });
    } else if (chosen < 8 || task === 0) {
      const mirrored = [...trees.keys()].filter((each) => each > 0 && random.chance(0.5)).map(anywhere);
      const container = anywhere(0);
      tell({ type: 'adopt', ...birth(), parent: 0, container, mirrored, certainty: 'known' });
    } else if (chosen < 40) {
      const into = random.chance(0.1) ? [anywhere(tree)] : [];
      tell({ type: 'fork', ...birth(), parent: task, into });
    } else if (chosen < 60) attach(task, tree);
    else if (chosen < 60 + Math.min(living.length, 35)) {
      living.splice(living.indexOf(task), 1);
      tell({ type: 'exit', task, code: 0, signal: 0, cpuUs: 0, peakBytes: 0, certainty: 'known' });
    } else tell({ type: 'comm', task, comm: 'b' });
  }
  return events;
}

/** Keeps the lifelines of a story, as far as its windows are full, of which those before `firstSeq` are then removed. */
function keep(events: readonly Event[], scale: Scale, firstSeq = 1): LifelineSource {
  const hierarchy = new Hierarchy();
  const writer = new RowWriter();
  const births: number[] = [0];
  const pieces: Uint8Array[][] = [];
  const fold = new Lifelines(hierarchy, 0, -1, scale);
  const written = (piece: number): Uint8Array => {
    writer.length = 0;
    fold.writePiece(writer, piece);
    // Columns are read a few bytes beyond their end, where a checksum is.
    writer.raw(new Uint8Array(4));
    return writer.buffer.slice(0, writer.length);
  };
  for (const event of events) {
    hierarchy.apply(event);
    fold.apply(event);
    if (event.type === 'fork' || event.type === 'adopt') births.push(event.seq);
    if (event.seq % scale.windowEvents !== 0) continue;
    pieces.push(Array.from({ length: scale.pieces }, (_, piece) => written(piece)));
    fold.beginWindow();
  }
  const firstWindow = windowOf(firstSeq, scale);
  return {
    scale,
    firstSeq,
    lastSeq: pieces.length * scale.windowEvents,
    seqBeforeBirth: (task) => Math.max((births[task] ?? 0) - 5, 1),
    piece: (window, piece) => reading(window < firstWindow ? undefined : pieces[window]?.[piece]),
  };
}

function reading(value: Uint8Array | undefined): RowReader | undefined {
  return value && new RowReader(value);
}

/** What a fold of all events up to one tells of every task. */
class Truth {
  readonly hierarchy = new Hierarchy();
  readonly #ends = new Map<number, number>();

  apply(event: Event): void {
    this.hierarchy.apply(event);
    if (event.type === 'exit') this.#ends.set(event.task, event.seq);
  }

  of(id: number): Standing {
    const task = this.hierarchy.task(id);
    if (task) return { state: 'living', places: placesOf(task) };
    const seq = this.#ends.get(id);
    return seq === undefined ? { state: 'unborn' } : { state: 'ended', seq };
  }
}

const scales: readonly Scale[] = [
  { windowEvents: 8, pieces: 1, rollPerTask: 0 },
  { windowEvents: 32, pieces: 5, rollPerTask: 3 },
  { windowEvents: 64, pieces: 3, rollPerTask: 1e6 },
];

for (const scale of scales) {
  for (const seed of [1, 2, 3, 4]) {
    const { windowEvents, rollPerTask } = scale;
    lifelines(`of every task behind every event: seed ${seed}, ${windowEvents}, ${rollPerTask}`, () => {
      const events = story(seed, 700);
      const source = keep(events, scale);
      const truth = new Truth();
      for (const event of events.slice(0, source.lastSeq)) {
        truth.apply(event);
        for (let task = 1; task <= truth.hierarchy.nextTask + 30; task += 1) {
          assert.equal(standingAt(source, task, event.seq), truth.of(task), `task ${task} #${event.seq}`);
        }
      }
    });
  }
}

lifelines('where the beginning is not kept, what is told is true, and the rest is not told', () => {
  for (const scale of scales) {
    const events = story(5, 700);
    const source = keep(events, scale, 105);
    const truth = new Truth();
    const met = { told: 0, untold: 0 };
    for (const event of events.slice(0, source.lastSeq)) {
      truth.apply(event);
      if (event.seq <= 105) continue;
      for (let task = 1; task <= truth.hierarchy.nextTask; task += 1) {
        const standing = standingOrUndefined(source, task, event.seq);
        met[standing ? 'told' : 'untold'] += 1;
        const expected = truth.of(task);
        if (standing?.state === 'ended' && standing.seq === 0) assert.is(expected.state, 'ended');
        else if (standing) assert.equal(standing, expected, `task ${task} #${event.seq}`);
      }
    }
    assert.ok(met.told > 1000, JSON.stringify(met));
    if (scale.rollPerTask > 100) assert.ok(met.untold > 100, JSON.stringify(met));
  }
});

lifelines('the stories have all that changes where tasks are', () => {
  const events = [1, 2, 3, 4].flatMap((seed) => story(seed, 700));
  for (const type of ['fork', 'adopt', 'exit', 'attach', 'tree', 'untree'] as const) {
    const met = events.filter((event) => event.type === type).length;
    assert.ok(met > 5, `${met} events of type ${type}`);
  }
});

function standingOrUndefined(source: LifelineSource, task: number, seq: number): Standing | undefined {
  try {
    return standingAt(source, task, seq);
  } catch (error) {
    if (!(error instanceof LifelineError)) throw error;
    return undefined;
  }
}

lifelines.run();
