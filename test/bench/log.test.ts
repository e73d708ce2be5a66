/**
 * The log's bench in its short form: that its machine makes what it says, that what is read back is what was recorded,
 * and that there is a number in each place. No timing is asserted.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { place } from '../../events/codec.ts';
import { World } from '../../projections/world.ts';
import { BenchMachine } from '../../tools/bench/log/machine.ts';
import { measureLog } from '../../tools/bench/log.ts';
import { jsonLevel } from '../../tools/peers/jsonLevel.ts';
import { plainFile } from '../../tools/peers/plainFile.ts';

const bench = suite('log bench');

bench('its machine makes events that follow from each other, in the proportions it says', () => {
  const machine = new BenchMachine({ seed: 1, tasks: 500, containers: 100 });
  const world = new World();
  const counts = new Map<string, number>();
  const events = 60_000;
  const opening = 2000;
  for (const [i, { fact, timeUs, skewUs }] of machine.next(events).entries()) {
    world.apply(place(fact, i + 1, timeUs, skewUs));
    if (i >= opening) counts.set(fact.type, (counts.get(fact.type) ?? 0) + 1);
  }
  const percent = (...types: readonly string[]): number =>
    (100 * types.reduce((sum, type) => sum + (counts.get(type) ?? 0), 0)) / (events - opening);
  const near = (found: number, wanted: number): void =>
    assert.ok(Math.abs(found - wanted) < wanted / 5, `${found} % are there, not ${wanted} %`);
  near(percent('attach'), 3);
  near(percent('mkdir', 'rmdir', 'rename'), 1);
  near(percent('exec'), percent('fork') / 2);
  near(percent('exit'), percent('fork'));
  near(world.hierarchy.taskCount, 500);
  assert.is(world.hierarchy.taskCount, machine.taskCount);
  assert.is([...world.hierarchy.trees()].length, 2);
});

bench('the same seed makes the same events, whatever they are taken by', () => {
  const options = { seed: 3, tasks: 50, containers: 10 };
  const [one, other] = [new BenchMachine(options), new BenchMachine(options)];
  const inPieces = Array.from({ length: 300 }, () => other.next(1)).flat();
  assert.equal(one.next(300), inPieces);
});

bench('it finds a number for everything', async () => {
  const told = await measureLog({
    seed: 1,
    events: 6000,
    rounds: 1,
    appendLimit: 2000,
    replayLimit: 3000,
    patienceSeconds: 0,
    reads: 3,
    readSeconds: 1,
    latencySeconds: 0.1,
    memoryTasks: 3000,
    peers: [plainFile, jsonLevel],
  });
  assert.not.match(told, /NaN|undefined|Infinity/);
  for (const row of [
    'tasktrail',
    'plain file, fdatasync',
    'classic-level, JSON a key',
    'tasktrail ÷ plain file, fdatasync',
    'replay of 0.00300 M events',
    'bytes/event on disk',
    'device bytes/log byte',
    "a task's container behind an event, by ids, µs, p50 / p99",
    "a task's container at an instant, µs, p50 / p99",
    'the whole tree at an instant, µs, p50 / p99',
    'capture latency p99, idle / beside a query, µs',
  ]) {
    assert.ok(told.includes(`| ${row} `), `${row} is missing in ${told}`);
  }
  assert.match(told, /3,000 live tasks with all projections take [\d.]+ MiB/);
});

bench.run();
