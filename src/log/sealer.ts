/**
 * The sealer: makes the next block out of the commits at the tail's beginning. It reads and computes, on any thread, and
 * writes nothing: what it makes is for the log's one writer to write, in one piece.
 */
import { assert } from '../../events/assert.ts';
import type { Event } from '../../events/event.ts';
import { DecodeError } from '../../events/rows.ts';
import type { KeptFrom } from '../ports.ts';
import { Block, type BlockHead, blockEvents, blockOf, firstSeqOf, writeBlock } from './block.ts';
import { type BlockPlace, pageBlocks, writePage } from './blockIndex.ts';
import type { Link } from './commit.ts';
import { crc32 } from './crc32.ts';
import { chunkOf, chunkStrings, DictionaryWriter, writeChunk } from './dictionary.ts';
import { isLevelDamage, UnsoundLogError } from './errors.ts';
import { allChunks, blockKey, chunkKey, chunkOfKey, commitKey, pageKey } from './keys.ts';
import type { LevelReader } from './levelReader.ts';
import { commitsBehind } from './tail.ts';

/** What is to be written in one piece: values by their keys, and keys that go. */
export interface Batch {
  readonly puts: readonly (readonly [key: Uint8Array, value: Uint8Array])[];
  readonly dels: readonly Uint8Array[];
  /** The last seq that a block has from then on, where that changes. */
  readonly sealedSeq?: number;
  /** Where what is kept begins from then on, where that changes. */
  readonly keptFrom?: KeptFrom;
  /** It must survive a loss of power before anything else may be done. */
  readonly synced?: boolean;
}

/** A block that is ready to take the place of commits. */
export interface Sealing extends Batch {
  readonly sealedSeq: number;
  readonly block: Block;
  readonly events: readonly Event[];
}

/** A commit of the tail, as far as it is needed here. */
interface Waiting {
  readonly firstSeq: number;
  readonly link: Link;
}

export class Sealer {
  readonly #reader: LevelReader;
  readonly #dictionary: DictionaryWriter;
  /** Where the chain stands behind the last commit that was read. */
  #readLink: Link;
  /** Where it stands behind the last commit that ended in a block. */
  #sealedLink: Link;
  #tasks: number;
  #nextBlock: number;
  /** What was read and is in no block yet. */
  #events: Event[] = [];
  #commits: Waiting[] = [];
  /** The places of the blocks in the page that is not full yet. */
  #places: BlockPlace[];

  /** Goes on behind the last block of a recording, of which no other sealer may be at work. */
  static async open(reader: LevelReader): Promise<Sealer> {
    const last = await reader.lastBlock();
    return new Sealer(reader, last, last ? await dictionaryAfter(reader, last) : new DictionaryWriter());
  }

  constructor(reader: LevelReader, last: Block | undefined, dictionary: DictionaryWriter) {
    this.#reader = reader;
    const beginning = reader.origin();
    this.#nextBlock = last ? blockOf(last.head.firstSeq) + 1 : blockOf(beginning.firstSeq);
    this.#sealedLink = last?.head.linkAfter ?? beginning.link;
    this.#readLink = this.#sealedLink;
    this.#tasks = last ? tasksAfter(last) : 0;
    this.#dictionary = dictionary;
    this.#places = [];
    for (let block = this.#nextBlock - (this.#nextBlock % pageBlocks); block < this.#nextBlock; block++) {
      this.#places.push(placeIn(reader, block) ?? this.#places.at(-1) ?? { firstUs: 0, tasksBefore: 0 });
    }
  }

  /** The last seq that a block has. */
  get sealedSeq(): number {
    return firstSeqOf(this.#nextBlock) - 1;
  }

  /** The next block; undefined while the tail has not enough. What was given out before must be written by then. */
  async next(): Promise<Sealing | undefined> {
    if (this.#events.length < blockEvents) await this.#readOn();
    if (this.#events.length < blockEvents) return undefined;
    return this.#seal(this.#events.splice(0, blockEvents));
  }

  async #readOn(): Promise<void> {
    for await (const { events, link } of commitsBehind(this.#reader.store, this.#readLink)) {
      this.#readLink = link;
      this.#commits.push({ firstSeq: link.seq - events.length + 1, link });
      for (const event of events) if (event.seq > this.sealedSeq) this.#events.push(event);
      if (this.#events.length >= blockEvents) return;
    }
  }

  #seal(events: readonly Event[]): Sealing {
    const firstSeq = firstSeqOf(this.#nextBlock);
    assert(events[0]?.seq === firstSeq, `block ${this.#nextBlock} begins with seq ${firstSeq}`);
    const ended = this.#takeEnded(firstSeq + blockEvents - 1);
    const linkAfter = ended.at(-1)?.link ?? this.#sealedLink;
    this.#dictionary.turn();
    const head: BlockHead = {
      firstSeq,
      tasksBefore: this.#tasks,
      firstString: this.#dictionary.firstString,
      linkBefore: this.#sealedLink,
      linkAfter,
    };
    const ends = ended.map(({ link }) => link.seq);
    const value = writeBlock(head, ends, events, this.#dictionary, crc32);
    const chunks = this.#dictionary.takeChunks();
    const block = new Block(value, this.#reader.dictionary, crc32);
    const pages = this.#fill({ firstUs: block.firstUs, tasksBefore: this.#tasks });
    const puts = [
      ...chunks.map(([chunk, strings]) => [chunkKey(chunk), writeChunk(strings, crc32)] as const),
      [blockKey(this.#nextBlock), value] as const,
      ...pages,
    ];
    this.#sealedLink = linkAfter;
    this.#tasks = tasksAmong(events, this.#tasks);
    this.#nextBlock += 1;
    const dels = ended.map((commit) => commitKey(commit.firstSeq));
    return { block, events, puts, dels, sealedSeq: block.lastSeq };
  }

  /** The commits that end at this seq or before. */
  #takeEnded(lastSeq: number): readonly Waiting[] {
    const open = this.#commits.findIndex(({ link }) => link.seq > lastSeq);
    return this.#commits.splice(0, open < 0 ? this.#commits.length : open);
  }

  #fill(place: BlockPlace): readonly (readonly [Uint8Array, Uint8Array])[] {
    this.#places.push(place);
    if (this.#places.length < pageBlocks) return [];
    const page = writePage(this.#places, crc32);
    this.#places = [];
    return [[pageKey(Math.floor(this.#nextBlock / pageBlocks)), page]];
  }
}

/**
 * Undefined for a block that has been removed, and is of no page either; and for one that is damaged, in whose place
 * whoever is led to it is told so.
 */
function placeIn(reader: LevelReader, number: number): BlockPlace | undefined {
  try {
    const block = reader.block(number);
    return block && { firstUs: block.firstUs, tasksBefore: block.head.tasksBefore };
  } catch (error) {
    if (error instanceof UnsoundLogError) return undefined;
    throw error;
  }
}

function tasksAfter(block: Block): number {
  let tasks = block.head.tasksBefore;
  block.replay(block.head.firstSeq, block.lastSeq, (event) => {
    tasks = tasksBehind(event, tasks);
  });
  return tasks;
}

function tasksAmong(events: readonly Event[], before: number): number {
  return events.reduce((tasks, event) => tasksBehind(event, tasks), before);
}

/** Task ids are dense: those of births are the numbers of tasks. */
function tasksBehind(event: Event, tasks: number): number {
  return event.type === 'fork' || event.type === 'adopt' ? Math.max(tasks, event.task) : tasks;
}

/**
 * The dictionary's last generation, as it was left behind the last block. Where that is damaged, which whoever reads those
 * blocks is told, another one begins.
 */
async function dictionaryAfter(reader: LevelReader, last: Block): Promise<DictionaryWriter> {
  try {
    return lastGeneration(reader, last);
  } catch (error) {
    if (!(error instanceof DecodeError || isLevelDamage(error))) throw error;
    const [key] = await reader.store.level.keys({ ...allChunks, reverse: true, limit: 1 }).all();
    const chunk = key === undefined ? undefined : chunkOfKey(key);
    return new DictionaryWriter(((chunk ?? chunkOf(last.head.firstString)) + 1) * chunkStrings);
  }
}

function lastGeneration(reader: LevelReader, { head: { firstString } }: Block): DictionaryWriter {
  const strings: string[] = [];
  for (let chunk = chunkOf(firstString); ; chunk++) {
    const value = reader.store.level.getSync(chunkKey(chunk));
    if (value === undefined) break;
    const more = reader.dictionary.chunk(chunk);
    strings.push(...more);
    if (more.length < chunkStrings) break;
  }
  return new DictionaryWriter(firstString, strings);
}
