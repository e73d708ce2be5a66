/** Room: it is looked for while the disk is full, and only then the log's other readers are sent away. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { watchRoom } from '../src/room.ts';
import { FakeClock } from './support/fakeClock.ts';

const room = suite('room');

function ground() {
  const clock = new FakeClock();
  const done: string[] = [];
  const log = {
    isFull: false,
    succeeds: true,
    reopen: async () => {
      done.push('reopen');
      log.isFull = !log.succeeds;
      return log.succeeds;
    },
  };
  const disk = { freeBytes: 0 };
  const readers = {
    sendAway: async () => {
      done.push('send away');
    },
    callBack: () => {
      done.push('call back');
    },
  };
  const end = watchRoom({
    log,
    clock,
    freeBytes: () => disk.freeBytes,
    readers,
    onChange: (isFull) => done.push(isFull ? 'full' : 'room'),
  });
  const pass = async (): Promise<void> => {
    clock.pass(1000);
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  return { clock, done, log, disk, end, pass };
}

room('what is full is told once, and gone on with when enough is free', async () => {
  const { done, log, disk, pass } = ground();
  await pass();
  assert.equal(done, []);
  log.isFull = true;
  await pass();
  await pass();
  assert.equal(done, ['full']);
  disk.freeBytes = 1024 * 1024;
  await pass();
  assert.equal(done, ['full']);
  disk.freeBytes = 64 * 1024 * 1024;
  await pass();
  assert.equal(done, ['full', 'send away', 'reopen', 'call back', 'room']);
  await pass();
  assert.is(done.length, 5);
});

room('where it was not enough, it is tried again', async () => {
  const { done, log, disk, pass } = ground();
  Object.assign(log, { isFull: true, succeeds: false });
  disk.freeBytes = 1e9;
  await pass();
  await pass();
  log.succeeds = true;
  await pass();
  const attempt = ['send away', 'reopen', 'call back'];
  assert.equal(done, ['full', ...attempt, ...attempt, ...attempt, 'room']);
});

room('after its end nothing is looked for', async () => {
  const { clock, log, done, end } = ground();
  await end();
  log.isFull = true;
  clock.pass(10_000);
  assert.equal(done, []);
  assert.is(clock.waiting, 0);
});

room.run();
