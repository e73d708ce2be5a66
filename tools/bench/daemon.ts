/**
 * A daemon as a user runs it: `tasktrail up` from the built program, in a process of its own, on a recording in a
 * temporary folder; and what it costs, as the kernel accounts for it.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { HttpReader } from '../../src/http/client.ts';
import { builtProgram } from '../builtProgram.ts';

export type Status = Awaited<ReturnType<HttpReader['status']>>;

export interface MeasuredDaemon {
  /** Asking drains: what has happened by now is in the answer. */
  status(): Promise<Status>;
  /** Processor time used since it was started, all threads, user and kernel, in microseconds; exact to 10 ms. */
  cpuUs(): number;
  stop(): Promise<void>;
}

const main = builtProgram();
const usPerTick = 10_000;

/** Starts one, with these options of `up`. */
export async function startMeasured(options: readonly string[] = []): Promise<MeasuredDaemon> {
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-bench-'));
  const daemon = spawn(process.execPath, [main, 'up', '--no-mount', '--data', folder, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(daemon, 'close');
  const lines = createInterface({ input: daemon.stdout });
  const begun = await Promise.race([once(lines, 'line'), ended.then(() => undefined)]);
  if (begun === undefined) throw new Error('the daemon ended before it had begun');
  const reader = new HttpReader(folder);
  return {
    status: () => reader.status(),
    cpuUs: () => cpuUsOf(daemon.pid ?? 0),
    stop: async () => {
      execFileSync(process.execPath, [main, 'down', '--unload', '--data', folder], { stdio: 'ignore' });
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What a process has used, all threads, user and kernel: fields 14 and 15 of stat, in clock ticks (proc_pid_stat(5)). */
export function cpuUsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * usPerTick;
}
