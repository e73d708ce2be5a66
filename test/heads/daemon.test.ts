/** Heads of a real daemon: what it sends away is in its log, the last one is its end, and the log is checked against them. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { headText, headView, parseHead } from '../../src/engine/head.ts';
import { readHead } from '../../src/log/openLog.ts';
import { openOffline } from '../../src/offline.ts';
import { agentIn, Daemon, until, withFolders } from '../support/daemon.ts';

const heads = suite('heads of a daemon');

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n');
  } catch {
    // Nothing has been sent yet.
    return [];
  }
}

heads('go to a file at the interval and at the stop, and are passed by the log', async () => {
  await withFolders(async (folder, programs) => {
    const path = `${programs}/heads`;
    const daemon = await Daemon.start(folder, { headTo: { kind: 'file', path }, headIntervalMs: 200 });
    try {
      await until('three heads', () => linesOf(path).length >= 3);
      const asked = await daemon.reader.head();
      const [first = ''] = linesOf(path);
      const expect = parseHead(first);
      assert.ok(expect && expect.seq < asked.seq);
      const whole = await daemon.reader.verify(() => {}, { expect });
      assert.equal([whole.unsound, whole.firstSeq], [undefined, 1]);
      const sinceBoot = await daemon.reader.verify(() => {}, { since: { kind: 'boot' } });
      assert.equal([sinceBoot.unsound, sinceBoot.seq >= asked.seq], [undefined, true]);
      const forged = { ...expect, hash: '0'.repeat(64) };
      const { unsound } = await daemon.reader.verify(() => {}, { expect: forged });
      assert.match(String(unsound?.why), /the log that was noted at seq \d+ is another/);
      await daemon.stop();
      const end = headView(await readHead({ folder }));
      assert.is(linesOf(path).at(-1), headText(end));
      const offline = openOffline(folder);
      assert.equal(await offline.head(), end);
      for (const line of linesOf(path)) {
        const noted = parseHead(line);
        assert.ok(noted, line);
        const checked = await offline.verify(() => {}, { expect: noted });
        assert.is(checked.unsound, undefined, line);
      }
      await offline.close();
    } finally {
      daemon.kill();
    }
  });
});

heads('go to a program as its one argument, the last one at the stop', async () => {
  await withFolders(async (folder, programs) => {
    const path = `${programs}/heads`;
    const program = agentIn(programs, `#!/bin/sh\necho "$#:$1" >> ${path}\n`);
    const daemon = await Daemon.start(folder, { headTo: { kind: 'program', path: program } });
    try {
      await until('the first head', () => linesOf(path).length > 0);
      await daemon.stop();
      assert.is(linesOf(path).at(-1), `1:${headText(headView(await readHead({ folder })))}`);
    } finally {
      daemon.kill();
    }
  });
});

heads.run();
