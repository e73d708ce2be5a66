/**
 * Flatness: whether something that is measured again and again has grown. Two ways must agree that it has not: the
 * medians of the first and of the last third of the readings, and the line that fits all of them best.
 */
import { medianOf } from '../bench/table.ts';

/** One reading: when, in seconds, and what. */
export interface Reading {
  readonly second: number;
  readonly value: number;
}

export interface Flatness {
  readonly first: number;
  readonly last: number;
  /** By how much the line rises from the first reading to the last. */
  readonly rise: number;
  /** Neither the medians nor the line have grown by more than is allowed. */
  readonly isFlat: boolean;
}

/** `allowed` is a number of what is measured. There must be some readings. */
export function flatnessOf(readings: readonly Reading[], allowed: number): Flatness {
  const third = Math.ceil(readings.length / 3);
  const first = medianOf(valuesOf(readings.slice(0, third)));
  const last = medianOf(valuesOf(readings.slice(-third)));
  const rise = slopeOf(readings) * (lastSecond(readings) - (readings[0]?.second ?? 0));
  return { first, last, rise, isFlat: last - first <= allowed && rise <= allowed };
}

function valuesOf(readings: readonly Reading[]): number[] {
  return readings.map(({ value }) => value);
}

/** Least squares. */
function slopeOf(readings: readonly Reading[]): number {
  const meanOf = (numbers: readonly number[]): number =>
    numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  const meanSecond = meanOf(readings.map(({ second }) => second));
  const meanValue = meanOf(readings.map(({ value }) => value));
  let products = 0;
  let squares = 0;
  for (const { second, value } of readings) {
    products += (second - meanSecond) * (value - meanValue);
    squares += (second - meanSecond) ** 2;
  }
  return squares === 0 ? 0 : products / squares;
}

function lastSecond(readings: readonly Reading[]): number {
  return readings[readings.length - 1]?.second ?? 0;
}
