/**
 * The page's side: puts a recording into `level`, which is IndexedDB here, reads it from there with the same code as
 * Node, and sends back what it tells.
 */
import { Level } from 'level';
import type { Scale } from '../../projections/scale.ts';
import type { LifelineSource } from '../../projections/standing.ts';
import { World } from '../../projections/world.ts';
import { Block, blockOf, firstSeqOf } from '../../src/log/block.ts';
import { unsealed } from '../../src/log/checked.ts';
import { Chain, origin } from '../../src/log/commit.ts';
import { Dictionary } from '../../src/log/dictionary.ts';
import { allCommits, blockKey, chunkKey, pieceKey, seqOfCommitKey } from '../../src/log/keys.ts';
import { lifelineScale } from '../../src/log/lifelineScale.ts';
import { unpacked } from './entries.ts';
import { crc32, sha256 } from './hashes.ts';
import { tellOf } from './telling.ts';
import { standingsIn, type Told } from './told.ts';

type Store = Level<Uint8Array, Uint8Array>;

async function imported(): Promise<Store> {
  const level: Store = new Level('recording', { keyEncoding: 'view', valueEncoding: 'view' });
  await level.open();
  const response = await fetch('/recording');
  const entries = unpacked(new Uint8Array(await response.arrayBuffer()));
  await level.batch(entries.map(([key, value]) => ({ type: 'put', key, value })));
  return level;
}

/** The values of numbered keys, from 0 on, as long as there are any. */
async function valuesOf(level: Store, keyOf: (number: number) => Uint8Array): Promise<Uint8Array[]> {
  const values: Uint8Array[] = [];
  for (;;) {
    const value = await level.get(keyOf(values.length));
    if (value === undefined) return values;
    values.push(value);
  }
}

async function tell(scale: Scale): Promise<Told> {
  const level = await imported();
  const chunks = await valuesOf(level, chunkKey);
  const dictionary = new Dictionary((chunk) => chunks[chunk], crc32);
  const world = new World();
  let seq = 0;
  let link = origin;
  let block: Block | undefined;
  for (const value of await valuesOf(level, blockKey)) {
    block = new Block(value, dictionary, crc32);
    block.replay(seq + 1, block.lastSeq, (event) => world.apply(event));
    seq = block.lastSeq;
    link = block.head.linkAfter;
  }
  const chain = new Chain(link);
  for await (const [key, value] of level.iterator({ gte: allCommits.gte, lt: allCommits.lt })) {
    for (const event of chain.next(seqOfCommitKey(key) ?? 0, value, sha256)) {
      if (event.seq > seq) world.apply(event);
    }
  }
  const lifelines = await lifelinesIn(level, scale, block?.lastSeq ?? 0);
  await level.close();
  const { seq: lastSeq, hash } = chain.link;
  const standings = standingsIn(lifelines, world.hierarchy);
  return { seq: lastSeq, hash: [...hash], world: world.dump(), standings };
}

/** All of them, in memory: reading IndexedDB takes a turn of its own each time. */
async function lifelinesIn(level: Store, scale: Scale, sealedSeq: number): Promise<LifelineSource> {
  const lastSeq = sealedSeq - (sealedSeq % scale.windowEvents);
  const pieces = new Map<string, Uint8Array>();
  for (let window = 0; window < lastSeq / scale.windowEvents; window++) {
    for (let piece = 0; piece < scale.pieces; piece++) {
      const value = await level.get(pieceKey(window, piece));
      if (value) pieces.set(`${window} ${piece}`, value);
    }
  }
  return {
    scale,
    firstSeq: firstSeqOf(blockOf(1)),
    lastSeq,
    seqBeforeBirth: () => 1,
    piece: (window, piece) => {
      const value = pieces.get(`${window} ${piece}`);
      return value && unsealed(value, crc32);
    },
  };
}

await tellOf(async () => {
  const scale = (await (await fetch('/scale')).json()) as Scale;
  return tell({ ...lifelineScale, ...scale });
});
