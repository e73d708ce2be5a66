/**
 * Memory: what a million live tasks take, with all projections. As a program it makes them and tells how many bytes.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { place } from '../../../events/codec.ts';
import { World } from '../../../projections/world.ts';
import { BenchMachine } from './machine.ts';

const program = fileURLToPath(import.meta.url);

/** Bytes for so many live tasks in 2,000 containers, all collected that can be. */
export function memoryOf(tasks: number): number {
  const told = execFileSync(
    process.execPath,
    ['--expose-gc', '--max-old-space-size=8192', '--import', 'tsx', program, String(tasks)],
    { encoding: 'utf8' },
  );
  return Number(told);
}

if (process.argv[1] === program) console.log(bytesOfWorld(Number(process.argv[2])));

function bytesOfWorld(tasks: number): number {
  const before = usedBytes();
  const world = grown(tasks);
  const bytes = usedBytes() - before;
  if (world.hierarchy.taskCount < tasks) throw new Error(`only ${world.hierarchy.taskCount} tasks live`);
  return bytes;
}

function grown(tasks: number): World {
  const machine = new BenchMachine({ seed: 1, tasks, containers: 2000 });
  const world = new World();
  for (let seq = 1; world.hierarchy.taskCount < tasks; ) {
    for (const { fact, timeUs, skewUs } of machine.next(1000)) {
      world.apply(place(fact, seq, timeUs, skewUs));
      seq += 1;
    }
  }
  return world;
}

function usedBytes(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
