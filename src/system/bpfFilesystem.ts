/**
 * The BPF filesystem: where maps, programs and links of eBPF have names and outlive the process that made them. It is
 * in memory and goes with the machine. Most systems mount it at boot; where nobody has, it is mounted here.
 */
import { accessSync, constants, statfsSync } from 'node:fs';
import { bytesOf } from '../../events/bytes.ts';
import { cString } from './cStrings.ts';
import { checked, libc } from './libc.ts';

export const bpfFilesystem = '/sys/fs/bpf';

/** The magic number of the filesystem (include/uapi/linux/magic.h). */
const magic = 0xcafe4a11;

/** Whether it is mounted in its usual place. Throws where that place cannot be looked at. */
export function isBpfFilesystemMounted(): boolean {
  return statfsSync(bpfFilesystem).type === magic;
}

/**
 * Makes sure that it is mounted and may be used; where it is not mounted, it is with `mayMount`, open to root alone.
 * Throws where that does not work.
 */
export function useBpfFilesystem(mayMount: boolean): void {
  if (isBpfFilesystemMounted()) {
    accessSync(bpfFilesystem, constants.R_OK | constants.W_OK | constants.X_OK);
    return;
  }
  if (!mayMount) throw new Error(`${bpfFilesystem} is not mounted`);
  const [type, at, options] = ['bpf', bpfFilesystem, 'mode=0700'].map((text) => cString(bytesOf(text)));
  if (!type || !at || !options) throw new Error('impossible state: three texts made fewer strings');
  checked(`mounting ${bpfFilesystem}`, libc().mount(type, at, type, 0, options));
}
