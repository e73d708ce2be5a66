/**
 * Backslashes as people read and type them. In the text form of names a backslash is `\x5c`, so that nothing is lost;
 * systemd's directories are full of them. A person gets to see the one character, and may type again what is shown.
 */

/** For lines that people read; what programs read keeps the text form. */
export function withBackslashes(text: string): string {
  return text.replaceAll('\\x5c', '\\');
}
