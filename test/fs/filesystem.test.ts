/** The filesystem among fakes: messages go in, replies come out, and a recorder with a log in memory decides. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FilesystemOptions } from '../../src/fs/filesystem.ts';
import { operations } from '../../src/fs/header.ts';
import { seededRandom } from '../../src/random.ts';
import { shellPid } from '../support/cast.ts';
import { Recording } from '../support/recording.ts';
import { Client, nameOf } from './client.ts';
import { long, message, word } from './messages.ts';

const filesystem = suite('filesystem');

const alice = { uid: 1000, gid: 1000 };

/** A recorder and a client of it; in the world are init, the shell, and `t` in the root container. */
async function begin(options?: Partial<FilesystemOptions>): Promise<[Recording, Client]> {
  const recording = await Recording.begin();
  recording.source.happen('start t');
  return [recording, new Client(recording, options)];
}

filesystem('a directory has two files beside its children, the root one more, and nothing else', async () => {
  const [, client] = await begin();
  assert.equal(await client.list(''), ['.', '..', 'notify_on_release', 'release_agent', 'tasks']);
  assert.is(await client.mkdir('/a'), 'done');
  assert.is(await client.mkdir('/a/b'), 'done');
  assert.equal(await client.list('/a'), ['.', '..', 'notify_on_release', 'tasks', 'b']);
});

filesystem('a wide directory is read in pieces, each name once', async () => {
  const [, client] = await begin();
  const names = Array.from({ length: 100 }, (_, i) => `child-${i}`);
  for (const name of names) await client.mkdir(`/${name}`);
  assert.equal(await client.list('', 200), [
    '.',
    '..',
    'notify_on_release',
    'release_agent',
    'tasks',
    ...names,
  ]);
});

filesystem(
  'a new container is its maker’s, without what the umask takes away, and so are its files',
  async () => {
    const [recording, client] = await begin();
    assert.is(await client.mkdir('/a'), 'done');
    await recording.write('/a', 'notify_on_release', '1');
    const directory = Number(await client.node('/a'));
    await client.ask('setattr', [word(6), Buffer.alloc(72), word(1000), word(1000), word(0)], {
      node: directory,
    });
    assert.is(await client.stat(directory), '2 40755 1000:1000');
    assert.is(await client.mkdir('/a/b', alice), 'done');
    assert.is(await client.stat(Number(await client.node('/a/b'))), '2 40755 1000:1000');
    assert.is(await client.stat(Number(await client.node('/a/b/tasks'))), '1 100644 1000:1000');
    assert.is(await client.stat(directory), '3 40755 1000:1000');
    assert.is(await client.read(await client.open('/a/b/notify_on_release')), '1\n');
  },
);

filesystem('what is not there, or has too long a name, is not found', async () => {
  const [, client] = await begin();
  assert.is(await client.node('/a'), 'ENOENT');
  assert.is(await client.node('/.at'), 'ENOENT');
  assert.is(await client.node(`/${'a'.repeat(256)}`), 'ENAMETOOLONG');
  assert.is(await client.node('/tasks/a'), 'ENOTDIR');
  assert.is(await client.stat(8), 'ENOENT');
  assert.is(await client.stat(4000), 'ENOENT');
});

filesystem('tasks lists who is there when it is opened, whoever comes later', async () => {
  const [recording, client] = await begin();
  const handle = await client.open('/tasks');
  recording.source.happen('t forks u');
  const t = recording.source.cast.pidOf('t');
  assert.is(await client.read(handle), `1\n${shellPid}\n${t}\n`);
  assert.is(await client.read(handle, 2, 3), `${shellPid}`);
  assert.is(await client.read(handle, 1000), '');
  const u = recording.source.cast.pidOf('u');
  assert.is(await client.read(await client.open('/tasks')), `1\n${shellPid}\n${t}\n${u}\n`);
});

filesystem('a pid that is written moves that one task, and 0 the writer', async () => {
  const [recording, client] = await begin();
  await client.mkdir('/a');
  const t = recording.source.cast.pidOf('t');
  const handle = await client.open('/a/tasks');
  assert.is(await client.write(handle, ` ${t}\n`, { pid: shellPid }), 'done');
  assert.is(await client.read(await client.open('/a/tasks')), `${t}\n`);
  assert.is(await client.write(handle, '0', { pid: shellPid }), 'done');
  assert.is(await client.read(await client.open('/a/tasks')), `${shellPid}\n${t}\n`);
  const attached = (await recording.events()).filter(({ type }) => type === 'attach');
  assert.equal(
    attached.map((event) => event.type === 'attach' && event.by.pid),
    [shellPid, shellPid],
  );
});

filesystem('what is written to tasks and makes no sense has the errno of the contract', async () => {
  const [, client] = await begin();
  await client.mkdir('/a');
  const handle = await client.open('/a/tasks');
  assert.is(await client.write(handle, 'abc'), 'EIO');
  assert.is(await client.write(handle, '1 2'), 'EINVAL');
  assert.is(await client.write(handle, '-1'), 'ESRCH');
  assert.is(await client.write(handle, '99999'), 'ESRCH');
  assert.is(await client.write(handle, '1'.repeat(4097)), 'E2BIG');
  assert.is(await client.write(handle, '1', alice), 'EACCES');
  assert.is(await client.write(handle, '0', { pid: 0 }), 'ESRCH');
  assert.is(await client.write(handle, ''), 'done');
  assert.is(await client.read(await client.open('/a/tasks')), '');
});

filesystem('whoever counts tasks otherwise moves the task that it means', async () => {
  const [recording, client] = await begin({ pidMeant: (_, number) => (number === 1 ? t : undefined) });
  const t = recording.source.cast.pidOf('t');
  await client.mkdir('/a');
  const handle = await client.open('/a/tasks');
  assert.is(await client.write(handle, `${t}`, { pid: shellPid }), 'ESRCH');
  assert.is(await client.write(handle, '1', { pid: 0 }), 'ESRCH');
  assert.is(await client.write(handle, 'abc', { pid: shellPid }), 'EIO');
  assert.is(await client.write(handle, ' 1\n', { pid: shellPid }), 'done');
  assert.is(await client.read(await client.open('/a/tasks')), `${t}\n`);
  assert.is(await client.write(handle, '0', { pid: shellPid }), 'done');
  assert.is(await client.read(await client.open('/a/tasks')), `${shellPid}\n${t}\n`);
});

filesystem('of a thread that writes it is asked once how it counts tasks', async () => {
  const asked: number[] = [];
  const sharesPids = (pid: number): boolean => {
    asked.push(pid);
    return true;
  };
  const [recording, client] = await begin({ sharesPids });
  const t = recording.source.cast.pidOf('t');
  await client.mkdir('/a');
  const handle = await client.open('/a/tasks');
  for (const pid of [shellPid, t, shellPid, t]) {
    assert.is(await client.write(handle, `${t}`, { pid }), 'done');
  }
  assert.equal(asked, [shellPid, t]);
  recording.source.happen('t exits');
  for (let i = 0; i < 2; i++) assert.is(await client.write(handle, '1', { pid: t }), 'done');
  assert.equal(asked, [shellPid, t, t, t], 'the pid may be that of another task by now');
});

filesystem('a write that changes nothing, or is refused, is answered at once', async () => {
  const [recording, client] = await begin();
  const t = recording.source.cast.pidOf('t');
  await client.mkdir('/a');
  const handle = await client.open('/a/tasks');
  const write = (text: string): Promise<string> => client.write(handle, text, { pid: shellPid });
  const first = write(`${t}`);
  assert.ok(client.session.isCommitting);
  assert.is(await first, 'done');
  const [again, wrong] = [write(`${t}`), write('abc')];
  assert.not(client.session.isCommitting);
  assert.equal(await Promise.all([again, wrong]), ['done', 'EIO']);
});

filesystem('the flag is read as it is, and takes only numbers', async () => {
  const [, client] = await begin();
  await client.mkdir('/a');
  const handle = await client.open('/a/notify_on_release');
  assert.is(await client.read(handle), '0\n');
  assert.is(await client.write(handle, '1\n'), 'done');
  assert.is(await client.read(handle), '1\n');
  assert.is(await client.write(handle, 'x'), 'EINVAL');
  assert.is(await client.read(handle, 1), '\n');
});

filesystem('only an empty container is removed, and only a container', async () => {
  const [recording, client] = await begin();
  for (const path of ['/a', '/a/b', '/c']) await client.mkdir(path);
  await recording.attach('/c', 't');
  assert.is(await client.rmdir('/a'), 'EBUSY');
  assert.is(await client.rmdir('/c'), 'EBUSY');
  assert.is(await client.rmdir('/tasks'), 'ENOTDIR');
  assert.is(await client.rmdir('/d'), 'ENOENT');
  assert.is(await client.rmdir('/a/b'), 'done');
  assert.is(await client.rmdir('/a'), 'done');
  assert.is(await client.node('/a'), 'ENOENT');
});

filesystem('a container that is renamed stays the same node', async () => {
  const [, client] = await begin();
  for (const path of ['/a', '/a/s', '/b']) await client.mkdir(path);
  const node = await client.node('/a');
  assert.is(await client.rename('/a', '/z'), 'done');
  assert.is(await client.node('/z'), node);
  assert.is(await client.rename('/z', '/b'), 'EEXIST');
  assert.is(await client.rename('/z/s', '/s'), 'EIO');
  assert.is(await client.rename('/z', '/tasks'), 'ENOTDIR');
});

filesystem('nothing but containers can be made', async () => {
  const [, client] = await begin();
  const open = [word(0x8041), word(0o100644), word(0o22), word(0), nameOf('x')];
  assert.is(await client.ask('create', open), 'EACCES');
  assert.is(await client.ask('symlink', [nameOf('x'), nameOf('tasks')]), 'EPERM');
  assert.is(await client.ask('link', [long(2), nameOf('x')]), 'EPERM');
  assert.is(await client.ask('mknod', [word(0o10644), word(0), word(0), word(0), nameOf('x')]), 'EPERM');
  assert.is(await client.ask('unlink', [nameOf('tasks')]), 'EPERM');
  assert.is(await client.mkdir('/tasks'), 'EEXIST');
  assert.is(await client.mkdir('/a\nb'), 'EINVAL');
});

filesystem(
  'whoever may not write in a directory makes nothing there, unless a group of his may',
  async () => {
    const [recording, client] = await begin({ groupsOf: (pid) => (pid === 200 ? [7] : []) });
    await client.mkdir('/a');
    assert.is(await client.mkdir('/a/b', alice), 'EACCES');
    const node = Number(await client.node('/a'));
    await client.ask(
      'setattr',
      [word(5), Buffer.alloc(64), word(0o40775), word(0), word(0), word(7), word(0)],
      {
        node,
      },
    );
    assert.is(await client.stat(node), '2 40775 0:7');
    assert.is(await client.mkdir('/a/b', { ...alice, pid: 201 }), 'EACCES');
    assert.is(await client.mkdir('/a/b', { ...alice, pid: 200 }), 'done');
    const [refused] = (await recording.events()).filter(({ type }) => type === 'refused');
    assert.is(refused?.type === 'refused' && refused.path, '/a/b');
    assert.is(refused?.type === 'refused' && refused.by.uid, 1000);
  },
);

filesystem('only an owner changes a mode, and times and sizes are none of the log’s business', async () => {
  const [recording, client] = await begin();
  await client.mkdir('/a');
  const node = Number(await client.node('/a'));
  const before = recording.recorder.world.chronicle.seq;
  const mode = [word(1), Buffer.alloc(64), word(0o40700), word(0), word(0), word(0), word(0)];
  assert.is(await client.ask('setattr', mode, { ...alice, node }), 'EPERM');
  const times = [word(0x1b0), Buffer.alloc(84)];
  assert.ok(Buffer.isBuffer(await client.ask('setattr', times, { ...alice, node })));
  assert.is(await client.stat(node), '2 40755 0:0');
  assert.is(recording.recorder.world.chronicle.seq, before + 1, 'only the refusal is recorded');
});

filesystem('who holds a removed container reads on, and changes nothing', async () => {
  const [recording, client] = await begin();
  await client.mkdir('/a');
  const node = Number(await client.node('/a'));
  const [tasks, flag] = [await client.open('/a/tasks'), await client.open('/a/notify_on_release')];
  assert.is(await recording.rmdir('/a'), 'done');
  assert.is(await client.read(tasks), '');
  assert.is(await client.read(flag), '0\n');
  assert.is(await client.write(tasks, '1'), 'ENODEV');
  assert.is(await client.write(flag, '1'), 'ENODEV');
  assert.is(await client.stat(node), '0 40755 0:0');
  assert.is(await client.ask('mkdir', [word(0o755), word(0), nameOf('b')], { node }), 'ENOENT');
  assert.is(await client.ask('lookup', [nameOf('tasks')], { node }), 'ENOENT');
});

filesystem('a removed container that the kernel has forgotten is gone', async () => {
  const [recording, client] = await begin();
  await client.mkdir('/a');
  const node = Number(await client.node('/a'));
  const tasks = Number(await client.node('/a/tasks'));
  await recording.rmdir('/a');
  // Of the directory: one by mkdir, and one by each of the two paths; of the file one.
  client.session.take(message(2, [long(3)], { node }));
  assert.is(await client.stat(node), '0 40755 0:0');
  client.session.take(message(2, [long(1)], { node: tasks }));
  assert.is(await client.stat(node), 'ENOENT');
});

filesystem('a write waits for its sync, and nobody else waits for it', async () => {
  const [recording, client] = await begin();
  await client.mkdir('/a');
  const handle = await client.open('/a/notify_on_release');
  const go = recording.log.hold();
  let isWritten = false;
  const written = client.write(handle, '1').then(() => {
    isWritten = true;
  });
  assert.is(await client.read(handle), '1\n');
  assert.not(isWritten);
  go();
  await written;
});

filesystem('what no handle stands for is neither read nor written', async () => {
  const [, client] = await begin();
  assert.is(await client.read(99), 'EIO');
  assert.is(await client.write(99, '1'), 'EIO');
  const handle = await client.open('/tasks');
  await client.ask('release', [long(Number(handle)), long(0), long(0)]);
  assert.is(await client.read(handle), 'EIO');
});

filesystem('what is malformed or unknown is answered and decides nothing', async () => {
  const [recording, client] = await begin();
  const before = recording.recorder.world.chronicle.seq;
  assert.is(await client.ask('mkdir', [word(0o755), word(0)]), 'EIO');
  assert.is(await client.ask('lookup', []), 'EIO');
  assert.is(recording.recorder.world.chronicle.seq, before);
  assert.not(client.session.take(Buffer.alloc(39)));
  assert.not(client.session.take(message(26, [word(8), word(0), word(0), word(0)])));
});

filesystem(
  'whatever bytes come, the session goes on or ends, and only what is sound is decided',
  async () => {
    const [recording, client] = await begin();
    const random = seededRandom(6);
    const kinds = Object.values(operations).filter((operation) => operation !== operations.init);
    const before = recording.recorder.world.chronicle.seq;
    for (let i = 0; i < 5000; i++) {
      const body = Buffer.from(
        Array.from({ length: random.below(64) }, () => random.pick([0, 1, 2, 97, 255])),
      );
      const whole = message(random.pick(kinds), [body], { unique: 0, node: random.below(8), pid: 1 });
      // Any byte but those of the message's name, by which a reply is told from others.
      const at = random.below(whole.length - 8);
      whole[at < 8 ? at : at + 8] = random.below(256);
      client.session.take(whole);
    }
    await client.session.settled();
    for (const event of await recording.events(before + 1)) {
      if (event.type === 'mkdir' || event.type === 'rename') assert.match(event.name, /^[^/\0\n]{1,255}$/);
    }
    assert.is(await client.mkdir('/after'), 'done');
  },
);

filesystem('when nothing is recorded any more, nothing is answered as if it were', async () => {
  const [recording, client] = await begin();
  const handle = await client.open('/tasks');
  await recording.recorder.stop();
  const warned = new Promise((resolve) => process.once('warning', resolve));
  assert.is(await client.write(handle, '0'), 'EIO');
  assert.is(await client.open('/tasks'), 'EIO');
  assert.match(String(await warned), /nothing is recorded any more/);
});

filesystem.run();
