/**
 * The guard: a process beside the daemon that cuts the mounts' connections when the daemon does not answer any more,
 * because it was stopped or hangs. Whoever waits at a mount then gets an error, and nobody waits for ever.
 *
 * It is told every second which connections it has to guard, and ends when there is nobody any more who could tell it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../ports.ts';
import { messageOf } from '../system/errno.ts';

/** The guard counts on it that it hears something so often. */
const beatMs = 1000;
/** It has next to nothing to remember. */
const thrift = ['--max-old-space-size=16', '--max-semi-space-size=1'];

export class Guard {
  readonly #clock: Clock;
  readonly #connections = new Set<number>();
  #process: ChildProcess | undefined;
  #cancelBeat = (): void => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It is told at the next beat: whoever mounts need not wait until a process has started. */
  watch(connection: number): void {
    if (this.#connections.size === 0) this.#beatLater();
    this.#connections.add(connection);
  }

  forget(connection: number): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) void this.close();
  }

  /** Resolves when its process has ended. */
  async close(): Promise<void> {
    this.#cancelBeat();
    this.#connections.clear();
    const guard = this.#process;
    this.#process = undefined;
    if (!guard?.kill('SIGKILL')) return;
    guard.ref();
    await once(guard, 'exit');
  }

  #beatLater(): void {
    this.#cancelBeat = this.#clock.after(beatMs, () => this.#beat());
  }

  /** Whoever was killed is replaced, and whoever could not be started is tried again. */
  #beat(): void {
    this.#beatLater();
    this.#process ??= this.#start();
    this.#process?.stdin?.write(`${[...this.#connections].join(' ')}\n`);
  }

  /** Undefined where the machine has no room for one more process: that is no reason to stop recording. */
  #start(): ChildProcess | undefined {
    const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
    const program = fileURLToPath(new URL(`./guardProcess${extension}`, import.meta.url));
    // A session of its own: what is typed at the daemon's terminal is not for it.
    let started: ChildProcess;
    try {
      started = spawn(process.execPath, [...thrift, ...process.execArgv, program], {
        stdio: ['pipe', 'ignore', 'inherit'],
        cwd: '/',
        detached: true,
      });
    } catch (error) {
      process.emitWarning(`the guard of the mounts cannot be started: ${messageOf(error)}`);
      return undefined;
    }
    const forget = (): void => {
      if (this.#process === started) this.#process = undefined;
    };
    started.once('exit', forget).once('error', forget);
    // It has ended, which is told by itself. Without a descriptor to spare there is no pipe, and no process either.
    started.stdin?.on('error', () => {});
    started.unref();
    return started;
  }
}
