/**
 * A stand-in for the daemon: a server on a socket in a folder of its own, which answers as it is told and keeps
 * what it was asked.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { headerLimitBytes, socketName } from '../../src/http/api.ts';

export interface Asked {
  /** `GET /v1/tree?path=%2F`. */
  readonly question: string;
  readonly body: unknown;
}

export interface FakeDaemon {
  readonly folder: string;
  readonly asked: readonly Asked[];
  close(): Promise<void>;
}

/** What is answered to a question: the status and body, or whatever the function does with the response. */
export type Answer = readonly [status: number, body: unknown] | ((response: ServerResponse) => void);

/** A folder for a test, in which nobody listens. */
export function emptyFolder(): string {
  return mkdtempSync(join(tmpdir(), 'tasktrail-test-'));
}

/** Answers by the question's method and path, without what follows a question mark; others with 404. */
export async function openFakeDaemon(answers: Readonly<Record<string, Answer>>): Promise<FakeDaemon> {
  const folder = emptyFolder();
  const asked: Asked[] = [];
  const server = createServer({ maxHeaderSize: headerLimitBytes }, async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const question = `${request.method} ${request.url}`;
    asked.push({ question, body: text === '' ? undefined : JSON.parse(text) });
    const answer = answers[question.replace(/\?.*/, '')] ?? [404, { error: 'there is nothing' }];
    if (typeof answer === 'function') return answer(response);
    const [status, body] = answer;
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(join(folder, socketName), resolve));
  return {
    folder,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          rmSync(folder, { recursive: true });
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
