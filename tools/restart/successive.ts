/**
 * Successive daemons on one recording: each is `tasktrail up` from the built program, and ends by `down` or by
 * SIGKILL, also before it has begun. Between them nobody reads what the kernel holds.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { HttpReader } from '../../src/http/client.ts';
import { isRefusal } from '../../src/kernel/errno.ts';
import { removePinsOf } from '../../src/sources/ebpf/pins.ts';
import { builtProgram } from '../builtProgram.ts';

const main = builtProgram();

export class SuccessiveDaemons {
  readonly folder: string;
  readonly reader: HttpReader;
  readonly #options: readonly string[];
  readonly #nodeOptions: readonly string[];
  #daemon: ChildProcess | undefined;
  #complaint = '';

  /** `options` are those of `up`, `nodeOptions` those of Node, which runs it. */
  constructor(folder: string, options: readonly string[], nodeOptions: readonly string[] = []) {
    this.folder = folder;
    this.reader = new HttpReader(folder);
    this.#options = options;
    this.#nodeOptions = nodeOptions;
  }

  /** Of the daemon that was started last. */
  get pid(): number {
    return this.#running().pid ?? 0;
  }

  /**
   * Starts one, with these options beside those of all, and resolves when it records; or leaves it alone after
   * `patienceMs`, whatever it does by then.
   */
  async start(options: readonly string[] = [], patienceMs?: number): Promise<void> {
    const own = ['up', '--no-mount', '--json', '--data', this.folder];
    const args = [...this.#nodeOptions, main, ...own, ...this.#options];
    const daemon = spawn(process.execPath, [...args, ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#daemon = daemon;
    this.#complaint = '';
    daemon.stderr.on('data', (text) => {
      this.#complaint += text;
    });
    const begun = once(daemon.stdout, 'data').then(() => true);
    const ended = once(daemon, 'exit').then(() => false);
    const waits = patienceMs === undefined ? [] : [setTimeout(patienceMs, true)];
    if (await Promise.race([begun, ended, ...waits])) return;
    throw new Error(`the daemon ended before it had begun: ${this.#complaint}`);
  }

  /** Kills it on the spot. */
  async kill(): Promise<void> {
    const daemon = this.#running();
    const ended = once(daemon, 'exit');
    daemon.kill('SIGKILL');
    await ended;
  }

  /** Stops it in order; with `unload` nothing goes on. */
  async down(unload = false): Promise<void> {
    const daemon = this.#running();
    const ended = once(daemon, 'exit');
    const answer = await this.reader.command('down', { unload });
    if (isRefusal(answer)) throw new Error(`down: ${answer.errno}: ${answer.saw}`);
    const [code] = await ended;
    if (code !== 0) throw new Error(`the daemon ended with ${code}: ${this.#complaint}`);
  }

  /** Leaves nothing behind, whatever has come of it. */
  async clear(): Promise<void> {
    if (this.#daemon && this.#daemon.exitCode === null && this.#daemon.signalCode === null) await this.kill();
    removePinsOf(this.folder);
  }

  #running(): ChildProcess {
    if (!this.#daemon) throw new Error('no daemon was started');
    return this.#daemon;
  }
}
