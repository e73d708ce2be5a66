/** Release agents on their way: how a run is told, and what becomes of those that run when nobody listens any more. */
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openAgentRunner } from '../../src/agents/runner.ts';
import { realClock } from '../../src/clock.ts';
import { emptyFolder } from '../http/fakeDaemon.ts';
import { FakeClock } from '../support/fakeClock.ts';

const runner = suite('agent runner');

runner('a run is told with its exit code, its signal, or why it could not start', async () => {
  const agents = openAgentRunner(realClock());
  assert.equal(await agents.run('/bin/true', '/a').outcome, { code: 0, signal: 0, error: '' });
  assert.equal(await agents.run('/bin/false', '/a').outcome, { code: 1, signal: 0, error: '' });
  assert.equal(await agents.run('/nowhere', '/a').outcome, { code: 0, signal: 0, error: 'ENOENT' });
  await agents.close();
});

runner('a close while agents end disturbs nobody', async () => {
  // One that ends in the midst of it takes the whole process down where it is still waited for; more than one
  // chance for that is given.
  for (let round = 0; round < 5; round++) {
    const agents = openAgentRunner(realClock());
    await agents.run('/bin/true', '/a').outcome;
    for (let i = 0; i < 8; i++) void agents.run('/bin/true', '/a');
    await agents.run('/bin/true', '/a').outcome;
    await agents.close();
  }
});

/** A thread that starts nothing: it answers each order with an error, and one for `/hang` when it is let go. */
function fakeThread(gate: Int32Array): Worker {
  return new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
    parentPort.postMessage({ thread: 77 });
    parentPort.on('message', (message) => {
      if (message === 'close') return parentPort.close();
      if (message.program === '/hang') Atomics.wait(workerData, 0, 0);
      parentPort.postMessage({ error: message.program });
    });`,
    { eval: true, workerData: gate },
  );
}

runner('a thread that breaks down ends its run with an error, and the next run has a new one', async () => {
  const broken = (): Worker => new Worker('setTimeout(() => { throw new Error("broken") })', { eval: true });
  const threads = [broken, () => fakeThread(new Int32Array(1))];
  const agents = openAgentRunner(realClock(), () => (threads.shift() ?? broken)());
  const [first, second] = [agents.run('/a', '/'), agents.run('/b', '/')];
  assert.equal(await first.outcome, { code: 0, signal: 0, error: 'EIO' });
  assert.equal(await second.outcome, { code: 0, signal: 0, error: '/b' });
  await agents.close();
});

runner('a start that hangs keeps no other waiting, and its thread is used again or dismissed', async () => {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const clock = new FakeClock();
  const threads: Worker[] = [];
  const agents = openAgentRunner(clock, () => {
    const thread = fakeThread(gate);
    threads.push(thread);
    return thread;
  });
  const hung = agents.run('/hang', '/');
  const next = agents.run('/next', '/');
  assert.is(threads.length, 1);
  if (threads[0]) await once(threads[0], 'message');
  clock.pass(1000);
  assert.is(threads.length, 2);
  assert.equal([hung.pid, hung.starter, next.starter], [0, 77, 0]);
  assert.is((await next.outcome).error, '/next');
  assert.is((await agents.run('/third', '/').outcome).error, '/third');
  assert.is(threads.length, 2);
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  assert.is((await hung.outcome).error, '/hang');
  if (threads[0]) await once(threads[0], 'exit');
  assert.is((await agents.run('/fourth', '/').outcome).error, '/fourth');
  assert.is(threads.length, 2);
  await agents.close();
});

runner('a close waits for no start that hangs', async () => {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const clock = new FakeClock();
  const threads: Worker[] = [];
  const agents = openAgentRunner(clock, () => {
    const thread = fakeThread(gate);
    threads.push(thread);
    return thread;
  });
  void agents.run('/hang', '/');
  void agents.run('/never', '/');
  if (threads[0]) await once(threads[0], 'message');
  clock.pass(1000);
  await agents.close();
  await Promise.all(threads.map((thread) => thread.terminate()));
});

runner('a close comes back when the thread has ended before', async () => {
  let worker: Worker | undefined;
  const agents = openAgentRunner(realClock(), () => {
    worker = new Worker('', { eval: true });
    return worker;
  });
  if (worker) await once(worker, 'exit');
  await agents.close();
});

runner('an agent has the umask of the kernel and leaves this process its own', async () => {
  const folder = emptyFolder();
  const agent = `${folder}/agent`;
  writeFileSync(agent, '#!/bin/sh\numask >"$1"\n', { mode: 0o755 });
  const before = process.umask(0o027);
  const agents = openAgentRunner(realClock());
  const { error, code } = await agents.run(agent, `${folder}/umask`).outcome;
  await agents.close();
  assert.equal([error, code], ['', 0]);
  assert.is(Number.parseInt(readFileSync(`${folder}/umask`, 'utf8'), 8), 0o022);
  // Where a thread may have no umask of its own, agents come first.
  assert.is(process.umask(before), 0o027);
  rmSync(folder, { recursive: true });
});

runner.run();
