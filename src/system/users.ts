/**
 * Users by name and number, as the machine's own name service knows them (getpwnam(3)): /etc/passwd and whatever
 * else is configured.
 */
import { type Bytes, bytesFrom, textOf } from '../../events/bytes.ts';
import { cString } from './cStrings.ts';
import { addressOf, libc } from './libc.ts';

export interface User {
  readonly uid: number;
  /** The user's own group. */
  readonly gid: number;
}

/** Undefined where no user has this name. */
export function userNamed(name: Bytes): User | undefined {
  const text = cString(name);
  return entryOf((record, space, found) => libc().getpwnam_r(text, record, space, space.length, found));
}

/** The name of a user; undefined where no user has this number. */
export function userName(uid: number): string | undefined {
  let name: string | undefined;
  entryOf((record, space, found) => {
    const errno = libc().getpwuid_r(uid, record, space, space.length, found);
    if (found[0] !== 0n) name = textIn(space, new DataView(record.buffer).getBigUint64(nameAt, true));
    return errno;
  });
  return name;
}

// `struct passwd` of <pwd.h> on a 64-bit machine: two pointers, then uid and gid.
const recordBytes = 128;
const nameAt = 0;
const uidAt = 16;
const gidAt = 20;
/** Room for the texts of one entry; those with more of them are taken for unknown. */
const spaceBytes = 64 * 1024;

type Lookup = (record: Uint8Array, space: Uint8Array, found: BigUint64Array) => number;

function entryOf(look: Lookup): User | undefined {
  const record = new Uint8Array(recordBytes);
  const found = new BigUint64Array(1);
  look(record, new Uint8Array(spaceBytes), found);
  // No such user and no way to ask come to the same: nobody can be named.
  if (found[0] === 0n) return undefined;
  const view = new DataView(record.buffer);
  return { uid: view.getUint32(uidAt, true), gid: view.getUint32(gidAt, true) };
}

/** The C string at an address that lies inside of `space`, printable. */
function textIn(space: Uint8Array, address: bigint): string {
  const start = Number(address) - addressOf(space);
  return textOf(bytesFrom(space.subarray(start, space.indexOf(0, start))));
}
