/**
 * The eBPF source against what real processes do, with /proc as the witness.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { realClock } from '../../src/clock.ts';
import type { Observation, Source, TaskSeen } from '../../src/ports.ts';
import { openEbpfSource } from '../../src/sources/ebpf/source.ts';
import { testNeeding } from '../support/needs.ts';
import { type Deed, deedsProgram, doDeed, familyOf, type OfTask, seenOf, theOne } from './deeds.ts';
import { requireWakes } from './wakes.ts';

const test = suite('eBPF source');
const needed = ['ebpf', 'cc'] as const;

let opened: Source | undefined;

/** One source for all tests that do not ask for a ring of their own: opening takes a while. */
function source(): Source {
  opened ??= openEbpfSource();
  return opened;
}

test.after(() => opened?.close());

/** `type pid`, in the order in which it was seen; users that a source tells with each exec are left out. */
function story(deed: Deed): string[] {
  return deed.seen.filter(({ type }) => type !== 'uid').map(({ type, pid }) => `${type} ${pid}`);
}

testNeeding(test, needed, 'a fork shows its child as /proc shows it', () => {
  const deed = doDeed(source(), 'fork', 0);
  const child = deed.said('fork');
  const { bootUs, ...task } = theOne(deed, 'fork', child);
  assert.equal(task, {
    type: 'fork',
    pid: child,
    tgid: child,
    startTicks: deed.stat(child).startTicks,
    uid: 0,
    suid: 0,
    comm: 'deeds',
    parentPid: deed.pid,
    place: 0,
  });
  const nowUs = realClock().bootUs();
  assert.ok(bootUs <= nowUs && bootUs > nowUs - 10_000_000, `${bootUs} is no time of just now, ${nowUs}`);
  assert.is(Math.floor(bootUs / 10_000) - task.startTicks <= 1, true);
});

testNeeding(test, needed, 'an exit tells its code', () => {
  const deed = doDeed(source(), 'fork', 37);
  assert.is(theOne(deed, 'exit', deed.said('fork')).status, 37 << 8);
  assert.is(theOne(deed, 'exit', deed.pid).status, 0);
});

testNeeding(test, needed, 'an exit tells the signal that caused it', () => {
  const deed = doDeed(source(), 'kill', 9);
  assert.is(theOne(deed, 'exit', deed.said('fork')).status & 0x7f, 9);
});

testNeeding(test, needed, 'a child of vfork that executes a program is seen in order', () => {
  const deed = doDeed(source(), 'vfork', '/bin/true');
  const child = deed.said('fork');
  assert.equal(story(deed), [
    `fork ${deed.pid}`,
    `exec ${deed.pid}`,
    `fork ${child}`,
    `exec ${child}`,
    `exit ${child}`,
    `exit ${deed.pid}`,
  ]);
  const exec = theOne(deed, 'exec', child);
  assert.is(exec.oldPid, child);
  assert.is(exec.comm, 'true');
  assert.is(exec.program, '/bin/true');
});

testNeeding(test, needed, 'a thread is born in the group of its leader', () => {
  const deed = doDeed(source(), 'thread');
  const thread = deed.said('thread');
  const fork = theOne(deed, 'fork', thread);
  assert.is(fork.tgid, deed.pid);
  assert.is(fork.parentPid, deed.pid);
  assert.is(fork.startTicks, deed.stat(thread).startTicks);
  assert.is(seenOf(deed, 'exit', thread).length, 1);
});

testNeeding(
  test,
  needed,
  'the parent of a fork is the calling thread, not its leader or the real parent',
  () => {
    const deed = doDeed(source(), 'sibling');
    assert.is(theOne(deed, 'fork', deed.said('fork')).parentPid, deed.said('caller'));
  },
);

testNeeding(
  test,
  needed,
  'a thread that executes a program takes the pid and the start of its leader',
  () => {
    const deed = doDeed(source(), 'exec-by-thread', '/bin/true');
    const [caller, leader] = [deed.said('caller'), deed.said('leader')];
    const [, exec] = seenOf(deed, 'exec', leader);
    assert.is(exec?.oldPid, caller);
    assert.is(exec?.startTicks, deed.stat(leader).startTicks);
    assert.equal(story(deed).slice(2), [
      `fork ${caller}`,
      `exit ${leader}`,
      `exec ${leader}`,
      `exit ${leader}`,
    ]);
  },
);

testNeeding(test, needed, 'an exec that fails is none', () => {
  const deed = doDeed(source(), 'failing-exec', '/dev/null');
  assert.is(deed.said('failed'), 13);
  assert.equal(story(deed), [`fork ${deed.pid}`, `exec ${deed.pid}`, `exit ${deed.pid}`]);
});

testNeeding(test, needed, 'a program path is bytes, and is cut to 255 of them', () => {
  const link = join(mkdtempSync(join(tmpdir(), 'tasktrail-')), 'caf\u00e9');
  symlinkSync('/bin/true', link);
  const strange = doDeed(source(), 'vfork', link);
  const { program } = theOne(strange, 'exec', strange.said('fork'));
  assert.ok(program.endsWith('/caf\xc3\xa9'), program);
  rmSync(dirname(link), { recursive: true });

  const long = `/${'./'.repeat(150)}bin/true`;
  const deed = doDeed(source(), 'vfork', long);
  assert.is(theOne(deed, 'exec', deed.said('fork')).program, long.slice(0, 255));
});

testNeeding(test, needed, 'a task that takes on another name is seen once, and an exec is not one', () => {
  const name = '(a) \\b\nc';
  const deed = doDeed(source(), 'rename', name);
  const [comm, ...more] = deed.seen.filter((seen) => seen.type === 'comm');
  assert.equal(more, []);
  assert.is(comm?.pid, deed.pid);
  assert.is(comm?.comm, name);
});

testNeeding(test, needed, 'a name that another thread gives is seen as the name of its bearer', () => {
  const deed = doDeed(source(), 'rename-other', 'a name of more than fifteen bytes');
  assert.is(theOne(deed, 'comm', deed.said('thread')).comm, 'a name of more ');
});

testNeeding(test, needed, 'the users of a task are told with its exec', () => {
  const deed = doDeed(source(), 'users-exec', 1001, 1002, 1003, '/bin/true');
  const exec = deed.seen.findLastIndex(({ type }) => type === 'exec');
  const { bootUs: _, ...users } = deed.seen[exec + 1] ?? { bootUs: 0 };
  assert.equal(users, { type: 'uid', pid: deed.pid, uid: 1001, suid: 1002 });
});

testNeeding(test, needed, 'a change of users is seen, or the source says that it is blind to it', () => {
  const deed = doDeed(source(), 'users', 1001, 1002, 1003);
  const changes = deed.seen.filter((seen) => seen.type === 'uid' && seen.uid === 1001 && seen.suid === 1003);
  if (source().blind === '') assert.is(changes.length, 1);
  else assert.match(source().blind, /change of user/);
});

testNeeding(test, needed, 'threads that the kernel makes for a process are born as others are', () => {
  const deed = doDeed(source(), 'ring');
  const births = deed.seen.filter(({ type }) => type === 'fork').map(({ pid }) => pid);
  const ends = deed.seen.filter(({ type }) => type === 'exit').map(({ pid }) => pid);
  const isRefused = !Number.isNaN(deed.said('refused'));
  assert.is(births.length, isRefused ? 1 : 2);
  assert.equal(ends.sort(), births.sort());
});

testNeeding(test, needed, 'a storm is seen to the last fork and exit', () => {
  const deed = doDeed(source(), 'storm', 2000, 3000);
  const count = (type: string) => deed.seen.filter((seen) => seen.type === type).length;
  assert.is(count('fork'), 5001);
  assert.is(count('exit'), 5001);
  assert.is(source().lost(), 0);
});

testNeeding(test, needed, 'a ring that is too small loses exactly what it counts as lost', () => {
  const small = openEbpfSource({ ringBytes: 65_536 });
  try {
    // Everything else on the machine is queued too. Another CPU's event can stand before the first mark in one ring
    // and behind it in the other, so a difference counts only when it comes back.
    const differences = [1, 2, 3].map(() => differenceOfLosses(source(), small));
    assert.ok(differences.includes(0), `the rings differ by ${differences}`);
  } finally {
    small.close();
  }
});

/**
 * Lets a storm pass over two rings, of which the small one overflows, and compares what they tell of the time between
 * two births that both have kept: what the small one saw and lost must be as much as the large one saw.
 */
function differenceOfLosses(large: Source, small: Source): number {
  const largeSeen: Observation[] = [];
  const smallSeen: Observation[] = [];
  const passes = (name: string, ...args: string[]): number => {
    const { pid } = spawnSync(deedsProgram(), [name, ...args]);
    large.drain((observation) => largeSeen.push(observation));
    small.drain((observation) => smallSeen.push(observation));
    return pid;
  };
  small.drain(() => {});
  const lostBefore = small.lost();
  const first = passes('storm', '1500', '1500');
  const last = passes('users', '0', '0', '0');
  const lost = small.lost() - lostBefore;
  assert.ok(lost > 0, 'the small ring held everything');
  assert.is(familyOf(first, largeSeen).filter(({ type }) => type === 'exit').length, 3001);
  const records = (seen: Observation[]): number => {
    const birthOf = (pid: number) => seen.findLastIndex((one) => one.type === 'fork' && one.pid === pid);
    // An exec's users come with its own record.
    return seen
      .slice(birthOf(first), birthOf(last))
      .filter((one, i, all) => one.type !== 'uid' || all[i - 1]?.type !== 'exec').length;
  };
  return records(largeSeen) - records(smallSeen) - lost;
}

testNeeding(test, needed, 'a scan finds threads, children and their users, and no zombie', async () => {
  const program = spawn(deedsProgram(), ['hold', '5'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said: [string, number][] = [];
  for await (const line of createInterface(program.stdout)) {
    const [word = '', number] = line.split(' ');
    said.push([word, Number(number)]);
    if (word === 'ready') break;
  }
  const pid = program.pid ?? 0;
  const tasks = new Map<number, TaskSeen>();
  for (const task of source().scan()) tasks.set(task.pid, task);
  for (const [word, number] of said) {
    if (word === 'thread') assert.equal(tasks.get(number), source().look(number));
    if (word === 'thread') assert.is(tasks.get(number)?.parentPid, pid);
    if (word === 'fork') assert.is(tasks.get(number)?.parentPid, pid);
    if (word === 'zombie') assert.is(tasks.has(number), false);
    if (word === 'zombie') assert.is(source().look(number), undefined);
  }
  assert.is([...tasks.values()].filter(({ tgid }) => tgid === pid).length, 6);
  assert.is(tasks.get(pid)?.parentPid, process.pid);
  program.stdin.end();
  await once(program, 'exit');
  assert.is(source().look(pid), undefined);
});

testNeeding(test, needed, 'a wake comes once, for what is queued already and for what comes', () =>
  requireWakes(openEbpfSource),
);

testNeeding(test, needed, 'an error of the one who is woken is not lost', async () => {
  const own = openEbpfSource();
  try {
    const caught = once(process, 'uncaughtException');
    own.wake(() => {
      throw new Error('no');
    });
    spawn(deedsProgram(), ['users', '0', '0', '0']);
    const [error] = await caught;
    assert.is((error as Error).message, 'no');
  } finally {
    own.close();
  }
});

testNeeding(test, needed, 'an error of the one who sees loses nothing and repeats nothing', () => {
  const own = openEbpfSource();
  try {
    own.drain(() => {});
    const deed = doDeed(source(), 'fork', 0);
    const seen: Observation[] = [];
    const see = (observation: Observation): void => {
      seen.push(observation);
      if (observation.type === 'fork' && observation.pid === deed.pid) throw new Error('no');
    };
    assert.throws(() => own.drain(see), 'no');
    own.drain(see);
    const withoutTime = ({ bootUs: _, ...rest }: OfTask) => rest;
    assert.equal(familyOf(deed.pid, seen).map(withoutTime), deed.seen.map(withoutTime));
  } finally {
    own.close();
  }
});

/** What `open.ts` says as this somebody, and how it ended. */
function opening(...who: string[]) {
  const program = fileURLToPath(new URL('./open.ts', import.meta.url));
  return spawnSync(process.execPath, [...process.execArgv, program, ...who], { encoding: 'utf8' });
}

testNeeding(test, ['ebpf'], 'who may not load programs is told what that needs', () => {
  assert.match(
    opening('nobody').stdout,
    /^SourceError: .* cannot be opened: .*: EPERM; it needs .*CAP_BPF and CAP_PERFMON/,
  );
});

testNeeding(test, ['ebpf'], 'outside of the initial namespaces it does not open, and says why', () => {
  for (const kind of ['pid', 'time']) {
    assert.match(
      opening(kind).stdout,
      new RegExp(`^SourceError: the eBPF source works only in the initial ${kind} namesp`),
    );
  }
});

testNeeding(test, needed, 'an armed wake does not disturb the end of its process', () => {
  const storm = spawn(deedsProgram(), ['storm', '100000', '0']);
  try {
    const { stdout, stderr, status } = opening();
    assert.equal([stdout, stderr, status], ['opened', '', 0]);
  } finally {
    storm.kill();
  }
});

testNeeding(test, needed, 'command lines are told where that is asked for, and no more of them', () => {
  const arguments_ = [deedsProgram(), 'fork', '37'];
  const silent = doDeed(source(), 'fork', 37);
  assert.is(theOne(silent, 'exec', silent.pid).commandLine, undefined);
  for (const { limitBytes, told, cut } of [
    { limitBytes: 4096, told: arguments_.join('\0'), cut: false },
    { limitBytes: 9, told: deedsProgram().slice(0, 9), cut: true },
  ]) {
    const own = openEbpfSource({ commandLines: { limitBytes, secrets: [] } });
    try {
      const deed = doDeed(own, 'fork', 37);
      assert.equal(theOne(deed, 'exec', deed.pid).commandLine, { arguments: told, cut });
      const self = [...own.scan()].find(({ pid }) => pid === process.pid);
      const text = readFileSync('/proc/self/cmdline', 'latin1');
      assert.is(self?.commandLine?.arguments, text.slice(0, Math.min(limitBytes, text.length - 1)));
    } finally {
      own.close();
    }
  }
});

test('a ring of an impossible size is refused in words', () => {
  for (const ringBytes of [0, -1, 1000, 2048, 2 ** 31, Number.NaN, 1.5]) {
    assert.throws(() => openEbpfSource({ ringBytes }), /choose a power of two from/);
  }
});

test.run();
