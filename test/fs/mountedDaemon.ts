/**
 * A daemon as a process of its own, with its tree mounted in a folder of its own. Nothing of it is left behind, also
 * where a test fails: whoever waits for the mount is let go by the end of the daemon.
 */
import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'uvu';
import { unmount } from '../../src/system/fuse.ts';
import { mountTable } from '../../src/system/mountTable.ts';
import { builtProgram } from '../../tools/builtProgram.ts';
import { until } from '../support/daemon.ts';
import { Shell } from '../support/shell.ts';

const main = builtProgram();
const deadlineMs = 30_000;

export class MountedDaemon {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tasktrail-mount-'));
  readonly data = join(this.#folder, 'data');
  readonly mountPoint = join(this.#folder, 'container');
  readonly #shells = new Set<Shell>();
  #process: ChildProcess | undefined;
  /** What it has printed since it was last started. */
  output = '';

  /** Starts it, and resolves when it serves; with its exit code where it does not. */
  async start(...args: readonly string[]): Promise<unknown> {
    // Other users have to come through to the mount point.
    chmodSync(this.#folder, 0o755);
    const typed = [
      'up',
      '--no-pin',
      '--data',
      this.data,
      '--mirror',
      'none',
      '--mount',
      this.mountPoint,
      ...args,
    ];
    const daemon = spawn(process.execPath, [main, ...typed], { cwd: '/' });
    this.#process = daemon;
    this.output = '';
    const ended = once(daemon, 'close').then(([code]) => code);
    const served = new Promise<string>((resolve) => {
      for (const stream of [daemon.stdout, daemon.stderr]) {
        stream.on('data', (chunk) => {
          this.output += chunk;
          if (/stop with Ctrl-C/.test(this.output)) resolve('serves');
        });
      }
    });
    return within(Promise.race([served, ended]), () => this.kill());
  }

  /** Stops it in order; resolves with its exit code. */
  stop(): Promise<unknown> {
    return this.#end('SIGTERM');
  }

  /** Ends it at once. What it has mounted stays. */
  kill(): Promise<unknown> {
    return this.#end('SIGKILL');
  }

  /** Resolves when the guard of its mounts is there. */
  guarded(): Promise<void> {
    const children = `/proc/${this.#process?.pid}/task/${this.#process?.pid}/children`;
    const isGuard = (pid: string): boolean =>
      readFileSync(`/proc/${pid}/comm`, 'latin1') === 'tasktrail-guard\n';
    return until('the guard', () =>
      readFileSync(children, 'latin1').split(' ').filter(Boolean).some(isGuard),
    );
  }

  /** Stops it in the middle of whatever it does; the mount does not answer until it goes on. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  goOn(): void {
    this.#process?.kill('SIGCONT');
  }

  /** A shell that stands in the tree's root, and can run `tasktrail`. */
  shell(program: string): Shell {
    // Where it is 1, bash takes itself for one that was started from afar, and reads a file of its user's.
    const tasktrail = [process.execPath, main].map((word) => `'${word}'`).join(' ');
    const shell = new Shell(this.mountPoint, { ...process.env, LC_ALL: 'C', SHLVL: '2' }, program);
    shell.enter(`tasktrail() { ${tasktrail} "$@" --data '${this.data}'; }`);
    this.#shells.add(shell);
    return shell;
  }

  /** Whether /proc says that something is mounted at the mount point. */
  get isMounted(): boolean {
    return readFileSync('/proc/self/mounts', 'utf8').includes(` ${this.mountPoint} `);
  }

  /** Ends everything, and removes the folder. */
  async close(): Promise<void> {
    for (const shell of this.#shells) shell.close();
    if (this.#process?.exitCode === null) await this.kill();
    for (const { mountPoint } of mountTable().reverse()) {
      if (mountPoint.startsWith(`${this.#folder}/`)) unmount(mountPoint);
    }
    if (existsSync(this.mountPoint)) rmdirSync(this.mountPoint);
    rmSync(this.#folder, { recursive: true });
  }

  async #end(signal: NodeJS.Signals): Promise<unknown> {
    const daemon = this.#process;
    assert(daemon, 'a daemon that ends was started');
    if (daemon.exitCode !== null || daemon.signalCode !== null) return daemon.exitCode;
    const ended = once(daemon, 'close').then(([code]) => code);
    daemon.kill(signal);
    return within(ended, () => daemon.kill('SIGKILL'));
  }
}

/** Gives a suite what begins a daemon that serves; what a test has left, also where it failed, ends with it. */
export function beginningIn(tests: Test): () => Promise<MountedDaemon> {
  const daemons = new Set<MountedDaemon>();
  tests.after.each(async () => {
    for (const daemon of daemons) await daemon.close();
    daemons.clear();
  });
  return async () => {
    const daemon = new MountedDaemon();
    daemons.add(daemon);
    assert.equal(await daemon.start(), 'serves', daemon.output);
    return daemon;
  };
}

/** Types a command, and resolves with what it has printed. */
export async function typed(shell: Shell, command: string): Promise<string> {
  shell.type(command);
  const isDone = await shell.until(() => shell.exitCode !== undefined, deadlineMs);
  assert(isDone, `${command} goes on and on: ${shell.printed}`);
  return shell.printed;
}

/** Types commands one after the other, and compares what each prints, in which `PID` is any number. */
export async function types(shell: Shell, session: readonly (readonly [string, string])[]): Promise<void> {
  for (const [command, shown] of session) {
    const pattern = new RegExp(`^${shown.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('PID', '\\d+')}$`);
    const printed = (await typed(shell, command)).trimEnd();
    assert.match(printed, pattern, `${command} printed: ${printed}`);
  }
}

async function within<T>(promise: Promise<T>, late: () => unknown): Promise<T> {
  const timer = setTimeout(late, deadlineMs);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
