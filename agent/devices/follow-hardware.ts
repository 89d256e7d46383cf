/** Keeps what is known of the hardware fresh: one look at a time, and word of what changed. */
import { isDeepStrictEqual } from 'node:util'
import type { Hardware } from './read-devices.ts'

export type HardwareFollower = {
  /** What was found last; what the first look finds, where there was none yet. */
  readonly current: () => Promise<Hardware>
  /** Looks now, or once more after the look that is under way. */
  readonly look: () => void
  /**
   * @param onChange never of the first look
   * @param onLooked after every look: what is named by its path may have come though nothing else changed
   */
  readonly start: (onChange: (before: Hardware, after: Hardware) => void, onLooked?: () => void) => void
  readonly stop: () => void
}

export type HardwareInput = {
  readonly read: () => Promise<Hardware>
  /** Says when to look. */
  readonly watch: (onLook: () => void) => { readonly start: () => void; readonly stop: () => void }
}

export const noHardware: Hardware = { devices: [], cdi: [], networkInterfaces: [], disks: [] }

/** A driver that does not answer must not keep back everything else that the inventory says. */
const firstLookMs = 5_000

export const followHardware = ({ read, watch }: HardwareInput): HardwareFollower => {
  let known: Hardware | undefined
  let looking: Promise<void> | undefined
  let isDue = false
  let toldOfLook: () => void = () => undefined
  let tell: (before: Hardware, after: Hardware) => void = () => undefined

  const lookOnce = async (): Promise<void> => {
    const found = await read()
    const before = known
    if (before !== undefined && isDeepStrictEqual(before, found)) return
    known = found
    if (before !== undefined) tell(before, found)
  }

  const look = (): Promise<void> => {
    isDue = true
    looking ??= (async () => {
      try {
        while (isDue) {
          isDue = false
          await lookOnce()
          toldOfLook()
        }
      } finally {
        // In the step that saw nothing due: what comes after it begins anew.
        looking = undefined
      }
    })()
    return looking
  }

  const watcher = watch(() => void look())

  return {
    current: async () => {
      if (known === undefined) await withPatience(looking ?? look())
      return known ?? noHardware
    },
    look: () => void look(),
    start: (onChange, onLooked = () => undefined) => {
      tell = onChange
      toldOfLook = onLooked
      watcher.start()
    },
    stop: () => {
      tell = () => undefined
      toldOfLook = () => undefined
      watcher.stop()
    },
  }
}

const withPatience = async (work: Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, firstLookMs)
  })
  await Promise.race([work, patience]).finally(() => clearTimeout(timer))
}
