/** The archivist: the tail of a log that grows becomes blocks on another thread, and a close leaves all of it whole. */

import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Archivist, openArchivist } from '../../src/archive/archivist.ts';
import { realClock } from '../../src/clock.ts';
import { blockOf } from '../../src/log/block.ts';
import { blockKey } from '../../src/log/keys.ts';
import { type LevelLog, openLevelLog, verifyLog } from '../../src/log/openLog.ts';
import { readAll } from '../log/contract.ts';
import { Scratch } from '../log/recordings.ts';
import { until } from '../support/daemon.ts';
import { stampedAs, storyOfRequests } from '../support/stories.ts';

const archivist = suite('archivist');
const scratch = await Scratch.open();
archivist.after(() => scratch.remove());

/** More than any of the tests takes. */
const story = stampedAs(await storyOfRequests(1, 16_000));

class Growing {
  readonly log: LevelLog;
  readonly failures: Error[] = [];
  #grown = (): void => {};

  constructor(log: LevelLog) {
    this.log = log;
  }

  open(openWorker?: () => Worker): Archivist {
    return openArchivist({
      log: this.log,
      clock: realClock(),
      retention: { situation: () => undefined, giveUp: () => {} },
      follow: (grown) => {
        this.#grown = grown;
        return () => {};
      },
      onFailure: (error) => this.failures.push(error),
      ...(openWorker && { open: openWorker }),
    });
  }

  async grow(commits: number): Promise<void> {
    for (let i = 0; i < commits; i++) {
      this.log.append(story.slice(this.log.seq, this.log.seq + 200));
      await this.log.commit('written');
      this.#grown();
    }
  }
}

archivist('seals what a log has grown by, while it grows', async () => {
  const folder = scratch.folder();
  const growing = new Growing(await openLevelLog({ folder }));
  const { log } = growing;
  await growing.grow(30);
  const opened = growing.open();
  await until('what was there is sealed', () => log.sealedSeq >= 5 * 1024);
  await growing.grow(30);
  await until('what came is sealed', () => log.sealedSeq >= 11 * 1024);
  const events = await readAll(log);
  assert.is(events.length, 60 * 200);
  await opened.close();
  assert.is((await verifyLog(log)).unsound, undefined);
  await log.close();
  assert.equal(growing.failures, []);
  const again = await openLevelLog({ folder });
  assert.ok(again.sealedSeq >= 11 * 1024);
  assert.equal(await readAll(again), events);
  await again.close();
});

archivist('that is closed in the middle leaves a log that goes on', async () => {
  const folder = scratch.folder();
  const growing = new Growing(await openLevelLog({ folder }));
  await growing.grow(100);
  const opened = growing.open();
  await until('it has begun', () => growing.log.sealedSeq > 0);
  await opened.close();
  const { seq } = growing.log;
  await growing.log.close();
  const { unsound, events } = await verifyLog({ folder });
  assert.is(unsound, undefined);
  assert.is(events, seq);
});

archivist(
  'that cannot read what was sealed says so once, lets the log grow, and begins again at the next start',
  async () => {
    const folder = scratch.folder();
    const growing = new Growing(await openLevelLog({ folder }));
    const { log } = growing;
    await growing.grow(30);
    const first = growing.open();
    await until('what was there is sealed', () => log.sealedSeq >= 5 * 1024);
    await first.close();
    const { sealedSeq } = log;
    await log.store({ puts: [[blockKey(blockOf(sealedSeq)), Uint8Array.of(1, 2, 3)]], dels: [] });
    await growing.grow(25);
    const second = growing.open();
    await until('it has failed', () => growing.failures.length > 0);
    assert.match(second.failure, /is not sound from seq \d+ on/);
    await growing.grow(10);
    assert.equal([log.head.seq, log.sealedSeq], [65 * 200, sealedSeq]);
    await second.close();
    await log.close();
    assert.is(growing.failures.length, 1);
    const again = new Growing(await openLevelLog({ folder, setAsideUs: 1.7e15 }));
    assert.ok(again.log.aside);
    await again.grow(30);
    const third = again.open();
    await until('it seals again', () => again.log.sealedSeq >= 5 * 1024);
    await third.close();
    assert.equal([again.failures, third.failure], [[], '']);
    assert.is((await verifyLog(again.log)).unsound, undefined);
    await again.log.close();
  },
);

archivist('whose thread ends does not end the log', async () => {
  const growing = new Growing(await openLevelLog({ folder: scratch.folder() }));
  await growing.grow(25);
  const opened = growing.open(() => new Worker('process.exit(3)', { eval: true }));
  await until('it has failed', () => growing.failures.length > 0);
  assert.is(opened.failure, 'the thread that does it has ended');
  await growing.grow(2);
  await opened.close();
  assert.is(growing.failures.length, 1);
  await growing.log.close();
});

archivist('seals nothing that is not worth it, and starts no thread for it', async () => {
  const growing = new Growing(await openLevelLog({ folder: scratch.folder() }));
  await growing.grow(5);
  await growing.open().close();
  assert.is(growing.log.sealedSeq, 0);
  await growing.log.close();
});

archivist.run();
