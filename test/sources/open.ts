/**
 * A process that opens a source and prints `opened`, or why not. With an argument it first becomes somebody to whom
 * that may be refused: `nobody` gives up root, `pid`, `time`, `cgroup` and `network` go into a namespace of that kind.
 * The source is the process connector where `--connector` comes next, and else eBPF; what follows are the hierarchies
 * that this is to mirror.
 *
 * It leaves the source open, with a wake armed, and just ends.
 */
import { spawnSync } from 'node:child_process';
import { openConnectorSource } from '../../src/sources/connector/source.ts';
import { openEbpfSource } from '../../src/sources/ebpf/source.ts';
import { SourceError } from '../../src/sources/sourceError.ts';
import { messageOf } from '../../src/system/errno.ts';
import { checked, koffi } from '../../src/system/libc.ts';

/** CLONE_NEWPID and so on: they hold, some only, for the children of the one who asks. */
const namespaceFlags: Readonly<Record<string, number>> = {
  pid: 0x2000_0000,
  time: 0x80,
  cgroup: 0x200_0000,
  network: 0x4000_0000,
};

function open(): string {
  try {
    const source = mirror[0] === '--connector' ? openConnectorSource() : openEbpfSource({ mirror });
    source.wake(() => {});
    return 'opened';
  } catch (error) {
    return error instanceof SourceError ? `SourceError: ${error.message}` : messageOf(error);
  }
}

function openInNamespace(flag: number): string {
  const unshare = koffi().load(null).func('unshare', 'int', ['int']);
  checked('leaving the initial namespace', unshare(flag));
  const [, program = ''] = process.argv;
  const again = [...process.execArgv, program, 'there', ...mirror];
  return spawnSync(process.execPath, again, { encoding: 'utf8' }).stdout;
}

const [, , who = '', ...mirror] = process.argv;
const flag = namespaceFlags[who];
if (who === 'nobody') {
  // Loaded while its files can be read.
  koffi();
  process.setuid?.(65534);
}
process.stdout.write(flag === undefined ? open() : openInNamespace(flag));
