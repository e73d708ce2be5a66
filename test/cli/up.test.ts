/**
 * A recorder as a process of its own, with the source that needs nobody's permission: it says what it does, stops
 * in order, and lets go of its recording.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { socketName } from '../../src/http/api.ts';
import { HttpReader } from '../../src/http/client.ts';
import { emptyFolder } from '../http/fakeDaemon.ts';
import { testNeeding } from '../support/needs.ts';

const up = suite('up');

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const deadlineMs = 30_000;

const running = new Set<Running>();
// Also what a test that failed has left.
up.after(() => {
  for (const process of running) process.kill('SIGKILL');
});

class Running {
  output = '';
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<unknown[]>;
  #look = (): void => {};

  constructor(file: string, args: readonly string[]) {
    this.#child = spawn(file, args);
    this.#ended = once(this.#child, 'close');
    running.add(this);
    this.#ended.then(() => running.delete(this));
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

function commandLine(folder: string, args: readonly string[]): readonly string[] {
  return [...process.execArgv, main, ...args, '--data', folder];
}

function tasktrail(folder: string, ...args: readonly string[]): Running {
  return new Running(process.execPath, commandLine(folder, args));
}

const simulated = ['up', '--source', 'simulated'] as const;

/** A recorder that a shell starts; `"$@"` in the script stands for it. */
function scripted(script: string, folder: string): Running {
  return new Running('sh', ['-c', script, 'sh', process.execPath, ...commandLine(folder, simulated)]);
}

up('a recorder says what it records, holds its recording, and lets go of it on a signal', async () => {
  const folder = emptyFolder();
  const recorder = tasktrail(folder, 'up', '--source', 'simulated');
  await recorder.says(/stop with Ctrl-C/);
  assert.match(recorder.output, /SIMULATED workload, nothing of this machine/);
  assert.match(recorder.output, /tasktrail tree --data/);

  const second = tasktrail(folder, 'up', '--source', 'simulated');
  assert.is(await second.ends(), 1);
  assert.match(second.output, /is held by process [0-9]+/);

  // Whoever follows must not keep the recorder from ending.
  const follower = tasktrail(folder, 'log', '--follow', '--all', '--limit', '10000');
  await follower.says(/ source +simulated/);

  recorder.kill('SIGINT');
  assert.is(await recorder.ends(), 0, recorder.output);
  assert.match(recorder.output, /stopped: [0-9,]+ events recorded, [0-9,]+ in all/);
  assert.is(await follower.ends(), 1);
  assert.match(follower.output, /the daemon stopped, and nothing follows/);

  const reader = tasktrail(folder, 'log', '--limit', '1');
  assert.is(await reader.ends(), 0);
  assert.match(reader.output, /no daemon runs; reading the recording in .* directly/);
  assert.match(reader.output, /the recorder stopped in order/);
  rmSync(folder, { recursive: true });
});

up('a disk that is full at the first commit is one sentence', async () => {
  const folder = emptyFolder();
  const recorder = scripted('ulimit -f 1; exec "$@"', folder);
  assert.is(await recorder.ends(), 1, recorder.output);
  assert.match(
    recorder.output,
    /^tasktrail: the recording in .* cannot be written any more: file too large; .*\n$/,
  );
  rmSync(folder, { recursive: true });
});

up(
  'a disk that fills ends the recorder with one sentence, and everybody who waits for an answer',
  async () => {
    const folder = emptyFolder();
    const recorder = scripted('ulimit -f 64; exec "$@"', folder);
    await recorder.says(/stop with Ctrl-C/);
    const follower = tasktrail(folder, 'log', '--follow', '--all');
    const ended = recorder.ends();
    assert.match(
      await fill(folder),
      /cannot be written any more|went away|no daemon answers|nothing is recorded/,
    );
    assert.is(await ended, 1, recorder.output);
    assert.match(
      recorder.output,
      /stop with Ctrl-C\ntasktrail: the recording in .* cannot be written any more: .*\n$/,
    );
    assert.is(await follower.ends(), 1);
    const reader = tasktrail(folder, 'verify');
    assert.is(await reader.ends(), 0, reader.output);
    assert.not.ok(readdirSync(folder).includes(socketName));
    rmSync(folder, { recursive: true });
  },
);

/** Makes containers until that fails, and resolves with why. */
async function fill(folder: string): Promise<string> {
  const reader = new HttpReader(folder);
  try {
    for (let i = 0; ; i++) {
      await reader.command('mkdir', { path: `/${'x'.repeat(200)}${i}`, mode: 0o755, umask: 0 });
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

up('a recording whose end cannot be marked is one sentence too', async () => {
  const folder = emptyFolder();
  const recorder = tasktrail(folder, ...simulated);
  await recorder.says(/stop with Ctrl-C/);
  rmSync(folder, { recursive: true });
  recorder.kill('SIGTERM');
  assert.is(await recorder.ends(), 1, recorder.output);
  assert.match(recorder.output, /at once\ntasktrail: .*\n$/);
});

up('a start that fails half-way leaves nothing that keeps the process alive', async () => {
  const folder = emptyFolder();
  mkdirSync(`${folder}/${socketName}`);
  const recorder = tasktrail(folder, ...simulated);
  assert.is(await recorder.ends(), 1, recorder.output);
  assert.match(recorder.output, /^tasktrail: the daemon cannot listen at .*\n$/);
  rmSync(folder, { recursive: true });
});

up('others can read nothing of a recording, and a folder that they may enter is told', async () => {
  const folder = emptyFolder();
  chmodSync(folder, 0o777);
  const recorder = scripted('umask 0; exec "$@"', folder);
  await recorder.says(/stop with Ctrl-C/);
  assert.match(recorder.output, /everybody may enter .*: chmod o= /);
  for (const name of readdirSync(folder)) assert.is(statSync(`${folder}/${name}`).mode & 0o007, 0, name);
  recorder.kill('SIGTERM');
  await recorder.ends();
  rmSync(folder, { recursive: true });
});

up('without a terminal a recorder goes on when one is closed', async () => {
  const folder = emptyFolder();
  const recorder = tasktrail(folder, ...simulated);
  await recorder.says(/stop with Ctrl-C/);
  recorder.kill('SIGHUP');
  const reader = tasktrail(folder, 'status');
  assert.is(await reader.ends(), 0, reader.output);
  assert.not.match(reader.output, /no daemon runs/);
  recorder.kill('SIGTERM');
  assert.is(await recorder.ends(), 0, recorder.output);
  rmSync(folder, { recursive: true });
});

up('a recorder that is paused says by how much it was late, once, and counts it', async () => {
  const folder = emptyFolder();
  const recorder = tasktrail(folder, ...simulated);
  await recorder.says(/stop with Ctrl-C/);
  const { daemonPid } = await new HttpReader(folder).status();
  const sinceMs = performance.now();
  process.kill(daemonPid, 'SIGSTOP');
  // A pause is what this is about: there is nothing to wait for.
  await sleep(3000);
  process.kill(daemonPid, 'SIGCONT');
  const follower = tasktrail(folder, 'log', '--follow', '--type', 'stall', '--json');
  await follower.says(/"type":"stall","lengthUs":[0-9]{7}/);
  const pausedMs = performance.now() - sinceMs;
  const { stalls, longestStallMs } = await new HttpReader(folder).status();
  recorder.kill('SIGTERM');
  assert.is(await recorder.ends(), 0, recorder.output);
  // Something is due once a second at least. A busy machine may make it late at other times too, but not by that much.
  const longMs = [...follower.output.matchAll(/"lengthUs":([0-9]{7,})/g)].map(([, us]) => Number(us) / 1000);
  assert.is(longMs.filter((lengthMs) => lengthMs >= 1900 && lengthMs <= pausedMs).length, 1, follower.output);
  assert.ok(stalls >= 1 && longestStallMs >= 1900, `${stalls} stalls, ${longestStallMs} ms`);
  rmSync(folder, { recursive: true });
});

testNeeding(up, ['script'], 'a recorder stops in order when its terminal is closed', async () => {
  const folder = emptyFolder();
  const line = [process.execPath, ...commandLine(folder, simulated)].map((word) => `'${word}'`).join(' ');
  const recorder = new Running('script', ['--quiet', '--return', '--command', line, '/dev/null']);
  await recorder.says(/stop with Ctrl-C/);
  const { daemonPid } = await new HttpReader(folder).status();
  // The shell and the kernel both send it.
  process.kill(daemonPid, 'SIGHUP');
  process.kill(daemonPid, 'SIGHUP');
  assert.is(await recorder.ends(), 0, recorder.output);
  const reader = tasktrail(folder, 'log', '--limit', '1');
  assert.is(await reader.ends(), 0);
  assert.match(reader.output, /the recorder stopped in order/);
  rmSync(folder, { recursive: true });
});

up.run();
