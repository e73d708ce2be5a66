/**
 * Arguments: what stands on the command line, without losing a byte. Names are bytes in any encoding, and Node
 * decodes argv as UTF-8 and replaces what is none. So every argument is carried as text in the form of `textOf`,
 * in which the API also speaks of paths; a backslash that a person typed has become `\x5c` and means itself.
 */
import { type Bytes, bufferOf, bytesFrom, bytesOf, textOf, utf8BytesOf } from '../../events/bytes.ts';

/** Stands in argv wherever Node met bytes that are no UTF-8, and where the character itself was typed. */
const replacement = '\ufffd';

/**
 * The arguments in the form of `textOf`. `decoded` is argv without node and script; `commandLine` reads
 * /proc/self/cmdline, whose last entries are the same arguments as raw bytes, and is asked only when needed.
 */
export function argumentsAsText(decoded: readonly string[], commandLine: () => Uint8Array): string[] {
  if (!decoded.some((argument) => argument.includes(replacement))) {
    return decoded.map((argument) => textOf(utf8BytesOf(argument)));
  }
  // Every entry ends with a NUL, so the last piece is empty and no argument.
  const entries = bytesFrom(commandLine()).split('\0').slice(0, -1);
  return entries.slice(-decoded.length).map(textOf);
}

/** The bytes that were typed. */
export function typedBytes(argument: string): Bytes {
  return bytesOf(argument);
}

/** What was typed as a string of characters; undefined where it is no UTF-8. */
export function typedText(argument: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bufferOf(bytesOf(argument)));
  } catch {
    // The decoder has one complaint only.
    return undefined;
  }
}
