/** How much of the engine's disk must stay free, and whether something fits. Pure. */
import type { Reason } from '../../src/protocol/reason.ts'
import type { PullProgress } from '../engine/engine.ts'
import type { Need } from './within-space.ts'

export type DiskState = {
  readonly path: string
  readonly freeBytes: number
  /** so much must stay free */
  readonly reserveBytes: number
}

/** undefined: it cannot be told, as of an engine on another machine; nothing is checked then. */
export type ReadDisk = () => Promise<DiskState | undefined>

/** In bytes, or in percent of the disk as `5%`. */
export type DiskReserve = number | string

const leastReserveBytes = 256e6
const mostReserveBytes = 2e9

/** @param setting undefined: 5 % of the disk, between 256 MB and 2 GB */
export const reserveBytes = (setting: DiskReserve | undefined, totalBytes: number): number => {
  if (setting === undefined) return Math.min(mostReserveBytes, Math.max(leastReserveBytes, totalBytes * 0.05))
  return typeof setting === 'number' ? setting : (totalBytes * Number.parseFloat(setting)) / 100
}

/** A layer lies there compressed and unpacked for a while; it is told compressed. */
const unpackedFactor = 2.5

export const neededBytes = ({ currentBytes, totalBytes }: PullProgress): Need => ({
  bytes: totalBytes * unpackedFactor,
  remainingBytes: Math.max(0, totalBytes - currentBytes) * unpackedFactor,
})

/**
 * Why something must not begin, or go on.
 * @param doing what writes to the disk, as `pull of web:1`
 * @param stillNeededBytes what it will yet write; 0 while nobody can tell
 * @param othersBytes what others that began before will yet write
 */
export const spaceFault = (
  disk: DiskState,
  doing: string,
  stillNeededBytes: number,
  othersBytes = 0,
): Reason | undefined => {
  if (disk.freeBytes - stillNeededBytes - othersBytes >= disk.reserveBytes) return undefined
  const needs = stillNeededBytes === 0 ? '' : ` needs about ${sizeText(stillNeededBytes)}`
  const others = othersBytes === 0 ? '' : `, and about ${sizeText(othersBytes)} is for what began before`
  return { code: 'disk-full', message: `${doing}${needs}: ${spaceText(disk)}${others}` }
}

/** As `12 MB free on /var/lib/docker, 256 MB must stay free`. */
export const spaceText = ({ path, freeBytes, reserveBytes }: DiskState): string =>
  `${sizeText(freeBytes)} free on ${path}, ${sizeText(reserveBytes)} must stay free`

const sizeText = (bytes: number): string => {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`
  return bytes >= 1e6 ? `${Math.round(bytes / 1e6)} MB` : `${Math.ceil(bytes / 1e3)} kB`
}
