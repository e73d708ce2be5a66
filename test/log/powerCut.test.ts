/**
 * Losses of power, in their short form: what they may leave of a disk, and that a log which is opened on it has what
 * was answered and nothing else. `tools/powercut.ts` does the same at length.
 */
import { constants } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '../../src/random.ts';
import { Disk } from '../../tools/powercut/disk.ts';
import type { Operation } from '../../tools/powercut/operations.ts';
import { outage } from '../../tools/powercut/outages.ts';
import { runPowerCuts } from '../../tools/powercut/run.ts';
import { testNeeding } from '../support/needs.ts';

const powerCut = suite('power cut');
const short = { workloads: 2, commits: 200 } as const;

testNeeding(powerCut, ['cc'], 'nothing that was answered is missing, and nothing else is there', async () => {
  const { verdicts, faults, syncs, tables } = await runPowerCuts({
    ...short,
    seed: 1,
    images: 60,
    syncs: true,
  });
  assert.equal(faults, []);
  assert.ok(verdicts.sound > 90, `only ${verdicts.sound} were opened`);
  assert.ok(syncs > 100, `only ${syncs} syncs`);
  assert.ok(tables > 3, `only ${tables} tables`);
});

testNeeding(powerCut, ['cc'], 'where syncs count for nothing, what was answered is missing', async () => {
  const { verdicts } = await runPowerCuts({ ...short, workloads: 1, seed: 2, images: 40, syncs: false });
  assert.ok(verdicts.missing > 5, `something was missing in ${verdicts.missing} only`);
});

const created = constants.O_CREAT | constants.O_WRONLY;
const made: readonly Operation[] = [
  { kind: 'open', fd: 3, flags: 0, path: '' },
  { kind: 'open', fd: 4, flags: created, path: 'a' },
  { kind: 'write', fd: 4, offset: 0, bytes: Buffer.alloc(1500, 1) },
];
const synced: readonly Operation[] = [
  { kind: 'sync', fd: 4, sync: 1 },
  { kind: 'synced', sync: 1 },
  { kind: 'sync', fd: 3, sync: 2 },
  { kind: 'synced', sync: 2 },
];

/** All that losses of power leave of the file `a`, as runs of equal bytes; `-` where it is not there. */
function leftOf(operations: readonly Operation[], syncs = true): string[] {
  const disk = new Disk(new Map(), syncs);
  for (const operation of operations) disk.apply(operation);
  const left = new Set<string>();
  for (let seed = 0; seed < 2000; seed++) {
    const image = disk.image(outage(seededRandom(seed), disk.at));
    left.add(image.has('a') ? runsIn(image.get('a') ?? new Uint8Array()) : '-');
  }
  return [...left].sort();
}

function runsIn(bytes: Uint8Array): string {
  const runs: { value: number; length: number }[] = [];
  for (const value of bytes) {
    const last = runs.at(-1);
    if (last?.value === value) last.length += 1;
    else runs.push({ value, length: 1 });
  }
  return runs.map(({ value, length }) => `${length}x${value}`).join(' ');
}

powerCut('a file that was synced, and its folder too, is left whole', () => {
  assert.equal(leftOf([...made, ...synced]), ['1500x1']);
});

powerCut('a file is lost with its name, though it was synced itself', () => {
  assert.equal(leftOf([...made, ...synced.slice(0, 2)]), ['-', '1500x1']);
});

powerCut('any sector of what was not synced may be left, and any may be lost', () => {
  const left = leftOf(made);
  for (const one of ['-', '', '1500x1', '1500x0', '512x0 988x1', '512x1 512x0 476x1', '1024x1 476x0']) {
    assert.ok(left.includes(one), `${one} of ${left.join(', ')}`);
  }
  assert.is(left.length, 10);
});

powerCut('a sync counts for what came before it began, not for what came before it was done', () => {
  const write: Operation = { kind: 'write', fd: 4, offset: 0, bytes: Buffer.alloc(512, 2) };
  const [begun, done, ...folder] = synced;
  assert.ok(begun && done);
  const left = leftOf([...made, begun, write, done, ...folder]);
  assert.equal(left, ['1500x1', '512x2 988x1']);
});

powerCut('what was written is not older than what a later sync found', () => {
  const write: Operation = { kind: 'write', fd: 4, offset: 100, bytes: Buffer.alloc(100, 2) };
  assert.equal(leftOf([...made, write, ...synced]), ['100x1 100x2 1300x1']);
});

powerCut('names change in order: no later one is left where an earlier one is lost', () => {
  const renamed: readonly Operation[] = [
    { kind: 'rename', path: 'a', to: 'b' },
    { kind: 'open', fd: 5, flags: created, path: 'a' },
  ];
  assert.equal(leftOf([...made, ...synced, ...renamed]), ['', '-', '1500x1']);
});

powerCut('where syncs count for nothing, nothing has to be left', () => {
  assert.ok(leftOf([...made, ...synced], false).includes('-'));
});

powerCut.run();
