/**
 * Tables: rows of cells as lines of aligned columns.
 */

/** `right` for what is compared by its last digit. */
export type Alignment = 'left' | 'right';

/** Lines of the rows, columns two spaces apart. Every row has as many cells as there are alignments. */
export function table(alignments: readonly Alignment[], rows: readonly (readonly string[])[]): string[] {
  const widths = alignments.map((_, column) => widest(rows.map((row) => row[column] ?? '')));
  return rows.map((row) =>
    alignments
      .map((alignment, column) => padded(row[column] ?? '', widths[column] ?? 0, alignment))
      .join('  ')
      .trimEnd(),
  );
}

/** The places that the widest of the texts takes. */
export function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, width(text)), 0);
}

/** How many places a text takes in a terminal, as far as one character takes one place. */
export function width(text: string): number {
  // What lies outside of the basic plane is two units in a string.
  return text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0);
}

export function padded(text: string, places: number, alignment: Alignment = 'left'): string {
  const space = ' '.repeat(Math.max(0, places - width(text)));
  return alignment === 'left' ? text + space : space + text;
}
