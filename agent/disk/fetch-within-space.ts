/** A pull that minds the disk: it does not begin where too little is free, and is given up before it fills the disk. */
import { LongshoreError } from '../../src/protocol/reason.ts'
import type { PullProgress } from '../engine/engine.ts'
import type { FetchImage } from '../registry/fetch-image.ts'
import { neededBytes, type ReadDisk, spaceFault, spaceText } from './disk-space.ts'

export type FetchWithinSpaceInput = {
  readonly fetchImage: FetchImage
  readonly readDisk: ReadDisk
  /** Removes what nobody needs. */
  readonly makeRoom: () => Promise<void>
  /** ms of the clock that never jumps */
  readonly monotonicMs: () => number
}

const lookEveryMs = 1_000

/** What a pull that was given up would have needed is believed for so long: some of its layers may have stayed. */
const rememberMs = 3_600_000

export const createFetchWithinSpace = (input: FetchWithinSpaceInput): FetchImage => {
  const { fetchImage, readDisk, makeRoom, monotonicMs } = input
  const known = new Map<string, { readonly bytes: number; readonly untilMs: number }>()

  const knownNeed = (reference: string): number => {
    const need = known.get(reference)
    return need === undefined || need.untilMs < monotonicMs() ? 0 : need.bytes
  }

  const faultNow = async (reference: string, bytes: number) => {
    const disk = await readDisk()
    return disk && spaceFault(disk, reference, bytes)
  }

  const requireSpace = async (reference: string): Promise<void> => {
    const bytes = knownNeed(reference)
    if ((await faultNow(reference, bytes)) === undefined) return
    await makeRoom()
    const fault = await faultNow(reference, bytes)
    if (fault !== undefined) throw new LongshoreError(fault.code, fault.message)
  }

  return async (reference, platform, onProgress, signal) => {
    await requireSpace(reference)
    const before = await readDisk()
    if (before === undefined) return await fetchImage(reference, platform, onProgress, signal)

    const full = new AbortController()
    let newest: PullProgress = { currentBytes: 0, totalBytes: 0 }
    let fault: LongshoreError | undefined
    const look = async (): Promise<void> => {
      const disk = await readDisk()
      if (disk === undefined || full.signal.aborted) return
      const need = neededBytes(newest)
      const written = Math.max(0, before.freeBytes - disk.freeBytes)
      const found = spaceFault(disk, reference, Math.max(0, need - written))
      if (found === undefined) return
      known.set(reference, { bytes: need, untilMs: monotonicMs() + rememberMs })
      fault = new LongshoreError(found.code, found.message)
      full.abort()
    }
    const timer = setInterval(() => void look(), lookEveryMs)
    const onBytes = (progress: PullProgress): void => {
      newest = progress
      onProgress(progress)
    }
    try {
      const id = await fetchImage(reference, platform, onBytes, AbortSignal.any([signal, full.signal]))
      known.delete(reference)
      return id
    } catch (error) {
      if (fault !== undefined && !signal.aborted) throw fault
      throw await withNumbers(error, readDisk)
    } finally {
      clearInterval(timer)
    }
  }
}

/** A disk that is full all the same: the engine says so without a number. */
const withNumbers = async (error: unknown, readDisk: ReadDisk): Promise<unknown> => {
  if (!(error instanceof LongshoreError) || error.code !== 'disk-full') return error
  const disk = await readDisk()
  return disk === undefined
    ? error
    : new LongshoreError(error.code, `${error.message}; ${spaceText(disk)}`, { cause: error })
}
