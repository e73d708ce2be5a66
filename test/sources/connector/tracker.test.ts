/**
 * The tracker tells of messages what they leave out, in the order in which it happened.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Observation, TaskSeen } from '../../../src/ports.ts';
import type { Message } from '../../../src/sources/connector/message.ts';
import { Tracker } from '../../../src/sources/connector/tracker.ts';
import { taskSeen } from '../../support/ground.ts';

const test = suite('connector tracker');

/** In the middle of the tick 500: no look is needed to know the start. */
const bootUs = 5_005_000;
const [init, shell, worker] = [1, 10, 11];

/** Init; a shell with a second thread; /proc knows what a test puts into `proc`. */
function ground(...more: readonly TaskSeen[]) {
  const proc = new Map<number, TaskSeen>();
  const asked: number[] = [];
  const tracker = new Tracker({
    look: (pid) => {
      asked.push(pid);
      return proc.get(pid);
    },
    program: (pid) => `/bin/of-${pid}`,
    commandLine: () => undefined,
  });
  tracker.beginLook();
  tracker.found(taskSeen(init));
  tracker.found(taskSeen(shell, { comm: 'sh', uid: 7, suid: 8 }));
  tracker.found(taskSeen(worker, { tgid: shell, parentPid: shell, comm: 'sh', uid: 7, suid: 8 }));
  for (const task of more) tracker.found(task);
  tracker.endLook();
  const take = (...messages: readonly Message[]): Observation[] => {
    const seen: Observation[] = [];
    for (const message of messages) tracker.take(message, (observation) => seen.push(observation));
    return seen;
  };
  return { tracker, take, proc, asked };
}

type Fork = Extract<Message, { readonly type: 'fork' }>;
const fork = (pid: number, parentPid: number, others: Partial<Fork> = {}): Message => ({
  type: 'fork',
  bootUs,
  parentPid,
  parentTgid: parentPid,
  pid,
  tgid: pid,
  ...others,
});
/** Of a thread the kernel tells the parent of its process. */
const thread = (pid: number, tgid: number): Message => fork(pid, init, { tgid });
const exit = (pid: number, tgid = pid, status = 0, isReaped = true): Message => ({
  type: 'exit',
  bootUs,
  pid,
  tgid,
  status,
  isReaped,
});
const exec = (pid: number): Message => ({ type: 'exec', bootUs, pid });
const brief = (seen: readonly Observation[]) =>
  seen.map((each) => {
    if (each.type === 'fork') return `fork ${each.pid} by ${each.parentPid}`;
    if (each.type === 'exec') return `exec ${each.pid} by ${each.oldPid}`;
    return 'pid' in each ? `${each.type} ${each.pid}` : each.type;
  });

test('a child has the name, the users and the place of who forked it', () => {
  const { take, asked } = ground();
  const child = { pid: 20, tgid: 20, startTicks: 500, uid: 7, suid: 8, comm: 'sh', parentPid: worker };
  assert.equal(take(fork(20, worker, { parentTgid: shell })), [{ type: 'fork', bootUs, ...child }]);
  assert.equal(asked, []);
});

test('at the edge of a tick /proc tells the start, if it is that task which it tells of', () => {
  const { take, proc } = ground();
  const start = (startTicks: number, atUs: number) => {
    proc.set(20, taskSeen(20, { startTicks }));
    const [seen] = take(fork(20, shell, { bootUs: atUs }), exit(20));
    return seen?.type === 'fork' && seen.startTicks;
  };
  assert.is(start(499, 5_000_020), 499);
  assert.is(start(500, 5_000_020), 500);
  assert.is(start(501, 5_009_995), 501);
  assert.is(start(490, 5_000_020), 500);
  assert.is(start(499, 5_005_000), 500);
});

test('a thread is taken to be made by its leader, or by a thread that lives', () => {
  const { take } = ground();
  assert.equal(brief(take(thread(12, shell))), [`fork 12 by ${shell}`]);
  assert.equal(brief(take(exit(shell), thread(13, shell))), [`exit ${shell}`, `fork 13 by ${worker}`]);
});

test('a child whose real parent has exited is one of a thread of that process', () => {
  const { take } = ground();
  const seen = take(exit(worker, shell), fork(20, worker, { parentTgid: shell }));
  assert.equal(brief(seen), [`exit ${worker}`, `fork 20 by ${shell}`]);
});

test('a thread of a process with several names is asked for its own', () => {
  const { take, proc, asked } = ground();
  take({ type: 'comm', bootUs, pid: worker, comm: 'worker' });
  proc.set(12, taskSeen(12, { tgid: shell, comm: 'worker', startTicks: 500 }));
  const [seen] = take(thread(12, shell));
  assert.is(seen?.type === 'fork' && seen.comm, 'worker');
  assert.equal(asked, [12]);
});

test('an exec tells name, program and users as /proc has them', () => {
  const { take, proc } = ground();
  proc.set(shell, taskSeen(shell, { comm: 'true', uid: 7, suid: 9 }));
  const seen = take(exit(worker, shell), exec(shell)).slice(1);
  const { startTicks } = taskSeen(shell);
  assert.equal(seen, [
    {
      type: 'exec',
      bootUs,
      pid: shell,
      oldPid: shell,
      startTicks,
      comm: 'true',
      program: `/bin/of-${shell}`,
    },
    { type: 'uid', bootUs, pid: shell, uid: 7, suid: 9 },
  ]);
});

test('of an exec whose task is gone, or whose pid is another’s, neither name nor program is made up', () => {
  const { take, proc } = ground();
  const executed = () => {
    const [seen] = take(exec(shell));
    return seen?.type === 'exec' && [seen.comm, seen.program];
  };
  assert.equal(executed(), ['sh', '']);
  proc.set(shell, taskSeen(shell, { comm: 'other', startTicks: 9999 }));
  assert.equal(executed(), ['sh', '']);
});

test('a thread that executes a program is who is left when the leader has exited', () => {
  const { take } = ground();
  const seen = take(exit(shell), exec(shell));
  assert.equal(brief(seen), [`exit ${shell}`, `exec ${shell} by ${worker}`]);
  const [, executed] = seen;
  assert.is(executed?.type === 'exec' && executed.startTicks, taskSeen(shell).startTicks);
  // From now on it has the leader's pid.
  assert.equal(brief(take(fork(20, shell), exit(shell))), [`fork 20 by ${shell}`, `exit ${shell}`]);
});

test('an exec waits for the exits of the threads that it has ended', () => {
  const { take, tracker } = ground(taskSeen(12, { tgid: shell, parentPid: shell }));
  assert.equal(brief(take(exit(shell), exec(shell), fork(30, init))), [`exit ${shell}`]);
  assert.ok(tracker.holds);
  assert.equal(brief(take(exit(worker, shell))), [
    `exit ${worker}`,
    `exec ${shell} by 12`,
    `fork 30 by ${init}`,
  ]);
  assert.not.ok(tracker.holds);
});

test('the end of what was executed does not go before the exec', () => {
  const { take } = ground(taskSeen(12, { tgid: shell, parentPid: shell }));
  assert.equal(brief(take(exit(shell), exec(shell), exit(shell))), [`exit ${shell}`]);
  assert.equal(brief(take(exit(12, shell))), ['exit 12', `exec ${shell} by ${worker}`, `exit ${shell}`]);
});

test('a birth waits for the exit of who had its pid', () => {
  const { take } = ground();
  take(fork(20, shell));
  assert.equal(brief(take(fork(20, init), exec(20), fork(30, 20), exit(30))), []);
  const [ended, ...others] = take(exit(20, 20, 5 << 8));
  assert.is(ended?.type === 'exit' && ended.status, 5 << 8);
  assert.equal(brief(others), [`fork 20 by ${init}`, 'exec 20 by 20', 'fork 30 by 20', 'exit 30']);
});

test('the exit of a task that nobody has waited for is not that of who had its pid', () => {
  const { take } = ground();
  take(fork(20, shell));
  assert.equal(take(fork(20, init), exit(20, 20, 7 << 8, false)), []);
  const ends = take(exit(20, 20, 5 << 8)).map((seen) => seen.type === 'exit' && seen.status);
  assert.equal(ends, [5 << 8, false, 7 << 8]);
});

test('a birth with the pid of a thread that becomes its leader waits for the exec, not for an exit', () => {
  const { take } = ground();
  assert.equal(brief(take(exit(shell), fork(worker, init), exec(shell))), [
    `exit ${shell}`,
    `exec ${shell} by ${worker}`,
    `fork ${worker} by ${init}`,
  ]);
});

test('the late exit of a leader comes with the pid of the thread that has its place', () => {
  const { take } = ground();
  const seen = take(exec(shell), fork(worker, init), exit(worker, shell));
  assert.equal(brief(seen), [`exec ${shell} by ${shell}`, `exit ${worker}`, `fork ${worker} by ${init}`]);
});

test('an exit does not go before what its task did', () => {
  const { take } = ground();
  take(fork(20, shell));
  const seen = take(fork(20, init), fork(21, worker, { parentTgid: shell }), exit(worker, shell), exit(20));
  assert.equal(brief(seen), ['exit 20', `fork 20 by ${init}`, `fork 21 by ${worker}`, `exit ${worker}`]);
});

test('the late exit of who had a pid before is not that of who has it now', () => {
  const { take } = ground();
  assert.equal(take(exit(worker, 99)), []);
});

test('what a look has found is not waited for when its birth is told', () => {
  const { take } = ground(taskSeen(20, { startTicks: 500 }));
  assert.equal(brief(take(fork(20, shell))), [`fork 20 by ${shell}`]);
});

test('after something was missed nothing waits, until all tasks have been looked at', () => {
  const { take, tracker } = ground();
  take(fork(20, shell), fork(20, init));
  const given: Observation[] = [];
  tracker.giveUp((observation) => given.push(observation));
  assert.equal(brief(given), [`fork 20 by ${init}`]);
  assert.equal(brief(take(fork(20, init))), [`fork 20 by ${init}`]);
  tracker.beginLook();
  tracker.found(taskSeen(init));
  tracker.found(taskSeen(20));
  tracker.endLook();
  assert.equal(brief(take(fork(20, init))), []);
  assert.equal(brief(take(exit(20))), ['exit 20', `fork 20 by ${init}`]);
  // The look did not find the shell, so nobody forks in its name.
  assert.equal(brief(take(exec(shell))), [`exec ${shell} by 0`]);
});

test('a change of users tells the saved one as /proc has it, else the effective one', () => {
  const { take, proc } = ground();
  const uid = (euid: number): Message => ({ type: 'uid', bootUs, pid: shell, uid: 1001, euid });
  assert.equal(take(uid(1002)), [{ type: 'uid', bootUs, pid: shell, uid: 1001, suid: 1002 }]);
  proc.set(shell, taskSeen(shell, { uid: 1001, suid: 1003 }));
  assert.equal(take(uid(1002)), [{ type: 'uid', bootUs, pid: shell, uid: 1001, suid: 1003 }]);
});

test('what is said of a task that has exited is nothing', () => {
  const { take } = ground();
  take(exit(worker, shell));
  assert.equal(take({ type: 'comm', bootUs, pid: worker, comm: 'late' }), []);
});

test.run();
