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
  const process = () =>
    createReportWatcher({
      store,
      log: silent,
      events: {
        tell: async ({ kind }) => {
          told.push(kind)
          if (!canTell) await new Promise(() => undefined) // killed before it was on disk
        },
      },
    })
  return { store, told, process, kill: () => (canTell = false), revive: () => (canTell = true) }
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
