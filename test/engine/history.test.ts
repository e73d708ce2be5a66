/**
 * History: entries name pids, comms and paths as they were at that moment, and filters find them.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event, Fact } from '../../events/event.ts';
import { type Entry, filterOf, History, type LogQuery } from '../../src/engine/history.ts';
import { Mirrored } from '../support/mirrored.ts';

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

const events = facts.map((fact, i): Event => ({ ...fact, seq: i + 1, timeUs: 1_000_000 * i, skewUs: 0 }));

function entriesOf(query: LogQuery, told: readonly Event[] = events): Entry[] {
  const history = new History(filterOf(query));
  return told.map((event) => history.take(event)).filter((entry): entry is Entry => entry !== undefined);
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

test('the groups of the first look can be left out, and those of a later one are told', () => {
  const here = new Mirrored('v2');
  here.mkdir('v2', '/found', 0);
  here.call('v2', '/found', 'web');
  here.adopt(70, 'sh');
  here.populated('v2', '/found');
  here.mkdir('v2', '/found/later');
  here.populated('v2', '/found/later');
  here.mkdir('v2', '/missed', 0);
  const told = (query: LogQuery): string[] =>
    entriesOf({ types: ['mkdir', 'populated', 'name'], ...query }, here.events).map(
      ({ type, path }) => `${type} ${path}`,
    );
  const later = ['mkdir /found/later', 'populated /found/later', 'mkdir /missed'];
  assert.equal(told({ withoutFirstLook: true }), ['name /found', ...later]);
  assert.equal(told({}), ['mkdir /found', 'name /found', 'populated /found', ...later]);
});

test('types leave out the others, and the rest is told as if all were', () => {
  const [release, ...others] = entriesOf({ types: ['release'] });
  assert.equal(others, []);
  assert.is(release?.comm, 'sh');
});

const id = '1f3a5c7e9b0d2f4a6c8e0b1d3f5a7c9e1b3d5f7a9c0e2b4d6f8a1c3e5b7d9f0a';
const scope = `/system.slice/docker-${id}.scope`;

/** A container of docker comes and goes in v2, and its task is killed for the memory of another tree. */
function mirrored(): Mirrored {
  const here = new Mirrored('v2', 'memory');
  here.mkdir('tasktrail', '/Charlie');
  here.mkdir('v2', scope);
  here.call('v2', scope, 'web');
  here.mkdir('memory', '/tight');
  here.fork(70, 'web', { v2: scope });
  here.populated('v2', scope);
  here.move(70, 'memory', '/tight');
  here.oom(70);
  here.exit(70, { signal: 9, cpuUs: 1500, peakBytes: 4096 });
  here.empty('v2', scope);
  here.rmdir('v2', scope);
  here.gap();
  return here;
}

/** `TYPE [TREE] PATH` of each entry. */
function placed(query: LogQuery): string[] {
  return entriesOf(query, mirrored().events).map(({ type, tree, path }) =>
    [type, tree, path].filter(Boolean).join(' '),
  );
}

test('what happens in a mirrored tree says in which, and under which name', () => {
  const [made] = entriesOf({ types: ['mkdir'], path: scope }, mirrored().events);
  assert.equal(made?.tree, 'v2');
  assert.equal(made?.path, scope);
  assert.equal(made?.places, [{ tree: 'v2', path: scope, name: `docker/${id}`, kind: 'container' }]);
  assert.equal(made?.name, `docker-${id}.scope`);
  assert.is(made?.by?.comm, 'init');
});

test('what happens to a task is told with its places in all trees that are asked for', () => {
  const fork = entriesOf({ types: ['fork'] }, mirrored().events)[0];
  const place = { tree: 'v2', path: scope, name: `docker/${id}`, kind: 'container', called: 'web' };
  assert.equal([fork?.tree, fork?.path, fork?.places], [undefined, '/', [place]]);
  assert.equal(fork?.into, [place]);
  const inV2 = entriesOf({ types: ['fork'], tree: 'v2' }, mirrored().events)[0];
  assert.equal([inV2?.tree, inV2?.path, inV2?.places, inV2?.into], ['v2', scope, [place], [place]]);
  const inOurs = entriesOf({ types: ['fork'], tree: 'tasktrail' }, mirrored().events)[0];
  assert.equal(
    [inOurs?.tree, inOurs?.path, inOurs?.places, inOurs?.into],
    [undefined, '/', undefined, undefined],
  );
});

test('an exit is told with what the task had used', () => {
  const exit = entriesOf({ types: ['exit'] }, mirrored().events)[0];
  assert.equal(
    [exit?.cpuUs, exit?.peakBytes, exit?.path, exit?.places?.[0]?.called],
    [1500, 4096, '/', 'web'],
  );
});

test('a move in a mirrored tree says from where to where', () => {
  const move = entriesOf({ types: ['attach'], tree: 'memory' }, mirrored().events)[0];
  assert.equal([move?.tree, move?.from, move?.path, move?.pid], ['memory', '/', '/tight', 70]);
});

test('who is killed for want of memory is told with all places, whichever tree is asked for', () => {
  for (const query of [{}, { tree: 'v2' }, { tree: 'memory' }]) {
    const [oom] = entriesOf({ types: ['oom'], ...query }, mirrored().events);
    assert.equal(
      oom?.places?.map(({ tree, path }) => `${tree} ${path}`),
      [`v2 ${scope}`, 'memory /tight'],
    );
    assert.is(oom?.comm, 'web');
  }
});

test('our own tree and v2 are told of unless one is asked for; what concerns all trees always is', () => {
  const inOurs = ['tree /', 'adopt /', 'mkdir /Charlie', 'fork /', 'oom /', 'exit /', 'gap'];
  assert.equal(placed({ tree: 'tasktrail' }), inOurs);
  assert.equal(
    placed({}).filter((entry) => !entry.includes('v2')),
    inOurs,
  );
  assert.ok(placed({}).includes(`empty v2 ${scope}`));
  assert.equal(
    placed({ tree: 'memory' }),
    ['tree memory /', 'adopt memory /', 'mkdir memory /tight', 'fork memory /'].concat([
      'attach memory /tight',
      'oom /',
      'exit memory /tight',
      'gap',
    ]),
  );
  assert.is(placed({ tree: 'all' }).length, mirrored().events.length);
});

test('a name finds what happened in a container, also when that is gone, and where something was missed', () => {
  const here = [
    'fork /',
    `populated v2 ${scope}`,
    'oom /',
    'exit /',
    `empty v2 ${scope}`,
    `rmdir v2 ${scope}`,
    'gap',
  ];
  assert.equal(placed({ path: 'docker/web' }), [`name v2 ${scope}`, ...here]);
  assert.equal(placed({ path: 'docker/1f3a' }), [`mkdir v2 ${scope}`, `name v2 ${scope}`, ...here]);
  assert.equal(placed({ path: 'system.slice' })[0], 'mkdir v2 /system.slice');
  assert.equal(placed({ path: '/docker/1f3a' }), ['gap']);
  assert.equal(placed({ path: 'Charlie' }), ['mkdir /Charlie', 'gap']);
});

test('a tree that goes is told of, and its path is asked for no more', () => {
  const here = new Mirrored('v2');
  here.untree('v2');
  here.fork(70, 'sh');
  const [gone, fork] = entriesOf({ types: ['untree', 'fork'] }, here.events);
  assert.equal([gone?.type, gone?.tree, gone?.path], ['untree', 'v2', '/']);
  assert.equal([fork?.path, fork?.places], ['/', undefined]);
});

test('a rename in a mirrored tree says both paths', () => {
  const here = new Mirrored('memory');
  here.mkdir('memory', '/a');
  here.rename('memory', '/a', 'b');
  here.mkdir('memory', '/b/c');
  here.rename('memory', '/b', 'd');
  here.rmdir('memory', '/d/c');
  const told = entriesOf({ types: ['mkdir', 'rename', 'rmdir'] }, here.events);
  assert.equal(
    told.map(({ tree, type, from, path }) => [tree, type, from, path].filter(Boolean).join(' ')),
    ['mkdir /a', 'rename /a /b', 'mkdir /b/c', 'rename /b /d', 'rmdir /d/c'].map((line) => `memory ${line}`),
  );
});

test.run();
