/** What tells one piece of hardware from all others of its device: the `match` that a selector would have. Pure. */
import { defined } from '../defined.ts'
import type { HostDevice } from '../protocol/host-device.ts'

export type HardwareMatch = {
  readonly class?: string
  readonly usb?: string
  readonly serialNumber?: string
  readonly interface?: string
  readonly byPath?: string
  readonly path?: string
}

/** undefined: it has no node, nothing tells it from another one, or Compose asks for such in its own words. */
export const hardwareMatch = (device: HostDevice, all: readonly HostDevice[]): HardwareMatch | undefined =>
  device.node === undefined || hasOwnWord(device)
    ? undefined
    : candidatesFor(device).find((match) => all.filter((other) => fits(match, other)).length === 1)

/** `gpus`, and `devices` with all nodes of a sound card at once. */
const hasOwnWord = ({ class: ofClass, gpu }: HostDevice): boolean =>
  ofClass === 'sound' || gpu?.vendor === 'nvidia' || gpu?.vendor === 'nvidia-jetson'

/** What an adapter says of itself comes first, then its socket, then the name that the kernel gave it. */
const candidatesFor = (device: HostDevice): HardwareMatch[] => {
  const { class: ofClass, node, usb, byPath: [socket] = [] } = device
  const bySocket = socket === undefined ? [] : [{ byPath: socket }]
  if (usb === undefined) return [...bySocket, ...(node === undefined ? [] : [{ path: node }])]
  const product = `${usb.vendor}:${usb.product}`
  const { serialNumber } = usb
  const own = serialNumber === undefined ? bySocket.map((place) => ({ usb: product, ...place })) : []
  const named = { usb: product, ...defined({ serialNumber }) }
  return [
    ...own,
    named,
    ...(usb.interface === undefined ? [] : [{ ...named, interface: usb.interface }]),
    { class: ofClass, ...named },
    ...(usb.interface === undefined ? [] : [{ class: ofClass, ...named, interface: usb.interface }]),
    ...bySocket,
    ...(node === undefined ? [] : [{ path: node }]),
  ]
}

const fits = (match: HardwareMatch, { class: ofClass, node, usb, byId = [], byPath = [], links = [] }: HostDevice) =>
  (match.class === undefined || match.class === ofClass) &&
  (match.usb === undefined || (usb !== undefined && match.usb === `${usb.vendor}:${usb.product}`)) &&
  (match.serialNumber === undefined || match.serialNumber === usb?.serialNumber) &&
  (match.interface === undefined || match.interface === usb?.interface) &&
  (match.byPath === undefined || byPath.includes(match.byPath)) &&
  (match.path === undefined || [node, ...byId, ...byPath, ...links].includes(match.path))
