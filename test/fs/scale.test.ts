/**
 * The mounted tree at its limits: very many tasks in a container, very many containers in one, and paths longer than a
 * path may be. Who looks is another process: this one serves.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Mounts } from '../../src/fs/mounts.ts';
import { testNeeding } from '../support/needs.ts';
import { Recording } from '../support/recording.ts';

const scale = suite('scale');

const by = { task: 0, pid: 0, uid: 0, gid: 0 };

/** Runs a script that looks at a recording's tree, mounted at `$1`; resolves with the lines that it printed. */
async function look(recording: Recording, script: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-scale-'));
  const mounts = new Mounts({ recorder: recording.recorder, clock: recording.clock });
  try {
    mounts.open(join(folder, 'container'));
    const shell = spawn('bash', ['-c', `exec 2>&1; cd "$1"; ${script}`, 'bash', join(folder, 'container')]);
    let printed = '';
    shell.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    await once(shell, 'close');
    return printed.trimEnd().split('\n');
  } finally {
    await mounts.close();
    rmSync(folder, { recursive: true });
  }
}

testNeeding(scale, ['fuse', 'bash'], 'a hundred thousand tasks are listed, in whatever pieces', async () => {
  const recording = await Recording.begin();
  const { hierarchy } = recording.world;
  const first = 1_000_000;
  const count = 100_000;
  for (let i = 0; i < count; i++) {
    recording.recorder.record({
      type: 'adopt',
      task: hierarchy.nextTask,
      parent: 0,
      container: hierarchy.root.id,
      mirrored: [],
      pid: first + i,
      tgid: first + i,
      startTicks: 1,
      uid: 0,
      suid: 0,
      comm: 't',
      certainty: 'inferred',
    });
  }
  const known = hierarchy.taskCount;
  const lines = await look(
    recording,
    `wc -l < tasks; tail -n 1 tasks; uniq tasks | wc -l
    dd bs=7 count=2000 < tasks status=none | cmp - <(head -c 14000 tasks) && echo same; dd bs=4000 < tasks status=none | cmp - tasks && echo same`,
  );
  assert.equal(lines, [String(known), String(first + count - 1), String(known), 'same', 'same']);
});

testNeeding(scale, ['fuse', 'bash'], 'ten thousand containers in one are listed, each once', async () => {
  const recording = await Recording.begin();
  const { hierarchy } = recording.world;
  for (let i = 0; i < 10_000; i++) {
    recording.recorder.record({
      type: 'mkdir',
      container: hierarchy.nextContainer,
      parent: hierarchy.root.id,
      name: `container-${i}`,
      group: 0,
      mode: 0o755,
      uid: 0,
      gid: 0,
      notify: false,
      by,
    });
  }
  const lines = await look(
    recording,
    'ls -f | grep -c ^container; ls -f | sort -u | wc -l; stat -c %h .; cat container-9999/notify_on_release; ls container-5000',
  );
  assert.equal(lines, ['10000', '10005', '10002', '0', 'notify_on_release', 'tasks']);
});

testNeeding(scale, ['fuse', 'bash'], 'containers go deeper than a path can say', async () => {
  const recording = await Recording.begin();
  const name = 'n'.repeat(200);
  const lines = await look(
    recording,
    `for i in {1..25}; do mkdir ${name} && cd ${name} 2> /dev/null || break; done; echo $i
    ls; cat notify_on_release; echo 1 > notify_on_release; cat notify_on_release; rmdir ../${name}; ls`,
  );
  assert.equal(lines, ['25', 'notify_on_release', 'tasks', '0', '1']);
  assert.is(recording.world.hierarchy.containerCount, 25);
  assert.equal(
    (await recording.types()).filter((type) => type === 'release'),
    [],
  );
});

scale.run();
