/**
 * Becomes another program, as execvp(3) does: the same process, so that its exit code, its signals and its children
 * need no forwarding. What Node has changed of the process is put back first, as far as an exec does not do that.
 */
import type { Bytes } from '../../events/bytes.ts';
import { cString, cStrings } from './cStrings.ts';
import { errnoName } from './errno.ts';
import { checked, lastErrno, libc } from './libc.ts';

const fcntlCommands = { getDescriptorFlags: 1, setDescriptorFlags: 2, getFlags: 3, setFlags: 4 } as const;
const closeOnExec = 1;
const nonBlocking = 0o4000;
const defaultDisposition = 0;

/**
 * The signals that Node ignores from its start (src/node.cc: PlatformInit); others it only handles, and a handler
 * does not outlive an exec.
 */
const ignoredSignals = { SIGPIPE: 13, SIGXFSZ: 25 } as const;

/**
 * Replaces this process by `file`, which is searched for in PATH unless it holds a slash; `argv[0]` is what the
 * program sees as its own name. Returns only where that failed: the name of the errno. The process can go on then,
 * though not with what was put back: broken pipes kill it.
 */
export function replaceProcess(file: Bytes, argv: readonly Bytes[]): string {
  for (const descriptor of [0, 1, 2]) handOn(descriptor);
  for (const signal of Object.values(ignoredSignals)) libc().signal(signal, defaultDisposition);
  const args = cStrings(argv);
  libc().execvp(cString(file), args.table);
  return errnoName(lastErrno());
}

/** Standard descriptors are inherited, and block: Node makes pipes and terminals of its own not do so. */
function handOn(descriptor: number): void {
  const { fcntl } = libc();
  const flags = fcntl(descriptor, fcntlCommands.getDescriptorFlags, 0);
  // A descriptor that is not open is handed on as what it is.
  if (flags === -1) return;
  checked(
    `keeping descriptor ${descriptor} open`,
    fcntl(descriptor, fcntlCommands.setDescriptorFlags, flags & ~closeOnExec),
  );
  const status = checked(
    `asking how descriptor ${descriptor} is open`,
    fcntl(descriptor, fcntlCommands.getFlags, 0),
  );
  if ((status & nonBlocking) === 0) return;
  checked(
    `letting descriptor ${descriptor} block`,
    fcntl(descriptor, fcntlCommands.setFlags, status & ~nonBlocking),
  );
}
