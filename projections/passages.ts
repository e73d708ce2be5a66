/**
 * Passages: what happened to tasks in a window after they were born: their moves and their ends; and now and then a
 * *roll*, of all who lived when the window began and where they were. Stored in pieces, each of some tasks. Bytes in,
 * bytes out; runs anywhere.
 *
 *     piece = how many windows before this one the last roll was, trees that went (how many; event and tree of each),
 *             the roll where it is in here (ids, places), ends (ids, events), moves (ids, events, containers, trees)
 *     ids   = how many, how many bytes follow, the first and how much each is above the one before, in steps of the
 *             number of pieces, by which all ids in a piece are apart
 *
 * An event is told by how far it is behind the window's beginning; events, containers and trees are columns.
 */
import { Column, writeColumn } from '../events/column.ts';
import { type RowReader, RowWriter } from '../events/rows.ts';
import { type Places, readPlaces, writePlaces } from './places.ts';

/** A tree that is mirrored no longer, and nobody is in. */
export interface TreeEnd {
  readonly offset: number;
  readonly tree: number;
}

export interface TaskEnd {
  readonly task: number;
  readonly offset: number;
}

export interface Move extends TaskEnd {
  readonly container: number;
  readonly tree: number;
}

/** Somebody who lived when the window began. */
export interface Rolled {
  readonly task: number;
  readonly places: Places;
}

/** What a piece tells, but for its roll. */
export interface Draft {
  readonly ends: TaskEnd[];
  readonly moves: Move[];
}

/** The part of a piece with its roll, by ascending ids. */
export function rollOf(rolled: readonly Rolled[], pieces: number): Uint8Array {
  const writer = new RowWriter();
  writeIds(writer, rolled, pieces);
  writePlaces(
    writer,
    rolled.map(({ places }) => places),
  );
  return writer.buffer.slice(0, writer.length);
}

/** `roll` is there where `rollDistance`, in windows, is 0. */
export function writePiece(
  writer: RowWriter,
  { ends, moves }: Draft,
  treeEnds: readonly TreeEnd[],
  rollDistance: number,
  roll: Uint8Array | undefined,
  pieces: number,
): void {
  writer.uint(rollDistance);
  writer.uint(treeEnds.length);
  for (const { offset, tree } of treeEnds) {
    writer.uint(offset);
    writer.uint(tree);
  }
  if (roll) writer.raw(roll);
  const ended = [...ends].sort((a, b) => a.task - b.task);
  writeIds(writer, ended, pieces);
  column(writer, ended, 'offset');
  const moved = [...moves].sort((a, b) => a.task - b.task || a.offset - b.offset);
  writeIds(writer, moved, pieces);
  column(writer, moved, 'offset');
  column(writer, moved, 'container');
  column(writer, moved, 'tree');
}

/** What a piece tells of one task. */
export interface Passage {
  /** How many windows before this one the last roll was. */
  readonly rollDistance: number;
  readonly treeEnds: readonly TreeEnd[];
  /** Where it was when the window began; undefined where it did not live then, or this window has no roll. */
  readonly atBeginning: Places | undefined;
  /** The event with which it ended. */
  readonly endOffset: number | undefined;
  /** In their order. */
  readonly moves: readonly Step[];
}

/** A move of a task that is known. */
type Step = Omit<Move, 'task'>;

/** Throws a `DecodeError` where this is no piece. */
export function readPassage(reader: RowReader, task: number, pieces: number): Passage {
  const step = Math.floor(task / pieces);
  const rollDistance = reader.uint();
  const treeEnds = readTreeEnds(reader);
  const atBeginning = rollDistance === 0 ? readRolled(reader, step) : undefined;
  const ends = findId(reader, step);
  const endOffsets = new Column(reader, ends.count);
  return {
    rollDistance,
    treeEnds,
    atBeginning,
    endOffset: ends.found === 0 ? undefined : endOffsets.at(ends.first),
    moves: readMoves(reader, step),
  };
}

/** How many windows before its own the last roll was that a piece knows of. */
export function readRollDistance(reader: RowReader): number {
  return reader.uint();
}

function column<Field extends string>(
  writer: RowWriter,
  rows: readonly { readonly [F in Field]: number }[],
  field: Field,
): void {
  writeColumn(
    writer,
    rows.map((row) => row[field]),
    rows.length,
  );
}

function writeIds(writer: RowWriter, rows: readonly { readonly task: number }[], pieces: number): void {
  const steps = new RowWriter();
  let before = 0;
  for (const { task } of rows) {
    const step = Math.floor(task / pieces);
    steps.uint(step - before);
    before = step;
  }
  writer.uint(rows.length);
  writer.uint(steps.length);
  writer.raw(steps.buffer.subarray(0, steps.length));
}

/** Where an id stands among those that follow, and how often in a row; the reader is left behind them all. */
function findId(reader: RowReader, step: number): { count: number; first: number; found: number } {
  const count = reader.uint();
  const length = reader.uint();
  const start = reader.offset;
  let at = 0;
  let first = 0;
  let found = 0;
  for (let i = 0; i < count; i++) {
    at += reader.uint();
    if (at > step) break;
    if (at < step) continue;
    if (found === 0) first = i;
    found += 1;
  }
  reader.offset = start;
  reader.skip(length);
  return { count, first, found };
}

function readRolled(reader: RowReader, step: number): Places | undefined {
  const { count, first, found } = findId(reader, step);
  const places = readPlaces(reader, count, found === 0 ? -1 : first);
  return found === 0 ? undefined : places;
}

const noMoves: readonly Step[] = [];

function readMoves(reader: RowReader, step: number): readonly Step[] {
  const { count, first, found } = findId(reader, step);
  // Nothing follows, and most tasks never move: their columns need not be read.
  if (found === 0) return noMoves;
  const offsets = new Column(reader, count);
  const containers = new Column(reader, count);
  const trees = new Column(reader, count);
  return Array.from({ length: found }, (_, i) => ({
    offset: offsets.at(first + i),
    container: containers.at(first + i),
    tree: trees.at(first + i),
  }));
}

const noTreeEnds: readonly TreeEnd[] = [];

function readTreeEnds(reader: RowReader): readonly TreeEnd[] {
  const count = reader.uint();
  if (count === 0) return noTreeEnds;
  return Array.from({ length: count }, () => ({ offset: reader.uint(), tree: reader.uint() }));
}
