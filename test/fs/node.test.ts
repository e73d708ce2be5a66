/** Nodes and their numbers. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeNumbered, numberOf } from '../../src/fs/node.ts';

const node = suite('node');
const nodes = ['directory', 'tasks', 'notify_on_release', 'release_agent'] as const;

node('the root’s directory is number 1, as the protocol wants it', () => {
  assert.is(numberOf(1, 'directory'), 1);
});

node('every node has a number of its own, which leads back to it', () => {
  const numbers = new Set<number>();
  for (const container of [1, 2, 3, 1000, 2 ** 40]) {
    for (const each of nodes) {
      const number = numberOf(container, each);
      assert.equal(nodeNumbered(number), { container, node: each });
      numbers.add(number);
    }
  }
  assert.is(numbers.size, 20);
});

node('a number that no node can have stands for none', () => {
  for (const number of [0, -1, -4]) assert.is(nodeNumbered(number), undefined);
});

node.run();
