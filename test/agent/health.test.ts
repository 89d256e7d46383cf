import { describe, expect, test } from 'vitest'
import { appFactsOf } from '../../agent/health/app-facts.ts'
import { findingsOf, type HealthFacts, type Standing } from '../../agent/health/findings.ts'
import { createHealth } from '../../agent/health/health.ts'
import { usualHealthLimits } from '../../agent/health/health-limits.ts'
import { look, noFindings, reasonsOf, verdictOf } from '../../agent/health/verdict.ts'
import type { ReportBody } from '../../agent/reconcile/report.ts'
import type { Health } from '../../src/protocol/health.ts'
import { silent } from '../support/agents.ts'

const well: HealthFacts = {
  ...{ isConnected: true, isEngineThere: true, isClockBehind: false, host: {}, apps: [], dropped: 0 },
}

const found = (facts: Partial<HealthFacts>, standing: Standing = new Map()): string[] =>
  findingsOf({ ...well, ...facts }, usualHealthLimits, standing).map(({ key, severity }) => `${severity} ${key}`)

const disk = (free: number, used: number, freeInodes = 5, inodes = 10) => ({
  host: {
    'disk./var.freeBytes': free,
    'disk./var.usedBytes': used,
    'disk./var.freeInodes': freeInodes,
    'disk./var.inodes': inodes,
  },
})

describe('what is found', () => {
  test.each<[Partial<HealthFacts>, string[]]>([
    [{}, []],
    [{ isConnected: false }, ['degraded broker-unreachable']],
    [{ isEngineThere: false }, ['failing engine-unreachable']],
    [{ isClockBehind: true }, ['degraded clock-wrong']],
    [{ dropped: 1 }, ['degraded messages-dropped']],
    [disk(11, 89), []],
    [disk(9, 91), ['degraded disk-full /var']],
    [disk(3, 97), ['failing disk-full /var']],
    [disk(50, 50, 0), ['failing disk-full /var']],
    [disk(50, 50, 0, 0), []],
    [disk(0, 0), []],
    [{ host: { memoryAvailableBytes: 9, memoryUsedBytes: 91 } }, ['degraded memory-short']],
    [{ host: { 'temperature.cpu.celsius': 85 } }, ['degraded too-hot cpu']],
    [{ host: { 'temperature.cpu.celsius': 95 } }, ['failing too-hot cpu']],
    [{ host: { isThrottled: 1 } }, ['degraded throttled']],
    [
      { apps: [{ app: 'line', crashing: ['a'], withoutDevices: ['b'] }] },
      ['degraded crash-loop line/a', 'degraded device-missing line/b'],
    ],
  ])('%j: %j', (facts, expected) => {
    expect(found(facts)).toEqual(expected)
  })

  test('what stands ends only when there is more again than it took to begin', () => {
    const standing: Standing = new Map([['disk-full /var', 'degraded']])
    expect(found(disk(11, 89), standing)).toEqual(['degraded disk-full /var'])
    expect(found(disk(13, 87), standing)).toEqual([])
    expect(found(disk(3.8, 96.2), new Map([['disk-full /var', 'failing']]))).toEqual(['failing disk-full /var'])
    const hot = { host: { 'temperature.cpu.celsius': 82 } }
    expect(found(hot, new Map([['too-hot cpu', 'degraded']]))).toEqual(['degraded too-hot cpu'])
    expect(found(hot)).toEqual([])
  })

  test('an app says which services end again and again, and which lack their hardware', () => {
    const service = { state: 'running', health: 'none', image: 'i', restarts: 5 } as const
    const services = {
      well: service,
      once: { ...service, restarts: 1, reason: { code: 'crash-loop', message: 'm' } },
      loop: { ...service, reason: { code: 'crash-loop', message: 'm' } },
      waits: { ...service, reason: { code: 'device-missing', message: 'm' } },
      lost: { ...service, devices: [{ target: '/dev/plc' }] },
    }
    expect(appFactsOf({ app: 'line', services } as unknown as ReportBody)).toEqual({
      app: 'line',
      crashing: ['loop'],
      withoutDevices: ['waits', 'lost'],
    })
  })
})

describe('the verdict', () => {
  const health = () => {
    const [changes, facts] = [[] as Health[], { ...well } as { -readonly [Key in keyof HealthFacts]: HealthFacts[Key] }]
    let now = 0
    const watch = createHealth({
      limits: usualHealthLimits,
      facts: () => facts,
      onChange: (told) => changes.push(told),
      nowMs: () => 1_000_000 + now,
      monotonicMs: () => now,
      log: silent,
    })
    const lookAt = (ms: number, change: Partial<HealthFacts> = {}): string => {
      now = ms
      Object.assign(facts, change)
      watch.look()
      return watch.toldToOthers().verdict
    }
    return { watch, lookAt, changes }
  }

  test('is told once, when it has held for long enough, and taken back when it is over for long enough', () => {
    const { lookAt, changes } = health()
    expect(lookAt(0, { isEngineThere: false })).toBe('ok')
    expect(lookAt(14_000)).toBe('ok')
    expect(lookAt(15_000)).toBe('failing')
    expect(lookAt(90_000)).toBe('failing')
    expect(lookAt(91_000, { isEngineThere: true })).toBe('ok')
    expect(changes.map(({ verdict, since }) => [verdict, since])).toEqual([
      ['failing', 1_015_000],
      ['ok', 1_091_000],
    ])
  })

  test('a number that moves within what is wrong is not told again', () => {
    const { lookAt, changes } = health()
    lookAt(0, disk(9, 91))
    lookAt(10_000, disk(8, 92))
    expect(changes).toHaveLength(1)
    expect(lookAt(20_000, disk(1, 99))).toBe('failing')
    expect(changes.at(-1)?.reasons[0]?.message).toBe('1.0 % of the disk at /var are free')
  })

  test('a flapping value is told at most once in the time that it takes to be taken back', () => {
    const { lookAt, changes } = health()
    for (let ms = 0; ms < 600_000; ms += 10_000) lookAt(ms, ms % 20_000 === 0 ? disk(9, 91) : disk(40, 60))
    expect(changes).toHaveLength(1)
  })

  test('one that swings between bad and worse is said to be worse, once, and bad when it has been no worse for a while', () => {
    const { lookAt, changes } = health()
    for (let ms = 0; ms < 600_000; ms += 10_000) lookAt(ms, ms % 20_000 === 0 ? disk(1, 99) : disk(9, 91))
    expect(changes.map(({ verdict }) => verdict)).toEqual(['failing'])
    for (let ms = 600_000; ms < 700_000; ms += 10_000) lookAt(ms, disk(9, 91))
    expect(changes.map(({ verdict, since }) => [verdict, since])).toEqual([
      ['failing', 1_000_000],
      ['degraded', 1_640_000],
    ])
  })

  test('since when it stands goes by the clock as it was set', () => {
    const { watch, lookAt, changes } = health()
    lookAt(0, disk(1, 99))
    watch.shiftClock(500_000)
    expect(watch.toldToOthers().since).toBe(1_500_000)
    expect(watch.onTheMachine().since).toBe(1_500_000)
    lookAt(10_000)
    expect(changes).toHaveLength(1)
  })

  test('that the broker is away only the machine itself can read', () => {
    const { watch, lookAt, changes } = health()
    lookAt(0, { isConnected: false })
    expect(lookAt(60_000)).toBe('ok')
    expect(watch.onTheMachine()).toMatchObject({ verdict: 'degraded', reasons: [{ code: 'broker-unreachable' }] })
    expect(changes).toEqual([])
  })

  test('the worst reason stands first', () => {
    const facts = { ...well, isClockBehind: true, ...disk(1, 99) }
    const reasons = reasonsOf(look(noFindings, findingsOf(facts, usualHealthLimits, new Map()), 0))
    expect(reasons.map(({ code }) => code)).toEqual(['disk-full', 'clock-wrong'])
    expect([verdictOf(reasons), verdictOf([{ severity: 'degraded' }]), verdictOf([])]).toEqual([
      'failing',
      'degraded',
      'ok',
    ])
  })
})
