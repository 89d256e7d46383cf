import { describe, expect, test } from 'vitest'
import { hostMetricsOf } from '../../../agent/telemetry/host-sample.ts'
import { hostMetricOf } from '../../../agent/telemetry/metrics.ts'
import { parseUse } from '../../../agent/telemetry/parse-nvidia.ts'
import { createGpuReader } from '../../../agent/telemetry/read-gpus.ts'
import { amd } from '../../fixtures/hosts/amd.ts'
import { nothing } from '../../fixtures/hosts/nothing.ts'
import { nucCoral } from '../../fixtures/hosts/nuc-coral.ts'
import { twoNvidia } from '../../fixtures/hosts/two-nvidia.ts'
import { type HostTree, makeHost } from '../../support/host-tree.ts'

const printed = '00000000:01:00.0, 37, 1024, 61, 120.55\n00000000:41:00.0, [N/A], 0, 40, [Not Supported]\n'

const open = async (tree: HostTree) => {
  const { folder } = await makeHost(tree)
  const state = { nowMs: 0, calls: 0, run: async () => printed }
  const read = createGpuReader({
    root: folder,
    run: () => {
      state.calls += 1
      return state.run()
    },
    monotonicMs: () => state.nowMs,
  })
  const readAt = async (nowMs: number) => {
    state.nowMs = nowMs
    return read()
  }
  return { state, readAt }
}

test('what nvidia-smi prints, and what it cannot tell', () => {
  expect([...parseUse(printed)]).toEqual([
    ['0000:01:00.0', { usePercent: 37, memoryUsedBytes: 1_073_741_824, celsius: 61, watts: 120.55 }],
    ['0000:41:00.0', { memoryUsedBytes: 0, celsius: 40 }],
  ])
  expect(parseUse('Failed to initialize NVML: Unknown Error\n,,,\n\u0000').size).toBe(0)
})

describe('NVIDIA', () => {
  const both = {
    nvidia0: { usePercent: 37, memoryUsedBytes: 1_073_741_824, celsius: 61, watts: 120.55 },
    nvidia1: { memoryUsedBytes: 0, celsius: 40 },
  }

  test('is asked once a minute, and a sample does not wait for the answer', async () => {
    const { state, readAt } = await open(twoNvidia)
    expect(await readAt(0)).toEqual({})
    expect(await readAt(10_000)).toEqual(both)
    expect(await readAt(59_999)).toEqual(both)
    expect(state.calls).toBe(1)
    await readAt(60_000)
    expect(state.calls).toBe(2)
  })

  test('one that hangs is asked no second time, and what it said before is not told for ever', async () => {
    const { state, readAt } = await open(twoNvidia)
    await readAt(0)
    state.run = () => new Promise(() => undefined)
    expect(await readAt(60_000)).toEqual(both)
    expect(await readAt(120_000)).toEqual(both)
    expect(await readAt(300_000)).toEqual({})
    expect(state.calls).toBe(2)
  })

  test('one that fails is asked again a minute later', async () => {
    const { state, readAt } = await open(twoNvidia)
    state.run = () => Promise.reject(new Error('no such program'))
    await readAt(0)
    state.run = async () => printed
    await readAt(60_000)
    expect(await readAt(70_000)).toEqual(both)
  })

  test('none is asked where none is there, or all of them sleep', async () => {
    const asleep = Object.fromEntries(
      ['0000:01:00.0', '0000:41:00.0'].map((slot) => [
        `sys/bus/pci/devices/${slot}/power/runtime_status`,
        'suspended\n',
      ]),
    )
    for (const tree of [nothing, amd, { ...withoutSlots(twoNvidia), ...asleep }]) {
      const { state, readAt } = await open(tree)
      await readAt(0)
      expect(state.calls).toBe(0)
    }
  })
})

/** The links of sysfs to the cards, which stand in the way of files for them. */
const withoutSlots = (tree: HostTree): HostTree =>
  Object.fromEntries(Object.entries(tree).filter(([path]) => !/^sys\/bus\/pci\/devices\/[^/]+$/.test(path)))

test('AMD tells all of it through sysfs, and what a card does not tell is left out', async () => {
  const card = 'sys/devices/pci0000:00/0000:00:03.1/0000:08:00.0'
  const { readAt } = await open({
    ...amd,
    [`${card}/drm/renderD128/device`]: '→ ../..',
    [`${card}/gpu_busy_percent`]: '42\n',
    [`${card}/mem_info_vram_used`]: '2147483648\n',
    [`${card}/hwmon/hwmon3/temp1_input`]: '51500\n',
    [`${card}/hwmon/hwmon3/power1_average`]: '86000000\n',
  })
  const gpus = await readAt(0)
  expect(gpus).toEqual({ renderD128: { usePercent: 42, memoryUsedBytes: 2_147_483_648, celsius: 51.5, watts: 86 } })
  const metrics = hostMetricsOf(
    { disks: {}, temperatures: {}, lifeTimes: {}, agentResidentBytes: 1, agentLoopDelayMs: 0, gpus },
    undefined,
  )
  expect(metrics).toMatchObject({ 'gpu.renderD128.usePercent': 42, 'gpu.renderD128.watts': 86 })
  for (const name of Object.keys(metrics)) expect(hostMetricOf(name), name).toBeDefined()
  expect(await (await open(nucCoral)).readAt(0)).toEqual({})
})
