/**
 * Resync: how long the recorder stands still to look at a machine with many tasks, because something was lost. It runs
 * in this process, on the real source and a real log, and is told of a loss that was none.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { World } from '../../projections/world.ts';
import { realClock } from '../../src/clock.ts';
import { Recorder } from '../../src/engine/recorder.ts';
import { openLevelLog } from '../../src/log/openLog.ts';
import type { Places, Source } from '../../src/ports.ts';
import { openEbpfSource } from '../../src/sources/ebpf/source.ts';
import { PassingSource } from '../churn/passing.ts';
import { compile } from '../programs.ts';
import { figure, medianOf, tableOf } from './table.ts';

const rounds = 7;
const mirrors: readonly (readonly string[])[] = [[], ['v2'], ['v2', 'cpuset']];

/** Tells as Markdown how long looks take with so many sleeping processes. */
export async function measureResync(processes: number): Promise<string> {
  const [load = 0] = loadavg();
  const asleep = await Sleepers.start(processes);
  try {
    const rows: string[][] = [['mirrored', 'tasks', 'resync, ms', 'longest', 'of it on a processor']];
    for (const mirror of mirrors) {
      const { tasks, wallMs, cpuMs } = await resyncs(mirror);
      const name = mirror.length === 0 ? 'nothing' : mirror.join(' and ');
      const numbers = [tasks, medianOf(wallMs), Math.max(...wallMs), medianOf(cpuMs)];
      rows.push([name, ...numbers.map(figure)]);
    }
    return `After a loss all tasks are looked at anew, and the recorder does nothing else meanwhile: the median of ${rounds}, with ${figure(processes)} sleeping processes, on a machine whose load was ${figure(load)} before.\n\n${tableOf(rows)}`;
  } finally {
    await asleep.end();
  }
}

interface Resyncs {
  readonly tasks: number;
  readonly wallMs: readonly number[];
  readonly cpuMs: readonly number[];
}

async function resyncs(mirror: readonly string[]): Promise<Resyncs> {
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-bench-'));
  const log = await openLevelLog({ folder });
  const source = new LosingSource(openEbpfSource({ mirror }));
  const world = new World();
  const onFailure = (error: Error): void => {
    throw error;
  };
  try {
    const recorder = new Recorder({
      log,
      source,
      clock: realClock(),
      world,
      syncIntervalMs: 1000,
      onFailure,
    });
    await recorder.start({ recording: 'bench', version: 'tools' });
    const wallMs: number[] = [];
    const cpuMs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      source.lose();
      const [beganMs, before] = [performance.now(), process.cpuUsage()];
      recorder.read(() => {});
      const { user, system } = process.cpuUsage(before);
      wallMs.push(performance.now() - beganMs);
      cpuMs.push((user + system) / 1000);
      await recorder.commit('written');
    }
    const tasks = recorder.read(({ hierarchy }) => [...hierarchy.tasks()].length);
    await recorder.stop();
    return { tasks, wallMs, cpuMs };
  } finally {
    source.close();
    await log.close();
    rmSync(folder, { recursive: true });
  }
}

/** Says that it has lost something when it is told to. */
class LosingSource extends PassingSource {
  readonly places: Places;
  #losses = 0;

  constructor(source: Source) {
    super(source);
    if (!source.places) throw new Error('the source keeps no places');
    this.places = source.places;
  }

  lose(): void {
    this.#losses += 1;
  }

  override lost(): number {
    return super.lost() + this.#losses;
  }
}

class Sleepers {
  readonly #program;

  private constructor(program: ReturnType<typeof spawnSleepers>) {
    this.#program = program;
  }

  static async start(count: number): Promise<Sleepers> {
    const program = spawnSleepers(count);
    const begun = await Promise.race([
      once(program.stdout, 'data').then(() => true),
      once(program, 'close').then(() => false),
    ]);
    if (!begun)
      throw new Error(`there cannot be ${count} processes: are there as many pids, and may there be?`);
    return new Sleepers(program);
  }

  async end(): Promise<void> {
    const ended = once(this.#program, 'close');
    this.#program.stdin.end();
    await ended;
  }
}

function spawnSleepers(count: number) {
  return spawn(compile('sleepers'), [String(count)], { stdio: ['pipe', 'pipe', 'inherit'] });
}
