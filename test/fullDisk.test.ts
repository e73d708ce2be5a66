/** A daemon whose disk becomes full: it lives, says so, refuses commands, and goes on when there is room. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startDaemon } from '../src/daemon.ts';
import { HttpReader } from '../src/http/client.ts';
import { isRefusal } from '../src/kernel/errno.ts';
import { openLogReader, verifyLog } from '../src/log/openLog.ts';
import { readAll } from './log/contract.ts';
import { Scratch } from './log/recordings.ts';
import { until } from './support/daemon.ts';
import { testNeeding } from './support/needs.ts';

const fullDisk = suite('full disk');
const scratch = await Scratch.open();
fullDisk.after(() => scratch.remove());

testNeeding(fullDisk, ['root'], 'a daemon lives through a full disk, and its log says so', async () => {
  const disk = scratch.folder();
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tasktrail-test', disk]);
  try {
    const folder = join(disk, 'recording');
    const told: boolean[] = [];
    const daemon = await startDaemon({
      folder,
      source: 'simulated',
      releaseAgent: '/agent',
      syncIntervalMs: 1000,
      version: 'test',
      onFull: (isFull) => told.push(isFull),
    });
    const reader = new HttpReader(folder);
    const mkdir = (path: string) => reader.command('mkdir', { path, mode: 0o755, umask: 0 });
    // Whoever is gone again has its thread ended, and that must not keep the log from being opened anew.
    for await (const _ of reader.log({ limit: 1, follow: true })) break;
    fill(join(disk, 'ballast'));
    await until('the disk is full', () => daemon.view.isFull === true);
    const refusal = await mkdir('/refused');
    assert.is(isRefusal(refusal) && refusal.errno, 'ENOSPC');
    assert.is((await reader.status()).isFull, true);
    let entries = 0;
    for await (const _ of reader.log({ limit: 5 })) entries += 1;
    assert.is(entries, 5);
    rmSync(join(disk, 'ballast'));
    await until('there is room', () => daemon.view.isFull === undefined);
    await until('that is told', () => told.length === 2);
    assert.equal(told, [true, false]);
    assert.not(isRefusal(await mkdir('/a')));
    for await (const _ of reader.log({ limit: 5 })) entries += 1;
    assert.is(entries, 10);
    await daemon.stop();
    const { unsound, seq } = await verifyLog({ folder });
    assert.equal([unsound, seq], [undefined, daemon.view.seq]);
    const log = await openLogReader({ folder });
    const events = await readAll(log);
    await log.close();
    const gap = events.find(({ type }) => type === 'gap');
    assert.ok(gap?.type === 'gap' && gap.reason === 'full' && gap.lost > 0, JSON.stringify(gap));
    assert.not(events.some((event) => event.type === 'mkdir' && event.name === 'refused'));
  } finally {
    execFileSync('umount', ['-l', disk]);
  }
});

/** Writes a file until there is no room for another byte. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const sizeBytes of [1024 * 1024, 4096, 1]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(sizeBytes));
      } catch (error) {
        assert.match(String(error), /ENOSPC/);
      }
    }
  } finally {
    closeSync(file);
  }
}

fullDisk.run();
