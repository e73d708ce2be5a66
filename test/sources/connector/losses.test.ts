/**
 * What was lost is counted by what is missing between the numbers of each CPU.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Losses } from '../../../src/sources/connector/losses.ts';

const test = suite('losses of the connector');

/** Sees `cpu:seq cpu:seq …`, an overrun where there is a `!`; returns the total after each. */
function totals(sentence: string): number[] {
  const losses = new Losses();
  return sentence.split(' ').map((word) => {
    const [cpu, seq] = word.split(':').map(Number);
    if (word === '!') losses.overrun();
    else losses.see({ cpu: cpu ?? 0, seq: seq ?? 0 });
    return losses.total;
  });
}

test('nothing is lost while each CPU counts on', () => {
  assert.equal(totals('0:7 1:100 0:8 0:9 1:101'), [0, 0, 0, 0, 0]);
});

test('a jump is what was lost, on each CPU', () => {
  assert.equal(totals('0:7 1:100 0:9 1:104 0:10'), [0, 0, 1, 4, 4]);
});

test('the numbers begin anew after the last', () => {
  assert.equal(totals('0:4294967295 0:0 0:2'), [0, 0, 1]);
});

test('an overrun is one at least, until a jump tells how many', () => {
  assert.equal(totals('0:1 ! 0:12 0:13'), [0, 1, 10, 10]);
  assert.equal(totals('0:1 0:3 ! 0:6'), [0, 1, 2, 3]);
});

test('each overrun is a loss, also where the last one is not counted yet', () => {
  assert.equal(totals('0:1 1:1 ! 1:2 ! 0:4 1:5'), [0, 0, 1, 1, 2, 2, 4]);
});

test.run();
