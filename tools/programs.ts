/**
 * The small C programs in `tools/programs/`, which do to themselves what no shell can do: compiled when they are
 * needed, into a temporary folder that goes when this process does.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

let folder: string | undefined;
const compiled = new Map<string, string>();

/**
 * The path of the program that `tools/programs/NAME.c` makes, with the flags of the libraries that it needs. Throws
 * where it does not compile.
 */
export function compile(name: string, flags: readonly string[] = []): string {
  return compileWith(name, [], flags);
}

/** The same for a library that is to be preloaded into other programs. */
export function compileLibrary(name: string): string {
  return compileWith(name, ['-shared', '-fPIC'], []);
}

function compileWith(name: string, options: readonly string[], flags: readonly string[]): string {
  const known = compiled.get(name);
  if (known !== undefined) return known;
  const program = join(temporaryFolder(), name);
  const source = fileURLToPath(new URL(`./programs/${name}.c`, import.meta.url));
  execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-pthread', ...options, '-o', program, source, ...flags]);
  compiled.set(name, program);
  return program;
}

function temporaryFolder(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'tasktrail-programs-'));
    process.on('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return folder;
}
