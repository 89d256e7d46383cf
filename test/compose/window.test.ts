/** Maintenance windows: when they are open, and what is refused. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { validateModel } from '../../src/compose/validate.ts'
import { parseWindow, windowState } from '../../src/compose/window.ts'
import { faultsOf, modelOf, readFiles } from './support.ts'

const berlin = 'Europe/Berlin'

/** `open until` or `opens at`, in UTC. 2026-11-23 is a Monday; Berlin is at +01:00 in winter. */
const stateText = (windows: string | string[], at: string, timeZone = berlin): string => {
  const state = windowState([windows].flat(), Date.parse(at), timeZone)
  const time = (ms: number | undefined) => (ms === undefined ? 'never' : new Date(ms).toISOString().slice(0, 16))
  return state.isOpen ? `open ${time(state.closesAt)}` : `opens ${time(state.opensAt)}`
}

const nights = '0 2 * * 1-5 for 3h'

describe('a window', () => {
  test.each([
    ['before it', nights, '2026-11-23T00:59:59.999Z', 'opens 2026-11-23T01:00'],
    ['at its first moment', nights, '2026-11-23T01:00:00Z', 'open 2026-11-23T04:00'],
    ['within it', nights, '2026-11-23T02:30:00Z', 'open 2026-11-23T04:00'],
    ['at its last moment', nights, '2026-11-23T03:59:59.999Z', 'open 2026-11-23T04:00'],
    ['when it is over', nights, '2026-11-23T04:00:00Z', 'opens 2026-11-24T01:00'],
    ['on a Friday night, over the week-end', nights, '2026-11-27T05:00:00Z', 'opens 2026-11-30T01:00'],
    ['on a Sunday', nights, '2026-11-22T02:00:00Z', 'opens 2026-11-23T01:00'],
    ['by names of days', '0 2 * * MON-FRI for 3h', '2026-11-22T02:00:00Z', 'opens 2026-11-23T01:00'],
    ['on day 7, which is Sunday', '0 2 * * 7 for 3h', '2026-11-22T02:00:00Z', 'open 2026-11-22T04:00'],
    ['on day 0, which is Sunday', '0 2 * * 0 for 3h', '2026-11-22T02:00:00Z', 'open 2026-11-22T04:00'],
    ['over midnight, before it', '0 23 * * 1 for 4h', '2026-11-23T22:30:00Z', 'open 2026-11-24T02:00'],
    ['over midnight, after it', '0 23 * * 1 for 4h', '2026-11-24T01:59:00Z', 'open 2026-11-24T02:00'],
    ['over midnight, the day after', '0 23 * * 1 for 4h', '2026-11-24T22:30:00Z', 'opens 2026-11-30T22:00'],
    ['over the new year', '0 22 31 12 * for 6h', '2027-01-01T02:00:00Z', 'open 2027-01-01T03:00'],
    ['on a day of the month', '0 4 1 * * for 2h', '2026-11-23T00:00:00Z', 'opens 2026-12-01T03:00'],
    ['in a leap year only', '0 4 29 2 * for 2h', '2026-11-23T00:00:00Z', 'opens 2028-02-29T03:00'],
    ['on a day of the month or of the week', '0 4 1 * 1 for 2h', '2026-11-24T00:00:00Z', 'opens 2026-11-30T03:00'],
    ['on the first Monday of a month', '0 4 * * 1#1 for 2h', '2026-11-24T00:00:00Z', 'opens 2026-12-07T03:00'],
    ['on the last day of a month', '0 4 L * * for 2h', '2026-11-24T00:00:00Z', 'opens 2026-11-30T03:00'],
    ['of a minute', '30 4 * * * for 1m', '2026-11-23T03:30:59Z', 'open 2026-11-23T03:31'],
    ['of a week', '0 0 * * 1 for 7d', '2026-11-29T22:59:00Z', 'open 2026-11-29T23:00'],
    ['of a week, without a gap', '0 0 * * 1 for 7d', '2026-11-29T23:00:00Z', 'open 2026-12-06T23:00'],
    ['every two hours', '0 */2 * * * for 30m', '2026-11-23T11:31:00Z', 'opens 2026-11-23T13:00'],
    ['in a zone of its own', '0 2 * * * for 3h in Asia/Tokyo', '2026-11-22T18:00:00Z', 'open 2026-11-22T20:00'],
    ['in UTC', '0 2 * * * for 3h in UTC', '2026-11-22T02:00:00Z', 'open 2026-11-22T05:00'],
    // 29 March 2026: 02:00 becomes 03:00 in Berlin, at 01:00 UTC.
    ['before the clocks go on', '0 2 * * * for 3h', '2026-03-28T00:30:00Z', 'opens 2026-03-28T01:00'],
    ['whose start the clocks skip', '30 2 * * * for 1h', '2026-03-29T00:59:00Z', 'opens 2026-03-29T01:00'],
    ['whose start the clocks skipped', '30 2 * * * for 1h', '2026-03-29T01:30:00Z', 'open 2026-03-29T02:00'],
    ['over the hour that is skipped', '0 1 * * * for 4h', '2026-03-29T03:59:00Z', 'open 2026-03-29T04:00'],
    ['over the hour that is skipped, after', '0 1 * * * for 4h', '2026-03-29T04:00:00Z', 'opens 2026-03-29T23:00'],
    ['the day after the clocks went on', '0 2 * * * for 3h', '2026-03-29T22:00:00Z', 'opens 2026-03-30T00:00'],
    // 25 October 2026: 03:00 becomes 02:00 in Berlin, at 01:00 UTC.
    ['whose start comes twice, the first time', '30 2 * * * for 1h', '2026-10-25T00:30:00Z', 'open 2026-10-25T01:30'],
    ['whose start comes twice, the second', '30 2 * * * for 1h', '2026-10-25T01:30:00Z', 'opens 2026-10-26T01:30'],
    ['over the hour that comes twice', '0 2 * * * for 3h', '2026-10-25T02:59:00Z', 'open 2026-10-25T03:00'],
    ['over the hour that comes twice, after', '0 2 * * * for 3h', '2026-10-25T03:00:00Z', 'opens 2026-10-26T01:00'],
  ])('%s', (_, window, at, expected) => {
    expect(stateText(window, at)).toBe(expected)
  })

  test('that is one of several is enough, and the next of them is the one to wait for', () => {
    const both = ['0 2 * * 1-5 for 3h', '0 20 * * 6 for 8h']
    expect(stateText(both, '2026-11-23T02:00:00Z')).toBe('open 2026-11-23T04:00')
    expect(stateText(both, '2026-11-28T20:00:00Z')).toBe('open 2026-11-29T03:00')
    expect(stateText(both, '2026-11-27T12:00:00Z')).toBe('opens 2026-11-28T19:00')
    expect(stateText(['0 2 * * * for 1h', '30 2 * * * for 3h'], '2026-11-23T01:40:00Z')).toBe('open 2026-11-23T04:30')
  })

  test('that nobody could have written never opens', () => {
    expect(windowState(['whenever'], 0, 'UTC')).toEqual({ isOpen: false })
  })
})

describe('is open exactly in the minutes that follow a minute of its cron', () => {
  const field = (from: number, to: number) =>
    fc.oneof(
      fc.constant('*'),
      fc.integer({ min: from, max: to }).map(String),
      fc.tuple(fc.integer({ min: from, max: to }), fc.integer({ min: from, max: to })).map((ends) => {
        const [a, b] = ends.sort((x, y) => x - y)
        return `${a}-${b}`
      }),
      fc.uniqueArray(fc.integer({ min: from, max: to }), { minLength: 1, maxLength: 3 }).map((values) => values.join()),
    )
  const holds = (text: string, value: number): boolean =>
    text.split(',').some((part) => {
      const [a, b = a] = part.split('-').map(Number)
      return part === '*' || ((a as number) <= value && value <= (b as number))
    })
  /** Written apart from the library: fields of the local time, minute by minute. `offsetMs` of a zone without summer time. */
  const begins = (cron: string, minuteMs: number, offsetMs: number): boolean => {
    const local = new Date(minuteMs + offsetMs)
    const [minute = '', hour = '', day = '', month = '', weekday = ''] = cron.split(' ')
    const isDay = holds(day, local.getUTCDate())
    const isWeekday = holds(weekday, local.getUTCDay())
    const isEither = day === '*' || weekday === '*' ? isDay && isWeekday : isDay || isWeekday
    return (
      holds(minute, local.getUTCMinutes()) &&
      holds(hour, local.getUTCHours()) &&
      holds(month, local.getUTCMonth() + 1) &&
      isEither
    )
  }
  const zones = { UTC: 0, 'Asia/Kolkata': 5.5, 'America/Phoenix': -7 }
  const start = Date.UTC(2026, 1, 1)

  test('minute by minute', () => {
    fc.assert(
      fc.property(
        fc.tuple(field(0, 59), field(0, 23), field(1, 28), fc.constant('*'), field(0, 6)).map((all) => all.join(' ')),
        fc.integer({ min: 1, max: 2_000 }),
        fc.constantFrom(...(Object.keys(zones) as (keyof typeof zones)[])),
        fc.integer({ min: 0, max: 40 * 1440 }),
        fc.integer({ min: 0, max: 59_999 }),
        (cron, minutes, zone, minute, rest) => {
          const now = start + minute * 60_000 + rest
          const offsetMs = zones[zone] * 3_600_000
          let expected = false
          for (let back = 0; back < minutes && !expected; back += 1)
            expected = begins(cron, start + (minute - back) * 60_000, offsetMs)
          const state = windowState([`${cron} for ${minutes}m`], now, zone)
          expect(state.isOpen).toBe(expected)
          if (!state.isOpen && state.opensAt !== undefined) {
            expect(state.opensAt).toBeGreaterThan(now)
            expect(begins(cron, state.opensAt, offsetMs)).toBe(true)
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})

const fileWith = (update: string): string => `services: {web: {image: nginx}}\nx-longshore:\n  update:\n    ${update}\n`

describe('in the Compose file', () => {
  const windowsOf = (update: string) => modelOf(fileWith(update))['x-longshore']?.update?.window

  test('it is one text or a list of them', () => {
    expect(windowsOf('window: "0 2 * * 1-5 for 3h"')).toEqual(['0 2 * * 1-5 for 3h'])
    expect(windowsOf('window: ["0  2 * * *  for 3h ", "0 2 * * * for 3h"]')).toEqual(['0 2 * * * for 3h'])
    expect(windowsOf('window: ["0 2 * * 1 for 3h", "0 4 * * 2 for 90m in Europe/Berlin"]')).toHaveLength(2)
  })

  test.each([
    ['0 0 31 2 * for 1h', 'never opens'],
    ['0 0 30 2 * for 1h', 'never opens'],
    ['0 2 * * 1-5', 'is not five fields'],
    ['2 * * 1-5 for 3h', 'is not five fields'],
    ['0 0 2 * * 1-5 for 3h', 'is not five fields'],
    ['@daily for 3h', 'is not five fields'],
    ['0 25 * * * for 3h', 'not cron'],
    ['0 2 * * FUN for 3h', 'not cron'],
    ['0 2 * * 1-9 for 3h', 'not cron'],
    ['0 2 * * 1 for soon', 'lasts soon'],
    ['0 2 * * 1 for 59s', 'from 1m to 7d'],
    ['0 2 * * 1 for 169h', 'from 1m to 7d'],
    ['0 2 * * 1 for 0', 'from 1m to 7d'],
    ['0 2 * * 1 for 3h in Berlin', 'not a time zone'],
    ['0 2 * * 1 for 3h in +02:00', 'not a time zone'],
  ])('%s is refused, at its place', (window, why) => {
    const [fault, ...others] = faultsOf(fileWith(`window: "${window}"`))
    expect(others).toEqual([])
    expect(fault).toMatchObject({ code: 'value-invalid', place: { line: 4, column: 13 } })
    expect(fault?.message).toContain(why)
  })

  test('of a list, the item is named', () => {
    const [fault] = faultsOf(fileWith('window: ["0 2 * * 1 for 3h", "0 0 31 2 * for 3h"]'))
    expect(fault).toMatchObject({ path: 'x-longshore.update.window[1]', place: { line: 4, column: 34 } })
    expect(faultsOf(fileWith('window: []'))[0]?.message).toContain('a window, or a list of them')
    expect(faultsOf(fileWith('window: 3'))[0]).toMatchObject({ code: 'value-invalid' })
  })

  test('of more than 50 none is looked at, here and on the device: to find out that one never opens takes time', () => {
    const many = Array.from({ length: 500 }, (_, index) => `${index % 60} ${index % 24} 31W 11 * for 1h`)
    const before = performance.now()
    const [fault, ...others] = faultsOf(fileWith(`window: ${JSON.stringify(many)}`))
    expect(fault).toMatchObject({ code: 'value-invalid', path: 'x-longshore.update.window', place: { line: 4 } })
    expect(others).toEqual([])
    const model = { ...modelOf(fileWith('window: "0 2 * * * for 3h"')), 'x-longshore': { update: { window: many } } }
    expect(validateModel(model)).toMatchObject({ ok: false, faults: [{ path: 'x-longshore.update.window' }] })
    expect(performance.now() - before).toBeLessThan(1_000)
  })

  test('that of a later file takes the place of the one before', () => {
    const later = 'x-longshore: {update: {window: ["0 5 * * * for 1h"]}}\n'
    const texts = { 'a.yaml': fileWith('window: ["0 2 * * 1 for 3h"]'), 'b.yaml': later }
    const result = readFiles(texts)
    expect(result.ok && result.model['x-longshore']?.update?.window).toEqual(['0 5 * * * for 1h'])
  })

  test('what expires is bounded too', () => {
    expect(modelOf(fileWith('lockExpiry: 2d'))['x-longshore']?.update?.lockExpiry).toBe('172800s')
    expect(faultsOf(fileWith('lockExpiry: 10s'))[0]).toMatchObject({ code: 'value-invalid', place: { line: 4 } })
    expect(faultsOf(fileWith('lockExpiry: 31d'))[0]).toMatchObject({ code: 'value-invalid' })
  })
})

test('what a window says is kept as it was written, but for spaces', () => {
  expect(parseWindow('  0 2\t* * 1-5   for 180m ')).toMatchObject({
    ok: true,
    text: '0 2 * * 1-5 for 180m',
    window: { start: '0 2 * * 1-5', durationMs: 10_800_000 },
  })
})

describe('the folder of a lock', () => {
  const service = (line: string) => `services:\n  web:\n    image: nginx\n    x-longshore: {lock: true}\n    ${line}\n`

  test('is asked for by a switch, whose absence is the same as false', () => {
    expect(modelOf(service('')).services.web?.['x-longshore']).toEqual({ lock: true })
    const off = modelOf('services: {web: {image: nginx, x-longshore: {lock: false}}}')
    expect(off.services.web).toEqual({ image: 'nginx' })
  })

  test.each([
    ['volumes: ["data:/run/longshore"]', 'volumes[0]'],
    ['tmpfs: /run/longshore', 'tmpfs'],
    ['tmpfs: ["/tmp", "/run/longshore:size=1m"]', 'tmpfs'],
  ])('is in the way of nothing else: %s', (line, path) => {
    expect(faultsOf(`${service(line)}volumes: {data: }\n`)).toMatchObject([
      { code: 'value-invalid', path: `services.web.${path}`, place: { line: 5 } },
    ])
  })
})
