/**
 * The process that is killed: exports the recording in a folder to a file, or imports it from there (arguments: what, folder,
 * file). Says `ready` when it has loaded what it needs, and begins when it is told anything; says `done` at the end.
 */
import { once } from 'node:events';
import { createReadStream, writeSync } from 'node:fs';
import { openOutput } from '../../src/cli/outputFile.ts';
import { importWith } from '../../src/log/importer.ts';
import { Sealer } from '../../src/log/sealer.ts';
import { openOffline } from '../../src/offline.ts';
import { fakeTerminal } from '../../test/cli/fakeTerminal.ts';

const [what, folder = '', file = ''] = process.argv.slice(2);

writeSync(1, 'ready\n');
await once(process.stdin, 'data');
if (what === 'export') {
  const output = await openOutput(file, fakeTerminal());
  const reader = openOffline(folder);
  for await (const bytes of reader.export()) await output.write(bytes);
  await output.finish();
} else {
  // Random events are no story: nothing can be made of them but blocks.
  await importWith(folder, createReadStream(file), () => {}, Sealer.open);
}
writeSync(1, 'done\n');
process.exit();
