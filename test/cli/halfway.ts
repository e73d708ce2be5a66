/**
 * A program for tests: exports to a file (`export FILE`), or imports from one (`import FILE FOLDER`), comes half-way, says so,
 * and goes no further until it is killed.
 */
import { readFileSync, writeSync } from 'node:fs';
import { openOutput } from '../../src/cli/outputFile.ts';
import { importWith } from '../../src/log/importer.ts';
import { Sealer } from '../../src/log/sealer.ts';
import { fakeTerminal } from './fakeTerminal.ts';

const [what, file = '', folder = ''] = process.argv.slice(2);

function halfway(): Promise<never> {
  writeSync(1, 'half\n');
  return new Promise(() => setTimeout(() => {}, 60_000));
}

if (what === 'export') {
  const bytes = readFileSync(0);
  const output = await openOutput(file, fakeTerminal());
  await output.write(bytes.subarray(0, bytes.length >> 1));
  await halfway();
} else {
  const bytes = readFileSync(file);
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length - 1; at += 4096)
      yield bytes.subarray(at, Math.min(at + 4096, bytes.length - 1));
    await halfway();
  };
  await importWith(folder, chunks(), () => {}, Sealer.open);
}
