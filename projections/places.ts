/**
 * Places: where some tasks are, each in one container of every tree in which it is known to be, as a column a tree. Most
 * tasks are in few containers, which makes such columns narrow. Bytes in, bytes out; runs anywhere.
 *
 *     places = how many trees, then for each its number and the ids of containers (a column; 0 where a task has none)
 */
import { Column, writeColumn } from '../events/column.ts';
import type { RowReader, RowWriter } from '../events/rows.ts';
import type { Container } from './hierarchy.ts';
import type { Task } from './task.ts';

/** Ids of containers by the numbers of their trees. */
export type Places = ReadonlyMap<number, number>;

export function placesOf({ container, mirrored }: Pick<Task, 'container' | 'mirrored'>): Places {
  return new Map([container, ...mirrored].map((place: Container) => [place.tree, place.id]));
}

export function writePlaces(writer: RowWriter, rows: readonly Places[]): void {
  const trees = [...new Set(rows.flatMap((places) => [...places.keys()]))].sort((a, b) => a - b);
  writer.uint(trees.length);
  for (const tree of trees) {
    writer.uint(tree);
    const containers = rows.map((places) => places.get(tree) ?? 0);
    writeColumn(writer, containers, containers.length);
  }
}

/** Reads the places of `count` tasks, and leaves the reader behind them; returns those of task `i`, counted from 0 in here. */
export function readPlaces(reader: RowReader, count: number, i: number): Map<number, number> {
  const places = new Map<number, number>();
  const trees = reader.uint();
  for (let read = 0; read < trees; read++) {
    const tree = reader.uint();
    const column = new Column(reader, count);
    const container = column.at(i);
    if (container !== 0) places.set(tree, container);
  }
  return places;
}
