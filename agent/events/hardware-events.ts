/** What was unplugged and plugged in, as events: what it is, without what only the inventory needs. Pure. */
import { defined } from '../../src/defined.ts'
import type { HostDevice } from '../../src/protocol/host-device.ts'
import type { DeviceChanges } from '../devices/device-changes.ts'
import type { AgentEvent } from './agent-event.ts'

/** What went comes first: of an adapter that was replugged both are told. */
export const hardwareEvents = ({ plugged, unplugged }: DeviceChanges): AgentEvent[] => [
  ...unplugged.map((device) => ({ kind: 'device-unplugged' as const, hardware: shortOf(device) })),
  ...plugged.map((device) => ({ kind: 'device-plugged' as const, hardware: shortOf(device) })),
]

const shortOf = ({ class: ofClass, name, node, usb, model, byPath }: HostDevice): NonNullable<AgentEvent['hardware']> =>
  defined({ class: ofClass, name, node, usb, model, byPath })
