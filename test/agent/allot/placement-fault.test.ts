import { describe, expect, test } from 'vitest'
import { placementFault } from '../../../agent/allot/placement-fault.ts'
import type { Site } from '../../../agent/allot/site.ts'
import { modelOf } from '../../compose/support.ts'
import { siteOf } from '../../support/sites.ts'

const modelWith = (...constraints: readonly string[]) =>
  modelOf(JSON.stringify({ services: { web: { image: 'nginx', deploy: { placement: { constraints } } } } }))

const gigabyte = 1024 ** 3
const gpu = (vendor: string, memoryBytes?: number) => ({
  class: 'gpu',
  name: vendor,
  gpu: { vendor, ...(memoryBytes === undefined ? {} : { memoryBytes }) },
})

const site = siteOf({
  labels: { line: '3', site: 'Hall', count: '10' },
  devices: [
    { class: 'serial', name: 'ttyUSB0' },
    { class: 'serial', name: 'ttyUSB1' },
    gpu('nvidia', 8 * gigabyte),
    gpu('intel'),
  ],
})

test.each<[string, boolean]>([
  ['node.id == gw-1', true],
  ['node.id != gw-1', false],
  ['node.hostname == EDGE-7', true],
  ['node.platform.os == linux', true],
  ['node.platform.arch == aarch64', true],
  ['node.platform.arch == arm64', true],
  ['node.platform.arch == amd64', false],
  ['node.platform.arch != x86_64', true],
  ['node.labels.line == 3', true],
  ['node.labels.line == 4', false],
  ['node.labels.site == hall', true],
  ['node.labels.count >= 9', true],
  ['node.labels.count < 9', false],
  ['node.labels.site >= 9', false],
  ['node.labels.none == 3', false],
  ['node.labels.none != 3', true],
  ['node.labels.constructor != x', true],
  ['device.serial == 2', true],
  ['device.serial > 2', false],
  ['device.serial <= 2', true],
  ['device.can >= 1', false],
  ['device.can == 0', true],
  ['device.gpu.vendor == nvidia', true],
  ['device.gpu.vendor == amd', false],
  ['device.gpu.vendor != intel', false],
  ['device.gpu.memory >= 6g', true],
  ['device.gpu.memory > 8g', false],
])('%s: %s', (constraint, holds) => {
  expect(placementFault(modelWith(constraint), site) === undefined).toBe(holds)
})

test('the GPU of a Jetson is one of NVIDIA, and arm has many names', () => {
  const jetson: Site = siteOf({ arch: 'arm', devices: [gpu('nvidia-jetson')] })
  expect(
    placementFault(modelWith('device.gpu.vendor == nvidia', 'node.platform.arch == armv7l'), jetson),
  ).toBeUndefined()
})

describe('what is refused says the term that failed and what the device has', () => {
  test('of all constraints of all services the first that fails', () => {
    const services = {
      web: { image: 'nginx', deploy: { placement: { constraints: ['node.labels.line == 3', 'device.serial >= 3'] } } },
      a: { image: 'nginx', deploy: { placement: { constraints: ['node.id == gw-1'] } } },
    }
    expect(placementFault(modelOf(JSON.stringify({ services })), site)).toEqual({
      code: 'placement',
      message: 'service web belongs where device.serial >= 3; this device has 2',
      path: 'compose.services.web.deploy.placement.constraints[0]',
    })
  })

  test.each([
    ['node.labels.line == 4', '3'],
    ['node.labels.zone == a', 'no label zone'],
    ['device.gpu.vendor == amd', 'nvidia, intel'],
    ['device.gpu.memory >= 16g', '8.0 GiB'],
  ])('%s', (constraint, has) => {
    expect(placementFault(modelWith(constraint), site)?.message).toMatch(
      new RegExp(`^service web belongs where .*; this device has ${has}$`),
    )
  })
})
