/**
 * The export file: a whole recording as one stream of bytes, which says itself what it is, and whether it is whole. Its
 * commits are those of the log byte for byte, so that the chain goes through it. Runs anywhere: no Node import.
 *
 *     file   = magic (`tasktrail export`, a newline), version (1 byte, 1), frames
 *     frame  = kind (1 byte), length of its content in bytes (4 bytes, big-endian), content
 *     'h'      JSON: recording id, and the link behind which the commits begin; the first frame, once
 *     's'      length of a projection's name (1 byte), the name, what it had come to before the first event: only of a
 *              recording whose beginning is not kept, before its commits
 *     'c'      a commit, as commit.ts says; in order
 *     'e'      JSON: how many commits, and the link that the last one makes; the last frame, with nothing behind it
 *     'x'      text: why whoever wrote this could not go on; then it is not whole
 */
import { DecodeError } from '../../events/rows.ts';
import { type Link, linkOf } from './commit.ts';

/** The version of export files that this tasktrail writes, and the latest that it reads. */
export const exportVersion = 1;

const magic = new TextEncoder().encode('tasktrail export\n');
const kinds = { head: 0x68, snapshot: 0x73, commit: 0x63, end: 0x65, failure: 0x78 } as const;
const frameHeadBytes = 5;
/** Nothing that is written is longer: what claims to be is damaged. */
const contentLimitBytes = 2 ** 30;

/** Bytes that are no whole export. The message is a phrase that says why. */
export class ExportError extends Error {
  override readonly name = 'ExportError';
}

/** A link as JSON has it. */
export interface LinkText {
  readonly seq: number;
  readonly timeUs: number;
  /** 64 hex digits. */
  readonly hash: string;
}

export interface HeadFrame {
  readonly kind: 'head';
  readonly recording: string;
  /** The commits begin behind this one. */
  readonly after: LinkText;
  /**
   * The first event that can be told, and when it happened (wall-clock microseconds), where what came before is only there
   * as snapshots.
   */
  readonly from?: { readonly seq: number; readonly timeUs: number };
}

/** What a projection had come to before the first event. */
export interface SnapshotFrame {
  readonly kind: 'snapshot';
  readonly projection: string;
  readonly bytes: Uint8Array;
}

export interface CommitFrame {
  readonly kind: 'commit';
  readonly value: Uint8Array;
  /** The last seq of the commit. */
  readonly seq: number;
}

export interface EndFrame {
  readonly kind: 'end';
  readonly commits: number;
  readonly head: LinkText;
}

export type Frame = HeadFrame | SnapshotFrame | CommitFrame | EndFrame;

// Writing.

/** The beginning of a file. */
export function writeHead(head: Omit<HeadFrame, 'kind'>): Uint8Array {
  const frame = writeFrame(kinds.head, jsonBytes(head));
  const bytes = new Uint8Array(magic.length + 1 + frame.length);
  bytes.set(magic);
  bytes[magic.length] = exportVersion;
  bytes.set(frame, magic.length + 1);
  return bytes;
}

export function writeSnapshot({ projection, bytes }: Omit<SnapshotFrame, 'kind'>): Uint8Array {
  const name = new TextEncoder().encode(projection);
  const content = new Uint8Array(1 + name.length + bytes.length);
  content[0] = name.length;
  content.set(name, 1);
  content.set(bytes, 1 + name.length);
  return writeFrame(kinds.snapshot, content);
}

export function writeCommit(value: Uint8Array): Uint8Array {
  return writeFrame(kinds.commit, value);
}

export function writeEnd({ commits, head }: Omit<EndFrame, 'kind'>): Uint8Array {
  return writeFrame(kinds.end, jsonBytes({ commits, head }));
}

/** The last frame of what cannot be written to its end. */
export function writeFailure(why: string): Uint8Array {
  return writeFrame(kinds.failure, new TextEncoder().encode(why));
}

export function linkText({ seq, timeUs, hash }: Link): LinkText {
  return { seq, timeUs, hash: Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('') };
}

function writeFrame(kind: number, content: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameHeadBytes + content.length);
  frame[0] = kind;
  new DataView(frame.buffer).setUint32(1, content.length);
  frame.set(content, frameHeadBytes);
  return frame;
}

function jsonBytes(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

// Reading.

/**
 * The frames of a file, of which the first is the head and the last the end. Throws an `ExportError` where the bytes are not
 * a whole export; whether the commits hold what they should is for the chain to tell.
 */
export async function* framesIn(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  const source = new Source(chunks);
  await checkMagic(source);
  let isFirst = true;
  for (;;) {
    const frame = await frameIn(source);
    if (isFirst !== (frame.kind === 'head')) throw new ExportError('its frames are not in order');
    isFirst = false;
    yield frame;
    if (frame.kind !== 'end') continue;
    if (await source.take(1)) throw new ExportError('something follows its end');
    return;
  }
}

async function checkMagic(source: Source): Promise<void> {
  const begin = await source.take(magic.length);
  if (!begin || begin.some((byte, i) => byte !== magic[i])) {
    throw new ExportError('it does not begin as an export of tasktrail does');
  }
  const version = (await source.take(1))?.[0];
  if (version === undefined) throw cutOff();
  if (version === exportVersion) return;
  throw new ExportError(
    `it is an export of version ${version}, and this tasktrail reads version ${exportVersion}: use a newer tasktrail`,
  );
}

async function frameIn(source: Source): Promise<Frame> {
  const head = await source.take(frameHeadBytes);
  if (!head) throw cutOff();
  const length = new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(1);
  if (length > contentLimitBytes) throw new ExportError(`a frame of ${length} bytes is longer than any is`);
  const content = await source.take(length);
  if (!content) throw cutOff();
  switch (head[0]) {
    case kinds.head:
      return headFrameIn(content);
    case kinds.snapshot:
      return snapshotFrameIn(content);
    case kinds.commit:
      return { kind: 'commit', value: content, seq: seqOf(content) };
    case kinds.end:
      return endFrameIn(content);
    case kinds.failure:
      throw new ExportError(`it was broken off: ${new TextDecoder().decode(content)}`);
    default:
      throw new ExportError(`no frame is of kind ${head[0]}`);
  }
}

function seqOf(value: Uint8Array): number {
  try {
    return linkOf(value).seq;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new ExportError(error.message);
  }
}

function headFrameIn(content: Uint8Array): HeadFrame {
  const { recording, after, from } = jsonIn(content);
  if (typeof recording !== 'string' || !isLink(after) || !(from === undefined || isPlace(from))) {
    throw new ExportError('its first frame is damaged');
  }
  return { kind: 'head', recording, after, ...(from && { from }) };
}

function snapshotFrameIn(content: Uint8Array): SnapshotFrame {
  const end = 1 + (content[0] ?? 0);
  if (content.length < end) throw new ExportError('a snapshot has no name');
  const projection = new TextDecoder().decode(content.subarray(1, end));
  return { kind: 'snapshot', projection, bytes: content.subarray(end) };
}

function endFrameIn(content: Uint8Array): EndFrame {
  const { commits, head } = jsonIn(content);
  if (typeof commits !== 'number' || !isLink(head)) throw new ExportError('its last frame is damaged');
  return { kind: 'end', commits, head };
}

function jsonIn(content: Uint8Array): { readonly [name: string]: unknown } {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(content));
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch {
    // What is no JSON has no fields, which is for the caller to name.
  }
  return {};
}

function isLink(value: unknown): value is LinkText {
  return isPlace(value) && 'hash' in value && /^[0-9a-f]{64}$/.test(String(value.hash));
}

function isPlace(value: unknown): value is { readonly seq: number; readonly timeUs: number } {
  if (typeof value !== 'object' || value === null) return false;
  const { seq, timeUs } = value as { readonly [name: string]: unknown };
  return Number.isSafeInteger(seq) && Number.isSafeInteger(timeUs);
}

function cutOff(): ExportError {
  return new ExportError('it was cut off before its end');
}

/** Bytes that come in chunks, taken in other pieces. */
class Source {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next bytes, so many; undefined where there are not so many any more. */
  async take(length: number): Promise<Uint8Array | undefined> {
    while (this.#heldBytes < length) {
      const { done, value } = await this.#chunks.next();
      if (done === true) return undefined;
      this.#held.push(value);
      this.#heldBytes += value.length;
    }
    const bytes = this.#joined();
    this.#held = [bytes.subarray(length)];
    this.#heldBytes -= length;
    return bytes.subarray(0, length);
  }

  #joined(): Uint8Array {
    const [first] = this.#held;
    if (first && this.#held.length === 1) return first;
    const bytes = new Uint8Array(this.#heldBytes);
    let at = 0;
    for (const chunk of this.#held) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }
}
