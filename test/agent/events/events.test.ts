import { expect, test } from 'vitest'
import type { AgentEvent } from '../../../agent/events/agent-event.ts'
import { createEvents } from '../../../agent/events/events.ts'
import { LongshoreError } from '../../../src/protocol/reason.ts'
import { silent } from '../../support/agents.ts'

const open = (canKeep = true, mostBytes = 10_000) => {
  const kept: Record<string, unknown>[] = []
  const events = createEvents({
    outbox: {
      append: async (_class, { body }) => {
        if (!canKeep) throw new LongshoreError('disk-full', 'no space left on the disk')
        const bytes = JSON.stringify(body).length
        if (bytes > mostBytes) throw new LongshoreError('payload-too-large', `a message has ${bytes} bytes`)
        kept.push(body)
        return { epoch: 1, seq: kept.length }
      },
    },
    topic: 'event',
    session: () => 7,
    monotonicMs: () => 1_000,
    log: silent,
  })
  return { events, kept }
}

test('says whether it is kept', async () => {
  expect(await open().events.tell({ kind: 'link-up' })).toBe(true)
  expect(await open(false).events.tell({ kind: 'link-up' })).toBe(false)
})

test('what was left out last is told when the agent stops, with how many there were', async () => {
  const { events, kept } = open()
  for (let n = 1; n <= 9; n += 1) await events.tell({ kind: 'service-ended', app: 'shop', service: 'web', restarts: n })
  expect(kept).toHaveLength(5)
  await events.stop()
  expect(kept.slice(5)).toMatchObject([{ kind: 'service-ended', restarts: 9, leftOut: 3, session: 7 }])
})

test('an event that is too large is told without its longest words: that it happened counts most', async () => {
  const { events, kept } = open(true, 1_024)
  const reason = { code: 'exited', message: `service web ended: ${'x'.repeat(2_000)}` }
  const event: AgentEvent = { kind: 'service-ended', app: 'shop', service: 'web', log: ['y'.repeat(2_000)], reason }
  expect(await events.tell(event)).toBe(true)
  expect(kept).toMatchObject([{ kind: 'service-ended', app: 'shop', service: 'web', reason: { code: 'exited' } }])
})
