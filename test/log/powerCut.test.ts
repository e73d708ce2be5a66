/**
 * A loss of power, as ext4 lets us make one: from one moment on nothing reaches the disk any more, neither
 * data nor journal, and what is there by then is what the next mount finds. What was synced has to be there.
 */

import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LevelLog, openLevelLog } from '../../src/log/levelLog.ts';
import { testNeeding } from '../support/needs.ts';
import { exit, readAll, rejection, seqs } from './contract.ts';
import { Scratch } from './recordings.ts';

const powerCut = suite('power cut');

const scratch = await Scratch.open();
powerCut.after(() => scratch.remove());

testNeeding(powerCut, ['loop'], 'what was only written may be lost, what was synced is there', async () => {
  const { synced, there } = await recordUntilCut(async (log) => {
    await commitSome(log, 'written');
    await commitSome(log, 'synced');
    const { seq } = log;
    await commitSome(log, 'written');
    return seq;
  });
  assert.ok(there >= synced, `${synced} were synced, ${there} are there`);
});

testNeeding(
  powerCut,
  ['loop'],
  'a sync with nothing new to write makes durable what was written',
  async () => {
    const { synced, there } = await recordUntilCut(async (log) => {
      await commitSome(log, 'written');
      await commitSome(log, 'written');
      await log.commit('synced');
      return log.seq;
    });
    assert.is(there, synced);
  },
);

testNeeding(
  powerCut,
  ['loop'],
  'a sync holds across the log files that LevelDB has begun meanwhile',
  async () => {
    const { synced, there } = await recordUntilCut(async (log) => {
      const logFiles = (): number => readdirSync(log.folder).filter((name) => name.endsWith('.log')).length;
      await commitSome(log, 'synced');
      // LevelDB begins a new log file every 4 MiB, and keeps the old one until it has become a table.
      for (let i = 0; i < 500 && logFiles() === 1; i++) await commitSome(log, 'written', 3000);
      assert.is(logFiles(), 2);
      await commitSome(log, 'synced');
      return log.seq;
    });
    assert.is(there, synced);
  },
);

testNeeding(powerCut, ['loop'], 'a recording opens again even when nothing of it was synced', async () => {
  const { there } = await recordUntilCut(async (log) => {
    await commitSome(log, 'written');
    return 0;
  });
  assert.ok(there === 0 || there === 50, `${there} of one commit are there`);
});

testNeeding(
  powerCut,
  ['loop'],
  'the log that is left without a disk says so, and goes no further',
  async () => {
    await onDisk(async (disk) => {
      const log = await openLevelLog({ folder: join(disk(), 'recording') });
      await commitSome(log, 'synced');
      cutPower(disk());
      log.append([exit(1, log.head.timeUs)]);
      const message = await rejection(log.commit('synced'));
      assert.match(message, /cannot be written any more: input\/output error; it is whole up to seq \d+/);
      assert.is(await rejection(log.commit('written')), message);
      await log.close();
    });
  },
);

/** Records on a disk until the power is cut; what was synced by then, and what is there afterwards. */
async function recordUntilCut(
  record: (log: LevelLog) => Promise<number>,
): Promise<{ synced: number; there: number }> {
  return onDisk(async (disk, remount) => {
    const folder = (): string => join(disk(), 'recording');
    const log = await openLevelLog({ folder: folder() });
    const synced = await record(log);
    cutPower(disk());
    // It cannot mark its end on a disk that is gone; that it says so is the last test's matter.
    await log.close().catch(() => {});
    remount();
    const again = await openLevelLog({ folder: folder() });
    const there = await readAll(again);
    assert.equal(
      seqs(there),
      there.map((_, i) => i + 1),
    );
    await again.close();
    return { synced, there: there.length };
  });
}

async function commitSome(log: LevelLog, durability: 'written' | 'synced', count = 50): Promise<void> {
  log.append(Array.from({ length: count }, (_, task) => exit(task, 1 + log.seq)));
  await log.commit(durability);
}

/** A file system on a loop device, which writes nothing by itself for five minutes. */
async function onDisk<T>(body: (disk: () => string, remount: () => void) => Promise<T>): Promise<T> {
  const image = `${scratch.folder()}.image`;
  execFileSync('truncate', ['-s', '64M', image]);
  execFileSync('mkfs.ext4', ['-q', '-F', image]);
  let disk = '';
  const mount = (): void => {
    disk = scratch.folder();
    mkdirSync(disk);
    execFileSync('mount', ['-o', 'loop,commit=300', image, disk]);
  };
  const unmount = (): void => {
    execFileSync('umount', [disk]);
  };
  mount();
  try {
    return await body(
      () => disk,
      () => {
        unmount();
        mount();
      },
    );
  } finally {
    unmount();
  }
}

/** EXT4_IOC_SHUTDOWN with NOLOGFLUSH (the kernel's fs/ext4/ext4.h). */
function cutPower(disk: string): void {
  const shutdown = 0x8004587d;
  const withoutFlush = new Uint32Array([2]);
  const ioctl = koffi.load('libc.so.6').func('int ioctl(int, unsigned long, uint32_t *)');
  const fd = openSync(disk, 'r');
  const result: number = ioctl(fd, shutdown, withoutFlush);
  closeSync(fd);
  assert.is(result, 0);
}

powerCut.run();
