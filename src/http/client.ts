/**
 * The API's client: a `Reader` that asks the daemon, and the way commands are given. HTTP over the socket in the
 * recording's folder, one connection a request. Everything that can go wrong on the way is a `DaemonError`, whose
 * message is one sentence.
 */
import { type IncomingMessage, request as openRequest } from 'node:http';
import { type HeadView, notedText } from '../engine/head.ts';
import type { Entry, LogQuery } from '../engine/history.ts';
import { type Instant, instantText, type Unclear } from '../engine/instant.ts';
import type { PastAnswer, PastQuestion } from '../engine/past.ts';
import type { DaemonView, Reader, VerifyQuery } from '../engine/reader.ts';
import type { AnswerTo, Question, RecordingView } from '../engine/reads.ts';
import { isErrno, type Refusal } from '../kernel/errno.ts';
import type { Verification } from '../ports.ts';
import {
  type CommandName,
  type Commands,
  type DoneBody,
  type ErrorBody,
  socketName,
  socketPathLimitBytes,
} from './api.ts';

/**
 * `absent`: nobody listens. `forbidden`: the socket may not be used by this user. `gone`: the daemon ended before
 * its answer did. `failed`: it answered, and not with what was asked for.
 */
export type DaemonErrorReason = 'absent' | 'forbidden' | 'gone' | 'failed';

export class DaemonError extends Error {
  override readonly name = 'DaemonError';
  readonly reason: DaemonErrorReason;

  constructor(reason: DaemonErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What is answered to a path that no request can hold: in its body (ours), or in its first line (Node's). */
const tooLong: ReadonlySet<number | undefined> = new Set([413, 431]);

export class HttpReader implements Reader {
  readonly live = true;
  readonly #socketPath: string;

  /** Nothing is connected before something is asked. */
  constructor(folder: string) {
    this.#socketPath = `${folder}/${socketName}`;
  }

  /** Resolves when the command was carried out and is on disk, or was refused. */
  async command<Name extends CommandName>(name: Name, body: Commands[Name]): Promise<DoneBody | Refusal> {
    return this.#answerTo<DoneBody>('POST', `/v1/${name}`, body);
  }

  async status(): Promise<RecordingView & DaemonView> {
    return this.#fact('/v1/status');
  }

  ask<Q extends Question>(question: Q): Promise<AnswerTo<Q> | Refusal> {
    return this.#answerTo('GET', `/v1/${question.kind}?${searchFor(question)}`);
  }

  async askPast<Q extends PastQuestion>(question: Q, instant: Instant): Promise<PastAnswer<Q> | Unclear> {
    const search = searchFor(question);
    search.set('at', instantText(instant));
    const [status, body] = await this.#exchange('GET', `/v1/${question.kind}?${search}`);
    if (status === 200) return body as PastAnswer<Q>;
    const { moment, ...refused } = body as ErrorBody;
    if (status === 400 && moment === undefined) return { unclear: refused.error };
    const answer = refusalIn(refused);
    if (moment === undefined) throw new DaemonError('failed', refused.error);
    return { moment, answer };
  }

  async *log(query: LogQuery): AsyncGenerator<Entry> {
    for await (const line of this.#lines(`/v1/log?${searchOf(query)}`)) yield line as Entry;
  }

  head(): Promise<HeadView> {
    return this.#fact('/v1/head');
  }

  async verify(progress: (seq: number) => void, query: VerifyQuery = {}): Promise<Verification> {
    for await (const line of this.#lines(verifyPath(query))) {
      const answer = line as { seq: number } | Verification;
      if ('events' in answer) return answer;
      progress(answer.seq);
    }
    throw new DaemonError('failed', 'the daemon ended its answer before the check of the log was done');
  }

  async *export(): AsyncGenerator<Uint8Array> {
    const response = await this.#stream('/v1/export');
    try {
      for await (const chunk of response) yield chunk as Buffer;
    } catch (error) {
      throw this.#explained(error as Error);
    }
  }

  async close(): Promise<void> {
    // Each request has closed its own connection.
  }

  /** An answer that is never refused. */
  async #fact<T extends object>(path: string): Promise<T> {
    const answer = await this.#answerTo<T>('GET', path);
    if ('errno' in answer) throw new DaemonError('failed', `the daemon refused ${path}: ${answer.saw}`);
    return answer;
  }

  async #answerTo<T extends object>(
    method: 'GET' | 'POST',
    path: string,
    body?: object,
  ): Promise<T | Refusal> {
    const [status, answer] = await this.#exchange(method, path, body);
    if (status === 200) return answer as T;
    return refusalIn(answer as ErrorBody);
  }

  async #exchange(
    method: 'GET' | 'POST',
    path: string,
    body?: object,
  ): Promise<[status: number | undefined, answer: object]> {
    const response = await this.#send(method, path, body);
    const text = await this.#textOf(response);
    return [response.statusCode, this.#parsed(text)];
  }

  async *#lines(path: string): AsyncGenerator<object> {
    const response = await this.#stream(path);
    let rest = '';
    for await (const chunk of this.#chunks(response)) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield soundLine(this.#parsed(line));
    }
  }

  /** An answer that goes on for as long as it takes. */
  async #stream(path: string): Promise<IncomingMessage> {
    const response = await this.#send('GET', path);
    if (response.statusCode === 200) return response;
    const { saw } = refusalIn(this.#parsed(await this.#textOf(response)) as ErrorBody);
    throw new DaemonError('failed', saw);
  }

  #send(method: 'GET' | 'POST', path: string, body?: object): Promise<IncomingMessage> {
    const socketPath = this.#socketPath;
    const sizeBytes = Buffer.byteLength(socketPath);
    if (sizeBytes > socketPathLimitBytes) {
      // Nobody can listen there. The kernel would be asked for a path that was cut off.
      return Promise.reject(new DaemonError('absent', `no daemon can have its socket at ${socketPath}`));
    }
    return new Promise((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
      const request = openRequest({
        socketPath,
        method,
        path,
        agent: false,
        ...(body !== undefined && { headers }),
      });
      request.on('response', (response) => {
        if (tooLong.has(response.statusCode)) reject(new DaemonError('failed', 'the path is too long'));
        else resolve(response);
      });
      request.on('error', (error) => reject(this.#explained(error)));
      request.end(text);
    });
  }

  async #textOf(response: IncomingMessage): Promise<string> {
    let text = '';
    for await (const chunk of this.#chunks(response)) text += chunk;
    return text;
  }

  async *#chunks(response: IncomingMessage): AsyncGenerator<string> {
    response.setEncoding('utf8');
    try {
      for await (const chunk of response) yield chunk as string;
    } catch (error) {
      throw this.#explained(error as Error);
    }
  }

  #parsed(text: string): object {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null) return value;
    } catch {
      // Whatever is no JSON has the same meaning for us as JSON of another form.
    }
    throw new DaemonError('failed', `what answers at ${this.#socketPath} is no tasktrail daemon`);
  }

  #explained(error: Error & { code?: string }): DaemonError {
    switch (error.code) {
      case 'ENOENT':
      case 'ENOTDIR':
      case 'ECONNREFUSED':
        return new DaemonError('absent', `no daemon answers at ${this.#socketPath}`);
      case 'EACCES':
      case 'EPERM':
        return new DaemonError(
          'forbidden',
          `no permission to use ${this.#socketPath}: its owner and the members of its group may`,
        );
      case 'ECONNRESET':
      case 'EPIPE':
        return new DaemonError('gone', 'the daemon went away before it had answered in full');
      default:
        return new DaemonError('failed', `asking the daemon at ${this.#socketPath} failed: ${error.message}`);
    }
  }
}

/** A line of an answer, unless it is the last one of an answer that failed after it had begun. */
function soundLine(line: object): object {
  // Entries of the log have an error of their own at times, and always a seq.
  if ('error' in line && !('seq' in line)) throw new DaemonError('failed', String(line.error));
  return line;
}

/** The refusal that a body tells; anything else that went wrong is thrown. */
function refusalIn({ errno, saw, error }: ErrorBody): Refusal {
  if (errno === undefined || saw === undefined || !isErrno(errno)) throw new DaemonError('failed', error);
  return { errno, saw };
}

function verifyPath({ expect, since }: VerifyQuery): string {
  const search = new URLSearchParams({
    ...(expect && { expect: notedText(expect) }),
    ...(since && { since: instantText(since) }),
  });
  return search.size === 0 ? '/v1/verify' : `/v1/verify?${search}`;
}

function searchFor(question: PastQuestion): URLSearchParams {
  if (question.kind === 'path') return new URLSearchParams({ pid: String(question.pid) });
  if (question.kind === 'life') {
    const { task, pid, tree } = question;
    return new URLSearchParams({
      ...(task !== undefined && { task: String(task) }),
      ...(pid !== undefined && { pid: String(pid) }),
      ...(tree !== undefined && { tree }),
    });
  }
  const { path, tree } = question;
  const below = question.kind === 'tasks' && question.below === true;
  return new URLSearchParams({ path, ...(tree !== undefined && { tree }), ...(below && { below: '1' }) });
}

function searchOf({
  types,
  tree,
  path,
  pid,
  withoutFirstLook,
  limit,
  since,
  until,
  follow,
}: LogQuery): URLSearchParams {
  return new URLSearchParams({
    ...(types !== undefined && { types: types.join(',') }),
    ...(tree !== undefined && { tree }),
    ...(path !== undefined && { path }),
    ...(pid !== undefined && { pid: String(pid) }),
    ...(withoutFirstLook === true && { first: '0' }),
    ...(limit !== undefined && { limit: String(limit) }),
    ...(since !== undefined && { since: instantText(since) }),
    ...(until !== undefined && { until: instantText(until) }),
    ...(follow === true && { follow: '1' }),
  });
}
