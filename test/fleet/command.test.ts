/** What whoever asks a device is told when nothing comes back. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ask } from '../../src/fleet/command.ts'
import type { FleetMessage } from '../../src/fleet/fleet.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { topicsUnder } from '../../src/protocol/topics.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const topics = topicsUnder('longshore')

const start = (read: () => Promise<ReadonlyMap<string, Buffer>>, more: { readonly beginMs?: number } = {}) => {
  let hear: (message: FleetMessage) => void = () => undefined
  let id = ''
  const fleet = {
    topics,
    read,
    watch: async (_filters: readonly string[], listener: typeof hear) => {
      hear = listener
      return async () => undefined
    },
    publish: async (topic: string) => {
      id = topic.split('/').at(-1) ?? ''
    },
    close: async () => undefined,
  }
  const asked = ask(fleet, { device: 'gw-1', verb: 'restart', args: {}, timeoutMs: 60_000, now: 0, ...more })
  const failed = asked.then(
    () => 'answered',
    (error: unknown) => (error as Error).message,
  )
  const reply = (n: number): void => {
    const payload = Buffer.from(JSON.stringify({ schema: 1, at: 0, id, n, final: false }))
    hear({ topic: topics.reply('gw-1', id), payload, retain: false })
  }
  return { failed, reply }
}

const status = (online: boolean) => async () =>
  new Map([
    [topics.status('gw-1'), Buffer.from(JSON.stringify({ schema: 1, at: 0, online, session: 1, agent: '0.1.0' }))],
  ])

test.each([
  ['is offline', status(false), 'gw-1 did not answer restart within 60 s; it is offline'],
  ['is online', status(true), 'gw-1 did not answer restart within 60 s'],
  [
    'is not known',
    async () => new Map(),
    'gw-1 did not answer restart within 60 s; the broker knows no device of this id',
  ],
  [
    'cannot be looked up',
    async () => Promise.reject(new LongshoreError('broker-refused', 'no')),
    'gw-1 did not answer restart within 60 s',
  ],
])('of a device that %s it is said', async (_what, read, message) => {
  const { failed } = start(read)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await failed).toBe(message)
})

test('one that has not begun is waited for less long than one that has', async () => {
  const silent = start(status(false), { beginMs: 5_000 })
  const begun = start(status(false), { beginMs: 5_000 })
  await vi.advanceTimersByTimeAsync(4_000)
  begun.reply(1)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await silent.failed).toBe('gw-1 did not answer restart within 5 s; it is offline')
  await vi.advanceTimersByTimeAsync(59_000)
  expect(await begun.failed).toBe('gw-1 did not answer restart within 60 s; it is offline')
})

test('the time that a broker took over the subscription is not taken from that of the device', async () => {
  let sent: { at: number; expiresAt: number } | undefined
  const fleet = {
    topics,
    read: status(true),
    watch: async () => {
      await new Promise((resolve) => setTimeout(resolve, 8_000))
      return async () => undefined
    },
    publish: async (_topic: string, payload: Buffer) => {
      sent = JSON.parse(String(payload))
    },
    close: async () => undefined,
  }
  ask(fleet, { device: 'gw-1', verb: 'restart', args: {}, timeoutMs: 10_000, now: 1_000 }).catch(() => undefined)
  await vi.advanceTimersByTimeAsync(8_000)
  expect(sent).toMatchObject({ at: 9_000, expiresAt: 19_000 })
})
