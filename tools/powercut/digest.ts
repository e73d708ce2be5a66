/**
 * A digest over events from the first one on: equal where all of them are.
 */
import { createHash } from 'node:crypto';
import { place } from '../../events/codec.ts';
import type { Event } from '../../events/event.ts';

/** Before the first event. */
export const noEvents = '';

export function digestWith(before: string, event: Event): string {
  // Placed anew, so that the order of the fields is the same whoever made it.
  const placed = place(event, event.seq, event.timeUs, event.skewUs);
  return createHash('sha256').update(before).update(JSON.stringify(placed)).digest('base64');
}
