/**
 * The client asks what the API takes, understands what it answers, and has one sentence for everything that can
 * go wrong on the way.
 */
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { socketName } from '../../src/http/api.ts';
import { DaemonError, type DaemonErrorReason, HttpReader } from '../../src/http/client.ts';
import { type Answer, emptyFolder, type FakeDaemon, openFakeDaemon } from './fakeDaemon.ts';

const client = suite('http client');

async function against(
  answers: Readonly<Record<string, Answer>>,
  use: (reader: HttpReader, daemon: FakeDaemon) => Promise<void>,
): Promise<void> {
  const daemon = await openFakeDaemon(answers);
  try {
    await use(new HttpReader(daemon.folder), daemon);
  } finally {
    await daemon.close();
  }
}

async function fails(
  attempt: () => Promise<unknown>,
  reason: DaemonErrorReason,
  message: RegExp,
): Promise<void> {
  try {
    await attempt();
  } catch (error) {
    assert.instance(error, DaemonError);
    assert.is((error as DaemonError).reason, reason, (error as DaemonError).message);
    assert.match((error as DaemonError).message, message);
    return;
  }
  assert.unreachable('it did not fail');
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

client('a command is posted with its body, and its answer handed on', async () => {
  await against({ 'POST /v1/mkdir': [200, { seq: 12 }] }, async (reader, { asked }) => {
    const body = { path: '/caf\\xe9', mode: 0o777, umask: 0o22 };
    assert.equal(await reader.command('mkdir', body), { seq: 12 });
    assert.equal(asked, [{ question: 'POST /v1/mkdir', body }]);
  });
});

client('a refusal is a value', async () => {
  const body = { errno: 'EBUSY', saw: '2 tasks are in it', error: 'EBUSY (in use): 2 tasks are in it' };
  await against({ 'POST /v1/rmdir': [409, body] }, async (reader) => {
    assert.equal(await reader.command('rmdir', { path: '/a' }), { errno: 'EBUSY', saw: '2 tasks are in it' });
  });
});

client('paths of any form reach the daemon whole', async () => {
  await against({ 'GET /v1/tree': [200, []] }, async (reader, { asked }) => {
    const path = '/a b/ü?&=#+%\\xe9';
    await reader.ask({ kind: 'tree', path });
    const url = new URL(asked[0]?.question.replace('GET ', '') ?? '', 'http://daemon');
    assert.is(url.searchParams.get('path'), path);
  });
});

client('the longest path there can be reaches the daemon, whatever its bytes', async () => {
  await against({ 'GET /v1/tree': [200, []] }, async (reader, { asked }) => {
    const path = `/${'\\xff'.repeat(4094)}`;
    assert.equal(await reader.ask({ kind: 'tree', path }), []);
    assert.is(
      new URL(asked[0]?.question.replace('GET ', '') ?? '', 'http://d').searchParams.get('path'),
      path,
    );
  });
});

client('a tree is asked for by its name, and what is below a container when it is wanted', async () => {
  const answers = { 'GET /v1/tree': [200, []], 'GET /v1/tasks': [200, []] } as const;
  await against(answers, async (reader, { asked }) => {
    await reader.ask({ kind: 'tree', path: 'nginx.service', tree: 'v2' });
    await reader.ask({ kind: 'tasks', path: '/a' });
    await reader.ask({ kind: 'tasks', path: '/a', tree: 'all', below: true });
    assert.equal(
      asked.map(({ question }) => question),
      [
        'GET /v1/tree?path=nginx.service&tree=v2',
        'GET /v1/tasks?path=%2Fa',
        'GET /v1/tasks?path=%2Fa&tree=all&below=1',
      ],
    );
  });
});

client('the past is asked with an instant, and answers with the moment that was found', async () => {
  const moment = { seq: 7, time: '2026-11-24T03:12:00.000000Z' };
  const answers = {
    'GET /v1/tree': [200, { moment, answer: [] }],
    'GET /v1/path': [404, { errno: 'ESRCH', saw: 'gone', error: 'ESRCH (no task): gone', moment }],
    'GET /v1/tasks': [400, { error: 'the recording is empty' }],
    'GET /v1/life': [200, { moment, answer: { task: 9, state: 'living', entries: [], leftOut: 0 } }],
  } as const;
  await against(answers, async (reader, { asked }) => {
    const instant = { kind: 'time', timeUs: 1_795_489_920_000_001 } as const;
    assert.equal(await reader.askPast({ kind: 'tree', path: '/' }, instant), { moment, answer: [] });
    assert.is(asked[0]?.question, 'GET /v1/tree?path=%2F&at=%401795489920.000001');
    await reader.askPast({ kind: 'life', task: 9, tree: 'v2' }, { kind: 'seq', seq: 3 });
    assert.is(asked[1]?.question, 'GET /v1/life?task=9&tree=v2&at=%233');
    assert.equal(await reader.askPast({ kind: 'path', pid: 7 }, { kind: 'boot' }), {
      moment,
      answer: { errno: 'ESRCH', saw: 'gone' },
    });
    assert.equal(await reader.askPast({ kind: 'tasks', path: '/' }, { kind: 'seq', seq: 3 }), {
      unclear: 'the recording is empty',
    });
  });
});

client('the log is asked for by all of its conditions, and read line by line', async () => {
  let goOn = (): void => {};
  const answer: Answer = (response) => {
    response.writeHead(200);
    response.write('{"seq":1}\n{"seq":2,"comm":"Z');
    goOn = () => response.end('oë"}\n{"seq":3}\n');
  };
  await against({ 'GET /v1/log': answer }, async (reader, { asked }) => {
    const query = {
      types: ['fork', 'exit'],
      tree: 'v2',
      path: '/a',
      pid: 7,
      withoutFirstLook: true,
      limit: 3,
      since: { kind: 'seq', seq: 5 },
      until: { kind: 'time', timeUs: 2_000_000 },
      follow: true,
    } as const;
    const entries = reader.log(query);
    assert.equal((await entries.next()).value, { seq: 1 });
    goOn();
    assert.equal(await all(entries), [{ seq: 2, comm: 'Zoë' }, { seq: 3 }]);
    assert.is(
      asked[0]?.question,
      'GET /v1/log?types=fork%2Cexit&tree=v2&path=%2Fa&pid=7&first=0&limit=3&since=%235&until=%402.000000&follow=1',
    );
  });
});

client('a check of the log tells how far it is, and ends with its result', async () => {
  const result = { events: 9, commits: 2, seq: 9, hash: 'ab', source: 'ebpf' };
  const answer: Answer = [200, `{"seq":4}\n${JSON.stringify(result)}\n`];
  await against({ 'GET /v1/verify': answer }, async (reader) => {
    const progress: number[] = [];
    assert.equal(await reader.verify((seq) => progress.push(seq)), result);
    assert.equal(progress, [4]);
  });
});

client('an answer whose last line is an error fails with that sentence', async () => {
  const outcome = '{"seq":1,"type":"outcome","error":"ENOENT"}';
  const answer: Answer = [200, `${outcome}\n{"error":"the recording is not sound"}\n`];
  await against({ 'GET /v1/log': answer, 'GET /v1/verify': answer }, async (reader) => {
    const entries = reader.log({});
    assert.equal((await entries.next()).value, JSON.parse(outcome));
    await fails(() => entries.next(), 'failed', /^the recording is not sound$/);
    await fails(() => reader.verify(() => {}), 'failed', /^the recording is not sound$/);
  });
});

client('nobody listens: no socket, a socket that was left behind, a folder that is not there', async () => {
  const folder = emptyFolder();
  await fails(() => new HttpReader(folder).status(), 'absent', /no daemon answers at/);
  await fails(() => new HttpReader(`${folder}/none`).status(), 'absent', /no daemon answers at/);
  await fails(() => new HttpReader(`${folder}/${'x'.repeat(100)}`).status(), 'absent', /no daemon can have/);
  writeFileSync(`${folder}/${socketName}`, '');
  await fails(() => new HttpReader(folder).status(), 'absent', /no daemon answers at/);
  rmSync(folder, { recursive: true });
});

client('a daemon that goes away in the middle of its answer is told from one that ended it', async () => {
  const cut: Answer = (response) => {
    response.writeHead(200);
    response.write('{"seq":1}\n', () => response.destroy());
  };
  await against({ 'GET /v1/log': cut, 'GET /v1/verify': [200, '{"seq":1}\n'] }, async (reader) => {
    await fails(() => all(reader.log({})), 'gone', /went away before/);
    await fails(() => reader.verify(() => {}), 'failed', /before the check of the log was done/);
  });
  const deaf: Answer = (response) => {
    response.destroy();
  };
  await against({ 'POST /v1/rmdir': deaf }, async (reader) => {
    await fails(() => reader.command('rmdir', { path: '/a' }), 'gone', /went away before/);
  });
});

client('what is not in order is said in the daemon’s words', async () => {
  const answers = {
    'GET /v1/log': [400, { error: 'pid is a whole number from 0 on' }],
    'POST /v1/rmdir': [500, { error: 'impossible state: task 7 lives' }],
  } as const;
  await against(answers, async (reader) => {
    await fails(() => all(reader.log({})), 'failed', /^pid is a whole number from 0 on$/);
    await fails(() => reader.command('rmdir', { path: '/a' }), 'failed', /^impossible state/);
  });
});

client('somebody else who listens on the socket is not taken for the daemon', async () => {
  await against({ 'GET /v1/status': [200, '<html>'] }, async (reader) => {
    await fails(() => reader.status(), 'failed', /is no tasktrail daemon/);
  });
  const folder = emptyFolder();
  const server = createServer((socket) => socket.resume().end('SSH-2.0-hello\r\n'));
  await new Promise<void>((resolve) => server.listen(`${folder}/${socketName}`, resolve));
  await fails(() => new HttpReader(folder).status(), 'failed', /asking the daemon at .* failed/);
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

client('a path that no request can hold is refused in words', async () => {
  await against({}, async (reader) => {
    await fails(
      () => reader.ask({ kind: 'tree', path: `/${'x'.repeat(40_000)}` }),
      'failed',
      /the path is too long/,
    );
  });
});

client('a socket that may not be used is told from one where nobody listens', async () => {
  await against({ 'GET /v1/status': [200, {}] }, async (reader, { folder }) => {
    chmodSync(`${folder}/${socketName}`, 0);
    await asNobody(() => fails(() => reader.status(), 'forbidden', /no permission to use/));
  });
});

/** Root may use every socket. */
async function asNobody(use: () => Promise<void>): Promise<void> {
  const uid = process.geteuid?.() ?? 0;
  if (uid === 0) process.seteuid?.(65534);
  try {
    await use();
  } finally {
    process.seteuid?.(uid);
  }
}

client.run();
