/**
 * Directories of kernfs, which cgroup hierarchies are made of, where something else is mounted over them: no path leads
 * to one then. Its number still stands in the directory that it is in, and by its number the kernel opens it
 * (fs/kernfs/dir.c: kernfs_fop_readdir; fs/kernfs/mount.c: kernfs_fh_to_dentry).
 */
import { constants } from 'node:fs';
import { type Bytes, bufferOf } from '../../events/bytes.ts';
import { addressOf, checked, libc } from './libc.ts';

/** x86 has its own numbers for system calls; every 64-bit machine that came later shares one table. */
const numbers =
  process.arch === 'x64' ? { getdents64: 217, openByHandle: 304 } : { getdents64: 61, openByHandle: 265 };

/** Where the fields of `struct linux_dirent64` are (getdents(2)). */
const entry = { inode: 0, length: 16, name: 19 } as const;
const entriesBytes = 65_536;

/** FILEID_KERNFS of include/linux/exportfs.h: the handle is the 64-bit number alone. */
const handleType = 0xfe;
const closeOnExec = 0o2000000;

/**
 * The inode number of what has this name in the directory that is open as `fd`, and has not been read by it; undefined
 * where nothing has. Throws a `SystemCallError`.
 */
export function inodeIn(fd: number, name: Bytes): number | undefined {
  const wanted = Buffer.from(bufferOf(`${name}\0`));
  const bytes = Buffer.alloc(entriesBytes);
  for (;;) {
    const { getdents64 } = numbers;
    const length = checked(
      'reading a directory',
      libc().syscall(getdents64, fd, addressOf(bytes), bytes.length),
    );
    if (length === 0) return undefined;
    for (let at = 0; at < length; at += bytes.readUInt16LE(at + entry.length)) {
      const start = at + entry.name;
      if (!bytes.subarray(start, start + wanted.length).equals(wanted)) continue;
      return Number(bytes.readBigUInt64LE(at + entry.inode));
    }
  }
}

/**
 * Opens the directory of this inode number in the kernfs file system that `fd` is of. Throws a `SystemCallError`:
 * ESTALE where it is gone, EPERM without CAP_DAC_READ_SEARCH, EOPNOTSUPP by kernels before 5.5.
 */
export function openInode(fd: number, inode: number): number {
  const handle = Buffer.alloc(16);
  handle.writeUInt32LE(8, 0);
  handle.writeInt32LE(handleType, 4);
  handle.writeBigUInt64LE(BigInt(inode), 8);
  const flags = constants.O_DIRECTORY | closeOnExec;
  return checked(
    'opening a directory by its number',
    libc().syscall(numbers.openByHandle, fd, addressOf(handle), flags),
  );
}
