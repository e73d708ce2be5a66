/**
 * A program for tests: records into a folder (argument 1), seals, and removes the beginning of what it has recorded, until
 * something ends it; says on stdout with which seq what is kept begins, each time.
 */
import { writeSync } from 'node:fs';
import { Cutter } from '../../src/log/cutter.ts';
import { snapshotKey } from '../../src/log/keys.ts';
import { openLevelLog, openLogReader } from '../../src/log/openLog.ts';
import { Sealer } from '../../src/log/sealer.ts';
import { exit } from './contract.ts';

const [folder = ''] = process.argv.slice(2);
const log = await openLevelLog({ folder });
log.append([exit(0, 1e15 + log.seq)]);
await log.commit('written');
const reader = await openLogReader(log);
const sealer = await Sealer.open(reader);
const cutter = new Cutter(reader);
for await (const batch of cutter.sweep()) await log.store(batch);
writeSync(1, `${log.keptFrom().seq}\n`);
for (let round = 0; ; round++) {
  log.append(Array.from({ length: 700 }, (_, task) => exit(task, 1e15 + log.seq)));
  await log.commit(round % 3 === 0 ? 'synced' : 'written');
  for (let sealed = await sealer.next(); sealed; sealed = await sealer.next()) {
    const snapshot = [snapshotKey(sealed.sealedSeq, 'world'), Uint8Array.of(1)] as const;
    await log.store({ ...sealed, puts: [...sealed.puts, snapshot] });
  }
  const places = (await reader.snapshotSeqs()).map((seq) => seq + 1);
  const place = places.at(-3);
  if (place === undefined || place <= log.keptFrom().seq) continue;
  for await (const batch of cutter.cut(place)) await log.store(batch);
  writeSync(1, `${place}\n`);
  while (await cutter.freeSome());
}
