/** Devices and wishes for tests of who gets what: short to write, plain data. */

import type { NodeDevice } from '../../agent/allot/allot.ts'
import type { DeviceFeatures } from '../../agent/allot/device-features.ts'
import { type DeviceWish, wishOf } from '../../agent/allot/wish.ts'
import type { DeviceNodes } from '../../agent/devices/device-nodes.ts'
import type { DeviceSelector } from '../../src/compose/model-device-selectors.ts'

/** An FTDI adapter at `/dev/<name>`, in the socket of its number. */
export const adapter = (name: string, more: Partial<NodeDevice> = {}): NodeDevice => {
  const minor = Number(/\d+$/.exec(name)?.[0] ?? 0)
  return {
    class: 'serial',
    name,
    node: `/dev/${name}`,
    major: name.startsWith('ttyACM') ? 166 : 188,
    minor,
    gid: 20,
    byPath: [`/dev/serial/by-path/platform-usb-0:1.${minor}:1.0-port0`],
    usb: { vendor: '0403', product: '6001' },
    driver: 'ftdi_sio',
    ...more,
  }
}

export const selector = (more: Partial<DeviceSelector> = {}): DeviceSelector => ({
  match: { usb: '0403:6001' },
  target: '/dev/ttyPLC',
  ...more,
})

export const wish = (app: string, more: Partial<DeviceSelector> = {}, isOld = false): DeviceWish =>
  wishOf({ app, service: 'web', number: 1 }, selector(more), { isOld })

/** Whatever a service may ask of hardware can be done. */
export const allFeatures: DeviceFeatures = { deviceSelectors: { available: true }, liveAttach: { available: true } }

/** Of a machine on which the agent makes no nodes. */
export const noDeviceNodes: DeviceNodes = {
  aliases: {
    folder: '/nonexistent',
    read: async () => new Map(),
    set: async () => undefined,
    remove: async () => undefined,
  },
  withDev: () => Promise.reject(new Error('no container has a /dev here')),
  access: { uid: 1_000, effective: 0n, isDevOfContainer: false },
}
