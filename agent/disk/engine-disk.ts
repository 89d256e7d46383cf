/** Reads how full the disk is on which the engine keeps its images. */
import { statfs } from 'node:fs/promises'
import type { Engine } from '../engine/engine.ts'
import { type DiskReserve, type ReadDisk, reserveBytes } from './disk-space.ts'

export type EngineDiskInput = {
  readonly engine: Pick<Engine, 'facts'>
  readonly engineUrl: string
  readonly reserve: DiskReserve | undefined
  readonly readStatfs?: (path: string) => Promise<{ bsize: number; blocks: number; bavail: number }>
}

export const engineDisk = ({ engine, engineUrl, reserve, readStatfs = statfs }: EngineDiskInput): ReadDisk => {
  // The paths of an engine that is reached over the network are those of another machine.
  if (!engineUrl.startsWith('unix://')) return async () => undefined
  let path: string | undefined
  return async () => {
    try {
      path ??= (await engine.facts()).dataRoot
      const { bsize, blocks, bavail } = await readStatfs(path)
      return { path, freeBytes: bavail * bsize, reserveBytes: reserveBytes(reserve, blocks * bsize) }
    } catch {
      return undefined
    }
  }
}
