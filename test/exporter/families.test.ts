import { expect, test } from 'vitest'
import { appMetrics, hostMetrics, type Metric } from '../../agent/telemetry/metrics.ts'
import { allFamilies } from '../../src/exporter/families.ts'
import {
  appFamilies,
  appFamilyOf,
  type Conversion,
  hostFamilies,
  hostFamilyOf,
  type TelemetryFamily,
} from '../../src/exporter/telemetry-families.ts'

const tables: [string, Readonly<Record<string, Metric>>, Readonly<Record<string, TelemetryFamily>>][] = [
  ['hosts', hostMetrics, hostFamilies],
  ['apps', appMetrics, appFamilies],
]

test.each(tables)('every metric of %s has a name in Prometheus, and no other has', (_, metrics, families) => {
  expect(Object.keys(families).sort()).toEqual(Object.keys(metrics).sort())
})

/** How a name must end, by what it is converted to. */
const conversions: Readonly<Record<Metric['unit'], readonly Conversion[]>> = {
  percent: ['percent to ratio'],
  ms: ['ms to seconds'],
  seconds: ['uptime to boot time'],
  bytes: ['none'],
  count: ['none'],
  celsius: ['none'],
  watts: ['none'],
  load: ['none'],
  yes: ['none'],
}

test.each(tables)('of %s counters stay counters, and units are those of Prometheus', (_, metrics, families) => {
  for (const [name, { kind, unit }] of Object.entries(metrics)) {
    const family = families[name] as TelemetryFamily
    expect(conversions[unit], name).toContain(family.conversion)
    if (family.conversion === 'percent to ratio') expect(family.name).toMatch(/_ratio$/)
    if (family.conversion === 'ms to seconds') expect(family.name).toMatch(/_seconds(_total)?$/)
    if (unit === 'bytes') expect(family.name).toMatch(/_bytes(_total)?$/)
    // When a machine started is a moment, which counts nothing.
    expect(family.type, name).toBe(name === 'uptimeSeconds' ? 'gauge' : kind)
    expect(family.type === 'counter', family.name).toBe(family.name.endsWith('_total'))
    expect(family.label !== undefined, name).toBe(name.includes('*'))
  }
})

test('no two families have one name, and each says what it is', () => {
  const names = allFamilies.map(({ name }) => name)
  expect(names.length).toBe(new Set(names).size)
  for (const { name, help } of allFamilies) expect(help, name).toMatch(/^[A-Z0-9].*\.$/s)
})

test('what stands for the star may have dots', () => {
  expect(hostFamilyOf('disk./mnt/a.b.freeBytes')).toMatchObject({ instance: '/mnt/a.b' })
  expect(appFamilyOf('a.b.pids')).toMatchObject({ instance: 'a.b' })
  expect(hostFamilyOf('disk.freeBytes')).toBeUndefined()
  expect(appFamilyOf('.pids')).toBeUndefined()
})
