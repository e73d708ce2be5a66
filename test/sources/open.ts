/**
 * A process that opens the eBPF source and prints `opened`, or why not. With an argument it first becomes somebody
 * to whom that must be refused: `nobody` gives up root, `pid` and `time` go into a namespace of that kind.
 *
 * It leaves the source open, with a wake armed, and just ends.
 */
import { spawnSync } from 'node:child_process';
import { openEbpfSource } from '../../src/sources/ebpf/source.ts';
import { SourceError } from '../../src/sources/sourceError.ts';
import { messageOf } from '../../src/system/errno.ts';
import { checked, koffi } from '../../src/system/libc.ts';

/** CLONE_NEWPID and CLONE_NEWTIME: both hold for the children of the one who asks. */
const namespaceFlags: Readonly<Record<string, number>> = { pid: 0x2000_0000, time: 0x80 };

function open(): string {
  try {
    openEbpfSource().wake(() => {});
    return 'opened';
  } catch (error) {
    return error instanceof SourceError ? `SourceError: ${error.message}` : messageOf(error);
  }
}

function openInNamespace(flag: number): string {
  const unshare = koffi().load(null).func('unshare', 'int', ['int']);
  checked('leaving the initial namespace', unshare(flag));
  const [, program = ''] = process.argv;
  return spawnSync(process.execPath, [...process.execArgv, program], { encoding: 'utf8' }).stdout;
}

const [, , who = ''] = process.argv;
const flag = namespaceFlags[who];
if (who === 'nobody') {
  // Loaded while its files can be read.
  koffi();
  process.setuid?.(65534);
}
process.stdout.write(flag === undefined ? open() : openInNamespace(flag));
