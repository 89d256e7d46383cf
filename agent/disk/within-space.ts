/**
 * Work that writes to the disk of the engine: it does not begin where too little is free, and is given up before it fills
 * the disk. Of several at once that do not fit together, those that began first go on.
 */
import { LongshoreError } from '../../src/protocol/reason.ts'
import { type ReadDisk, spaceFault, spaceText } from './disk-space.ts'

/** How much the work needs in all, and how much of that is yet to come. */
export type Need = { readonly bytes: number; readonly remainingBytes: number }

export type SpaceOptions = {
  readonly signal: AbortSignal
  /** as far as it is known before; what it was given up with lately is known, too */
  readonly leastBytes?: number
}

/**
 * @param doing names the work in messages, and what it needed when it comes again
 * @throws LongshoreError disk-full, and whatever the work throws
 */
export type WithinSpace = <T>(
  doing: string,
  work: (tellNeed: (need: Need) => void, signal: AbortSignal) => Promise<T>,
  options: SpaceOptions,
) => Promise<T>

export type WithinSpaceInput = {
  readonly readDisk: ReadDisk
  /** Removes what nobody needs. */
  readonly makeRoom: () => Promise<void>
  /** ms of the clock that never jumps */
  readonly monotonicMs: () => number
}

const lookEveryMs = 1_000

/** What work that was given up would have needed is believed for so long: some of it may have stayed. */
const rememberMs = 3_600_000

export const createWithinSpace = ({ readDisk, makeRoom, monotonicMs }: WithinSpaceInput): WithinSpace => {
  const known = new Map<string, { readonly bytes: number; readonly untilMs: number }>()
  /** what is under way, in the order in which it began */
  const underWay = new Set<{ need: Need }>()

  const knownNeed = (doing: string): number => {
    const need = known.get(doing)
    return need === undefined || need.untilMs < monotonicMs() ? 0 : need.bytes
  }

  /** What those that began before are yet to write. */
  const othersBytes = (own?: { need: Need }): number => {
    let sum = 0
    for (const other of underWay) {
      if (other === own) break
      sum += other.need.remainingBytes
    }
    return sum
  }

  const requireSpace = async (doing: string, bytes: number): Promise<void> => {
    const faultNow = async () => {
      const disk = await readDisk()
      return disk && spaceFault(disk, doing, bytes, othersBytes())
    }
    if ((await faultNow()) === undefined) return
    await makeRoom()
    const fault = await faultNow()
    if (fault !== undefined) throw new LongshoreError(fault.code, fault.message)
  }

  return async (doing, work, { signal, leastBytes = 0 }) => {
    const firstBytes = Math.max(leastBytes, knownNeed(doing))
    await requireSpace(doing, firstBytes)
    const before = await readDisk()
    if (before === undefined) return await work(() => undefined, signal)

    const full = new AbortController()
    const own = { need: { bytes: firstBytes, remainingBytes: firstBytes } }
    let fault: LongshoreError | undefined
    const look = async (): Promise<void> => {
      const disk = await readDisk()
      if (disk === undefined || full.signal.aborted || !underWay.has(own)) return
      const { bytes } = own.need
      const written = Math.max(0, before.freeBytes - disk.freeBytes)
      const found = spaceFault(disk, doing, Math.max(0, bytes - written), othersBytes(own))
      if (found === undefined) return
      known.set(doing, { bytes, untilMs: monotonicMs() + rememberMs })
      fault = new LongshoreError(found.code, found.message)
      full.abort()
    }
    underWay.add(own)
    const timer = setInterval(() => void look(), lookEveryMs)
    const tellNeed = (need: Need): void => {
      own.need = need
    }
    try {
      const result = await work(tellNeed, AbortSignal.any([signal, full.signal]))
      known.delete(doing)
      return result
    } catch (error) {
      if (fault !== undefined && !signal.aborted) throw fault
      throw await withNumbers(error, readDisk)
    } finally {
      clearInterval(timer)
      underWay.delete(own)
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
