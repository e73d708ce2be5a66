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
 * `lengthBytes` is how long it is as a whole. undefined where there is none, as of the kernel's own threads.
 */
export function commandLineOf(
  bytes: Bytes,
  lengthBytes: number,
  { limitBytes, secrets }: CommandLines,
): CommandLine | undefined {
  if (lengthBytes === 0) return undefined;
  const cut = lengthBytes > limitBytes;
  const kept = cut ? bytes.slice(0, limitBytes) : bytes.replace(/\0$/, '');
  return { arguments: redacted(kept, secrets), cut };
}

/** These arguments with all that the patterns match replaced. */
function redacted(bytes: Bytes, secrets: readonly RegExp[]): Bytes {
  return secrets.reduce((rest, secret) => redactedBy(rest, secret), bytes);
}

function redactedBy(bytes: Bytes, secret: RegExp): Bytes {
  // Matched as text that is as long as what it stands for, so that a match is found again among the zeros.
  const text = new TextDecoder().decode(bufferOf(bytes));
  const matches = [...text.replaceAll('\0', ' ').matchAll(secret)].filter(([match]) => match !== '');
  if (matches.length === 0) return bytes;
  let rest = '';
  let at = 0;
  for (const { 0: match, index } of matches) {
    rest += text.slice(at, index) + replacement;
    at = index + match.length;
  }
  return utf8BytesOf(rest + text.slice(at));
}
