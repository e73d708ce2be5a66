/** Programs that are spawned: how they end is told by whoever reaped them, or not at all. */
import { execFileSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { spawnProgram, waitFor } from '../../src/system/spawn.ts';

const spawned = suite('spawn');

spawned('a child is reaped with its status', async () => {
  const child = spawnProgram({ program: '/bin/false', args: ['x'], environment: [], folder: '/' });
  assert.ok('pid' in child);
  if ('pid' in child) assert.equal(await waitFor(child.pid).ending, { status: 1 << 8 });
});

spawned('what somebody else reaps has no status that we could take for success', async () => {
  // A grandchild, which outlives its parent and is reaped by whoever adopts it.
  const pid = Number(execFileSync('sh', ['-c', 'sleep 0.3 >/dev/null & echo $!'], { encoding: 'utf8' }));
  assert.equal(await waitFor(pid).ending, { error: 'ECHILD' });
});

spawned.run();
