/**
 * NATS JetStream as a contestant: a server of its own with a stream in a file, an event a message, published raw on
 * one connection. It acknowledges what is in the page cache; nothing here is durable.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { cpuUsOf } from '../bench/daemon.ts';
import type { Contestant } from '../bench/log/contestant.ts';
import { packed } from './packed.ts';

const subject = 'events';
const inbox = 'acks';
const startLimitMs = 5000;

export const jetStream: Contestant = {
  name: 'JetStream, an event a message',
  overlaps: true,
  forgets: true,
  open: async (folder) => {
    const port = await freePort();
    const server = spawn('nats-server', ['-js', '-sd', folder, '-a', '127.0.0.1', '-p', String(port)], {
      stdio: 'ignore',
    });
    const connection = new Connection(await connected(server, port));
    await connection.request(
      `$JS.API.STREAM.CREATE.${subject}`,
      JSON.stringify({ name: subject, subjects: [subject], storage: 'file', retention: 'limits' }),
    );
    return {
      othersUs: () => cpuUsOf(server.pid ?? 0),
      commit: (events) => connection.publish(events.map((event) => packed([event]))),
      close: async () => {
        connection.close();
        server.kill('SIGTERM');
        await once(server, 'exit');
      },
    };
  },
};

/** One connection, by the text protocol of NATS. Acknowledgements come in the order of the messages. */
class Connection {
  readonly #socket: Socket;
  #rest = '';
  #acknowledged = 0;
  #published = 0;
  #waiting: { readonly count: number; resolve(): void; reject(error: Error): void }[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('latin1').on('data', (text: string) => this.#take(text));
    socket.write(`CONNECT {"verbose":false,"pedantic":false,"headers":false}\r\nSUB ${inbox} 1\r\n`);
  }

  /** Resolves when all of them are acknowledged. */
  publish(messages: readonly Uint8Array[]): Promise<void> {
    return this.#send(messages.map((message) => [subject, message] as const));
  }

  async request(to: string, text: string): Promise<void> {
    await this.#send([[to, Buffer.from(text)]]);
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(messages: readonly (readonly [string, Uint8Array])[]): Promise<void> {
    const parts = messages.flatMap(([to, message]) => [
      Buffer.from(`PUB ${to} ${inbox} ${message.length}\r\n`),
      message,
      lineEnd,
    ]);
    this.#published += messages.length;
    this.#socket.write(Buffer.concat(parts));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ count: this.#published, resolve, reject });
    });
  }

  /** `MSG acks 1 42\r\n{"stream":"events","seq":1}\r\n`; between these PING, to be answered, and what is told at first. */
  #take(text: string): void {
    const lines = (this.#rest + text).split('\r\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === 'PING') this.#socket.write('PONG\r\n');
      if (line.startsWith('-ERR') || line.includes('"error"')) this.#fail(line);
      if (line.startsWith('{')) this.#acknowledged += 1;
    }
    const done = this.#waiting.filter(({ count }) => count <= this.#acknowledged);
    this.#waiting = this.#waiting.slice(done.length);
    for (const { resolve } of done) resolve();
  }

  #fail(line: string): void {
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(`nats-server: ${line}`));
  }
}

const lineEnd = Buffer.from('\r\n');

async function connected(server: ChildProcess, port: number): Promise<Socket> {
  const failed = once(server, 'exit').then(() => {
    throw new Error('nats-server has ended: is it installed?');
  });
  for (const endMs = performance.now() + startLimitMs; performance.now() < endMs; await setTimeout(20)) {
    const socket = createConnection(port, '127.0.0.1');
    const isThere = once(socket, 'connect').then(
      () => true,
      () => false,
    );
    if (await Promise.race([isThere, failed])) {
      failed.catch(() => {});
      return socket;
    }
  }
  throw new Error('nats-server does not answer');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}
