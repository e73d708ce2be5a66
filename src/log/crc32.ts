/**
 * The checksum of stored values, by Node. The readers of blocks take it as a parameter and run without Node.
 */
import { crc32 as zlibCrc32 } from 'node:zlib';
import type { Checksum } from './checked.ts';

export const crc32: Checksum = (bytes) => zlibCrc32(bytes);
