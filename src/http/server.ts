/**
 * The API server: HTTP and JSON over a unix socket. It turns requests into the recorder's commands and
 * reads, and answers. Who asks is whom the socket's peer credentials name, never whom the client claims.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { EventType } from '../../events/event.ts';
import { headView, parseHead } from '../engine/head.ts';
import { eventTypes, type LogQuery } from '../engine/history.ts';
import { type Instant, isUnclear, parseInstant, type Unclear } from '../engine/instant.ts';
import type { LifeQuestion } from '../engine/life.ts';
import type { PastAnswer, PastQuestion } from '../engine/past.ts';
import type { Running } from '../engine/reactor.ts';
import type { VerifyQuery } from '../engine/reader.ts';
import { answerTo, type Place, type Question, recordingOf } from '../engine/reads.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Actor } from '../kernel/command.ts';
import { type Errno, isRefusal, type Refusal, refusalText, refuse } from '../kernel/errno.ts';
import { writeFailure } from '../log/exportFile.ts';
import type { Clock, Head } from '../ports.ts';
import { type DaemonView, type ErrorBody, headerLimitBytes } from './api.ts';
import { asCommand, BadRequest, whole } from './body.ts';
import { requestOf } from './request.ts';

/**
 * Answers that take long are made elsewhere: chunks of NDJSON, or of bytes, until there are no more or the asker is gone. An
 * empty chunk says that the answer has begun. Undefined where as many are being made as may be at once.
 */
export interface Archive {
  log(query: LogQuery, gone: AbortSignal): Chunks | undefined;
  /** The answer is one line, a `PastAnswer` or `Unclear`. */
  past(question: PastQuestion, instant: Instant, gone: AbortSignal): Chunks | undefined;
  verify(query: VerifyQuery, gone: AbortSignal): Chunks | undefined;
  /** The bytes of an export file. */
  export(gone: AbortSignal): AsyncGenerator<Uint8Array> | undefined;
}

type Chunks = AsyncGenerator<string>;

export interface ServerOptions {
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly archive: Archive;
  /** The peer of a connection, by the kernel's word. */
  peerOf(socket: Socket): Actor;
  daemon(): DaemonView;
  /** Where the log ends, on disk. */
  head(): Promise<Head>;
  /** Begins to stop the daemon; with `unload` it leaves nothing in the kernel. */
  stop(unload: boolean): void;
  /** The agents that run, by the seq of their release. */
  agents(): ReadonlyMap<number, Running>;
}

export interface ApiServer {
  /** Not listening yet. */
  readonly server: Server;
  /** Takes no more requests, waits a moment for commands to be answered, and cuts off whatever is left. */
  close(): Promise<void>;
}

const bodyLimitBytes = 64 * 1024;
/** Each takes a descriptor, of which the log and the source need some too. */
const connectionLimit = 128;
/** A request has to be there in full by then. Its answer may take as long as it takes. */
const requestLimitMs = 5000;
const requestCheckMs = 1000;
/** How long a stop waits for commands that are carried out already. */
const closeLimitMs = 1000;

const statusOf: Partial<Record<Errno, number>> = {
  EPERM: 403,
  EACCES: 403,
  EROFS: 403,
  ENOENT: 404,
  ESRCH: 404,
  ENODEV: 410,
  EEXIST: 409,
  EBUSY: 409,
  ENOTEMPTY: 409,
  ENOSPC: 507,
};

export function openServer(options: ServerOptions): ApiServer {
  const peers = new WeakMap<Socket, Actor>();
  const commands = new Set<ServerResponse>();
  let allAnswered = (): void => {};
  const limits = {
    maxHeaderSize: headerLimitBytes,
    headersTimeout: requestLimitMs,
    requestTimeout: requestLimitMs,
    connectionsCheckingInterval: requestCheckMs,
  };
  const server = createServer(limits, (request, response) => {
    const actor = peers.get(request.socket);
    if (!actor) throw new Error('impossible state: a request on a connection that nobody opened');
    if (request.method === 'POST') keepUntilAnswered(response);
    answer(options, actor, request, response).catch((error: Error) => fail(response, error));
  });
  server.maxConnections = connectionLimit;
  // Asked once, when the connection is made: a process that hands its socket on answers for it.
  server.on('connection', (socket: Socket) => peers.set(socket, options.peerOf(socket)));

  function keepUntilAnswered(response: ServerResponse): void {
    commands.add(response);
    response.once('close', () => {
      commands.delete(response);
      if (commands.size === 0) allAnswered();
    });
  }

  function commandsAnswered(): Promise<void> {
    if (commands.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = options.clock.after(closeLimitMs, resolve);
      allAnswered = () => {
        cancel();
        resolve();
      };
    });
  }

  return {
    server,
    close: async () => {
      server.close();
      server.closeIdleConnections();
      await commandsAnswered();
      server.closeAllConnections();
    },
  };
}

async function answer(
  options: ServerOptions,
  actor: Actor,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = targetOf(request);
  if (request.method === 'POST') {
    const name = /^\/v1\/([a-z]+)$/.exec(pathname)?.[1];
    if (name === undefined) throw new BadRequest(404, `there is nothing at ${pathname}`);
    const command = asCommand(name, await bodyOf(request));
    if (command[0] === 'down') return send(response, stop(options, actor, command[1].unload));
    const result = await options.recorder.submit(requestOf(command, actor));
    send(response, result);
    return;
  }
  if (request.method !== 'GET') throw new BadRequest(405, `${request.method} is not a method of this API`);
  switch (pathname) {
    case '/v1/status':
      return send(response, status(options));
    case '/v1/tree':
      return answerAt(options, response, { kind: 'tree', ...placeIn(searchParams) }, searchParams);
    case '/v1/tasks': {
      const below = searchParams.get('below') === '1';
      return answerAt(options, response, { kind: 'tasks', ...placeIn(searchParams), below }, searchParams);
    }
    case '/v1/path': {
      const pid = whole(searchParams.get('pid'), 'pid');
      return answerAt(options, response, { kind: 'path', pid }, searchParams);
    }
    case '/v1/life': {
      const instant = instantIn(searchParams.get('at'), 'at', now(options)) ?? untilNow(options);
      return answerInPast(options, response, lifeQuestionIn(searchParams), instant);
    }
    case '/v1/log': {
      const query = logQueryIn(searchParams, now(options));
      return stream(response, (gone) => options.archive.log(query, gone));
    }
    case '/v1/head':
      // Whatever happened before the question belongs into the answer.
      options.recorder.read(() => {});
      return send(response, headView(await options.head()));
    case '/v1/verify': {
      const query = verifyQueryIn(searchParams, now(options));
      return stream(response, (gone) => options.archive.verify(query, gone));
    }
    case '/v1/export':
      return stream(response, (gone) => options.archive.export(gone), exportForm);
    default:
      throw new BadRequest(404, `there is nothing at ${pathname}`);
  }
}

/** Answers a question about now, or about the instant `at`. */
async function answerAt(
  options: ServerOptions,
  response: ServerResponse,
  question: Question,
  search: URLSearchParams,
): Promise<void> {
  const instant = instantIn(search.get('at'), 'at', now(options));
  if (instant === undefined) {
    const answer = options.recorder.read((world) => answerTo(world, question, now(options)));
    return send(response, answer);
  }
  return answerInPast(options, response, question, instant);
}

async function answerInPast(
  options: ServerOptions,
  response: ServerResponse,
  question: PastQuestion,
  instant: Instant,
): Promise<void> {
  const gone = goneWith(response);
  const chunks = options.archive.past(question, instant, gone);
  if (!chunks) return write(response, 503, busy);
  let text = '';
  try {
    for await (const chunk of chunks) text += chunk;
  } catch (error) {
    // Whatever fails because the client has gone away concerns nobody.
    if (gone.aborted) return;
    throw error;
  }
  const past = JSON.parse(text) as PastAnswer | Unclear;
  if (isUnclear(past)) throw new BadRequest(400, past.unclear);
  const { moment, answer } = past;
  if (!isRefusal(answer)) return write(response, 200, past);
  write(response, statusOf[answer.errno] ?? 400, { ...answer, error: refusalText(answer), moment });
}

function instantIn(typed: string | null, name: string, nowUs: number): Instant | undefined {
  if (typed === null) return undefined;
  const instant = parseInstant(typed, nowUs);
  if (isUnclear(instant)) throw new BadRequest(400, `${name}: ${instant.unclear}`);
  return instant;
}

function targetOf({ url = '' }: IncomingMessage): URL {
  try {
    return new URL(url, 'http://tasktrail');
  } catch {
    throw new BadRequest(400, `${url} is neither a path nor a URL`);
  }
}

function status(options: ServerOptions): object {
  const recording = options.recorder.read((world) => recordingOf(world, now(options), options.agents()));
  return { ...recording, ...options.daemon() };
}

/** Whoever may use the socket may read and give commands; to end it all is for root and the daemon's own user. */
function stop({ recorder, stop: begin }: ServerOptions, { uid }: Actor, unload: boolean): object {
  if (uid !== 0 && uid !== process.geteuid?.())
    return refuse('EPERM', 'only root and its own user may stop it');
  const { seq } = recorder.world.chronicle;
  begin(unload);
  return { seq };
}

function now({ clock }: ServerOptions): number {
  return clock.wallUs();
}

function untilNow(options: ServerOptions): Instant {
  return { kind: 'time', timeUs: now(options) };
}

function lifeQuestionIn(search: URLSearchParams): LifeQuestion {
  const tree = search.get('tree');
  const task = search.get('task');
  const who = task === null ? { pid: whole(search.get('pid'), 'pid') } : { task: whole(task, 'task') };
  return { kind: 'life', ...who, ...(tree !== null && { tree }) };
}

function placeIn(search: URLSearchParams): Place {
  const tree = search.get('tree');
  return { path: search.get('path') ?? '/', ...(tree !== null && { tree }) };
}

function logQueryIn(search: URLSearchParams, nowUs: number): LogQuery {
  const types = search.get('types')?.split(',');
  const unknown = types?.find((type) => !(eventTypes as readonly string[]).includes(type));
  if (unknown !== undefined) throw new BadRequest(400, `there is no event type ${unknown}`);
  const tree = search.get('tree');
  const path = search.get('path');
  const pid = search.get('pid');
  const limit = search.get('limit');
  const since = instantIn(search.get('since'), 'since', nowUs);
  const until = instantIn(search.get('until'), 'until', nowUs);
  return {
    ...(types && { types: types as EventType[] }),
    ...(tree !== null && { tree }),
    ...(path !== null && { path }),
    ...(pid !== null && { pid: whole(pid, 'pid') }),
    ...(limit !== null && { limit: whole(limit, 'limit') }),
    ...(search.get('first') === '0' && { withoutFirstLook: true }),
    ...(since && { since }),
    ...(until && { until }),
    follow: search.get('follow') === '1',
  };
}

function verifyQueryIn(search: URLSearchParams, nowUs: number): VerifyQuery {
  const typed = search.get('expect');
  const expect = typed === null ? undefined : parseHead(typed);
  if (typed !== null && expect === undefined) throw new BadRequest(400, 'expect is a head: SEQ:HASH');
  const since = instantIn(search.get('since'), 'since', nowUs);
  return { ...(expect && { expect }), ...(since && { since }) };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > bodyLimitBytes) throw new BadRequest(413, `a body has at most ${bodyLimitBytes} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new BadRequest(400, 'the body is not JSON');
  }
}

function send(response: ServerResponse, result: object | Refusal): void {
  if (!isRefusal(result)) {
    write(response, 200, result);
    return;
  }
  const body: ErrorBody = { ...result, error: refusalText(result) };
  write(response, statusOf[result.errno] ?? 400, body);
}

function fail(response: ServerResponse, error: Error): void {
  if (response.headersSent) {
    // The answer has begun and can only be cut off: its reader sees that it did not end as it should.
    response.destroy(error);
    return;
  }
  const body: ErrorBody = { error: error.message };
  write(response, error instanceof BadRequest ? error.status : 500, body);
}

function write(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** What is streamed: of which type it is, and how it ends where it fails. */
interface Form {
  readonly type: string;
  failed(why: string): string | Uint8Array;
}

const linesForm: Form = {
  type: 'application/x-ndjson',
  failed: (error) => `${JSON.stringify({ error } satisfies ErrorBody)}\n`,
};
const exportForm: Form = { type: 'application/octet-stream', failed: writeFailure };

/**
 * Writes chunks as fast as the client takes them, and ends their making when it goes away. What fails before
 * the first chunk is an answer of its own; what fails later is told at the end of what has begun.
 */
async function stream(
  response: ServerResponse,
  open: (gone: AbortSignal) => AsyncGenerator<string | Uint8Array> | undefined,
  form: Form = linesForm,
): Promise<void> {
  const gone = goneWith(response);
  const chunks = open(gone);
  if (!chunks) return write(response, 503, busy);
  try {
    for await (const chunk of chunks) {
      begin(response, form);
      if (chunk !== '' && !response.write(chunk)) await once(response, 'drain', { signal: gone });
    }
    begin(response, form);
    response.end();
  } catch (error) {
    // Whatever fails because the client has gone away concerns nobody.
    if (gone.aborted) return;
    if (!response.headersSent) throw error;
    response.end(form.failed(error instanceof Error ? error.message : String(error)));
  }
}

/** Aborts when nobody waits for the response any more. */
function goneWith(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return gone.signal;
}

const busy: ErrorBody = {
  error: 'as many answers from the whole log are being made as may be at once: try again when one has ended',
};

function begin(response: ServerResponse, { type }: Form): void {
  if (response.headersSent) return;
  response.writeHead(200, { 'content-type': type });
  response.flushHeaders();
}
