/**
 * Chromium without a window, with a page of ours: what the page asks for is answered by this process, and what it sends
 * is handed over.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

/** A module and all that it imports, as a browser takes it. Fails where anything of Node is among that. */
export async function bundled(path: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'esm',
    target: 'chrome110',
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}

/**
 * Runs a script in a page and resolves with what it posts to `/told`; rejects with what it posts to `/failed`, or when
 * Chromium ends. `answers` are for what it gets, by path.
 */
export async function toldByPage(
  script: string,
  answers: Readonly<Record<string, string | Uint8Array>>,
): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'tasktrail-chromium-'));
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const told = new Promise<string>((resolve, reject) => {
    server.on('request', async (request: IncomingMessage, response: ServerResponse) => {
      const { url = '' } = request;
      const body = await bodyOf(request);
      const [type, answer] = contents(url, script, answers);
      response.writeHead(200, { 'content-type': type }).end(answer);
      if (url === '/told') resolve(body);
      if (url === '/failed') reject(new Error(body));
    });
  });
  const chromium = start(home, (server.address() as AddressInfo).port);
  const exit = once(chromium, 'exit');
  try {
    return await Promise.race([told, exit.then(() => Promise.reject(new Error('Chromium has ended')))]);
  } finally {
    chromium.kill();
    await exit;
    server.closeAllConnections();
    server.close();
    await rm(home, { recursive: true, maxRetries: 5 });
  }
}

function contents(
  url: string,
  script: string,
  answers: Readonly<Record<string, string | Uint8Array>>,
): readonly [type: string, content: string | Uint8Array] {
  if (url === '/') return ['text/html', '<!doctype html><script type="module" src="/page.js"></script>'];
  if (url === '/page.js') return ['text/javascript', script];
  return ['application/octet-stream', answers[url] ?? ''];
}

function start(home: string, port: number): ChildProcess {
  // Its sandbox does not work for root, and the page is ours.
  const options = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
  return spawn('chromium', [...options, `--user-data-dir=${home}`, `http://127.0.0.1:${port}/`], {
    stdio: 'ignore',
    env: { ...process.env, HOME: home },
  });
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  request.setEncoding('utf8');
  for await (const chunk of request) body += chunk;
  return body;
}
