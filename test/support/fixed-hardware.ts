/** Hardware that changes when the test says so. */
import { type HardwareFollower, noHardware } from '../../agent/devices/follow-hardware.ts'
import type { Hardware } from '../../agent/devices/read-devices.ts'

export const fixedHardware = (
  found: Partial<Hardware> = {},
): HardwareFollower & { readonly change: (next: Partial<Hardware>) => void } => {
  let known: Hardware = { ...noHardware, ...found }
  let tell: (before: Hardware, after: Hardware) => void = () => undefined
  return {
    current: async () => known,
    look: () => undefined,
    start: (onChange) => {
      tell = onChange
    },
    stop: () => undefined,
    change: (next) => {
      const before = known
      known = { ...known, ...next }
      tell(before, known)
    },
  }
}
