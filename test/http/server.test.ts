/** The server as a client meets it: what it answers when something goes wrong, and how much it lets itself be burdened. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { DaemonView } from '../../src/http/api.ts';
import { socketName } from '../../src/http/api.ts';
import { HttpReader } from '../../src/http/client.ts';
import { type Archive, openServer } from '../../src/http/server.ts';
import { origin } from '../../src/log/commit.ts';
import { framesIn, linkText, writeHead } from '../../src/log/exportFile.ts';
import { rootActor } from '../support/ground.ts';
import { Recording } from '../support/recording.ts';
import { emptyFolder } from './fakeDaemon.ts';

const server = suite('http server');

/** What makes long answers: the chunks of the log, or nothing for `undefined`. */
type Log = () => ReturnType<Archive['log']>;

interface Ground {
  readonly recording: Recording;
  readonly api: ReturnType<typeof openServer>;
  readonly socketPath: string;
  readonly reader: HttpReader;
}

async function withServer(
  log: Log,
  use: (ground: Ground) => Promise<void>,
  exported: Archive['export'] = () => undefined,
): Promise<void> {
  const folder = emptyFolder();
  const socketPath = `${folder}/${socketName}`;
  const recording = await Recording.begin();
  const { recorder, clock } = recording;
  const archive: Archive = { log, past: log, verify: log, export: exported };
  const daemon: DaemonView = { daemonPid: 1, folder, sizeBytes: 0, mounts: [], retention: { isHeld: false } };
  const api = openServer({
    recorder,
    clock,
    archive,
    peerOf: () => rootActor,
    daemon: () => daemon,
    head: async () => {
      await recorder.commit('synced');
      return recording.log.head;
    },
    stop: () => {},
    agents: () => new Map(),
  });
  api.server.listen(socketPath);
  await once(api.server, 'listening');
  try {
    await use({ recording, api, socketPath, reader: new HttpReader(folder) });
  } finally {
    await api.close();
    rmSync(folder, { recursive: true });
  }
}

const nothing: Log = async function* () {};

/** The status and the body of what is answered to a GET. */
async function got(socketPath: string, path: string): Promise<readonly [status: number, body: string]> {
  const [response] = await once(request({ socketPath, path, agent: false }).end(), 'response');
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += chunk;
  return [response.statusCode, body];
}

async function failureOf(attempt: Promise<unknown>): Promise<string> {
  const [outcome] = await Promise.allSettled([attempt]);
  return outcome?.status === 'rejected' ? outcome.reason.message : 'it did not fail';
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

server('what is no path is a bad request', async () => {
  await withServer(nothing, async ({ socketPath }) => {
    for (const path of ['//', 'http://[']) {
      const [status, body] = await got(socketPath, path);
      assert.is(status, 400, path);
      assert.match(JSON.parse(body).error, /is neither a path nor a URL/);
    }
  });
});

server('a long answer that fails before it begins is an error with its sentence', async () => {
  const failing: Log = async function* () {
    yield await Promise.reject(new Error('the recording is not sound'));
  };
  await withServer(failing, async ({ socketPath, reader }) => {
    assert.is((await got(socketPath, '/v1/log'))[0], 500);
    assert.is(await failureOf(all(reader.log({}))), 'the recording is not sound');
  });
});

server('a long answer that fails later ends with its sentence', async () => {
  const failing: Log = async function* () {
    yield '{"seq":1}\n';
    throw new Error('the recording is not sound from seq 2 on');
  };
  await withServer(failing, async ({ socketPath, reader }) => {
    const [status, body] = await got(socketPath, '/v1/log');
    assert.is(status, 200);
    assert.is(body, '{"seq":1}\n{"error":"the recording is not sound from seq 2 on"}\n');
    assert.is(await failureOf(all(reader.log({}))), 'the recording is not sound from seq 2 on');
  });
});

server('a long answer that has begun and has nothing to tell yet has its head', async () => {
  let end = (): void => {};
  const waiting: Log = async function* () {
    yield '';
    await new Promise<void>((resolve) => {
      end = resolve;
    });
  };
  await withServer(waiting, async ({ socketPath }) => {
    const [response] = await once(request({ socketPath, path: '/v1/log', agent: false }).end(), 'response');
    end();
    assert.equal(await all(response), []);
  });
});

server('the past is answered with its moment, and what it does not have with a sentence', async () => {
  const moment = { seq: 7, time: 'then' };
  const answers = [
    { moment, answer: [] },
    { moment, answer: { errno: 'ESRCH', saw: 'it had ended' } },
    { unclear: 'the recording is empty' },
    { moment, answer: { task: 5, state: 'ended', entries: [], leftOut: 0 } },
  ];
  const past: Log = async function* () {
    yield `${JSON.stringify(answers.shift())}\n`;
  };
  await withServer(past, async ({ socketPath }) => {
    const asked = async (path: string) => {
      const [status, body] = await got(socketPath, path);
      return [status, JSON.parse(body)];
    };
    assert.equal(await asked('/v1/tree?at=%231'), [200, { moment, answer: [] }]);
    assert.equal(await asked('/v1/path?pid=7&at=boot'), [
      404,
      { errno: 'ESRCH', saw: 'it had ended', error: 'ESRCH (no task): it had ended', moment },
    ]);
    assert.equal(await asked('/v1/tasks?at=now'), [400, { error: 'the recording is empty' }]);
    const [found, { answer }] = await asked('/v1/life?task=5');
    assert.equal([found, answer.state], [200, 'ended']);
    assert.is((await asked('/v1/life'))[0], 400);
    const [status, { error }] = await asked('/v1/tree?at=soon');
    assert.is(status, 400);
    assert.match(error, /^at: 'soon' is no instant/);
  });
});

server('an export that cannot go on ends with why, and one that cannot begin is refused', async () => {
  const dying = async function* (): AsyncGenerator<Uint8Array> {
    yield writeHead({ recording: 'r', after: linkText(origin) });
    throw new Error('the disk is gone');
  };
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    yield await Promise.reject<Uint8Array>(new Error('the disk was gone'));
  };
  const exports = [dying, failing];
  await withServer(
    nothing,
    async ({ reader }) => {
      assert.match(await failureOf(all(framesIn(reader.export()))), /^it was broken off: the disk is gone$/);
      assert.match(await failureOf(all(framesIn(reader.export()))), /^the disk was gone$/);
      assert.match(await failureOf(all(framesIn(reader.export()))), /try again when one has ended/);
    },
    () => exports.shift()?.(),
  );
});

server('the head has in it what happened before it was asked for', async () => {
  await withServer(nothing, async ({ recording, reader, socketPath }) => {
    recording.source.happen('start t');
    const { seq, hash } = await reader.head();
    assert.is(seq, recording.log.seq);
    assert.match(hash, /^[0-9a-f]{64}$/);
    const [status, body] = await got(socketPath, '/v1/verify?expect=12');
    assert.equal([status, JSON.parse(body)], [400, { error: 'expect is a head: SEQ:HASH' }]);
    assert.is((await got(socketPath, `/v1/verify?expect=12%3A${hash}&since=%239`))[0], 200);
  });
});

server('more long answers than may be made at once are put off with a sentence', async () => {
  await withServer(
    () => undefined,
    async ({ socketPath, reader }) => {
      assert.is((await got(socketPath, '/v1/verify'))[0], 503);
      assert.match(await failureOf(all(reader.log({}))), /try again when one has ended/);
    },
  );
});

server('no more connections are held than the limit, and none that asks nothing', async () => {
  await withServer(nothing, async ({ api, socketPath, reader }) => {
    assert.is(api.server.maxConnections, 128);
    const idle: Socket[] = [];
    for (let i = 0; i < 128; i++) {
      const socket = connect(socketPath);
      await once(socket, 'connect');
      idle.push(socket);
    }
    // The one too many is closed at once, the others when their time for a request is over.
    const excess = connect(socketPath).resume();
    await once(excess, 'close');
    const closed = Promise.all(idle.map((socket) => once(socket.resume(), 'close')));
    const deadline = new Promise((resolve) => setTimeout(resolve, 30_000, 'still open').unref());
    assert.is.not(await Promise.race([closed, deadline]), 'still open');
    assert.is((await reader.status()).source, 'fake');
  });
});

server('a log that fails answers the commands in flight with an error, and reads too', async () => {
  await withServer(nothing, async ({ recording, reader }) => {
    const release = recording.log.hold();
    const command = failureOf(reader.command('mkdir', { path: '/a', mode: 0o755, umask: 0 }));
    await until(() => recording.log.commits.length > 1);
    recording.log.failure = new Error('no space');
    release();
    assert.is(await command, 'no space');
    assert.match(await failureOf(reader.status()), /nothing is recorded any more/);
  });
});

server('a stop waits for commands in flight, and not for those that never end', async () => {
  await withServer(nothing, async ({ recording, api, reader }) => {
    const release = recording.log.hold();
    const command = reader.command('mkdir', { path: '/a', mode: 0o755, umask: 0 });
    await until(() => recording.log.commits.length > 1);
    const closed = api.close();
    release();
    assert.ok('seq' in (await command));
    await closed;
  });
  await withServer(nothing, async ({ recording, api, reader }) => {
    recording.log.hold();
    const command = failureOf(reader.command('mkdir', { path: '/a', mode: 0o755, umask: 0 }));
    await until(() => recording.log.commits.length > 1);
    const closed = api.close();
    recording.clock.pass(1000);
    await closed;
    assert.match(await command, /went away/);
  });
});

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    if (turns > 100_000) throw new Error('it never came to that');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

server.run();
