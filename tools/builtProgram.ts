/**
 * The built program: what users run, for tests and tools that start it as a process of its own. It starts in a fraction
 * of the time that its source needs to be translated first.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('..', import.meta.url));
const sources = ['src', 'events', 'projections'];

/** The file to be run by Node. Throws where it is missing, or older than what it is built from. */
export function builtProgram(): string {
  const program = join(repository, 'dist/src/cli/main.js');
  if (!existsSync(program)) throw new Error(`${program} is missing: build it with npm run build`);
  for (const folder of sources) {
    for (const file of readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })) {
      if (file.endsWith('.ts')) requireBuilt(join(folder, file));
    }
  }
  return program;
}

function requireBuilt(source: string): void {
  const built = join(repository, 'dist', source.replace(/\.ts$/, '.js'));
  if (existsSync(built) && changedMs(built) >= changedMs(join(repository, source))) return;
  throw new Error(`${source} is newer than what was built of it: build it with npm run build`);
}

function changedMs(file: string): number {
  return statSync(file).mtimeMs;
}
