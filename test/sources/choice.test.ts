/**
 * Of several sources the first that opens is taken, and it is known why not those before it.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Source } from '../../src/ports.ts';
import { openFirst } from '../../src/sources/choice.ts';
import { SourceError } from '../../src/sources/sourceError.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { FakeSource } from '../support/fakeSource.ts';

const test = suite('choice of a source');

const source = new FakeSource(new FakeClock());
const opens = (): Source => source;
const refused = (why: string) => (): never => {
  throw new SourceError(why);
};

test('the first that opens is taken, and each before it has its reason', () => {
  const choice = openFirst([
    ['best', refused('too old a kernel')],
    ['good', refused('in a container')],
    ['last', opens],
  ]);
  assert.is(choice.source, source);
  assert.equal(choice.passedOver, [
    { source: 'best', why: 'too old a kernel' },
    { source: 'good', why: 'in a container' },
  ]);
});

test('nothing is passed over where the best opens', () => {
  assert.equal(
    openFirst([
      ['best', opens],
      ['good', refused('never asked')],
    ]).passedOver,
    [],
  );
});

test('where none opens, the last says why', () => {
  const all = [
    ['best', refused('no')],
    ['last', refused('not even that')],
  ] as const;
  assert.throws(() => openFirst(all), 'not even that');
});

test('another failure is none of a source that cannot be had', () => {
  const broken = (): never => {
    throw new TypeError('a mistake of ours');
  };
  assert.throws(
    () =>
      openFirst([
        ['best', broken],
        ['last', opens],
      ]),
    'a mistake of ours',
  );
});

test.run();
