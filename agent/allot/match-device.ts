/** Whether a device is the one that a selector means: all that is written must hold. Pure. */
import type { DeviceMatch } from '../../src/compose/model-device-selectors.ts'
import type { HostDevice } from '../../src/protocol/host-device.ts'
import { matches, stepsOf } from '../policy/patterns.ts'

export const matchesDevice = (match: DeviceMatch, device: HostDevice): boolean => {
  const { usb, byId = [], byPath = [] } = device
  return (
    (match.class === undefined || match.class === device.class) &&
    (match.driver === undefined || match.driver === device.driver) &&
    (match.usb === undefined || (usb !== undefined && matches(match.usb, `${usb.vendor}:${usb.product}`))) &&
    (match.serialNumber === undefined || match.serialNumber === usb?.serialNumber) &&
    (match.interface === undefined || match.interface === usb?.interface) &&
    (match.byId === undefined || isOneOf(match.byId, byId)) &&
    (match.byPath === undefined || isOneOf(match.byPath, byPath)) &&
    (match.path === undefined || isOneOf(match.path, pathsOf(device)))
  )
}

/** The node and every link to it. */
export const pathsOf = ({ node, byId = [], byPath = [], links = [] }: HostDevice): string[] => [
  ...(node === undefined ? [] : [node]),
  ...byId,
  ...byPath,
  ...links,
]

/** `*` stands for any text within one step; as many steps as the pattern has. */
const isOneOf = (pattern: string, paths: readonly string[]): boolean => {
  const wanted = stepsOf(pattern)
  return paths.some((path) => {
    const steps = stepsOf(path)
    return steps.length === wanted.length && steps.every((step, index) => matches(wanted[index] ?? '', step))
  })
}
