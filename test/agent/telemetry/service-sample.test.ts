import { expect, test } from 'vitest'
import type { Usage } from '../../../agent/telemetry/parse-cgroup.ts'
import { type ServiceCounts, sampleServices } from '../../../agent/telemetry/service-sample.ts'

const reading = (id: string, usage: Usage, service = 'plc') => ({ id, app: 'line', service, usage })

const inTurn = (...samples: ReturnType<typeof reading>[][]) => {
  let counts: ServiceCounts | undefined
  return samples.map((readings, index) => {
    const sample = sampleServices(readings, counts, index * 10_000)
    counts = sample.counts
    return sample.apps.get('line')?.get('plc')
  })
}

test('what was used before the agent came is not counted', () => {
  expect(
    inTurn([reading('a', { cpuMs: 5_000, sentBytes: 70 })], [reading('a', { cpuMs: 6_000, sentBytes: 71 })]),
  ).toEqual([
    { containers: 1, cpuMs: 0, sentBytes: 0 },
    { containers: 1, cpuPercent: 10, cpuMs: 1_000, sentBytes: 1 },
  ])
})

test('a counter goes on when the container is replaced, and when it is started again', () => {
  const replaced = inTurn(
    [reading('a', { cpuMs: 10 })],
    [reading('a', { cpuMs: 30 })],
    [],
    [reading('b', { cpuMs: 5 })],
  )
  expect(replaced.map((metrics) => metrics?.cpuMs)).toEqual([0, 20, undefined, 25])
  const again = inTurn([reading('a', { cpuMs: 10 })], [reading('a', { cpuMs: 30 })], [reading('a', { cpuMs: 4 })])
  expect(again.map((metrics) => metrics?.cpuMs)).toEqual([0, 20, 24])
})

test('one that could not be read for a while is not counted twice', () => {
  const counted = inTurn(
    [reading('a', { cpuMs: 10 })],
    [reading('a', { cpuMs: 30 })],
    [reading('a', {})],
    [reading('a', { cpuMs: 40 })],
  )
  expect(counted.map((metrics) => metrics?.cpuMs)).toEqual([0, 20, 20, 30])
})

test('replicas are summed', () => {
  const both = [reading('a', { memoryBytes: 5, pids: 1 }), reading('b', { memoryBytes: 7, pids: 2 })]
  expect(inTurn(both)).toEqual([{ containers: 2, memoryBytes: 12, pids: 3 }])
  expect(inTurn([reading('a', { memoryBytes: 5 }), reading('b', {})])).toEqual([{ containers: 2 }])
})

test('services of one name in two apps are two', () => {
  const { apps } = sampleServices(
    [reading('a', { pids: 1 }), { ...reading('b', { pids: 2 }), app: 'other' }],
    undefined,
    0,
  )
  expect([...apps.keys()]).toEqual(['line', 'other'])
  expect(apps.get('other')?.get('plc')).toMatchObject({ pids: 2 })
})
