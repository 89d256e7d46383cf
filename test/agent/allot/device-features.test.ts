import { describe, expect, test } from 'vitest'
import { type Access, deviceFeatures, featureFault } from '../../../agent/allot/device-features.ts'
import type { Model } from '../../../src/compose/model.ts'
import type { DeviceSelector } from '../../../src/compose/model-device-selectors.ts'

const all = (1n << 40n) - 1n
const root: Access = { uid: 0, effective: all, isDevOfContainer: false }
const without = (...bits: number[]): Access => ({
  ...root,
  effective: bits.reduce((set, bit) => set & ~(1n << BigInt(bit)), all),
})

const [mknod, ptrace] = [27, 19]

describe('what an agent can do about hardware', () => {
  test.each<[string, Access, string | undefined, string | undefined]>([
    ['root', root, undefined, undefined],
    ['another user', { ...root, uid: 1_000 }, 'the agent does not run as root', 'the agent does not run as root'],
    [
      'root in a container without the /dev of the device',
      { ...root, isDevOfContainer: true },
      'the agent is in a container that has not the /dev of the device',
      'the agent is in a container that has not the /dev of the device',
    ],
    ['root that makes no nodes', without(mknod), 'the agent has no CAP_MKNOD', 'the agent has no CAP_MKNOD'],
    ['root that enters no process', without(ptrace), undefined, 'the agent has no CAP_SYS_PTRACE'],
    [
      'root in a container with processes of its own',
      { ...root, seesOwnProcessesOnly: true },
      undefined,
      'the agent is in a container that does not see the processes of the device',
    ],
    ['an engine without root', { ...root, userNamespaces: 'rootless' }, undefined, 'the engine runs without root'],
    [
      'an engine that remaps users',
      { ...root, userNamespaces: 'remapped' },
      undefined,
      'the engine gives containers users of their own (userns-remap)',
    ],
  ])('%s', (_, access, selectors, attach) => {
    const { deviceSelectors, liveAttach } = deviceFeatures(access)
    expect([deviceSelectors.reason, liveAttach.reason]).toEqual([selectors, attach])
    expect([deviceSelectors.available, liveAttach.available]).toEqual([selectors === undefined, attach === undefined])
  })
})

describe('what is refused before anything is pulled or stopped', () => {
  const asking = (more: Partial<DeviceSelector> = {}): Model => ({
    name: 'line',
    services: {
      web: { image: 'x', 'x-longshore': { devices: [{ match: { class: 'serial' }, target: '/dev/plc', ...more }] } },
    },
  })

  test('hardware, by an agent that can make no nodes', () => {
    expect(featureFault(asking(), deviceFeatures({ ...root, uid: 1_000 }))).toEqual({
      code: 'device-unfollowed',
      message:
        'service web asks for hardware by what it is, which this device cannot give: the agent does not run as root',
      path: 'compose.services.web.x-longshore.devices[0]',
    })
  })

  test.each(['keep', 'signal:HUP'])('%s, where nothing can be followed', (onReplug) => {
    const fault = featureFault(asking({ onReplug }), deviceFeatures(without(ptrace)))
    expect(fault?.message).toBe(
      `service web has onReplug: ${onReplug}, which this device cannot give: the agent has no CAP_SYS_PTRACE`,
    )
  })

  test('nothing else: restart, and what leaves it to the device', () => {
    for (const more of [{}, { onReplug: 'restart' }])
      expect(featureFault(asking(more), deviceFeatures(without(ptrace)))).toBeUndefined()
    expect(featureFault(asking({ onReplug: 'keep' }), deviceFeatures(root))).toBeUndefined()
    expect(
      featureFault({ name: 'x', services: { web: { image: 'x' } } }, deviceFeatures({ ...root, uid: 1 })),
    ).toBeUndefined()
  })
})
