/**
 * Poisoned events: views that can be read only while they are lent, as the log's own are reused for the next event. Who
 * keeps one, or a list or record in it, finds out when he reads it.
 */
import type { Event } from '../../events/event.ts';

/** Lends a view of an event for the time of a call. */
export function lend(event: Event, take: (view: Event) => void): void {
  const views: { revoke(): void }[] = [];
  const viewOf = <T extends object>(value: T): T => {
    const view = Proxy.revocable(value, {
      get(target, name) {
        // A frozen object's own field has to be given as it is, and that would not be poisoned: so it is read unfrozen.
        const field: unknown = Reflect.get(target, name);
        return typeof field === 'object' && field !== null ? viewOf(field) : field;
      },
    });
    views.push(view);
    return view.proxy;
  };
  take(viewOf(structuredClone(event)));
  for (const view of views) view.revoke();
}
