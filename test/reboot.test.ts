/**
 * The first start after a reboot, through the real daemon: a recording is made of a machine with another boot id, and
 * ends without a word, as with the power.
 */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event, EventType } from '../events/event.ts';
import type { HttpReader } from '../src/http/client.ts';
import { isRefusal } from '../src/kernel/errno.ts';
import { openLevelLog } from '../src/log/openLog.ts';
import { agentIn, Daemon, eventsIn, withFolders } from './support/daemon.ts';
import { testNeeding } from './support/needs.ts';
import { Recording } from './support/recording.ts';

const reboot = suite('reboot');

const flagged = 120;
/** `outer` has a child that is released, and so is not. `kept` has no flag. `/c0` had an attempt when the power went. */
const others = ['/kept', '/outer', '/outer/inner'];
/** Of what a look releases, one agent is started each 20 ms; timers may be a little early. */
const mostASecond = 55;

/**
 * Records a machine whose boot is another one: a task in each of many containers, init in `/c1`, and agents for what
 * falls empty. Resolves with its last seq and how many tasks lived then.
 */
async function recordEarlierBoot(folder: string): Promise<{ readonly seq: number; readonly tasks: number }> {
  const log = await openLevelLog({ folder });
  const recording = await Recording.begin({ log });
  const { source, recorder, world } = recording;
  const paths = [...others, ...Array.from({ length: flagged }, (_, i) => `/c${i}`)];
  for (const [i, path] of paths.entries()) {
    await recording.mkdir(path);
    await recording.write(path, 'notify_on_release', path === '/kept' ? '0' : '1');
    source.happen(`start t${i}`);
    await recording.attach(path, `t${i}`);
  }
  await recording.write('/c1', 'tasks', '1');
  source.happen(`t${others.length} exits`);
  recorder.read(() => {});
  const [release] = world.releases.open();
  recorder.record({ type: 'agent', release: release?.seq ?? 0, attempt: 1, program: '/sbin/agent' });
  await recorder.commit('synced');
  const end = { seq: log.seq, tasks: world.hierarchy.taskCount };
  await log.close();
  return end;
}

function only<T extends EventType>(events: readonly Event[], type: T): Extract<Event, { type: T }>[] {
  return events.filter((event): event is Extract<Event, { type: T }> => event.type === type);
}

/** The most of these times that lie within one second. */
function densest(timesUs: readonly number[]): number {
  return Math.max(...timesUs.map((from) => timesUs.filter((at) => at >= from && at < from + 1e6).length));
}

async function tasksIn(reader: HttpReader, path: string): Promise<readonly number[]> {
  const tasks = await reader.ask({ kind: 'tasks', path, tree: 'tasktrail' });
  assert.not.ok(isRefusal(tasks));
  return isRefusal(tasks) ? [] : tasks.map(({ pid }) => pid);
}

reboot(
  'every task of the boot before has ended, and what that empties is released, little by little',
  async () => {
    await withFolders(async (folder, programs) => {
      const calls = `${programs}/calls`;
      const before = await recordEarlierBoot(folder);
      const daemon = await Daemon.start(folder, {
        releaseAgent: agentIn(programs, `#!/bin/sh\necho "$1" >>${calls}\n`),
      });
      try {
        await daemon.quiet();
        const tree = await daemon.reader.ask({ kind: 'tree', path: '/', tree: 'tasktrail' });
        assert.is(!isRefusal(tree) && tree.length, 1 + others.length + flagged);
        for (const path of ['/kept', '/c7']) assert.equal(await tasksIn(daemon.reader, path), []);
        await daemon.stop();
      } finally {
        daemon.kill();
      }

      const events = (await eventsIn(folder)).filter(({ seq }) => seq > before.seq);
      const look = events.slice(
        0,
        events.findIndex(({ type }) => type === 'agent'),
      );
      const [source] = only(look, 'source');
      assert.is.not(source?.bootId, 'boot-1');
      assert.is(only(look, 'gap')[0]?.reason, 'stopped');
      const exits = only(look, 'exit');
      assert.is(exits.length, before.tasks);
      assert.ok(exits.every(({ certainty }) => certainty === 'inferred'));
      const adopted = only(look, 'adopt');
      assert.ok(adopted.length > 0);
      assert.ok(adopted.every(({ container, certainty }) => container === 1 && certainty === 'known'));
      assert.is(only(look, 'attach').length, 0);

      // The container whose attempt was cut off is tried again for that release; all others fell empty just now.
      const released = only(look, 'release').map(({ path, cause }) => `${path} ${cause}`);
      const expected = ['/outer/inner', ...Array.from({ length: flagged - 1 }, (_, i) => `/c${i + 1}`)];
      assert.equal(released.sort(), expected.map((path) => `${path} look`).sort());
      const called = readFileSync(calls, 'utf8').split('\n').filter(Boolean);
      assert.equal(called.sort(), [...expected, '/c0'].sort());
      assert.ok(densest(only(events, 'agent').map(({ timeUs }) => timeUs)) <= mostASecond);
    });
  },
);

testNeeding(
  reboot,
  ['root', 'ebpf'],
  'who has the pid of a task of the boot before is somebody else, and in the root',
  async () => {
    await withFolders(async (folder) => {
      const before = await recordEarlierBoot(folder);
      const daemon = await Daemon.start(folder, { source: 'ebpf', releaseAgent: '/bin/true' });
      try {
        assert.equal(await tasksIn(daemon.reader, '/c1'), []);
        const init = await daemon.reader.ask({ kind: 'path', pid: 1 });
        assert.equal(!isRefusal(init) && [init.path, init.certainty], ['/', 'known']);
        await daemon.quiet();
        await daemon.stop();
      } finally {
        daemon.kill();
      }
      const events = (await eventsIn(folder)).filter(({ seq }) => seq > before.seq);
      const inferred = only(events, 'exit').filter(({ certainty }) => certainty === 'inferred');
      assert.is(inferred.length, before.tasks);
      assert.ok(only(events, 'adopt').every(({ certainty }) => certainty === 'known'));
      assert.is(only(events, 'agent').length, only(events, 'outcome').length);
    });
  },
);

reboot('a second start in the same boot ends nobody and releases nothing again', async () => {
  const recording = await Recording.begin();
  await recording.mkdir('/a');
  await recording.write('/a', 'notify_on_release', '1');
  recording.source.happen('start t');
  await recording.attach('/a', 't');
  await recording.log.commit('written');
  recording.source.bootId = 'boot-2';
  recording.source.cast.boot();
  const rebooted = await Recording.reopen(recording);
  await rebooted.start();
  const { seq } = rebooted.log;
  const again = await Recording.reopen(rebooted);
  await again.start();
  assert.equal(await again.types(seq + 1), ['source', 'clock', 'gap']);
});

reboot.run();
