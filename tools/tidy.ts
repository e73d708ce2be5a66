/**
 * Tidy: checks the house's arrows, who may import whom, against the table below, and what no file may hold.
 * Prints one line for each offence and ends with 1 if there is any.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A room is a folder or a file. It may import itself and what is listed, in whole or as `types only`. */
interface Room {
  readonly path: string;
  readonly may: readonly string[];
  /** Of these rooms it may import types and nothing else. */
  readonly mayTypes?: readonly string[];
  /** Runs in a browser too: no Node module. */
  readonly anywhere?: boolean;
}

const rooms: readonly Room[] = [
  { path: 'events/', may: [], anywhere: true },
  { path: 'projections/', may: ['events/'], anywhere: true },
  { path: 'src/kernel/', may: ['events/', 'projections/'], anywhere: true },
  { path: 'src/ports.ts', may: [], mayTypes: ['events/', 'projections/', 'src/kernel/'] },
  { path: 'src/system/', may: ['events/'] },
  { path: 'src/clock.ts', may: ['src/system/'], mayTypes: ['src/ports.ts'] },
  { path: 'src/random.ts', may: [] },
  {
    path: 'src/log/',
    may: ['events/', 'src/system/'],
    mayTypes: ['src/ports.ts', 'projections/'],
  },
  {
    path: 'src/engine/',
    may: ['events/', 'projections/', 'src/kernel/'],
    mayTypes: ['src/ports.ts'],
    anywhere: true,
  },
  {
    path: 'src/sources/',
    may: ['events/', 'src/system/', 'src/random.ts'],
    mayTypes: ['src/ports.ts'],
  },
  { path: 'src/agents/', may: ['events/', 'src/system/'], mayTypes: ['src/ports.ts'] },
  {
    path: 'src/archive/',
    may: ['events/', 'projections/', 'src/engine/', 'src/log/', 'src/system/'],
    mayTypes: ['src/ports.ts', 'src/http/'],
  },
  { path: 'src/heads/', may: ['events/', 'src/engine/', 'src/system/'], mayTypes: ['src/ports.ts'] },
  {
    path: 'src/fs/',
    may: [
      'events/',
      'projections/',
      'src/engine/',
      'src/kernel/errno.ts',
      'src/kernel/path.ts',
      'src/kernel/permission.ts',
      'src/kernel/text.ts',
      'src/system/',
    ],
    mayTypes: ['src/ports.ts', 'src/kernel/'],
  },
  {
    path: 'src/http/',
    may: [
      'events/',
      'projections/',
      'src/engine/',
      'src/kernel/errno.ts',
      'src/kernel/path.ts',
      'src/log/exportFile.ts',
    ],
    mayTypes: ['src/ports.ts', 'src/kernel/'],
  },
  {
    path: 'src/cli/',
    may: [
      'events/',
      'projections/',
      'src/engine/',
      'src/fs/handover.ts',
      'src/fs/mounting.ts',
      'src/http/',
      'src/kernel/errno.ts',
      'src/log/exportFile.ts',
      'src/sources/sourceError.ts',
      'src/system/',
      'src/clock.ts',
      'src/daemon.ts',
      'src/pinned.ts',
      'src/offline.ts',
    ],
    mayTypes: ['src/ports.ts', 'src/kernel/'],
  },
  { path: 'src/offline.ts', may: ['events/', 'projections/', 'src/'] },
  { path: 'src/closers.ts', may: [] },
  { path: 'src/pinned.ts', may: ['src/sources/', 'src/system/'] },
  { path: 'src/queueGauge.ts', may: [], mayTypes: ['src/ports.ts', 'src/engine/'] },
  { path: 'src/room.ts', may: [], mayTypes: ['src/ports.ts'] },
  { path: 'src/daemon.ts', may: ['events/', 'projections/', 'src/'] },
  { path: 'src/daemon/', may: ['events/', 'projections/', 'src/'] },
  { path: 'test/', may: [''] },
  { path: 'tools/', may: [''] },
];

/** What names this or any other machine, and has no place in a repository. */
const unspeakable = [/\/work\/(?:main|shared)/, /registry\.[a-z]+\.(?:org|com)/, /deb\.debian\.org/];

const importPattern = /^(?:import|export)\s+(type\s)?(?:[^'";]*?from\s+)?'([^']+)'/gm;

const offences: string[] = [];
for (const file of sourceFiles()) {
  const text = readFileSync(file, 'utf8');
  if (file !== 'tools/tidy.ts') {
    for (const pattern of unspeakable) {
      if (pattern.test(text)) offences.push(`${file}: holds ${pattern}, which names a machine or a registry`);
    }
  }
  if (file.endsWith('.ts')) checkImports(file, text);
}
for (const offence of offences) console.error(offence);
console.error(offences.length === 0 ? 'tidy' : `untidy: ${offences.length}`);
process.exitCode = offences.length === 0 ? 0 : 1;

function checkImports(file: string, text: string): void {
  const room = rooms.find(({ path }) => file.startsWith(path));
  if (!room) {
    offences.push(`${file}: lives in no room`);
    return;
  }
  if (!/^(?:#!.*\n)?\/\*\*/.test(text)) {
    offences.push(`${file}: does not say in its first lines what it is for`);
  }
  for (const [, typeOnly, target = ''] of text.matchAll(importPattern)) {
    if (!target.startsWith('.')) {
      if (room.anywhere === true && target.startsWith('node:')) {
        offences.push(`${file}: imports ${target}, but ${room.path} runs in a browser too`);
      }
      continue;
    }
    const imported = join(dirname(file), target);
    const allowed = [room.path, ...room.may, ...(typeOnly ? (room.mayTypes ?? []) : [])];
    if (!allowed.some((path) => imported.startsWith(path))) {
      offences.push(`${file}: may not import ${imported}${typeOnly ? ' (types)' : ''}`);
    }
  }
}

function sourceFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
  });
  return listed.split('\n').filter((file) => /\.(?:ts|md|json|c|sh)$/.test(file) && !/lock/.test(file));
}
