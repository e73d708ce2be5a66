/**
 * Byte strings as C takes them: ended by a NUL, which a byte string that is handed to C must not hold.
 */
import { type Bytes, bufferOf } from '../../events/bytes.ts';
import { addressOf } from './libc.ts';

export function cString(bytes: Bytes): Uint8Array {
  return bufferOf(`${bytes}\0`);
}

/** An array of strings that ends with a null pointer. The strings live as long as the result is referenced. */
export interface CStrings {
  readonly table: BigUint64Array;
  readonly strings: readonly Uint8Array[];
}

export function cStrings(all: readonly Bytes[]): CStrings {
  const strings = all.map(cString);
  const table = new BigUint64Array(all.length + 1);
  strings.forEach((string, i) => {
    table[i] = BigInt(addressOf(string));
  });
  return { table, strings };
}
