import { expect, test } from 'vitest'
import { deviceFeatures } from '../../../agent/allot/device-features.ts'
import { isDevOfMachine } from '../../../agent/devices/device-nodes.ts'

test('the /dev of the machine is told from one that an engine made', () => {
  expect(isDevOfMachine('24 27 0:6 / /dev rw,relatime shared:2 - devtmpfs udev rw,size=1234k\n')).toBe(true)
  const made =
    '541 540 0:52 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k\n542 541 0:6 /snd /dev/snd rw - devtmpfs udev rw\n'
  expect(isDevOfMachine(made)).toBe(false)
})

test('an agent that does not see the hardware says so before anything else', () => {
  const reason = 'the agent is in a container that has not the /dev of the device'
  expect(deviceFeatures({ uid: 0, effective: -1n, isDevOfContainer: true })).toEqual({
    deviceSelectors: { available: false, reason },
    liveAttach: { available: false, reason },
  })
})
