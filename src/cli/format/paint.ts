/**
 * Colour, or none: the same functions, so that a format need not know.
 */
export interface Paint {
  dim(text: string): string;
  bold(text: string): string;
  good(text: string): string;
  warning(text: string): string;
  bad(text: string): string;
}

/** Codes of ECMA-48's "select graphic rendition", in the eight colours that every terminal has. */
const codes: Readonly<Record<keyof Paint, number>> = { dim: 2, bold: 1, good: 32, warning: 33, bad: 31 };

const keep = (text: string): string => text;

export const plain: Paint = { dim: keep, bold: keep, good: keep, warning: keep, bad: keep };

const colourful: Paint = {
  dim: coloured(codes.dim),
  bold: coloured(codes.bold),
  good: coloured(codes.good),
  warning: coloured(codes.warning),
  bad: coloured(codes.bad),
};

export function paintOf(colour: boolean): Paint {
  return colour ? colourful : plain;
}

function coloured(code: number): (text: string) => string {
  return (text) => (text === '' ? '' : `\x1b[${code}m${text}\x1b[0m`);
}
