/** Release agents on their way: how a run is told, and what becomes of those that run when nobody listens any more. */
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openAgentRunner } from '../../src/agents/runner.ts';
import { emptyFolder } from '../http/fakeDaemon.ts';

const runner = suite('agent runner');

runner('a run is told with its exit code, its signal, or why it could not start', async () => {
  const agents = openAgentRunner();
  assert.equal(await agents.run('/bin/true', '/a'), { code: 0, signal: 0, error: '' });
  assert.equal(await agents.run('/bin/false', '/a'), { code: 1, signal: 0, error: '' });
  assert.equal(await agents.run('/nowhere', '/a'), { code: 0, signal: 0, error: 'ENOENT' });
  await agents.close();
});

runner('a close while agents end disturbs nobody', async () => {
  // One that ends in the midst of it takes the whole process down where it is still waited for; more than one
  // chance for that is given.
  for (let round = 0; round < 5; round++) {
    const agents = openAgentRunner();
    await agents.run('/bin/true', '/a');
    for (let i = 0; i < 8; i++) void agents.run('/bin/true', '/a');
    await agents.run('/bin/true', '/a');
    await agents.close();
  }
});

runner('a thread that breaks down ends its runs with an error, and the next run has a new one', async () => {
  const broken = (): Worker => new Worker('setTimeout(() => { throw new Error("broken") })', { eval: true });
  const sound = (): Worker =>
    new Worker(
      `const { parentPort } = require('node:worker_threads');
      parentPort.on('message', (message) => {
        if (message === 'close') parentPort.close();
        else parentPort.postMessage({ id: message.id, outcome: { code: 7, signal: 0, error: '' } });
      });`,
      { eval: true },
    );
  const threads = [broken, sound];
  const agents = openAgentRunner(() => (threads.shift() ?? sound)());
  const lost = { code: 0, signal: 0, error: 'EIO' };
  assert.equal(await Promise.all([agents.run('/a', '/'), agents.run('/b', '/')]), [lost, lost]);
  assert.equal(await agents.run('/c', '/'), { code: 7, signal: 0, error: '' });
  await agents.close();
});

runner('a close comes back when the thread has ended before', async () => {
  let worker: Worker | undefined;
  const agents = openAgentRunner(() => {
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
  const agents = openAgentRunner();
  const { error, code } = await agents.run(agent, `${folder}/umask`);
  await agents.close();
  assert.equal([error, code], ['', 0]);
  assert.is(Number.parseInt(readFileSync(`${folder}/umask`, 'utf8'), 8), 0o022);
  // Where a thread may have no umask of its own, agents come first.
  assert.is(process.umask(before), 0o027);
  rmSync(folder, { recursive: true });
});

runner.run();
