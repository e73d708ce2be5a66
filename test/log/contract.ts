/**
 * What every EventLog does, whatever it is made of: one suite, run on each implementation.
 */
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../events/event.ts';
import type { EventLog, LogReader, Stamped } from '../../src/ports.ts';
import { seededRandom } from '../../src/random.ts';
import { randomStamped } from '../support/facts.ts';

/** Registers the suite; `open` makes an empty log. */
export function testContract(test: Test, open: () => Promise<EventLog>): void {
  test('an empty log has no seq, a head of zeros, and nothing to read', async () => {
    const log = await open();
    assert.is(log.seq, 0);
    assert.equal(log.head, { seq: 0, timeUs: 0, hash: '0'.repeat(64) });
    assert.equal(await readAll(log), []);
    await log.close();
  });

  test('append gives dense seqs from 1 on, at once; the head follows with the commit', async () => {
    const log = await open();
    assert.equal(seqs(log.append([exit(1, 10), exit(2, 20)])), [1, 2]);
    assert.equal(seqs(log.append([])), []);
    assert.equal(seqs(log.append([exit(3, 20)])), [3]);
    assert.is(log.seq, 3);
    assert.is(log.head.seq, 0);
    assert.equal(await readAll(log), []);
    await log.commit('written');
    assert.is(log.head.seq, 3);
    assert.is(log.head.timeUs, 20);
    assert.match(log.head.hash, /^[0-9a-f]{64}$/);
    await log.close();
  });

  test('what is read is what was appended, one commit at a time', async () => {
    const log = await open();
    const appended: Event[][] = [];
    for (let seed = 0; seed < 30; seed++) {
      const random = seededRandom(seed);
      const facts = randomStamped(random, 1 + random.below(20), appended.at(-1)?.at(-1)?.timeUs ?? 0);
      appended.push([...log.append(facts)]);
      await log.commit(random.pick(['written', 'synced']));
    }
    assert.equal(await readCommits(log, 1), appended);
    await log.close();
  });

  test('several appends before a commit are one commit', async () => {
    const log = await open();
    const events = [...log.append([exit(1, 1)]), ...log.append([exit(2, 2)])];
    await log.commit('synced');
    assert.equal(await readCommits(log, 1), [events]);
    await log.close();
  });

  test('reading starts at any seq, in the middle of a commit too, and ends at the head', async () => {
    const log = await open();
    let appended: Event[] = [];
    for (let i = 0; i < 10; i++) {
      appended = [...appended, ...log.append([exit(i, i), exit(i, i), exit(i, i)])];
      await log.commit('written');
    }
    for (let fromSeq = 0; fromSeq <= 32; fromSeq++) {
      const rest = appended.filter((event) => event.seq >= fromSeq);
      assert.equal(await readAll(log, fromSeq), rest, `from seq ${fromSeq}`);
    }
    await log.close();
  });

  test('a seq tells its commit, and a time the last seq that had happened', async () => {
    const log = await open();
    log.append([exit(1, 10), exit(2, 20)]);
    await log.commit('written');
    log.append([exit(3, 20), exit(4, 30), exit(5, 30)]);
    await log.commit('written');
    assert.equal(await log.commitOf(2), { firstSeq: 1, lastSeq: 2 });
    assert.equal(await log.commitOf(3), { firstSeq: 3, lastSeq: 5 });
    const asked = [9, 10, 19, 20, 29, 30, 31];
    assert.equal(await Promise.all(asked.map((timeUs) => log.seqAt(timeUs))), [0, 1, 1, 3, 3, 5, 5]);
    await log.close();
  });

  test('a reading does not go beyond the head at its call', async () => {
    const log = await open();
    log.append([exit(1, 1)]);
    await log.commit('written');
    const reading = log.read(1);
    log.append([exit(2, 2)]);
    await log.commit('written');
    assert.equal(seqs((await collect(reading)).flat()), [1]);
    assert.equal(seqs(await readAll(log)), [1, 2]);
    await log.close();
  });

  test('a reading that is given up early holds nothing up', async () => {
    const log = await open();
    for (let i = 0; i < 3; i++) {
      log.append([exit(i, i)]);
      await log.commit('written');
    }
    for await (const events of log.read(1)) {
      assert.equal(seqs(events), [1]);
      break;
    }
    await log.close();
  });

  test('commits that are asked for at once resolve in order, and none before its events are there', async () => {
    const log = await open();
    const done: number[] = [];
    const commits: Promise<void>[] = [];
    for (let i = 1; i <= 50; i++) {
      log.append([exit(i, i)]);
      const wait = log.commit(i % 3 === 0 ? 'synced' : 'written');
      commits.push(
        wait.then(() => {
          assert.ok(log.head.seq >= i, `commit ${i} resolved at head ${log.head.seq}`);
          if (i % 3 === 0) done.push(i);
        }),
      );
    }
    await Promise.all(commits);
    assert.equal(
      done,
      [...done].sort((a, b) => a - b),
    );
    assert.is(log.head.seq, 50);
    await log.close();
  });

  test('a commit with nothing to write resolves', async () => {
    const log = await open();
    await log.commit('written');
    await log.commit('synced');
    log.append([exit(1, 1)]);
    await log.commit('written');
    await log.commit('synced');
    await log.commit('synced');
    assert.is(log.head.seq, 1);
    assert.is((await readCommits(log, 1)).length, 1);
    await log.close();
  });

  test('an append that cannot be stored leaves nothing behind', async () => {
    const log = await open();
    const before = log.append([exit(1, 10)]);
    assert.throws(
      () => log.append([exit(2, 20), exit(-1, 20)]),
      /the task of this exit event cannot be stored/,
    );
    for (const timeUs of [19, 20.5, Number.NaN]) {
      assert.throws(
        () => log.append([exit(2, 20), exit(3, timeUs)]),
        /the timeUs of .* cannot be stored: .* after 20/,
      );
    }
    assert.is(log.seq, 1);
    const after = log.append([exit(4, 10)]);
    assert.equal(seqs(after), [2]);
    await log.commit('written');
    assert.equal(await readAll(log), [...before, ...after]);
    await log.close();
  });

  test('the hash of the head depends on every event before it', async () => {
    const [log, same, other] = [await open(), await open(), await open()];
    for (const [each, task] of [
      [log, 1],
      [same, 1],
      [other, 9],
    ] as const) {
      each.append([exit(task, 1)]);
      await each.commit('written');
      each.append([exit(2, 2)]);
      await each.commit('written');
    }
    assert.is(log.head.hash, same.head.hash);
    assert.is.not(log.head.hash, other.head.hash);
    await Promise.all([log.close(), same.close(), other.close()]);
  });

  test('closing commits what was appended; a closed log refuses everything, and may be closed again', async () => {
    const log = await open();
    log.append([exit(1, 1)]);
    await log.close();
    assert.is(log.head.seq, 1);
    await log.close();
    assert.throws(() => log.append([exit(2, 2)]), /is closed/);
    assert.match(await rejection(log.commit('written')), /is closed/);
    assert.match(await rejection(readAll(log)), /is closed/);
  });
}

export function exit(task: number, timeUs: number): Stamped {
  return {
    fact: { type: 'exit', task, code: 0, signal: 0, cpuUs: 0, peakBytes: 0, certainty: 'known' },
    timeUs,
    skewUs: 0,
  };
}

export function seqs(events: readonly Event[]): number[] {
  return events.map((event) => event.seq);
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export function readCommits(log: LogReader, fromSeq: number): Promise<(readonly Event[])[]> {
  return collect(log.read(fromSeq));
}

export async function readAll(log: LogReader, fromSeq = 1): Promise<Event[]> {
  return (await readCommits(log, fromSeq)).flat();
}

/** The message that a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert.instance(error, Error);
    return (error as Error).message;
  }
  return assert.unreachable('nothing was rejected') as never;
}
