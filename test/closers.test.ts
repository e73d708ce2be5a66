/** What has come up goes down again in the other direction, all of it, whatever happens on the way. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Closers } from '../src/closers.ts';

const closers = suite('closers');

closers(
  'every part is taken down once, the last first, also where one fails; the first failure is told',
  async () => {
    const parts = new Closers();
    const down: string[] = [];
    const add = (name: string, failure?: string): void =>
      parts.add(async () => {
        down.push(name);
        if (failure !== undefined) throw new Error(failure);
      });
    add('log', 'the log failed');
    add('source');
    add('server', 'the server failed');
    const first = parts.close();
    assert.is(parts.close(), first);
    const [outcome] = await Promise.allSettled([first]);
    assert.equal(down, ['server', 'source', 'log']);
    assert.is(outcome?.status === 'rejected' && outcome.reason.message, 'the server failed');
  },
);

closers.run();
