/** Hardware that changes when the test says so. */
import { type HardwareFollower, noHardware } from '../../agent/devices/follow-hardware.ts'
import type { Hardware } from '../../agent/devices/read-devices.ts'

export const fixedHardware = (
  found: Partial<Hardware> = {},
): HardwareFollower & { readonly change: (next: Partial<Hardware>) => void } => {
  let known: Hardware = { ...noHardware, ...found }
  let tell: (before: Hardware, after: Hardware) => void = () => undefined
  let looked: () => void = () => undefined
  return {
    current: async () => known,
    look: () => looked(),
    start: (onChange, onLooked = () => undefined) => {
      tell = onChange
      looked = onLooked
    },
    stop: () => undefined,
    change: (next) => {
      const before = known
      known = { ...known, ...next }
      tell(before, known)
      looked()
    },
  }
}
