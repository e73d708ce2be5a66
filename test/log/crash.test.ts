/**
 * What other processes, a kill and a full disk leave behind: whatever was acknowledged is there, in one
 * piece, and whoever waited for more is told why.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RecordingHeldError } from '../../src/log/errors.ts';
import { openLevelLog, openLogReader, verifyLog } from '../../src/log/openLog.ts';
import { seededRandom } from '../../src/random.ts';
import { testNeeding } from '../support/needs.ts';
import { exit, readAll, rejection, seqs } from './contract.ts';
import { filesOf, makeRecording, Scratch } from './recordings.ts';

const crash = suite('crash');

const scratch = await Scratch.open();
crash.after(() => scratch.remove());

const committer = fileURLToPath(new URL('./committer.ts', import.meta.url));
const node = [process.execPath, '--import', 'tsx', committer];

interface Committer {
  readonly child: ChildProcess;
  /** The last seq that it said was committed. */
  seq(): number;
  /** Resolves when it has said so often that something is committed; rejects when it ended before. */
  says(count: number): Promise<void>;
}

function start(command: readonly string[]): Committer {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: number[] = [];
  let heard = (): void => {};
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(Number(line));
    heard();
  });
  const says = (count: number): Promise<void> =>
    new Promise((resolve, reject) => {
      heard = () => lines.length >= count && resolve();
      heard();
      child.once('close', (code, signal) => reject(new Error(`it ended by ${code ?? signal}`)));
    });
  return { child, seq: () => lines.at(-1) ?? 0, says };
}

/** Every event from 1 on, in one piece. */
async function soundSeq(folder: string): Promise<number> {
  const log = await openLevelLog({ folder });
  assert.equal(
    seqs(await readAll(log)),
    Array.from({ length: log.seq }, (_, i) => i + 1),
  );
  await log.close();
  return log.seq;
}

crash('whatever a killed process said was committed is there', async () => {
  const folder = scratch.folder();
  for (let round = 1; round <= 4; round++) {
    const { child, seq, says } = start([...node, folder]);
    await says(60 * round + 7);
    child.kill('SIGKILL');
    await once(child, 'close');
    const acknowledged = seq();
    const there = await soundSeq(folder);
    assert.ok(there >= acknowledged, `${acknowledged} was acknowledged, ${there} is there`);
  }
});

crash('whatever a process was at that removes the beginning, what is kept is sound', async () => {
  const folder = scratch.folder();
  const cutter = fileURLToPath(new URL('./cuttingWriter.ts', import.meta.url));
  const random = seededRandom(11);
  for (let round = 1; round <= 5; round++) {
    const { child, seq, says } = start([process.execPath, '--import', 'tsx', cutter, folder]);
    await says(3 + random.below(20));
    // Somewhere in what it is at then.
    await new Promise((resolve) => setTimeout(resolve, random.below(40)));
    child.kill('SIGKILL');
    await once(child, 'close');
    const { unsound, keptFrom, events } = await verifyLog({ folder });
    assert.is(unsound, undefined, `round ${round}`);
    assert.ok((keptFrom?.seq ?? 1) >= seq(), `it is kept from seq ${keptFrom?.seq} on, and not ${seq()}`);
    const log = await openLevelLog({ folder });
    const read = seqs(await readAll(log));
    assert.equal([read.length, read[0], read.at(-1)], [events, keptFrom?.seq, log.seq]);
    await log.close();
  }
});

crash('a second process is told which one holds the recording', async () => {
  const folder = scratch.folder();
  const { child, says } = start([...node, folder, 'hold']);
  await says(1);
  for (const open of [openLevelLog, openLogReader, verifyLog]) {
    const error = await open({ folder }).catch((reason: unknown) => reason);
    assert.instance(error, RecordingHeldError);
    assert.is((error as RecordingHeldError).pid, child.pid);
    assert.match((error as Error).message, new RegExp(`is held by process ${child.pid}: only one`));
  }
  child.kill('SIGKILL');
  await once(child, 'close');
  await (await openLevelLog({ folder })).close();
});

crash('a file that may not grow ends the recording with why, and keeps what was acknowledged', async () => {
  const folder = scratch.folder();
  const { child, seq } = start(['sh', '-c', 'ulimit -f 20; exec "$@"', 'sh', ...node, folder]);
  let message = '';
  child.stderr?.on('data', (text) => {
    message += text;
  });
  await once(child, 'close');
  assert.match(
    message,
    /^the recording in .* cannot be written any more: file too large; it is whole up to seq \d+: put that right/,
  );
  assert.ok(seq() > 100, `only ${seq()} were committed`);
  assert.ok((await soundSeq(folder)) >= seq());
});

crash('a process that has no descriptor left goes on to sync what it commits', async () => {
  const folder = scratch.folder();
  const { child, says } = start(['sh', '-c', 'ulimit -n 80; exec "$@"', 'sh', ...node, folder, 'starve']);
  let message = '';
  child.stderr?.on('data', (text) => {
    message += text;
  });
  await says(40).catch((error: Error) => assert.unreachable(`${error.message}: ${message}`));
  child.kill('SIGKILL');
  await once(child, 'close');
});

testNeeding(
  crash,
  ['root'],
  'a full disk loses nothing, and when there is room the log goes on',
  async () => {
    for (const durability of ['written', 'synced'] as const) {
      await onSmallDisk(async (disk) => {
        const folder = join(disk, 'recording');
        const ballast = join(disk, 'ballast');
        await writeFile(ballast, Buffer.alloc(2 * 1024 * 1024));
        const log = await openLevelLog({ folder });
        let acknowledged = 0;
        let synced: Promise<void> = Promise.resolve();
        while (!log.isFull) {
          log.append(Array.from({ length: 500 }, (_, task) => exit(task, log.seq)));
          const { seq } = log;
          if (durability === 'synced') synced = log.commit('synced');
          const written = await log.commit('written').catch((error: unknown) => error);
          if (written === undefined) acknowledged = seq;
          else assert.match(String(written), /^NoRoomError: .* cannot be written: no space left on device$/);
        }
        assert.ok(acknowledged > 1000, `only ${acknowledged} were committed`);
        log.append([exit(1, log.seq)]);
        assert.match(await rejection(log.commit('written')), /no space left on device/);
        assert.match(await rejection(log.store({ puts: [], dels: [] })), /no space left on device/);
        assert.is(log.head.seq, acknowledged);
        assert.is((await readAll(log)).length, acknowledged);
        assert.not(await log.reopen(), 'there is no room yet');
        const waiting = log.commit('synced');
        await rm(ballast);
        assert.ok(await log.reopen());
        await Promise.all([waiting, synced]);
        assert.is(log.head.seq, log.seq);
        log.append([exit(2, log.seq)]);
        await log.commit('synced');
        const { seq } = log;
        await log.close();
        assert.is(await soundSeq(folder), seq);
      });
    }
  },
);

testNeeding(crash, ['root'], 'a log that is closed while the disk is full keeps what it had', async () => {
  await onSmallDisk(async (disk) => {
    const folder = join(disk, 'recording');
    const log = await openLevelLog({ folder });
    let acknowledged = 0;
    while (!log.isFull) {
      log.append(Array.from({ length: 500 }, (_, task) => exit(task, log.seq)));
      const { seq } = log;
      await log.commit('written').then(
        () => {
          acknowledged = seq;
        },
        () => {},
      );
    }
    const waiting = rejection(log.commit('synced'));
    await log.close();
    assert.match(await waiting, /cannot be written any more: no space left on device/);
    execFileSync('mount', ['-o', 'remount,size=16m', disk]);
    assert.ok((await soundSeq(folder)) >= acknowledged);
  });
});

testNeeding(crash, ['root'], 'a file system that is read-only, or full, is named', async () => {
  await onSmallDisk(async (disk) => {
    const folder = join(disk, 'recording');
    await makeRecording(folder, 3);
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    assert.is(
      await rejection(openLevelLog({ folder })),
      `the recording in ${folder} cannot be opened: read-only file system; ` +
        'LevelDB writes even to read: copy it to where it can be written',
    );
    const other = join(disk, 'other');
    assert.match(
      await rejection(openLevelLog({ folder: other })),
      /other cannot be opened: read-only file system/,
    );
    execFileSync('mount', ['-o', 'remount,rw', disk]);
    await rejection(writeFile(join(disk, 'ballast'), Buffer.alloc(4 * 1024 * 1024)));
    assert.match(await rejection(openLevelLog({ folder })), /cannot be opened: no space left on device/);
    await rm(join(disk, 'ballast'));
    await (await openLevelLog({ folder })).close();
    assert.equal(await filesOf(folder, /new$/), []);
  });
});

testNeeding(crash, ['loop'], 'a log that is left without a disk says so, and goes no further', async () => {
  await onDisk(async (disk) => {
    const log = await openLevelLog({ folder: join(disk, 'recording') });
    log.append([exit(1, 1)]);
    await log.commit('synced');
    cutOff(disk);
    log.append([exit(1, 1)]);
    const message = await rejection(log.commit('synced'));
    assert.match(message, /cannot be written any more: input\/output error; it is whole up to seq \d+/);
    assert.is(await rejection(log.commit('written')), message);
    await log.close();
  });
});

/** A file system of 3 MiB in memory, for as long as the body runs. */
async function onSmallDisk(body: (disk: string) => Promise<void>): Promise<void> {
  const disk = scratch.folder();
  await mkdir(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tasktrail-test', disk]);
  try {
    await body(disk);
  } finally {
    execFileSync('umount', ['-l', disk]);
  }
}

/** A file system on a loop device, for as long as the body runs. */
async function onDisk(body: (disk: string) => Promise<void>): Promise<void> {
  const disk = scratch.folder();
  const image = `${disk}.image`;
  await mkdir(disk);
  execFileSync('truncate', ['-s', '64M', image]);
  execFileSync('mkfs.ext4', ['-q', '-F', image]);
  execFileSync('mount', ['-o', 'loop', image, disk]);
  try {
    await body(disk);
  } finally {
    execFileSync('umount', [disk]);
  }
}

/** Nothing reaches the disk any more: EXT4_IOC_SHUTDOWN with NOLOGFLUSH (the kernel's fs/ext4/ext4.h). */
function cutOff(disk: string): void {
  const shutdown = 0x8004587d;
  const withoutFlush = new Uint32Array([2]);
  const ioctl = koffi.load('libc.so.6').func('int ioctl(int, unsigned long, uint32_t *)');
  const fd = openSync(disk, 'r');
  const result: number = ioctl(fd, shutdown, withoutFlush);
  closeSync(fd);
  assert.is(result, 0);
}

crash.run();
