/** The kernel's side of a session, in memory: asks by messages, and takes replies apart. */
import { strict as assert } from 'node:assert';
import { constants } from 'node:os';
import { Filesystem, type FilesystemOptions } from '../../src/fs/filesystem.ts';
import { operations } from '../../src/fs/header.ts';
import { Session } from '../../src/fs/session.ts';
import { Times } from '../../src/fs/times.ts';
import type { Recording } from '../support/recording.ts';
import { type Asker, bytesIn, long, message, word } from './messages.ts';

/** An errno by its name, or the body of the reply. */
type Replied = string | Buffer;

/** A filesystem of a recording as a client with no further group meets it. */
export function filesystemOf(recording: Recording, options: Partial<FilesystemOptions> = {}): Filesystem {
  return new Filesystem({
    recorder: recording.recorder,
    groupsOf: () => [],
    pidMeant: (_, number) => number,
    sharesPids: () => false,
    times: new Times(recording.clock),
    ...options,
  });
}

export class Client {
  readonly session: Session;
  readonly #waiting = new Map<number, (reply: Replied) => void>();
  #unique = 0;

  constructor(recording: Recording, options: Partial<FilesystemOptions> = {}) {
    this.session = new Session(filesystemOf(recording, options), (reply) => this.#take(reply));
  }

  /** Resolves with what is replied; never where nothing is. */
  ask(operation: keyof typeof operations, body: readonly Buffer[] = [], asker: Asker = {}): Promise<Replied> {
    this.#unique += 1;
    const unique = this.#unique;
    return new Promise((resolve) => {
      this.#waiting.set(unique, resolve);
      assert(this.session.take(message(operations[operation], body, { ...asker, unique })));
    });
  }

  /** The node of a path from the root on, or why there is none. */
  async node(path: string, asker: Asker = {}): Promise<number | string> {
    let node = 1;
    for (const name of path.split('/').filter(Boolean)) {
      const reply = await this.ask('lookup', [nameOf(name)], { ...asker, node });
      if (typeof reply === 'string') return reply;
      node = Number(reply.readBigUInt64LE(0));
    }
    return node;
  }

  async mkdir(path: string, asker: Asker = {}): Promise<string> {
    const { parent, name } = await this.#place(path);
    return this.#outcome('mkdir', [word(0o777), word(0o22), nameOf(name)], { ...asker, node: parent });
  }

  async rmdir(path: string, asker: Asker = {}): Promise<string> {
    const { parent, name } = await this.#place(path);
    return this.#outcome('rmdir', [nameOf(name)], { ...asker, node: parent });
  }

  async rename(from: string, to: string, asker: Asker = {}): Promise<string> {
    const [source, target] = [await this.#place(from), await this.#place(to)];
    const body = [long(target.parent), nameOf(source.name), nameOf(target.name)];
    return this.#outcome('rename', body, { ...asker, node: source.parent });
  }

  /** Opens a file for reading and writing; its handle, or why not. */
  async open(path: string, asker: Asker = {}): Promise<number | string> {
    const node = await this.node(path, asker);
    if (typeof node === 'string') return node;
    const reply = await this.ask('open', [word(2), word(0)], { ...asker, node });
    return typeof reply === 'string' ? reply : Number(reply.readBigUInt64LE(0));
  }

  async write(handle: number | string, text: string, asker: Asker = {}): Promise<string> {
    if (typeof handle === 'string') return handle;
    const bytes = Buffer.from(text, 'latin1');
    const body = [long(handle), long(0), word(bytes.length), word(0), long(0), word(1), word(0), bytes];
    return this.#outcome('write', body, asker);
  }

  async read(handle: number | string, offset = 0, sizeBytes = 4096): Promise<string> {
    if (typeof handle === 'string') return handle;
    const body = [long(handle), long(offset), word(sizeBytes), word(0), long(0), word(0), word(0)];
    const reply = await this.ask('read', body);
    return reply.toString('latin1');
  }

  /** The names in a directory, as they come, read in pieces of so many bytes. */
  async list(path: string, sizeBytes = 4096): Promise<string[] | string> {
    const opened = await this.ask('opendir', [word(0), word(0)], { node: Number(await this.node(path)) });
    if (typeof opened === 'string') return opened;
    const names: string[] = [];
    for (;;) {
      const body = [opened.subarray(0, 8), long(names.length), word(sizeBytes), word(0), long(0), long(0)];
      const reply = await this.ask('readdir', body);
      if (typeof reply === 'string') return reply;
      if (reply.length === 0) return names;
      names.push(...namesIn(reply));
    }
  }

  /** Links, mode and owner: `2 40755 0:0`. */
  async stat(node: number): Promise<string> {
    const reply = await this.ask('getattr', [long(0), long(0)], { node });
    if (typeof reply === 'string') return reply;
    const [mode, links, uid, gid] = [76, 80, 84, 88].map((at) => reply.readUInt32LE(at));
    return `${links} ${mode?.toString(8)} ${uid}:${gid}`;
  }

  async #outcome(operation: keyof typeof operations, body: readonly Buffer[], asker: Asker): Promise<string> {
    const reply = await this.ask(operation, body, asker);
    return typeof reply === 'string' ? reply : 'done';
  }

  async #place(path: string): Promise<{ parent: number; name: string }> {
    const [, above = '', name = ''] = /^(.*)\/([^/]*)$/.exec(path) ?? [];
    return { parent: Number(await this.node(above)), name };
  }

  #take(reply: Buffer): void {
    const [sizeBytes, errno, unique] = [reply.readUInt32LE(0), -reply.readInt32LE(4), reply.readUInt32LE(8)];
    assert.equal(sizeBytes, reply.length);
    // Nobody waits for the reply to a message that `ask` has not sent.
    if (unique === 0) return;
    const resolve = this.#waiting.get(unique);
    assert(resolve, `request ${unique} has one reply`);
    this.#waiting.delete(unique);
    const [name] = Object.entries(constants.errno).find(([, number]) => number === errno) ?? [];
    resolve(name ?? reply.subarray(16));
  }
}

export function nameOf(name: string): Buffer {
  return Buffer.concat([Buffer.from(name, 'latin1'), bytesIn('00')]);
}

function namesIn(entries: Buffer): string[] {
  const names: string[] = [];
  for (let at = 0; at < entries.length; ) {
    const length = entries.readUInt32LE(at + 16);
    names.push(entries.toString('latin1', at + 24, at + 24 + length));
    at += Math.ceil((24 + length) / 8) * 8;
  }
  return names;
}
