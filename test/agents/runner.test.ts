/** Release agents on their way: how a run is told, and what becomes of those that run when nobody listens any more. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openAgentRunner } from '../../src/agents/runner.ts';

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

runner.run();
