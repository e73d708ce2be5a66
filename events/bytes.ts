/**
 * Byte strings. Linux names are bytes in any encoding, so a name is held as a string whose every
 * character code is one byte (0–255). Such strings compare, hash and concatenate as fast as any other,
 * and lose nothing. They become text only at a door, by `textOf`, and come back by `bytesOf`.
 */
export type Bytes = string;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });
const utf8 = new TextEncoder();

/** The bytes of a buffer as a byte string. */
export function bytesFrom(buffer: Uint8Array): Bytes {
  let bytes = '';
  for (const byte of buffer) bytes += String.fromCharCode(byte);
  return bytes;
}

/** A byte string as a buffer. */
export function bufferOf(bytes: Bytes): Uint8Array {
  const buffer = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) buffer[i] = bytes.charCodeAt(i);
  return buffer;
}

/** The UTF-8 bytes of ordinary text, with nothing unescaped: for text that people typed. */
export function utf8BytesOf(text: string): Bytes {
  return bytesFrom(utf8.encode(text));
}

/**
 * Printable text for a byte string, reversible by `bytesOf`: what is sound UTF-8 stands as itself, every
 * other byte, every control character and the backslash stand as `\xNN`.
 */
export function textOf(bytes: Bytes): string {
  if (/^[\x20-\x5b\x5d-\x7e]*$/.test(bytes)) return bytes;
  let text = '';
  for (let i = 0; i < bytes.length; ) {
    const length = soundCharacterAt(bytes, i);
    if (length === 0) {
      text += `\\x${bytes.charCodeAt(i).toString(16).padStart(2, '0')}`;
      i += 1;
    } else {
      text += strictUtf8.decode(bufferOf(bytes.slice(i, i + length)));
      i += length;
    }
  }
  return text;
}

/** The byte string that `textOf` printed as this text; a backslash that starts no `\xNN` is itself. */
export function bytesOf(text: string): Bytes {
  const parts = text.split(/\\x([0-9a-fA-F]{2})/);
  return parts
    .map((part, i) => (i % 2 === 1 ? String.fromCharCode(Number.parseInt(part, 16)) : utf8BytesOf(part)))
    .join('');
}

/** The length in bytes of the printable UTF-8 character at `at`; 0 where there is none. */
function soundCharacterAt(bytes: Bytes, at: number): number {
  const first = bytes.charCodeAt(at);
  if (first < 0x80) return first >= 0x20 && first !== 0x7f && first !== 0x5c ? 1 : 0;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  try {
    const character = strictUtf8.decode(bufferOf(bytes.slice(at, at + length)));
    return /^\p{C}$/u.test(character) ? 0 : length;
  } catch {
    return 0;
  }
}
