/**
 * Where the tree of containers is mounted where nobody says where.
 */
import type { Context } from './context.ts';

/** As the patch's manual has it for root; else among what is the user's own as long as he is logged in. */
export function defaultMountPoint(env: Context['env']): string {
  if (process.geteuid?.() === 0) return '/dev/container';
  return `${env.XDG_RUNTIME_DIR || `/run/user/${process.geteuid?.()}`}/container`;
}
