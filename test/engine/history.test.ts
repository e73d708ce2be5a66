/**
 * History: entries name pids, comms and paths as they were at that moment, and filters find them.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event, Fact } from '../../events/event.ts';
import { type Entry, filterOf, History, type LogQuery } from '../../src/engine/history.ts';

const test = suite('history');

const by = { task: 1, pid: 1, uid: 0, gid: 0 };
const born = { startTicks: 0, uid: 0, suid: 0 };

/** init makes /a, moves sh there, renames it to /z, and sh exits: a release, and an agent that removes it. */
const facts: readonly Fact[] = [
  { type: 'tree', tree: 0, name: 'tasktrail', container: 1, hierarchy: 0, group: 0, mountPoint: '' },
  {
    type: 'adopt',
    ...{ task: 1, parent: 0, container: 1, mirrored: [], pid: 1, tgid: 1, comm: 'init', certainty: 'known' },
    ...born,
  },
  { type: 'fork', task: 2, parent: 1, into: [], pid: 70, tgid: 70, comm: 'sh', ...born },
  {
    type: 'mkdir',
    ...{ container: 2, parent: 1, name: 'a', group: 0, mode: 0o755, uid: 0, gid: 0, notify: true, by },
  },
  { type: 'attach', task: 2, container: 2, certainty: 'known', by },
  { type: 'rename', container: 2, name: 'z', by },
  { type: 'exit', task: 2, code: 3, signal: 0, cpuUs: 0, peakBytes: 0, certainty: 'known' },
  { type: 'release', container: 2, path: '/z', cause: 'exit', task: 2 },
  { type: 'agent', release: 8, attempt: 1, program: '/sbin/agent' },
  { type: 'rmdir', container: 2, by },
];

function entriesOf(query: LogQuery): Entry[] {
  const history = new History(filterOf(query));
  return facts
    .map((fact, i): Event => ({ ...fact, seq: i + 1, timeUs: 1_000_000 * i, skewUs: 0 }))
    .map((event) => history.take(event))
    .filter((entry): entry is Entry => entry !== undefined);
}

function entryOf(type: string): Entry | undefined {
  return entriesOf({}).find((entry) => entry.type === type);
}

test('a fork names its parent, and the container that both are in', () => {
  const { pid, comm, parentPid, path } = entryOf('fork') ?? {};
  assert.equal({ pid, comm, parentPid, path }, { pid: 70, comm: 'sh', parentPid: 1, path: '/' });
});

test('an attach says from where to where, and who did it', () => {
  const { path, from, pid, by: who } = entryOf('attach') ?? {};
  assert.equal({ path, from, pid }, { path: '/a', from: '/', pid: 70 });
  assert.is(who?.comm, 'init');
});

test('a rename says both paths', () => {
  const { path, from } = entryOf('rename') ?? {};
  assert.equal({ path, from }, { path: '/z', from: '/a' });
});

test('an exit is placed where the task was, under the name that the container had then', () => {
  const exit = entryOf('exit');
  assert.equal([exit?.path, exit?.code, exit?.pid], ['/z', 3, 70]);
});

test('a release says who left last', () => {
  const { path, pid, comm } = entryOf('release') ?? {};
  assert.equal({ path, pid, comm }, { path: '/z', pid: 70, comm: 'sh' });
});

test('an agent is placed in the container that it is run for', () => {
  assert.is(entryOf('agent')?.path, '/z');
});

test('a path finds what happened there and below, however it is written', () => {
  const found = ['rename', 'exit', 'release', 'agent', 'rmdir'];
  for (const path of ['/z', 'z', '//z/']) {
    assert.equal(
      entriesOf({ path }).map(({ type }) => type),
      found,
      path,
    );
  }
});

test('a pid finds what a task did and what was done to it', () => {
  assert.equal(
    entriesOf({ pid: 70 }).map(({ type }) => type),
    ['fork', 'attach', 'exit', 'release'],
  );
});

test('a gap is told whatever path or pid is asked for: the answer may lack what was missed', () => {
  for (const query of [{ path: '/nowhere' }, { pid: 9999 }]) {
    const history = new History(filterOf(query));
    const gap: Fact = { type: 'gap', reason: 'overflow', lost: 3, sinceUs: 0, detail: '' };
    assert.is(history.take({ ...gap, seq: 1, timeUs: 5, skewUs: 0 })?.lost, 3);
  }
});

test('types leave out the others, and the rest is told as if all were', () => {
  const [release, ...others] = entriesOf({ types: ['release'] });
  assert.equal(others, []);
  assert.is(release?.comm, 'sh');
});

test.run();
