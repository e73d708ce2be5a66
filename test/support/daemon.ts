/**
 * A real daemon as a process of its own, for tests that look at it from the outside: what it answers, how it stops, and
 * what its log holds afterwards.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import type { Event } from '../../events/event.ts';
import type { DaemonOptions } from '../../src/daemon.ts';
import type { AgentView } from '../../src/engine/reads.ts';
import { HttpReader } from '../../src/http/client.ts';
import { isRefusal } from '../../src/kernel/errno.ts';
import { openLogReader } from '../../src/log/openLog.ts';
import { emptyFolder } from '../http/fakeDaemon.ts';

const program = fileURLToPath(new URL('daemonProcess.ts', import.meta.url));
const deadlineMs = 30_000;
export class Daemon {
  readonly reader: HttpReader;
  readonly #process: ChildProcess;
  #output = '';

  private constructor(folder: string, process: ChildProcess) {
    this.reader = new HttpReader(folder);
    this.#process = process;
    for (const stream of [process.stdout, process.stderr] as Readable[]) {
      stream.on('data', (chunk) => {
        this.#output += chunk;
      });
    }
  }

  /** `around` is a command that becomes the daemon's; `descriptor` is its descriptor 3. */
  static async start(
    folder: string,
    options: Partial<DaemonOptions>,
    around: readonly string[] = [],
    descriptor: number | 'ignore' = 'ignore',
  ): Promise<Daemon> {
    const all = { folder, source: 'simulated', syncIntervalMs: 1000, version: 'test', ...options };
    const [file = '', ...args] = [
      ...around,
      process.execPath,
      ...process.execArgv,
      program,
      JSON.stringify(all),
    ];
    const started = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe', descriptor] });
    const daemon = new Daemon(folder, started);
    await until('the daemon to be ready', () => {
      if (started.exitCode !== null) throw new Error(`the daemon ended: ${daemon.#output}`);
      return daemon.#output.includes('ready');
    });
    return daemon;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Makes a container that falls empty at once: its only child is removed. */
  async release(path: string): Promise<void> {
    await this.command('mkdir', { path, mode: 0o755, umask: 0 });
    await this.command('mkdir', { path: `${path}/child`, mode: 0o755, umask: 0 });
    await this.command('write', { path, file: 'notify_on_release', text: '1' });
    await this.command('rmdir', { path: `${path}/child` });
  }

  async command(...command: Parameters<HttpReader['command']>): Promise<void> {
    const answer = await this.reader.command(...command);
    assert.not.ok(isRefusal(answer), `${command[0]} ${JSON.stringify(answer)}`);
  }

  /** Resolves with the agents that have not ended as soon as they are as expected. */
  async agents(
    what: string,
    isExpected: (agents: readonly AgentView[]) => boolean,
  ): Promise<readonly AgentView[]> {
    let agents: readonly AgentView[] = [];
    await until(what, async () => {
      ({ agents } = await this.reader.status());
      return isExpected(agents);
    });
    return agents;
  }

  /** Resolves when every release that there is has been settled. */
  async quiet(): Promise<void> {
    await until('all agents to end', async () => {
      const { waiting, agents } = await this.reader.status();
      return waiting === 0 && agents.length === 0;
    });
  }

  /** Stops it in order; resolves with how long that took. */
  async stop(): Promise<number> {
    const sinceMs = performance.now();
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), deadlineMs);
    const [code] = await exit;
    const tookMs = performance.now() - sinceMs;
    clearTimeout(timer);
    assert.is(code, 0, this.#output);
    assert.match(this.#output, /stopped/);
    return tookMs;
  }

  /** What a test that failed has left. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }
}

export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const endMs = performance.now() + deadlineMs; !(await isSo()); ) {
    if (performance.now() > endMs) throw new Error(`waited too long for ${what}`);
    await sleep(20);
  }
}

export async function eventsIn(folder: string): Promise<Event[]> {
  const log = await openLogReader({ folder });
  const events: Event[] = [];
  for await (const commit of log.read(1)) events.push(...commit);
  await log.close();
  return events;
}

export function count(events: readonly Event[], type: Event['type']): number {
  return events.filter((event) => event.type === type).length;
}

export function agentIn(folder: string, script: string): string {
  const agent = `${folder}/agent`;
  writeFileSync(agent, script, { mode: 0o755 });
  return agent;
}

/** Runs a test with a folder for its recording and one for its programs; both are gone afterwards. */
export async function withFolders(
  use: (recording: string, programs: string) => Promise<void>,
): Promise<void> {
  const folders = [emptyFolder(), emptyFolder()] as const;
  try {
    await use(...folders);
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true });
  }
}
