/**
 * A recorder as a process of its own, with the source that needs nobody's permission: it says what it does, stops
 * in order, and lets go of its recording.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../http/fakeDaemon.ts';

const up = suite('up');

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const deadlineMs = 30_000;

class Running {
  output = '';
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<unknown[]>;
  #look = (): void => {};

  constructor(folder: string, ...args: string[]) {
    this.#child = spawn(process.execPath, [...process.execArgv, main, ...args, '--data', folder]);
    this.#ended = once(this.#child, 'close');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.on('data', (chunk) => {
        this.output += chunk;
        this.#look();
      });
    }
  }

  /** Resolves when the output has it; rejects when that takes too long, or the process ended before. */
  says(pattern: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        if (pattern.test(this.output)) resolve();
        else reject(new Error(`${pattern} is not in: ${this.output}`));
      };
      const timer = setTimeout(settle, deadlineMs);
      this.#ended.then(settle);
      this.#look = () => {
        if (pattern.test(this.output)) settle();
      };
      this.#look();
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves with the exit code. */
  async ends(): Promise<unknown> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), deadlineMs);
    const [code] = await this.#ended;
    clearTimeout(timer);
    return code;
  }
}

up('a recorder says what it records, holds its recording, and lets go of it on a signal', async () => {
  const folder = emptyFolder();
  const recorder = new Running(folder, 'up', '--source', 'simulated');
  await recorder.says(/stop with Ctrl-C/);
  assert.match(recorder.output, /SIMULATED workload, nothing of this machine/);
  assert.match(recorder.output, /tasktrail tree --data/);

  const second = new Running(folder, 'up', '--source', 'simulated');
  assert.is(await second.ends(), 1);
  assert.match(second.output, /is held by process [0-9]+/);

  // Whoever follows must not keep the recorder from ending.
  const follower = new Running(folder, 'log', '--follow', '--all', '--limit', '10000');
  await follower.says(/ source +simulated/);

  recorder.kill('SIGINT');
  assert.is(await recorder.ends(), 0, recorder.output);
  assert.match(recorder.output, /stopped: [0-9,]+ events recorded, [0-9,]+ in all/);
  assert.is(await follower.ends(), 1);
  assert.match(follower.output, /the daemon stopped, and nothing follows/);

  const reader = new Running(folder, 'log', '--limit', '1');
  assert.is(await reader.ends(), 0);
  assert.match(reader.output, /no daemon runs; reading the recording in .* directly/);
  assert.match(reader.output, /the recorder stopped in order/);
  rmSync(folder, { recursive: true });
});

up.run();
