/**
 * The connector source against what real processes do, with /proc as the witness.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { realClock } from '../../src/clock.ts';
import type { Observation, Source } from '../../src/ports.ts';
import { Losses } from '../../src/sources/connector/losses.ts';
import { messageOf, sentOf } from '../../src/sources/connector/message.ts';
import { openConnectorSource } from '../../src/sources/connector/source.ts';
import { type Connector, messageWords, openConnector } from '../../src/system/connector.ts';
import { until } from '../../tools/oracle/until.ts';
import { testNeeding } from '../support/needs.ts';
import { type Deed, deedsProgram, doDeed, seenOf, theOne } from './deeds.ts';
import { requireWakes } from './wakes.ts';

const test = suite('connector source');
const needed = ['root', 'connector', 'cc'] as const;

let opened: Source | undefined;

/** One source for all tests that do not ask for a buffer of their own; it knows who lives. */
function source(): Source {
  if (opened === undefined) {
    opened = openConnectorSource();
    lookAtAll(opened);
  }
  return opened;
}

function lookAtAll(source: Source): void {
  for (const _ of source.scan()) source.drain(() => {});
}

test.after(() => opened?.close());

/** `type pid`, in the order in which it was seen, without users. */
function story(deed: Deed): string[] {
  return deed.seen.filter(({ type }) => type !== 'uid').map(({ type, pid }) => `${type} ${pid}`);
}

testNeeding(test, needed, 'a fork shows its child as /proc shows it', () => {
  const deed = doDeed(source(), 'fork', 37);
  const child = deed.said('fork');
  const { bootUs, ...task } = theOne(deed, 'fork', child);
  const { startTicks } = deed.stat(child);
  assert.ok(Math.abs(task.startTicks - startTicks) <= 1, `${task.startTicks} is not ${startTicks}`);
  assert.equal(
    { ...task, startTicks },
    {
      type: 'fork',
      pid: child,
      tgid: child,
      startTicks,
      uid: 0,
      suid: 0,
      // What was executed was over before it could be looked at: the name is the one that was known.
      comm: theOne(deed, 'exec', deed.pid).comm,
      parentPid: deed.pid,
    },
  );
  const nowUs = realClock().bootUs();
  assert.ok(bootUs <= nowUs && bootUs > nowUs - 10_000_000, `${bootUs} is no time of just now, ${nowUs}`);
  assert.is(theOne(deed, 'exit', child).status, 37 << 8);
});

testNeeding(test, needed, 'an exit tells the signal that caused it', () => {
  const deed = doDeed(source(), 'kill', 9);
  assert.is(theOne(deed, 'exit', deed.said('fork')).status & 0x7f, 9);
});

testNeeding(test, needed, 'a child of vfork that executes a program is seen in order', () => {
  const deed = doDeed(source(), 'vfork', '/bin/true');
  const child = deed.said('fork');
  assert.equal(
    story(deed).filter((line) => line.endsWith(` ${child}`)),
    [`fork ${child}`, `exec ${child}`, `exit ${child}`],
  );
});

testNeeding(test, needed, 'an exec tells the name and the program while its task lives', async () => {
  const program = spawn('sleep', ['60']);
  try {
    const { pid } = program;
    const all: Observation[] = [];
    await once(program, 'spawn');
    source().drain((observation) => all.push(observation));
    const exec = all.findLast((seen) => seen.type === 'exec' && seen.pid === pid);
    assert.is(exec?.type === 'exec' && exec.comm, 'sleep');
    assert.match(exec?.type === 'exec' ? exec.program : '', /\/(?:sleep|coreutils)$/);
  } finally {
    program.kill();
  }
});

testNeeding(
  test,
  needed,
  'where they are asked for, command lines are told of execs and by looks',
  async () => {
    const own = openConnectorSource({ commandLines: { limitBytes: 8, secrets: [] } });
    const program = spawn('sleep', ['60', '0.5']);
    try {
      await once(program, 'spawn');
      const commandLine = { arguments: 'sleep\x0060', cut: true };
      const all: Observation[] = [];
      own.drain((observation) => all.push(observation));
      const exec = all.findLast((seen) => seen.type === 'exec' && seen.pid === program.pid);
      assert.equal(exec?.type === 'exec' && exec.commandLine, commandLine);
      const found = [...own.scan()].find(({ pid }) => pid === program.pid);
      assert.equal(found?.commandLine, commandLine);
    } finally {
      program.kill();
      own.close();
    }
  },
);

testNeeding(test, needed, 'a thread is born in its process, by its leader', () => {
  const deed = doDeed(source(), 'thread');
  const fork = theOne(deed, 'fork', deed.said('thread'));
  assert.equal([fork.tgid, fork.parentPid], [deed.pid, deed.pid]);
});

testNeeding(test, needed, 'a sibling is taken to be its parent’s, and the source says so', () => {
  const deed = doDeed(source(), 'sibling');
  const sibling = theOne(deed, 'fork', deed.said('fork'));
  assert.is(sibling.parentPid, deed.pid);
  assert.match(source().blind, /CLONE_PARENT/);
});

testNeeding(
  test,
  needed,
  'a thread that executes a program leaves one task, with the pid of the leader',
  () => {
    for (let i = 0; i < 20; i++) {
      const deed = doDeed(source(), 'exec-by-thread', '/bin/true');
      const [caller, leader] = [deed.said('caller'), deed.said('leader')];
      const [, exec] = seenOf(deed, 'exec', leader);
      // By whom, it may be blind to, where the leader exited at that moment.
      if (exec?.oldPid === caller) {
        assert.equal(story(deed).slice(2), [
          `fork ${caller}`,
          `exit ${leader}`,
          `exec ${leader}`,
          `exit ${leader}`,
        ]);
      } else {
        assert.is(exec?.oldPid, leader);
        assert.is(seenOf(deed, 'exit', caller).length, 1);
        assert.is(seenOf(deed, 'exit', leader).length, 1);
      }
    }
  },
);

testNeeding(test, needed, 'a change of users is seen, the saved one among them', async () => {
  const program = spawn(deedsProgram(), ['users-exec', '1001', '1002', '1003', '/bin/sleep', '60']);
  try {
    const all: Observation[] = [];
    await until('the program to be executed', () => {
      source().drain((observation) => all.push(observation));
      return all.some((seen) => seen.type === 'exec' && seen.pid === program.pid && seen.comm === 'sleep');
    });
    const users = all.findLast((seen) => seen.type === 'uid' && seen.pid === program.pid);
    assert.is(users?.type === 'uid' && users.uid, 1001);
    assert.is(users?.type === 'uid' && users.suid, source().look(program.pid ?? 0)?.suid);
  } finally {
    program.kill('SIGKILL');
  }
});

testNeeding(test, needed, 'a name that another thread gives is seen as the name of its bearer', () => {
  const deed = doDeed(source(), 'rename-other', 'a name of more than fifteen bytes');
  assert.is(theOne(deed, 'comm', deed.said('thread')).comm, 'a name of more ');
});

testNeeding(test, needed, 'a storm is seen to the last fork and exit', async () => {
  const deed = doDeed(source(), 'storm', 2000, 3000);
  assert.is(countOf(deed.seen, 'fork'), 5001);
  // The last exits may be told a moment after the program is gone.
  const exits = new Set(deed.seen.filter(({ type }) => type === 'exit').map(({ pid }) => pid));
  const births = deed.seen.filter(({ type }) => type === 'fork').map(({ pid }) => pid);
  await until('the last exits', () => {
    source().drain((seen) => seen.type === 'exit' && exits.add(seen.pid));
    return births.every((pid) => exits.has(pid));
  });
  assert.is(source().lost(), 0);
});

function countOf(seen: readonly Observation[], type: string): number {
  return seen.filter((one) => one.type === type).length;
}

testNeeding(test, needed, 'the starts that it tells are those that /proc has', async () => {
  const program = spawn(deedsProgram(), ['hold', '400'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const births = new Map<number, number>();
  const drain = (): void => {
    source().drain((seen) => {
      if (seen.type === 'fork') births.set(seen.pid, seen.startTicks);
    });
  };
  const pids: number[] = [];
  for await (const line of createInterface(program.stdout)) {
    const [word = '', number] = line.split(' ');
    if (word === 'thread') pids.push(Number(number));
    if (word === 'ready') break;
    drain();
  }
  drain();
  const wrong = pids.filter((pid) => births.get(pid) !== source().look(pid)?.startTicks);
  assert.is(pids.length, 400);
  assert.equal(wrong, []);
  program.stdin.end();
  await once(program, 'exit');
});

testNeeding(test, needed, 'a buffer that is too small loses exactly what is counted as lost', () => {
  const large = new Listener(32 * 2 ** 20);
  const small = new Listener(65_536);
  try {
    // What others do can fill the small one at a mark: so several times.
    const differences = [1, 2, 3, 4, 5, 6].map(() => differenceOfLosses(large, small));
    assert.ok(differences.includes(0), `they differ by ${differences}`);
  } finally {
    large.close();
    small.close();
  }
});

/**
 * Lets a storm pass over two buffers, of which the small one overflows, and compares what they tell of the time between
 * two births: what the small one heard and lost must be as much as the large one heard. undefined where the small one
 * missed a birth, or lost little of the storm.
 */
function differenceOfLosses(large: Listener, small: Listener): number | undefined {
  const mark = (): number => {
    const { pid } = spawnSync('true');
    small.hear();
    return pid;
  };
  small.hear();
  const first = mark();
  spawnSync(deedsProgram(), ['storm', '1500', '1500']);
  small.hear();
  // A CPU tells how many of its messages had been lost when it sends its next one, so each is made to.
  for (const cpu of cpus().keys()) spawnSync('taskset', ['--cpu-list', String(cpu), 'true']);
  const last = mark();
  large.hear();
  const all = large.between(first, last);
  const kept = small.between(first, last);
  if (!all || !kept || kept.lost < 1000) return undefined;
  assert.is(all.lost, 0);
  return all.heard - kept.heard - kept.lost;
}

testNeeding(test, needed, 'a source with a small buffer says so, and that it has lost something', () => {
  const small = openConnectorSource({ bufferBytes: 65_536 });
  try {
    assert.match(small.blind, /more than [0-9]+ things at once/);
    spawnSync(deedsProgram(), ['storm', '1500', '1500']);
    small.drain(() => {});
    assert.ok(small.lost() > 0);
  } finally {
    small.close();
  }
});

/** Hears every message, whatever it says, and how many were lost up to it. */
class Listener {
  readonly #connector: Connector;
  readonly #losses = new Losses();
  readonly #heard: { readonly bornPid: number | undefined; readonly lost: number }[] = [];

  constructor(bufferBytes: number) {
    this.#connector = openConnector(bufferBytes);
  }

  hear(): void {
    for (let count = this.#connector.receive(); count !== 0; count = this.#connector.receive()) {
      for (let i = 0; count !== 'overrun' && i < count; i++) {
        const at = i * messageWords;
        this.#losses.see(sentOf(this.#connector.words, at));
        const message = messageOf(this.#connector.words, at, 0);
        const bornPid = message?.type === 'fork' ? message.pid : undefined;
        this.#heard.push({ bornPid, lost: this.#losses.total });
      }
    }
  }

  /** How many messages were heard, and how many lost, from one birth to another; undefined where one is missing. */
  between(first: number, last: number): { readonly heard: number; readonly lost: number } | undefined {
    const from = this.#heard.findLastIndex(({ bornPid }) => bornPid === first);
    const to = this.#heard.findLastIndex(({ bornPid }) => bornPid === last);
    const [begin, end] = [this.#heard[from], this.#heard[to]];
    return begin && end && { heard: to - from, lost: end.lost - begin.lost };
  }

  close(): void {
    this.#connector.close();
  }
}

testNeeding(test, needed, 'another listener that comes and goes is no loss', () => {
  const lostBefore = source().lost();
  openConnectorSource().close();
  openConnectorSource().close();
  doDeed(source(), 'fork', 0);
  assert.is(source().lost(), lostBefore);
});

testNeeding(test, needed, 'a wake comes once, for what is queued already and for what comes', () =>
  requireWakes(openConnectorSource),
);

testNeeding(test, needed, 'a drain ends although more happens than it can tell', () => {
  spawnSync('true');
  let count = 0;
  source().drain(() => {
    count += 1;
    assert.ok(count < 2000, 'it goes on and on');
    spawnSync('true');
  });
  assert.ok(count > 0);
});

testNeeding(test, needed, 'an error of the one who sees loses nothing and repeats nothing', () => {
  const own = openConnectorSource();
  try {
    lookAtAll(own);
    const { pid } = doDeed(source(), 'fork', 0);
    const seen: Observation[] = [];
    const see = (observation: Observation): void => {
      seen.push(observation);
      if (observation.type === 'fork' && observation.pid === pid) throw new Error('no');
    };
    assert.throws(() => own.drain(see), 'no');
    own.drain(see);
    const ofIt = seen.filter((one) => 'pid' in one && one.pid === pid && one.type !== 'uid');
    assert.equal(
      ofIt.map(({ type }) => type),
      ['fork', 'exec', 'exit'],
    );
  } finally {
    own.close();
  }
});

/** What `open.ts` says as this somebody. */
function opening(who: string): string {
  const program = fileURLToPath(new URL('./open.ts', import.meta.url));
  const { stdout } = spawnSync(process.execPath, [...process.execArgv, program, who, '--connector'], {
    encoding: 'utf8',
  });
  return stdout;
}

testNeeding(test, needed, 'outside of the initial namespaces it does not open, and says why', () => {
  for (const kind of ['pid', 'time']) {
    assert.match(
      opening(kind),
      new RegExp(`^SourceError: the process connector works only in the initial ${kind} namesp`),
    );
  }
});

testNeeding(test, needed, 'a kernel that does not answer is told, with what is probably the cause', () => {
  assert.match(
    opening('network'),
    /^SourceError: the process connector cannot be opened: .*ECONNREFUSED; .*net/,
  );
});

test.run();
