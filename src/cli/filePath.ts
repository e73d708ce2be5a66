/**
 * Files as they are typed.
 */
import { typedText } from './arguments.ts';
import { usageFailure } from './failure.ts';

/** The path that was typed; Node takes paths as text. */
export function filePathFrom(typed: string): string {
  const path = typedText(typed);
  if (path === undefined || path === '') throw usageFailure(`'${typed}' is no file's path in UTF-8`);
  return path;
}
