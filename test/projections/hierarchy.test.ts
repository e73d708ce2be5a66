/**
 * The hierarchy's own answers, beside what the tests of the kernel ask of it.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExitFact, ForkFact } from '../../events/event.ts';
import { Ground } from '../support/ground.ts';

/** A world in which task 1 is process 1, and what is told of it. */
class Told {
  readonly ground = new Ground();

  constructor() {
    const adopt = {
      type: 'adopt',
      task: 1,
      parent: 0,
      container: 1,
      mirrored: [],
      certainty: 'known',
    } as const;
    this.ground.apply([{ ...adopt, pid: 1, tgid: 1, startTicks: 1, uid: 0, suid: 0, comm: 'init' }]);
  }

  fork(task: number, pid: number, tgid: number): void {
    const fork: ForkFact = { type: 'fork', task, parent: 1, into: [], pid, tgid, ...plain };
    this.ground.apply([fork]);
  }

  exit(task: number): void {
    const exit: ExitFact = { type: 'exit', task, ...unused };
    this.ground.apply([exit]);
  }

  exec(task: number, pid: number): void {
    this.ground.apply([{ type: 'exec', task, pid, startTicks: 1, comm: 'sh', program: '/bin/sh' }]);
  }

  threadsOf(tgid: number): number[] {
    return this.ground.state.threadsOf(tgid).map(({ id }) => id);
  }
}

const plain = { startTicks: 1, uid: 0, suid: 0, comm: 'task' };
const unused = { code: 0, signal: 0, cpuUs: 0, peakBytes: 0, certainty: 'known' } as const;

test('the threads of a process come by ascending pid, its leader among them', () => {
  const told = new Told();
  told.fork(2, 20, 20);
  told.fork(3, 25, 20);
  told.fork(4, 12, 20);
  told.fork(5, 21, 21);
  assert.equal(told.threadsOf(20), [4, 2, 3]);
  assert.equal(told.threadsOf(21), [5]);
  assert.equal(told.threadsOf(99), []);
});

test('a process has its parent’s command line until it has its own, and its threads have that too', () => {
  const told = new Told();
  const commandLineOf = (task: number) => told.ground.state.task(task)?.commandLine?.arguments;
  told.ground.apply([{ type: 'cmdline', task: 1, arguments: 'init', cut: false }]);
  told.fork(2, 20, 20);
  told.fork(3, 25, 20);
  assert.equal([commandLineOf(2), commandLineOf(3)], ['init', 'init']);
  told.ground.apply([{ type: 'cmdline', task: 2, arguments: 'a\0b', cut: false }]);
  assert.equal([1, 2, 3].map(commandLineOf), ['init', 'a\0b', 'a\0b']);
});

test('threads outlive their leader, and the last one ends the process', () => {
  const told = new Told();
  told.fork(2, 20, 20);
  told.fork(3, 25, 20);
  told.exit(2);
  assert.equal(told.threadsOf(20), [3]);
  told.exit(3);
  assert.equal(told.threadsOf(20), []);
});

test('a thread that takes its leader’s place is the only one of its process', () => {
  const told = new Told();
  told.fork(2, 20, 20);
  told.fork(3, 25, 20);
  told.exit(2);
  told.exec(3, 20);
  assert.equal(told.threadsOf(20), [3]);
  told.exit(3);
  assert.equal(told.threadsOf(20), []);
});

test('a thread whose pid was the number of a process is not one of that process', () => {
  const told = new Told();
  told.fork(2, 20, 20);
  told.fork(3, 25, 20);
  told.exit(2);
  told.fork(4, 30, 30);
  told.fork(5, 20, 30);
  assert.equal(told.threadsOf(20), [3]);
  assert.equal(told.threadsOf(30), [5, 4]);
});

test.run();
