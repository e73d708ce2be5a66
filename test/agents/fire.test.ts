/**
 * The reactor under fire: release agents that hang, ignore every signal, leave children behind, or cannot even be
 * executed. A daemon as a process of its own records, answers and stops as if they were none of its business.
 */
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { agentIn, count, Daemon, eventsIn, until, withFolders } from '../support/daemon.ts';
import { testNeeding } from '../support/needs.ts';

const fire = suite('reactor under fire');

/** How soon a daemon stops, whatever its agents do. */
const stopLimitMs = 1000;

/** Ignores what can be ignored, and does not end by itself. */
const hangs = "#!/bin/sh\ntrap '' HUP INT QUIT TERM\nexec sleep 86400\n";

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // Nobody has this pid.
    return false;
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
