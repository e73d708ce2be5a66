/**
 * A ring of the kernel that overflows: what is lost is told as a gap, and then every task is where the kernel's own
 * map has it, which is where it was born, however its parents have ended meanwhile.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../events/event.ts';
import { pathOf, type Task } from '../../projections/hierarchy.ts';
import { World } from '../../projections/world.ts';
import { realClock } from '../../src/clock.ts';
import { Recorder } from '../../src/engine/recorder.ts';
import { requestOf } from '../../src/http/request.ts';
import { isRefusal } from '../../src/kernel/errno.ts';
import { MemoryLog } from '../../src/log/memoryLog.ts';
import type { Source } from '../../src/ports.ts';
import { openEbpfSource } from '../../src/sources/ebpf/source.ts';
import { scanTasks } from '../../src/sources/proc.ts';
import { rootActor } from '../support/ground.ts';
import { testNeeding } from '../support/needs.ts';

const test = suite('overflow');
const needs = ['root', 'ebpf'] as const;

const smallRingBytes = 64 * 1024;
const sleepers = 40;
/** Forks beside the sleepers, so that the ring overflows many times over. */
const others = 2000;

/** Each sleeper is an orphan: forked by a task that ends at once, so that /proc knows nothing of its origin. */
const makesOrphans = `
  i=0
  while [ $i -lt ${sleepers} ]; do
    (sleep 1000 <&- >&- 2>&- & echo $! >> "$1/$2")
    i=$((i + 1))
    j=0
    while [ $j -lt ${others / sleepers} ]; do (:); j=$((j + 1)); done
  done
  : > "$1/$2.done"
`;

type Shell = ChildProcessByStdio<Writable, Readable, null>;

testNeeding(test, needs, 'after an overflow every task is where the kernel has it', async () => {
  const recording = await Recording.begin(smallRingBytes);
  const shells: Shell[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-overflow-'));
  try {
    for (const name of ['one', 'two']) shells.push(await recording.shellIn(`/${name}`));
    const seq = recording.world.chronicle.seq;
    for (const [i, name] of ['one', 'two'].entries()) {
      shells[i]?.stdin.write(`set -- ${folder} ${name}\n${makesOrphans}\n`);
    }
    // Nothing is read meanwhile: this thread waits.
    for (const name of ['one', 'two']) {
      spawnSync('sh', ['-c', `until [ -e ${join(folder, name)}.done ]; do sleep 0.05; done`]);
    }
    const gaps = await recording.gapsAfter(seq);
    assert.ok(gaps.length > 0, 'the ring has overflowed');
    assert.ok(gaps.every((gap) => gap.type === 'gap' && gap.reason === 'overflow' && gap.lost > 0));
    for (const name of ['one', 'two']) {
      const pids = readFileSync(join(folder, name), 'latin1').trim().split('\n').map(Number);
      assert.is(pids.length, sleepers);
      for (const pid of pids) {
        const task = recording.task(pid);
        assert.is(pathOf(task.container), `/${name}`, `task ${pid}`);
        assert.is(task.certainty, 'known');
      }
    }
    assert.equal(recording.differencesFromMap(), []);
    assert.equal(await recording.differencesFromProc(), []);
  } finally {
    for (const name of ['one', 'two']) spawnSync('sh', ['-c', `kill -9 $(cat ${join(folder, name)})`]);
    for (const shell of shells) shell.kill('SIGKILL');
    await recording.end();
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();

/** A recorder of this machine, in this thread. */
class Recording {
  readonly world = new World();
  readonly #log = new MemoryLog();
  readonly #source: Source;
  readonly #recorder: Recorder;

  private constructor(ringBytes: number) {
    this.#source = openEbpfSource({ ringBytes });
    this.#recorder = new Recorder({
      log: this.#log,
      source: this.#source,
      clock: realClock(),
      world: this.world,
      syncIntervalMs: 1000,
      onFailure: (error) => {
        throw error;
      },
    });
  }

  static async begin(ringBytes: number): Promise<Recording> {
    const recording = new Recording(ringBytes);
    await recording.#recorder.start({ recording: 'overflow', version: 'test' });
    return recording;
  }

  /** A shell that takes its script from its input, in a container that is made for it. */
  async shellIn(path: string): Promise<Shell> {
    const shell = spawn('sh', [], { stdio: ['pipe', 'pipe', 'inherit'] });
    assert.ok(shell.pid);
    const commands = [
      requestOf(['mkdir', { path, mode: 0o755, umask: 0o022 }], rootActor),
      requestOf(['attach', { path, pid: shell.pid, thread: false }], rootActor),
    ];
    for (const command of commands) assert.not(isRefusal(await this.#recorder.submit(command)));
    return shell;
  }

  async gapsAfter(seq: number): Promise<Event[]> {
    // Whatever is queued is taken in, and looked at again where that was not enough.
    this.#recorder.read(() => {});
    await this.#recorder.commit('written');
    const gaps: Event[] = [];
    for await (const events of this.#log.read(seq + 1)) {
      gaps.push(...events.filter(({ type }) => type === 'gap'));
    }
    return gaps;
  }

  task(pid: number): Task {
    return this.#recorder.read(({ hierarchy }) => {
      const task = hierarchy.taskByPid(pid);
      if (!task) throw new Error(`the recorder does not know task ${pid}`);
      return task;
    });
  }

  /** Tasks that the kernel has elsewhere than the recorder, in words. */
  differencesFromMap(): string[] {
    return this.#recorder.read(({ hierarchy }) => {
      const places = this.#source.places?.read();
      if (!places) throw new Error('the kernel has no whole map');
      return [...hierarchy.tasks()]
        .filter(({ container }) => container.parent !== undefined)
        .filter(({ pid, container }) => places.get(pid) !== container.id)
        .map(({ pid, container }) => `${pid} in ${pathOf(container)}, by the map ${places.get(pid)}`);
    });
  }

  /** Tasks that only one of the recorder and /proc knows, when asked three times. */
  async differencesFromProc(): Promise<string[]> {
    let differing: string[] | undefined;
    for (let look = 0; look < 3; look++) {
      const before = this.#pids();
      const existing = new Set([...scanTasks()].map(({ pid }) => pid));
      const after = this.#pids();
      const over = [...before].filter((pid) => after.has(pid) && !existing.has(pid));
      const missing = [...existing].filter((pid) => !before.has(pid) && !after.has(pid));
      const found = [
        ...over.map((pid) => `${pid} is left over`),
        ...missing.map((pid) => `${pid} is missing`),
      ];
      differing = differing?.filter((one) => found.includes(one)) ?? found;
      await this.#recorder.commit('written');
    }
    return differing ?? [];
  }

  async end(): Promise<void> {
    await this.#recorder.stop();
    this.#source.close();
  }

  #pids(): Set<number> {
    return this.#recorder.read(({ hierarchy }) => new Set([...hierarchy.tasks()].map(({ pid }) => pid)));
  }
}
