/** A mount whose daemon's disk is full: whoever waits for it there does not keep the daemon from stopping. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startDaemon } from '../../src/daemon.ts';
import { Scratch } from '../log/recordings.ts';
import { until } from '../support/daemon.ts';
import { testNeeding } from '../support/needs.ts';

const fullDisk = suite('full disk under a mount');
const scratch = await Scratch.open();
fullDisk.after(() => scratch.remove());

testNeeding(
  fullDisk,
  ['fuse'],
  'whoever waits for room at a mount is let go when the daemon stops',
  async () => {
    const disk = scratch.folder();
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tasktrail-test', disk]);
    const mountPoint = join(scratch.folder(), 'container');
    mkdirSync(join(mountPoint, '..'));
    try {
      const daemon = await startDaemon({
        folder: join(disk, 'recording'),
        source: 'simulated',
        releaseAgent: '/agent',
        syncIntervalMs: 1000,
        version: 'test',
        mount: { folder: mountPoint, isRequired: true },
      });
      // Whoever finds no room on the way to the disk waits for some, and each after that is refused.
      const script = `for n in 1 2 3 4 5 6 7 8; do
      (i=0; while mkdir ${mountPoint}/$n-$i; do i=$((i+1)); [ $i -lt 5 ] || : > ${disk}/$n; done) & done; wait`;
      const makers = spawn('sh', ['-c', script], { stdio: 'ignore' });
      const gone = once(makers, 'close');
      await until('all make containers', () =>
        [1, 2, 3, 4, 5, 6, 7, 8].every((n) => existsSync(join(disk, String(n)))),
      );
      // Given at once: what is left to fill is less than a commit.
      execFileSync('sh', ['-c', `cat /dev/zero > ${disk}/ballast 2> /dev/null || :`]);
      await until('the disk is full', () => daemon.view.isFull === true);
      await daemon.stop().catch((error: Error) => assert.match(error.message, /cannot be written/));
      await gone;
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  },
);

fullDisk.run();
