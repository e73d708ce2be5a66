/**
 * Images of a folder: read from a real one, and put down as one.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Image } from './disk.ts';

export function imageOf(root: string): Image {
  const image = new Map<string, Uint8Array | undefined>();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    image.set(path.slice(root.length + 1), entry.isDirectory() ? undefined : readFileSync(path));
  }
  // A folder comes before what is in it.
  return new Map([...image].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The folder must not be there. */
export function putDown(image: Image, root: string): void {
  mkdirSync(root);
  for (const [path, bytes] of image) {
    if (bytes === undefined) mkdirSync(join(root, path));
    else writeFileSync(join(root, path), bytes);
  }
}

/** The first path at which two images are not the same; undefined where they are. */
export function differenceOf(one: Image, other: Image): string | undefined {
  for (const path of new Set([...one.keys(), ...other.keys()])) {
    if (!one.has(path) || !other.has(path)) return path;
    const [a, b] = [one.get(path), other.get(path)];
    if (a === undefined || b === undefined ? a !== b : Buffer.compare(a, b) !== 0) return path;
  }
  return undefined;
}
