/**
 * Recorders that follow each other and mirror different hierarchies: no gap, and every task is in its place in each tree
 * as soon as that is there.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { World } from '../../projections/world.ts';
import { realClock } from '../../src/clock.ts';
import { Recorder } from '../../src/engine/recorder.ts';
import { MemoryLog } from '../../src/log/memoryLog.ts';
import { removePinsOf } from '../../src/sources/ebpf/pins.ts';
import { openEbpfSource } from '../../src/sources/ebpf/source.ts';
import { testNeeding } from '../support/needs.ts';
import { idOfGroup, makeGroup, PrivateHierarchy, removeGroup, unifiedRoot } from './groups.ts';

testNeeding(
  test,
  ['root', 'ebpf', 'v1', 'v2'],
  'what is mirrored can change at every start, and nothing is missed',
  async () => {
    const succession = new Succession();
    const hierarchy = new PrivateHierarchy();
    const groups = [unifiedRoot(), hierarchy.folder].map(makeGroup);
    const [unified = '', own = ''] = groups;
    const sleeper = spawn('sleep', ['1000']);
    try {
      await succession.record([], () => {});
      for (const group of groups) writeFileSync(`${group}/cgroup.procs`, String(sleeper.pid));
      const placesOf = (world: World): (number | undefined)[] =>
        world.hierarchy.taskByPid(sleeper.pid ?? 0)?.mirrored.map(({ group }) => group) ?? [];
      const trees: (number | undefined)[] = [];
      const note = (world: World): void => {
        trees.push(world.hierarchy.mirrorOf(0)?.number);
        for (const task of world.hierarchy.tasks()) {
          assert.is(
            task.mirrored.length,
            [...world.hierarchy.trees()].length - 1,
            `${task.pid} is in every tree`,
          );
        }
      };
      await succession.record(['v2'], (world) => {
        assert.equal(placesOf(world), [idOfGroup(unified)]);
        note(world);
      });
      await succession.record([hierarchy.name, 'v2'], (world) => {
        assert.equal(placesOf(world), [idOfGroup(unified), idOfGroup(own)]);
        note(world);
      });
      await succession.record([hierarchy.name], (world) => {
        assert.equal(placesOf(world), [idOfGroup(own)]);
        note(world);
      });
      // What is mirrored on is the same tree.
      assert.equal(trees, [1, 1, undefined]);
      assert.equal(await succession.gaps(), []);
    } finally {
      succession.end();
      const ended = once(sleeper, 'close');
      sleeper.kill();
      await ended;
      for (const group of groups) removeGroup(group);
      await hierarchy.unmount();
    }
  },
);

test.run();

/** One recording, into which one recorder after the other records. */
class Succession {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tasktrail-succession-'));
  readonly #log = new MemoryLog();
  readonly #world = new World();

  /** A recorder begins, has its world looked at, and stops. */
  async record(mirror: readonly string[], look: (world: World) => void): Promise<void> {
    const owner = { recording: 'succession-of-a-test', folder: this.#folder };
    const source = openEbpfSource({ owner, pin: true, mirror });
    try {
      const recorder = new Recorder({
        log: this.#log,
        source,
        clock: realClock(),
        world: this.#world,
        syncIntervalMs: 1000,
        onFailure: (error) => assert.unreachable(error.message),
      });
      await recorder.start({ recording: owner.recording, version: 'test' });
      recorder.read(look);
      await recorder.stop();
    } finally {
      source.close();
    }
  }

  async gaps(): Promise<string[]> {
    const gaps: string[] = [];
    for await (const events of this.#log.read(1)) {
      for (const event of events) if (event.type === 'gap') gaps.push(`${event.reason}: ${event.detail}`);
    }
    return gaps;
  }

  /** Nothing is left in the kernel. */
  end(): void {
    removePinsOf(this.#folder);
    rmSync(this.#folder, { recursive: true });
  }
}
