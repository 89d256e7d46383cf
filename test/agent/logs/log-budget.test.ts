import { expect, test } from 'vitest'
import { createLogBudget } from '../../../agent/logs/log-budget.ts'
import { memoryStore } from '../../../agent/store/memory-store.ts'
import { silent } from '../../support/agents.ts'

test('a day has so many bytes, over restarts; the next day has them again; it is seldom written', async () => {
  const store = memoryStore()
  let writes = 0
  const counted = {
    device: store.device,
    updateDevice: (change: Parameters<typeof store.updateDevice>[0]) => {
      writes += 1
      return store.updateDevice(change)
    },
  }
  let now = 1_700_000_000_000
  const open = () => createLogBudget(100_000, counted, () => now, silent)
  const first = open()
  for (let spent = 0; spent < 90_000; spent += 100) first.spend(100)
  await Promise.resolve()
  expect(writes).toBeLessThanOrEqual(100)
  const second = open()
  expect(() => second.spend(20_000)).toThrow(expect.objectContaining({ code: 'log-budget-spent' }))
  second.spend(5_000)
  now += 86_400_000
  second.spend(90_000)
})
