/**
 * The reactor under fire: release agents that hang, ignore every signal, leave children behind, or cannot even be
 * executed. A daemon as a process of its own records, answers and stops as if they were none of its business.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../events/event.ts';
import type { DaemonOptions } from '../../src/daemon.ts';
import type { AgentView } from '../../src/engine/reads.ts';
import { HttpReader } from '../../src/http/client.ts';
import { isRefusal } from '../../src/kernel/errno.ts';
import { openLogReader } from '../../src/log/levelLog.ts';
import { emptyFolder } from '../http/fakeDaemon.ts';
import { testNeeding } from '../support/needs.ts';

const fire = suite('reactor under fire');

const program = fileURLToPath(new URL('daemonProcess.ts', import.meta.url));
const deadlineMs = 30_000;
/** How soon a daemon stops, whatever its agents do. */
const stopLimitMs = 1000;

/** Ignores what can be ignored, and does not end by itself. */
const hangs = "#!/bin/sh\ntrap '' HUP INT QUIT TERM\nexec sleep 86400\n";

class Daemon {
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

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const endMs = performance.now() + deadlineMs; !(await isSo()); ) {
    if (performance.now() > endMs) throw new Error(`waited too long for ${what}`);
    await sleep(20);
  }
}

async function eventsIn(folder: string): Promise<Event[]> {
  const log = await openLogReader({ folder });
  const events: Event[] = [];
  for await (const commit of log.read(1)) events.push(...commit);
  await log.close();
  return events;
}

function count(events: readonly Event[], type: Event['type']): number {
  return events.filter((event) => event.type === type).length;
}

function agentIn(folder: string, script: string): string {
  const agent = `${folder}/agent`;
  writeFileSync(agent, script, { mode: 0o755 });
  return agent;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // Nobody has this pid.
    return false;
  }
}

/** Runs a test with a folder for its recording and one for its programs; both are gone afterwards. */
async function withFolders(use: (recording: string, programs: string) => Promise<void>): Promise<void> {
  const folders = [emptyFolder(), emptyFolder()] as const;
  try {
    await use(...folders);
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true });
  }
}

testNeeding(
  fire,
  ['root'],
  'two hundred hung agents keep nobody waiting, are left alone, and have no end on record',
  async () => {
    await withFolders(async (folder, programs) => {
      const releaseAgent = agentIn(programs, hangs);
      const daemon = await Daemon.start(folder, { releaseAgent, stuckAgentMs: 50 });
      let pids: readonly number[] = [];
      try {
        for (let i = 0; i < 200; i++) await daemon.release(`/c${i}`);
        const agents = await daemon.agents(
          'two hundred agents to be stuck',
          (all) => all.filter(({ stuck, executed }) => stuck && executed).length === 200,
        );
        pids = agents.map(({ pid = 0 }) => pid);
        assert.is(new Set(pids).size, 200);
        assert.ok(pids.every(isAlive));
        const [first] = agents;
        assert.equal([first?.path, first?.attempt], ['/c0', 1]);
        await daemon.command('mkdir', { path: '/meanwhile', mode: 0o755, umask: 0 });

        const tookMs = await daemon.stop();
        assert.ok(tookMs < stopLimitMs, `${tookMs} ms`);
        assert.ok(pids.every(isAlive));
        const events = await eventsIn(folder);
        assert.equal(
          [count(events, 'release'), count(events, 'agent'), count(events, 'outcome')],
          [200, 200, 0],
        );
        assert.is(events.at(-1)?.type, 'stop');
      } finally {
        daemon.kill();
        for (const pid of pids) process.kill(pid, 'SIGKILL');
      }

      // The next daemon tries again, where the container is still there and empty.
      const next = await Daemon.start(folder, { releaseAgent: '/bin/true' });
      try {
        await next.agents('all agents to end', (all) => all.length === 0);
        await next.stop();
        const events = await eventsIn(folder);
        assert.equal(
          [count(events, 'agent'), count(events, 'outcome'), count(events, 'stale')],
          [400, 200, 0],
        );
      } finally {
        next.kill();
      }
    });
  },
);

testNeeding(fire, ['root'], 'an agent that leaves children behind has ended when it has', async () => {
  await withFolders(async (folder, programs) => {
    const children = `${programs}/children`;
    const releaseAgent = agentIn(programs, `#!/bin/sh\n(sleep 86400 & echo $! >>${children})\nexit 7\n`);
    const daemon = await Daemon.start(folder, { releaseAgent });
    try {
      for (let i = 0; i < 20; i++) await daemon.release(`/c${i}`);
      await until('all outcomes', async () => (await daemon.reader.status()).releases.failed === 20);
      await daemon.stop();
      const outcomes = (await eventsIn(folder)).filter(({ type }) => type === 'outcome');
      assert.ok(outcomes.every((outcome) => outcome.type === 'outcome' && outcome.code === 7));
    } finally {
      daemon.kill();
      for (const pid of readFileSync(children, 'utf8').split('\n').filter(Boolean)) process.kill(Number(pid));
    }
  });
});

/** Becomes the daemon, behind a mount of a file system that answers nothing, which nobody else sees. */
function behindHungMount(mountPoint: string): string[] {
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
  const script = `mount -i -n -t fuse -o ${options} hung ${mountPoint} && exec "$@" 3<&-`;
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh'];
}

testNeeding(
  fire,
  ['root', 'ebpf', 'fuse'],
  'agents on a mount that hangs keep nobody waiting, and no stop',
  async () => {
    await withFolders(async (folder, programs) => {
      const mountPoint = `${programs}/hung`;
      mkdirSync(mountPoint);
      const fuse = openSync('/dev/fuse', 'r+');
      let isOpen = true;
      const options = { source: 'ebpf', releaseAgent: `${mountPoint}/agent`, stuckAgentMs: 100 } as const;
      const daemon = await Daemon.start(folder, options, behindHungMount(mountPoint), fuse);
      try {
        for (const path of ['/a', '/b', '/c']) await daemon.release(path);
        const agents = await daemon.agents(
          'three agents to hang in their exec',
          (all) => all.filter(({ stuck, executed, pid }) => stuck && !executed && pid !== 0).length === 3,
        );
        const pids = agents.map(({ pid = 0 }) => pid);
        assert.is(new Set(pids).size, 3);
        for (const pid of pids) assert.is(parentOf(pid), daemon.pid);
        await daemon.command('mkdir', { path: '/meanwhile', mode: 0o755, umask: 0 });

        const tookMs = await daemon.stop();
        assert.ok(tookMs < stopLimitMs, `${tookMs} ms`);
        assert.ok(pids.every(isAlive));
        closeSync(fuse);
        isOpen = false;
        await until('the agents to end with the mount', () => !pids.some(isAlive));
        const events = await eventsIn(folder);
        assert.equal([count(events, 'agent'), count(events, 'outcome')], [3, 0]);
      } finally {
        daemon.kill();
        if (isOpen) closeSync(fuse);
      }
    });
  },
);

testNeeding(
  fire,
  ['root', 'fuse'],
  'a mount that comes back lets go of the agents that hung on it',
  async () => {
    await withFolders(async (folder, programs) => {
      const mountPoint = `${programs}/hung`;
      mkdirSync(mountPoint);
      const fuse = openSync('/dev/fuse', 'r+');
      const options = { releaseAgent: `${mountPoint}/agent`, stuckAgentMs: 100 };
      const daemon = await Daemon.start(folder, options, behindHungMount(mountPoint), fuse);
      try {
        for (const path of ['/a', '/b', '/c']) await daemon.release(path);
        await daemon.agents('three stuck agents', (all) => all.filter(({ stuck }) => stuck).length === 3);
        closeSync(fuse);
        await until('three outcomes', async () => (await daemon.reader.status()).releases.failed >= 3);
        assert.ok((await daemon.stop()) < stopLimitMs);
        const outcomes = (await eventsIn(folder)).filter(({ type }) => type === 'outcome');
        assert.ok(outcomes.every((outcome) => outcome.type === 'outcome' && outcome.error === 'ENOTCONN'));
      } finally {
        daemon.kill();
      }
    });
  },
);

/** Its parent's pid, field 4 of /proc/PID/stat (proc_pid_stat(5)); its name has no closing parenthesis. */
function parentOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[1]);
}

fire.run();
