import { describe, expect, test } from 'vitest'
import { createRoutes } from '../../../broker/bridge/route.ts'

const routes = createRoutes({ root: 'longshore', rootAbove: 'acme/plant1' })

const wayOf = (path: string): string => {
  const route = routes.routeOf(`longshore/v1/${path}`)
  return route === undefined ? 'stays' : `${route.way} ${route.as === 'queued' ? route.messageClass : route.as}`
}

test.each([
  ['gw/status', 'up state'],
  ['gw/inventory', 'up state'],
  ['gw/reported/web', 'up state'],
  ['gw/event', 'up event'],
  ['gw/reply/c1', 'up reply'],
  ['gw/telemetry/host', 'up telemetry'],
  ['gw/telemetry/app/web', 'up telemetry'],
  ['gw/progress/web', 'up live'],
  ['gw/log/l1', 'up live'],
  ['gw/log/l1/credit', 'down credit'],
  ['gw/desired/web', 'down desired'],
  ['gw/secret/_registry', 'down secret'],
  ['gw/command/c1', 'down command'],
  ['bridge/plant9/status', 'up state'],
  ['bridge/plant9/event', 'up event'],
  ['bridge/status', 'stays'],
  ['bridge/plant9/desired/web', 'stays'],
  ['enroll/gw/request', 'stays'],
  ['gw/certificate/request', 'stays'],
  ['gw/desired/web/more', 'stays'],
  ['gw', 'stays'],
  ['gw/else', 'stays'],
])('%s: %s', (path, way) => {
  expect(wayOf(path)).toBe(way)
})

test('no topic goes both ways, and what is of another root stays', () => {
  expect(routes.routeOf('plc/1')).toBeUndefined()
  expect(routes.routeOf('longshore/v2/gw/status')).toBeUndefined()
  expect(routes.fromAbove('acme/plant1/v1/gw/status')).toBeUndefined()
  expect(routes.fromAbove('longshore/v1/gw/desired/web')).toBeUndefined()
  expect(routes.fromAbove('acme/plant1/v1/gw/desired/web')).toEqual({
    topic: 'longshore/v1/gw/desired/web',
    as: 'desired',
  })
  expect(routes.toAbove('longshore/v1/gw/status')).toBe('acme/plant1/v1/gw/status')
})

describe('of named devices', () => {
  const some = createRoutes({ root: 'longshore', rootAbove: undefined, devices: ['a', 'b'] })
  test('nothing of others goes anywhere, and nothing of them is asked for', () => {
    expect(some.routeOf('longshore/v1/a/status')?.way).toBe('up')
    expect(some.routeOf('longshore/v1/c/status')).toBeUndefined()
    expect(some.fromAbove('longshore/v1/c/desired/web')).toBeUndefined()
    expect(some.filtersAbove).toContain('longshore/v1/b/desired/+')
    expect(some.filtersAbove.join()).not.toContain('v1/+')
  })
})
