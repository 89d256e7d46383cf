import { expect, test } from 'vitest'
import { lineOf } from '../../src/cli/live.ts'
import type { Reported } from '../../src/protocol/reported.ts'

const reported = (fields: Partial<Reported>): Reported => ({
  schema: 1,
  at: 1,
  session: 1,
  app: 'shop',
  generation: 2,
  release: null,
  phase: 'running',
  since: 1,
  running: null,
  services: {},
  ...fields,
})

const line = (fields: Partial<Reported>): string | undefined =>
  lineOf({ kind: 'reported', device: 'gw', reported: reported(fields) })

test('a report becomes its phase, its services, and why', () => {
  const web = { state: 'running', health: 'none', image: 'x', restarts: 0 } as const
  const reason = { code: 'dependency', message: 'waits for web' }
  expect(line({ services: { web } })).toBe('running  1/1')
  const worker = { ...web, state: 'created', reason } as const
  expect(line({ phase: 'waiting', services: { web, worker }, waitingFor: [reason] })).toBe(
    'waiting  1/2, worker created  waits for web',
  )
})

test('a pull becomes its bytes, and a progress without pulls says nothing', () => {
  const progress = { schema: 1, at: 1, generation: 2, operations: [] } as const
  const pulls = [{ image: 'nginx:1', currentBytes: 1_500_000, totalBytes: 3_000_000 }]
  expect(lineOf({ kind: 'progress', device: 'gw', progress: { ...progress, operations: [], pulls } })).toBe(
    'pulling  nginx:1 1.5 MB of 3.0 MB',
  )
  expect(lineOf({ kind: 'progress', device: 'gw', progress: { ...progress, operations: [], pulls: [] } })).toBe(
    undefined,
  )
})

test('only an absence is said of a status', () => {
  const status = { schema: 1, at: 1, online: true, session: 1, agent: '1' } as const
  expect(lineOf({ kind: 'status', device: 'gw', status })).toBe(undefined)
  expect(lineOf({ kind: 'status', device: 'gw', status: { ...status, online: false } })).toContain('offline')
})
