/**
 * A recorder as a process of its own, with the source that needs nobody's permission: it says what it does, stops
 * in order, and lets go of its recording.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { socketName } from '../../src/http/api.ts';
import { HttpReader } from '../../src/http/client.ts';
import { builtProgram } from '../../tools/builtProgram.ts';
import { until } from '../../tools/oracle/until.ts';
import { emptyFolder } from '../http/fakeDaemon.ts';
import { testNeeding } from '../support/needs.ts';

const up = suite('up');

const main = builtProgram();
const asNobody = fileURLToPath(new URL('./asNobody.ts', import.meta.url));
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

  constructor(file: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.#child = spawn(file, args, { env });
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

  get pid(): number | undefined {
    return this.#child.pid;
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
  return [main, ...args, '--data', folder];
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

/** A recorder in the namespaces that `unshare` makes for it, with a /proc of their own. */
function namespaced(folder: string, ...args: readonly string[]): Running {
  const line = [process.execPath, ...commandLine(folder, args)];
  return new Running('unshare', ['--fork', '--pid', '--mount-proc', ...line]);
}

testNeeding(up, ['root', 'ebpf', 'connector'], 'the best source is taken where it works', async () => {
  const folder = emptyFolder();
  const recorder = tasktrail(folder, 'up', '--no-mount', '--no-pin');
  await recorder.says(/stop with Ctrl-C/);
  assert.match(recorder.output, /seen through ebpf/);
  assert.not.match(recorder.output, /not taken/);
  recorder.kill('SIGINT');
  assert.is(await recorder.ends(), 0, recorder.output);
  rmSync(folder, { recursive: true });
});

testNeeding(up, ['root'], 'in a container /proc is polled, and why is on the screen', async () => {
  const folder = emptyFolder();
  const recorder = namespaced(folder, 'up', '--no-mount', '--no-pin', '--poll-interval', '50ms');
  await recorder.says(/stop with Ctrl-C/);
  assert.match(recorder.output, /^recording the tasks that looks at \/proc find: [0-9]+ tasks? now$/m);
  assert.match(recorder.output, /^not taken: the eBPF source works only in the initial pid namespace, .*$/m);
  assert.match(recorder.output, /^not taken: the process connector works only in the initial pid namespace/m);
  assert.match(
    recorder.output,
    /^not seen: what lives between two looks at \/proc, which are 0.05 s apart; /m,
  );
  assert.match(recorder.output, /only the eBPF source sees them/);

  const status = tasktrail(folder, 'status');
  assert.is(await status.ends(), 0, status.output);
  assert.match(status.output, /^source +polling; blind: what lives between two looks/m);
  const log = tasktrail(folder, 'log', '--type', 'source');
  assert.is(await log.ends(), 0, log.output);
  assert.match(log.output, / source +polling .*blind: what lives between/);
  // unshare waits for its child; the signal has to reach that.
  process.kill(Number(childOf(recorder.pid)), 'SIGINT');
  assert.is(await recorder.ends(), 0, recorder.output);
  rmSync(folder, { recursive: true });
});

/** The one child of a process. */
function childOf(pid: number | undefined): string {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
}

up('what only the eBPF source can do is refused with the others, in words', async () => {
  const folder = emptyFolder();
  const refused = async (...args: readonly string[]): Promise<string> => {
    const recorder = tasktrail(folder, 'up', '--no-mount', '--no-pin', ...args);
    assert.is(await recorder.ends(), 2, recorder.output);
    return recorder.output;
  };
  for (const source of ['connector', 'polling', 'simulated']) {
    assert.match(
      await refused('--source', source, '--mirror', 'v2'),
      new RegExp(`--mirror and --source ${source} do not go together: only the eBPF source sees`),
    );
  }
  assert.match(await refused('--source', 'connector', '--poll-interval', '1s'), /nothing is polled/);
  assert.match(await refused('--source', 'guess'), /the sources are ebpf, connector, polling, simulated/);
  rmSync(folder, { recursive: true });
});

testNeeding(up, ['root'], 'whoever asks for a mirror gets no source that has none', async () => {
  const folder = emptyFolder();
  const recorder = namespaced(folder, 'up', '--no-mount', '--no-pin', '--mirror', 'v2');
  assert.is(await recorder.ends(), 1, recorder.output);
  assert.match(
    recorder.output,
    /^tasktrail: the eBPF source works only .*`(npx )?tasktrail up .*--mirror none` takes the best source that works here\n$/,
  );
  rmSync(folder, { recursive: true });
});

/** A folder of an ordinary user's, and how he types a command; where nothing is said, what he records is in there. */
function ordinary() {
  const home = emptyFolder();
  chownSync(home, 65534, 65534);
  const { TASKTRAIL_DATA: _, npm_command: __, ...rest } = process.env;
  const env = { ...rest, XDG_STATE_HOME: home };
  const line = [process.execPath, ...process.execArgv, asNobody];
  const start = (...args: readonly string[]): Running => started([...line, ...args], env);
  const done = async (...args: readonly string[]): Promise<string> => {
    const command = start(...args);
    assert.is(await command.ends(), 0, command.output);
    return command.output;
  };
  return { home, env, line, start, done };
}

function started([file = '', ...args]: readonly string[], env: NodeJS.ProcessEnv): Running {
  return new Running(file, args, env);
}

testNeeding(up, ['nobody'], 'an ordinary user records into his own folder, and has the tree', async () => {
  const { home, start, done } = ordinary();
  const recorder = start('up', '--no-mount', '--source', 'polling', '--poll-interval', '50ms');
  await recorder.says(/stop with Ctrl-C/);
  assert.match(recorder.output, new RegExp(`^in ${home}/tasktrail, recording `, 'm'));

  await done('mkdir', '/mine');
  const program = start('run', '/mine', '--', 'sleep', '60');
  const isThere = async (): Promise<boolean> => / sleep/.test(await done('tasks', '/mine'));
  await until('the program to be in its container', isThere);
  program.kill('SIGKILL');
  await until('the program to be gone', async () => !(await isThere()));
  await done('rmdir', '/mine');
  assert.match(await done('log', '--all', '--path', '/mine'), /exit .* in \/mine .*inferred/);

  recorder.kill('SIGINT');
  assert.is(await recorder.ends(), 0, recorder.output);
  assert.match(await done('verify'), /^sound: /m);
  rmSync(home, { recursive: true });
});

testNeeding(up, ['nobody'], 'an ordinary user gets a lesser source, and is told why', async () => {
  const { home, start } = ordinary();
  const other = start('up', '--no-mount', '--source', 'polling', '--json');
  await other.says(/^\{.*"source":"polling".*"passedOver":\[\]\}$/m);
  other.kill('SIGINT');
  await other.ends();

  const recorder = start('up', '--no-mount', '--no-pin');
  await recorder.says(/stop with Ctrl-C/);
  // Before Linux 6.6 nobody but root may listen to the process connector.
  assert.match(recorder.output, /seen through connector|looks at \/proc find/);
  assert.match(recorder.output, /^not taken: the eBPF source cannot be opened: .*CAP_BPF/m);
  recorder.kill('SIGINT');
  assert.is(await recorder.ends(), 0, recorder.output);
  rmSync(home, { recursive: true });
});

testNeeding(
  up,
  ['nobody'],
  'where /proc hides tasks, the doctor says so, and that it can be polled',
  async () => {
    const { home, env, line } = ordinary();
    for (const hidepid of [1, 2]) {
      const inside = `mount -t proc -o hidepid=${hidepid} proc /proc && exec "$@"`;
      const doctor = started(['unshare', '--mount', 'sh', '-c', inside, 'sh', ...line, 'doctor'], env);
      assert.is(await doctor.ends(), 0, doctor.output);
      assert.match(doctor.output, /^FAILS {2}process connector +.*hides other users' tasks \(hidepid\)/m);
      assert.match(
        doctor.output,
        /^works {2}polling of \/proc +.*other users' tasks, which \/proc hides here/m,
      );
      assert.match(doctor.output, /^a recorder can run here, through polling: /m);
    }
    rmSync(home, { recursive: true });
  },
);

up.run();
