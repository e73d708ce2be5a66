/**
 * A recorder through the lesser sources, on the real machine: what is lost is a gap and is healed, what is polled makes
 * none, and a recording goes on from one source to another with the same tasks.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../events/event.ts';
import { World } from '../projections/world.ts';
import { realClock } from '../src/clock.ts';
import { Recorder } from '../src/engine/recorder.ts';
import { MemoryLog } from '../src/log/memoryLog.ts';
import type { Source } from '../src/ports.ts';
import { openConnectorSource } from '../src/sources/connector/source.ts';
import { openPollingSource } from '../src/sources/polling.ts';
import { scanTasks } from '../src/sources/proc.ts';
import { until } from '../tools/oracle/until.ts';
import { deedsProgram } from './sources/deeds.ts';
import { testNeeding } from './support/needs.ts';

const test = suite('lesser sources');

const clock = realClock();
const pollIntervalMs = 1;

/** Records through one source after the other into one log. */
class Tape {
  readonly world = new World();
  readonly log = new MemoryLog();
  #recorder: Recorder | undefined;
  #source: Source | undefined;

  async start(source: Source): Promise<Recorder> {
    const recorder = new Recorder({
      log: this.log,
      source,
      clock,
      world: this.world,
      syncIntervalMs: 1000,
      onFailure: (error) => {
        throw error;
      },
    });
    this.#recorder = recorder;
    this.#source = source;
    await recorder.start({ recording: 'test', version: 'test' });
    return recorder;
  }

  async stop(): Promise<void> {
    await this.#recorder?.stop();
    this.#source?.close();
  }

  async events(): Promise<Event[]> {
    const events: Event[] = [];
    for await (const commit of this.log.read(1)) events.push(...commit);
    return events;
  }
}

/** Waits until the recorder and /proc know the same tasks: those of others on the machine come and go. */
async function agreement(recorder: Recorder): Promise<void> {
  const know = () => recorder.read(({ hierarchy }) => new Set([...hierarchy.tasks()].map(({ pid }) => pid)));
  let different: number[] = [];
  const agrees = (): boolean => {
    const before = know();
    const existing = new Set([...scanTasks()].map(({ pid }) => pid));
    const after = know();
    const leftOver = [...before].filter((pid) => after.has(pid) && !existing.has(pid));
    const missing = [...existing].filter((pid) => !before.has(pid) && !after.has(pid));
    different = [...leftOver, ...missing];
    return different.length === 0;
  };
  await until('the recorder to know what /proc knows', agrees).catch((error) => {
    throw new Error(`${error.message}; the last difference was in ${different}`);
  });
}

const idOf = (recorder: Recorder, { pid = 0 }: ChildProcess): number | undefined =>
  recorder.read(({ hierarchy }) => hierarchy.taskByPid(pid)?.id);

testNeeding(
  test,
  ['root', 'connector', 'cc'],
  'an overrun of the connector is a gap, and is healed',
  async () => {
    const tape = new Tape();
    const recorder = await tape.start(openConnectorSource({ bufferBytes: 65_536 }));
    spawnSync(deedsProgram(), ['storm', '2000', '2000']);
    await agreement(recorder);
    // How many were lost is told by the next message of each CPU.
    const lost = (): number =>
      recorder.read(({ chronicle }) => chronicle.gaps.reduce((sum, gap) => sum + gap.lost, 0));
    await until('the loss to be counted', () => {
      spawnSync('true');
      return lost() > 1000;
    });
    await agreement(recorder);
    await tape.stop();
    const gaps = (await tape.events()).filter((event) => event.type === 'gap');
    assert.equal(new Set(gaps.map(({ reason }) => reason)), new Set(['overflow']));
  },
);

test('polling finds what is born and what ends, inferred, and makes no gap', async () => {
  const tape = new Tape();
  const recorder = await tape.start(openPollingSource({ clock, intervalMs: pollIntervalMs }));
  const child = spawn('sleep', ['60']);
  await until('the child to be found', () => idOf(recorder, child) !== undefined);
  const id = idOf(recorder, child);
  child.kill();
  await once(child, 'exit');
  await until('the child to be gone', () => idOf(recorder, child) === undefined);
  await tape.stop();
  const events = await tape.events();
  assert.equal(
    events.filter((event) => 'task' in event && event.task === id && event.type !== 'comm').map(kindOf),
    ['adopt inferred', 'exit inferred'],
  );
  assert.not.ok(events.some(({ type }) => type === 'gap'));
});

function kindOf(event: Event): string {
  return `${event.type} ${'certainty' in event ? event.certainty : ''}`;
}

testNeeding(
  test,
  ['root', 'connector'],
  'a task is the same one through one source and the next',
  async () => {
    const tape = new Tape();
    let recorder = await tape.start(openConnectorSource());
    const children = Array.from({ length: 50 }, () => spawn('sleep', ['60']));
    try {
      const ids = (): (number | undefined)[] => children.map((child) => idOf(recorder, child));
      await until('the children to be known', () => ids().every((id) => id !== undefined));
      const before = ids();
      await tape.stop();
      recorder = await tape.start(openPollingSource({ clock, intervalMs: pollIntervalMs }));
      assert.equal(ids(), before);
      await tape.stop();
    } finally {
      for (const child of children) child.kill();
    }
  },
);

test.run();
