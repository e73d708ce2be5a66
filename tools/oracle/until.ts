/**
 * Waiting for conditions: everything that happens on a machine takes its time, and nothing here sleeps in the
 * hope that it was enough.
 */
const pauseMs = 1;
const patienceMs = 30_000;

/** What was waited for did not come about in time. */
export class Overdue extends Error {
  override readonly name = 'Overdue';
}

/** Resolves as soon as the condition holds; rejects with an `Overdue` when it has not in time. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = patienceMs,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Overdue(`waited ${limitMs / 1000} s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
