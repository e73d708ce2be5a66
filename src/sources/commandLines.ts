/**
 * Command lines: how much of them the sources tell, and what of that never leaves them. They hold secrets as often as
 * not, so they are told only where that was asked for, and what a pattern matches is replaced before anybody else
 * sees it.
 */
import { type Bytes, bufferOf, utf8BytesOf } from '../../events/bytes.ts';
import type { CommandLine } from '../../events/event.ts';

export interface CommandLines {
  /** What is longer is cut, before any pattern is tried. */
  readonly limitBytes: number;
  /** What these match is replaced. Each is global; between two arguments they see one space. */
  readonly secrets: readonly RegExp[];
}

const replacement = '[redacted]';

/**
 * The command line that stands in a process's memory as these bytes: its arguments, each with a zero byte behind it.
 * `lengthBytes` is how long it is as a whole. Empty arguments at its end are left out: a process that sets itself a
 * title there fills up the rest with zeros. undefined where there is none, as of the kernel's own threads.
 */
export function commandLineOf(
  bytes: Bytes,
  lengthBytes: number,
  { limitBytes, secrets }: CommandLines,
): CommandLine | undefined {
  if (lengthBytes === 0) return undefined;
  const kept = bytes.slice(0, limitBytes).replace(/\0+$/, '');
  return { arguments: secrets.reduce(redacted, kept), cut: lengthBytes > limitBytes };
}

/** These arguments with all that the pattern matches replaced. */
function redacted(bytes: Bytes, secret: RegExp): Bytes {
  const text = characters(bytes);
  // As long as what it stands for, so that a match is found again among the zeros.
  const matches = [...text.replaceAll('\0', ' ').matchAll(secret)].filter(([match]) => match !== '');
  let rest = '';
  let at = 0;
  for (const { 0: match, index } of matches) {
    rest += text.slice(at, index) + replacement;
    at = index + match.length;
  }
  return bytesIn(rest + text.slice(at));
}

// A pattern sees text, and what is none must come out again as it went in: bytes that are not sound UTF-8 stand as lone
// surrogates meanwhile, which no sound text holds.

const soundOrByte =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;
const firstLoneSurrogate = 0xdc00;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function characters(bytes: Bytes): string {
  return bytes.replace(soundOrByte, (part) =>
    part.length > 1
      ? utf8.decode(bufferOf(part))
      : String.fromCharCode(firstLoneSurrogate + part.charCodeAt(0)),
  );
}

function bytesIn(text: string): Bytes {
  return text.replace(/[^\0-\x7f]/gu, (character) => {
    const byte = character.charCodeAt(0) - firstLoneSurrogate;
    return character.length === 1 && byte >= 0x80 && byte <= 0xff
      ? String.fromCharCode(byte)
      : utf8BytesOf(character);
  });
}
