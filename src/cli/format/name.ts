/**
 * Names of containers, and places in trees, as short as a person can still tell them apart.
 */
import type { NameView, PlaceView } from '../../engine/places.ts';

/** An id of 64 hex digits, of which 12 are shown, as container runtimes do. */
const longId = /\b([0-9a-f]{12})[0-9a-f]{52}\b/;

/** `docker/1f3a5c7e9b0d web-1`; empty where there is nothing to be said beside the directory's own name. */
export function nameText({ name, called }: NameView, directory = ''): string {
  // Of what stands in a name, a backslash is systemd's own, which systemctl wants as it is.
  const bare = name?.replaceAll('\\x5c', '\\') ?? '';
  const known = bare === directory ? '' : bare.replace(longId, '$1');
  return [known, called ?? ''].filter((part) => part !== '').join(' ');
}

/** By its name where it has one, else by its path, before which stands the tree. */
export function placeText(place: PlaceView): string {
  return place.name === undefined ? `${place.tree}:${place.path}` : nameText(place);
}
