/** The archivist: the tail of a log that grows becomes blocks on another thread, and a close leaves all of it whole. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Archivist, openArchivist } from '../../src/archive/archivist.ts';
import { realClock } from '../../src/clock.ts';
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

  open(): Archivist {
    return openArchivist({
      log: this.log,
      clock: realClock(),
      retention: { situation: () => undefined, giveUp: () => {} },
      follow: (grown) => {
        this.#grown = grown;
        return () => {};
      },
      onFailure: (error) => this.failures.push(error),
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

archivist('seals nothing that is not worth it, and starts no thread for it', async () => {
  const growing = new Growing(await openLevelLog({ folder: scratch.folder() }));
  await growing.grow(5);
  await growing.open().close();
  assert.is(growing.log.sealedSeq, 0);
  await growing.log.close();
});

archivist.run();
