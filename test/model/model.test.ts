/**
 * The model against the rows of the contract's table of cases that it can say directly. `F` is `/a` with its
 * flag on, empty; `t` and `u` are tasks in the root, as in the table.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Fact } from '../../events/event.ts';
import type { Actor, Command } from '../../src/kernel/command.ts';
import type { Observation, TaskSeen } from '../../src/kernel/observation.ts';
import { type Answer, Model } from './model.ts';

const model = suite('model');
const root: Actor = { pid: 1, uid: 0, gid: 0, groups: [] };
const somebody: Actor = { pid: 100, uid: 1000, gid: 1000, groups: [] };
const t = 100;
const u = 200;

/** A machine with init, `t` and `u` in the root, and the short ways of asking that the tests use. */
function ground() {
  const tree = new Model(1);
  tree.adoptAll([seen(1), seen(t), seen(u)]);
  const idOf = (path: string) => {
    const found = tree.containers.find((one) => tree.pathOf(one) === path);
    assert.ok(found, `${path} is not there`);
    return found.id;
  };
  const placeOf = (path: string) => {
    const cut = path.lastIndexOf('/');
    return path === '/'
      ? { parent: 0, name: '' }
      : { parent: idOf(path.slice(0, cut) || '/'), name: path.slice(cut + 1) };
  };
  const ask = (command: Command, actor = root) => tree.command(command, actor);
  const see = (observation: Observation) => tree.observe(observation) as Answer;
  return {
    tree,
    idOf,
    ask,
    see,
    mkdir: (path: string, actor = root, mode = 0o755, umask = 0o022) =>
      ask({ type: 'mkdir', at: placeOf(path), mode, umask }, actor),
    rmdir: (path: string) => ask({ type: 'rmdir', at: placeOf(path) }),
    rename: (from: string, to: string) =>
      ask({ type: 'rename', from: placeOf(from), to: placeOf(to), exchange: false }),
    write: (path: string, text: string | number, actor = root) =>
      ask({ type: 'write', container: idOf(path), file: 'tasks', text: String(text) }, actor),
    flag: (path: string, text: string | number) =>
      ask({ type: 'write', container: idOf(path), file: 'notify_on_release', text: String(text) }),
    exit: (pid: number) => see({ type: 'exit', bootUs: 0, pid, status: 0, cpuUs: 0, peakBytes: 0 }),
    fork: (parentPid: number, pid: number, tgid = pid) =>
      see({ ...seen(pid), type: 'fork', bootUs: 0, parentPid, tgid }),
    exec: (pid: number, oldPid: number) =>
      see({ type: 'exec', bootUs: 0, pid, oldPid, startTicks: pid, comm: 'new', program: '/new' }),
    pids: (path: string) => {
      const found = tree.find(idOf(path));
      return found === undefined ? [] : tree.pidsOf(found);
    },
    pathOf: (pid: number) => {
      const task = tree.taskByPid(pid);
      return task === undefined ? undefined : tree.pathOf(task.container);
    },
  };
}

/** The same with F made. */
function groundWithF() {
  const here = ground();
  here.mkdir('/a');
  here.flag('/a', 1);
  return here;
}

function seen(pid: number, parentPid = 1): TaskSeen {
  return {
    pid,
    tgid: pid,
    startTicks: pid,
    uid: 0,
    suid: 0,
    comm: 'task',
    parentPid: pid === 1 ? 0 : parentPid,
  };
}

/** The paths of the releases among an answer's facts. */
function released(answer: Answer): string[] {
  if (typeof answer === 'string') assert.unreachable(`refused with ${answer}`);
  return (answer as readonly Fact[]).flatMap((fact) => (fact.type === 'release' ? [fact.path] : []));
}

function types(answer: Answer): readonly string[] {
  if (typeof answer === 'string') return [answer];
  return answer.map((fact) => fact.type);
}

model('1: a child keeps the flag its parent had when it was made', () => {
  const here = groundWithF();
  here.mkdir('/a/b');
  here.flag('/a', 0);
  assert.is(here.tree.find(here.idOf('/a/b'))?.notify, true);
});

model('2, 3, 4, 5: names that mkdir takes and refuses', () => {
  const here = ground();
  assert.is(here.mkdir('/tasks'), 'EEXIST');
  assert.is(here.mkdir('/.at'), 'EEXIST');
  assert.is(here.mkdir('/a\nb'), 'EINVAL');
  assert.is(here.mkdir(`/${'x'.repeat(256)}`), 'ENAMETOOLONG');
  assert.equal(types(here.mkdir(`/${'x'.repeat(255)}`)), ['mkdir']);
  assert.equal(types(here.mkdir('/\xff\xfe')), ['mkdir']);
});

model('6: nothing is made in a removed container', () => {
  const here = ground();
  here.mkdir('/a');
  const parent = here.idOf('/a');
  here.rmdir('/a');
  assert.is(here.ask({ type: 'mkdir', at: { parent, name: 'b' }, mode: 0o755, umask: 0 }), 'ENOENT');
});

model('7: the mode keeps the sticky bit and obeys the umask; files are 0644', () => {
  const here = ground();
  here.mkdir('/a', root, 0o7777, 0o022);
  assert.equal(here.tree.find(here.idOf('/a'))?.nodes, {
    directory: { mode: 0o1755, uid: 0, gid: 0 },
    tasks: { mode: 0o644, uid: 0, gid: 0 },
    notify_on_release: { mode: 0o644, uid: 0, gid: 0 },
  });
});

model('8: a stranger may not make a container, and is told first when it exists', () => {
  const here = ground();
  assert.is(here.mkdir('/a', somebody), 'EACCES');
  here.mkdir('/a');
  assert.is(here.mkdir('/a', somebody), 'EEXIST');
});

model('9, 10, 11: what rmdir refuses', () => {
  const here = ground();
  here.mkdir('/a');
  here.mkdir('/a/b');
  here.write('/a/b', t);
  assert.is(here.rmdir('/'), 'EBUSY');
  assert.is(here.rmdir('/a'), 'EBUSY');
  assert.is(here.rmdir('/a/b'), 'EBUSY');
  assert.is(here.rmdir('/a/tasks'), 'ENOTDIR');
  assert.is(here.rmdir('/a/c'), 'ENOENT');
  here.exit(t);
  assert.equal(types(here.rmdir('/a/b')), ['rmdir']);
});

model('12 to 19: renames', () => {
  const here = ground();
  for (const path of ['/a', '/b', '/a/s']) here.mkdir(path);
  assert.equal(here.rename('/a', '/a'), []);
  assert.is(here.rename('/a', '/b'), 'EEXIST');
  assert.is(here.rename('/a/s', '/new'), 'EIO');
  assert.is(here.rename('/a/s', '/b'), 'EEXIST');
  assert.is(here.rename('/a', '/tasks'), 'ENOTDIR');
  assert.is(here.rename('/tasks', '/x'), 'ENOTDIR');
  assert.is(here.rename('/tasks', '/a'), 'EISDIR');
  assert.is(here.rename('/a', '/a/q'), 'EINVAL');
  assert.is(here.rename('/a/s', '/a'), 'ENOTEMPTY');
  assert.is(here.rename('/a', '/.'), 'EBUSY');
  assert.is(here.rename('/', '/x'), 'EBUSY');
  assert.equal(types(here.rename('/a', '/c')), ['rename']);
  assert.ok(here.idOf('/c/s'));
});

model('20: forks, threads and their children enter the container of the thread that calls', () => {
  const here = ground();
  here.mkdir('/a');
  here.write('/a', t);
  here.fork(t, 101, t);
  here.fork(101, 102);
  assert.equal(here.pids('/a'), [100, 101, 102]);
  here.write('/', t);
  here.fork(t, 103);
  assert.is(here.pathOf(103), '/');
});

model('21 to 31: what a write to tasks takes and refuses', () => {
  const here = ground();
  here.mkdir('/a');
  for (const text of [' 100\n', '0100', '100\0x']) {
    here.write('/', t);
    assert.equal(types(here.write('/a', text)), ['attach'], JSON.stringify(text));
  }
  for (const text of ['100 200', '100abc', '0x10']) assert.is(here.write('/a', text), 'EINVAL', text);
  for (const text of ['abc', '\n', '+100', '- 1', '\0']) assert.is(here.write('/a', text), 'EIO', text);
  for (const text of ['-1', '4294967297', '999']) assert.is(here.write('/a', text), 'ESRCH', text);
  here.exit(u);
  assert.is(here.write('/a', u), 'ESRCH');
  assert.is(here.write('/a', 'x'.repeat(4097)), 'E2BIG');
  assert.is(here.pathOf(1), '/');
  here.write('/a', 0);
  assert.is(here.pathOf(1), '/a');
});

model('30, 31: a removed container', () => {
  const here = ground();
  here.mkdir('/a');
  const container = here.idOf('/a');
  here.rmdir('/a');
  const write = (text: string) => here.ask({ type: 'write', container, file: 'tasks', text });
  assert.is(write('x'.repeat(4097)), 'E2BIG');
  assert.is(write('x'), 'ENODEV');
});

model('32, 33, 34: a user moves tasks whose real or saved uid is theirs', () => {
  const here = ground();
  here.mkdir('/a');
  here.ask({ type: 'delegate', container: here.idOf('/a'), uid: 1000, gid: 1000 });
  assert.is(here.write('/a', u, somebody), 'EACCES');
  here.see({ type: 'uid', bootUs: 0, pid: u, uid: 1000, suid: 0 });
  assert.equal(types(here.write('/a', u, somebody)), ['attach']);
  here.write('/', u);
  here.see({ type: 'uid', bootUs: 0, pid: u, uid: 0, suid: 1000 });
  assert.equal(types(here.write('/a', u, somebody)), ['attach']);
  assert.is(here.write('/a', 999, somebody), 'ESRCH');
  assert.is(here.tree.open('/', 'tasks', somebody), 'EACCES');
});

model('a sticky directory lets go only of what is one’s own', () => {
  const here = ground();
  here.ask({ type: 'attr', container: here.idOf('/'), node: 'directory', mode: 0o1777 });
  here.mkdir('/theirs');
  here.mkdir('/mine', somebody);
  const at = (name: string) => ({ type: 'rmdir', at: { parent: here.idOf('/'), name } }) as const;
  assert.is(here.ask(at('theirs'), somebody), 'EPERM');
  assert.equal(types(here.ask(at('mine'), somebody)), ['rmdir']);
  assert.is(here.ask(at('tasks'), somebody), 'EPERM');
  here.ask({ type: 'attr', container: here.idOf('/'), node: 'tasks', uid: 1000 });
  assert.is(here.ask(at('tasks'), somebody), 'ENOTDIR');
  assert.is(here.ask(at('notify_on_release'), somebody), 'EPERM');
});

model('37 to 41: what a write to the flag takes and refuses', () => {
  const here = ground();
  here.mkdir('/a');
  for (const text of ['2', '01', '1\n', ' 1 ', '18446744073709551616']) {
    here.flag('/a', '0');
    assert.equal(types(here.flag('/a', text)), ['flag'], text);
  }
  for (const text of ['x', '-1', '\n', '+1', '0x1']) assert.is(here.flag('/a', text), 'EINVAL', text);
  assert.equal(here.flag('/a', ''), []);
  assert.is(here.tree.find(here.idOf('/a'))?.notify, true);
});

model('46, 57: setting the flag on what is empty releases nothing', () => {
  const here = groundWithF();
  here.flag('/a', 0);
  assert.equal(released(here.flag('/a', 1)), []);
  here.write('/a', t);
  here.flag('/a', 0);
  assert.equal(released(here.exit(t)), []);
  assert.equal(released(here.flag('/a', 1)), []);
});

model('47, 48, 49: the last task releases, and only a transition does', () => {
  const here = groundWithF();
  here.write('/a', t);
  here.write('/a', u);
  assert.equal(here.write('/a', t), []);
  assert.equal(released(here.exit(t)), []);
  assert.equal(released(here.write('/', u)), ['/a']);
});

model('50 to 53: the last child releases what is empty', () => {
  const here = groundWithF();
  here.mkdir('/a/b');
  here.mkdir('/a/c');
  here.write('/a', t);
  assert.equal(released(here.exit(t)), []);
  assert.equal(released(here.rmdir('/a/b')), []);
  assert.equal(released(here.rmdir('/a/c')), ['/a']);
  here.mkdir('/a/b');
  here.write('/a', u);
  assert.equal(released(here.rmdir('/a/b')), []);
  assert.equal(released(here.exit(u)), ['/a']);
});

model('54: a task that wanders releases what it leaves', () => {
  const here = groundWithF();
  here.mkdir('/a/b');
  here.write('/a/b', t);
  assert.equal(released(here.write('/a', t)), ['/a/b']);
  assert.equal(released(here.write('/a/b', t)), []);
  assert.equal(released(here.write('/', t)), ['/a/b']);
  assert.equal(released(here.rmdir('/a/b')), ['/a']);
});

model('56, 58, 61: every release is its own, under the path of that moment', () => {
  const here = groundWithF();
  for (let i = 0; i < 20; i++) {
    here.write('/a', t);
    assert.equal(released(here.write('/', t)), ['/a']);
  }
  here.write('/a', t);
  here.rename('/a', '/z');
  assert.equal(released(here.exit(t)), ['/z']);
});

model('59: a thread that execs takes the pid and leaves the leader’s container released', () => {
  const here = groundWithF();
  here.mkdir('/b');
  here.write('/a', t);
  here.fork(t, 101, t);
  here.write('/b', 101);
  assert.equal(released(here.exit(t)), ['/a']);
  assert.equal(types(here.exec(t, 101)), ['exec']);
  assert.equal(here.pids('/b'), [t]);
  assert.is(here.pathOf(101), undefined);
});

model('60: a leader that exits before its threads keeps the container in use', () => {
  const here = groundWithF();
  here.write('/a', t);
  here.fork(t, 101, t);
  assert.equal(released(here.exit(t)), []);
  assert.equal(released(here.exit(101)), ['/a']);
});

model('62: a path of 4,095 bytes releases, one of 4,096 does not', () => {
  for (const [last, expected] of [
    [254, 1],
    [255, 0],
  ] as const) {
    const here = groundWithF();
    let path = '';
    for (let level = 0; level < 15; level++) {
      path += `/${'d'.repeat(255)}`;
      here.mkdir(path);
    }
    path += `/${'e'.repeat(last)}`;
    here.mkdir(path);
    here.flag(path, 1);
    here.write(path, t);
    assert.is(path.length, 3841 + last);
    assert.is(released(here.exit(t)).length, expected);
  }
});

model('63: the root is never released', () => {
  const here = groundWithF();
  here.flag('/', 1);
  here.write('/a', u);
  assert.equal(released(here.exit(t)), []);
  assert.equal(released(here.exit(1)), []);
});

model('64: a look that finds a task gone infers its exit and releases', () => {
  const here = groundWithF();
  here.write('/a', t);
  const facts = here.tree.look([seen(1), seen(u)], true);
  assert.equal(types(facts), ['exit', 'release']);
  assert.equal(released(facts), ['/a']);
});

model('a pid that came back during a loss is another task', () => {
  const here = groundWithF();
  here.write('/a', t);
  const again = { ...seen(t), startTicks: 5000 };
  const facts = here.tree.look([seen(1), again, seen(u)], true);
  assert.equal(types(facts), ['adopt', 'exit', 'release']);
  assert.is(here.pathOf(t), '/');
  assert.is(here.tree.taskByPid(t)?.id, 4);
});

model('what cannot have happened is nonsense', () => {
  const here = ground();
  assert.is(here.fork(999, 300), 'nonsense');
  assert.is(here.fork(1, t), 'nonsense');
  assert.is(here.exit(999), 'nonsense');
  assert.is(here.exec(999, 999), 'nonsense');
  // A thread of another process, or another start: `t` is somebody else by now.
  assert.is(here.fork(t, 300, u), 'nonsense');
  assert.is(here.exec(u, t), 'nonsense');
  const again = {
    type: 'exec',
    bootUs: 0,
    pid: t,
    oldPid: t,
    startTicks: 5000,
    comm: '',
    program: '',
  } as const;
  assert.is(here.see(again), 'nonsense');
});

model.run();
