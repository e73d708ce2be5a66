/**
 * The index of the blocks: it finds the same by its pages as by the blocks themselves.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BlockIndex, pageBlocks, writePage } from '../../src/log/blockIndex.ts';
import { crc32 } from '../../src/log/crc32.ts';

const index = suite('index');

const places = Array.from({ length: pageBlocks }, (_, block) => ({
  firstUs: 1e15 + 10 * block,
  tasksBefore: 3 * block,
}));
const page = writePage(places, crc32);

/** Finds a block by its time and by a task, and tells how many blocks were asked for that. */
function found(value: Uint8Array | undefined): readonly (number | undefined)[] {
  let asked = 0;
  const blocks = new BlockIndex(
    {
      page: () => value,
      place: (block) => {
        asked += 1;
        return places[block] ?? { firstUs: 0, tasksBefore: 0 };
      },
    },
    crc32,
  );
  const last = pageBlocks - 1;
  return [blocks.blockAt(1e15 + 1234, 0, last), blocks.blockOfTask(301, 0, last), asked];
}

index('a page is enough, and without one the blocks are asked', () => {
  assert.equal(found(page), [123, 100, 0]);
  const [time, task, asked] = found(undefined);
  assert.equal([time, task], [123, 100]);
  assert.ok((asked ?? 0) > 0);
});

index('a damaged page is as good as none', () => {
  const damaged = page.slice();
  damaged[2] = (damaged[2] ?? 0) ^ 0x10;
  assert.equal(found(damaged), found(undefined));
});

index.run();
