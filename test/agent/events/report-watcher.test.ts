import { expect, test } from 'vitest'
import { createReportWatcher } from '../../../agent/events/report-watcher.ts'
import type { ReportBody } from '../../../agent/reconcile/report.ts'
import { emptyRecord } from '../../../agent/store/app-record.ts'
import { memoryStore } from '../../../agent/store/memory-store.ts'
import { silent } from '../../support/agents.ts'
import { eventually } from '../../support/eventually.ts'

const body = (more: Partial<ReportBody> = {}): ReportBody => ({
  app: 'shop',
  generation: 1,
  release: 'sha256:1',
  phase: 'running',
  running: null,
  services: {},
  ...more,
})

const open = async () => {
  const store = memoryStore()
  await store.updateApp('shop', () => emptyRecord('shop'))
  const told: string[] = []
  let canTell = true
  let canKeep = true
  const process = () =>
    createReportWatcher({
      store,
      log: silent,
      events: {
        tell: async ({ kind }) => {
          told.push(kind)
          if (!canTell) await new Promise(() => undefined) // killed before it was on disk
          return canKeep
        },
      },
    })
  return {
    store,
    told,
    process,
    kill: () => (canTell = false),
    revive: () => (canTell = true),
    keep: (can: boolean) => (canKeep = can),
  }
}

test('what was told is not told again by the next process', async () => {
  const { store, told, process } = await open()
  process().watch(body({ outcome: 'succeeded' }))
  expect(told).toEqual(['deployment-accepted', 'deployment-succeeded'])
  await eventually('the mark', () => store.app('shop')?.told?.outcome === 'succeeded')
  process().watch(body({ outcome: 'succeeded' }))
  expect(told).toHaveLength(2)
})

test('what an agent was killed before it told is told by the next', async () => {
  const { store, told, process, kill, revive } = await open()
  const first = process()
  first.watch(body())
  await eventually('the mark', () => store.app('shop')?.told?.generation === 1)
  kill()
  first.watch(body({ outcome: 'succeeded' }))
  revive()
  told.length = 0
  process().watch(body({ outcome: 'succeeded' }))
  expect(told).toEqual(['deployment-succeeded'])
})

const web = (startedAt: number) =>
  ({ web: { state: 'running', health: 'none', image: 'a', restarts: 0, startedAt } }) as const

test('services that were out of sight did not start when they are seen again; what happened to them meanwhile is told', async () => {
  const { told, process } = await open()
  const { watch } = process()
  watch(body({ outcome: 'succeeded' }))
  watch(body({ outcome: 'succeeded', services: web(1) }))
  told.length = 0
  watch(body({ outcome: 'succeeded' })) // the engine does not answer
  watch(body({ outcome: 'succeeded', services: web(1) }))
  expect(told).toEqual([])
  watch(body({ outcome: 'succeeded' }))
  watch(body({ outcome: 'succeeded', services: web(2) }))
  expect(told).toEqual(['service-started'])
})

test('an app that was removed and comes again begins anew', async () => {
  const { told, process } = await open()
  const { watch } = process()
  watch(body({ outcome: 'succeeded', services: web(1) }))
  watch(body({ generation: 2, release: null, phase: 'removed', outcome: 'succeeded' }))
  told.length = 0
  watch(body({ generation: 3, release: 'sha256:3', services: { web: { ...web(1).web, state: 'missing' } } }))
  watch(body({ generation: 3, release: 'sha256:3', services: web(5) }))
  expect(told).toEqual(['deployment-accepted', 'service-started'])
})

test('that an app has recovered is told whatever lies between, by the next process too', async () => {
  const { store, told, process } = await open()
  const { watch } = process()
  watch(body({ outcome: 'succeeded' }))
  watch(body({ outcome: 'succeeded', phase: 'degraded' }))
  await eventually('the mark', () => store.app('shop')?.told?.isDegraded === true)
  told.length = 0
  watch(body({ outcome: 'succeeded', phase: 'starting' }))
  process().watch(body({ outcome: 'succeeded', phase: 'running' }))
  expect(told).toEqual(['app-recovered'])
  told.length = 0
  watch(body({ outcome: 'succeeded', phase: 'running' }))
  expect(told).toEqual(['app-recovered'])
})

test('what the disk did not keep is not marked, and told once more', async () => {
  const { store, told, process, keep } = await open()
  const { watch } = process()
  keep(false)
  watch(body({ outcome: 'failed' }))
  await eventually('the answer', () => told.length === 2)
  await new Promise((resolve) => setImmediate(resolve))
  expect(store.app('shop')?.told).toBeUndefined()
  keep(true)
  watch(body({ outcome: 'failed' }))
  expect(told).toHaveLength(4)
  await eventually('the mark', () => store.app('shop')?.told?.outcome === 'failed')
  watch(body({ outcome: 'failed' }))
  expect(told).toHaveLength(4)
})

test('marks stand in the order of what happened, however long each event takes to the disk', async () => {
  const store = memoryStore()
  await store.updateApp('shop', () => emptyRecord('shop'))
  const waiting: (() => void)[] = []
  const tell = async () => {
    await new Promise<void>((resolve) => waiting.push(resolve))
    return true
  }
  const { watch } = createReportWatcher({ store, log: silent, events: { tell } })
  watch(body())
  watch(body({ outcome: 'failed' }))
  for (const resolve of waiting.reverse()) {
    resolve()
    await new Promise((next) => setImmediate(next))
  }
  await eventually('the mark', () => store.app('shop')?.told?.outcome === 'failed')
})

test('the same generation with another release is told by the next process too', async () => {
  const { store, told, process } = await open()
  process().watch(body({ outcome: 'succeeded' }))
  await eventually('the mark', () => store.app('shop')?.told?.outcome === 'succeeded')
  told.length = 0
  process().watch(body({ release: 'sha256:2', outcome: 'succeeded' }))
  expect(told).toEqual(['deployment-accepted', 'deployment-succeeded'])
})

test('that an app is degraded is told by a process that finds it so, and not twice', async () => {
  const { store, told, process } = await open()
  process().watch(body({ outcome: 'succeeded' }))
  await eventually('the mark', () => store.app('shop')?.told?.outcome === 'succeeded')
  told.length = 0
  process().watch(body({ outcome: 'succeeded', phase: 'degraded' }))
  await eventually('the mark', () => store.app('shop')?.told?.isDegraded === true)
  process().watch(body({ outcome: 'succeeded', phase: 'degraded' }))
  expect(told).toEqual(['app-degraded'])
})
