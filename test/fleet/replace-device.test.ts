/** A board that takes the place of one that died, with all that the broker knows of it. */
import { expect, test } from 'vitest'
import { readState } from '../../src/fleet/read-state.ts'
import { type ReplaceInput, replaceDevice } from '../../src/fleet/replace-device.ts'
import type { Deployment } from '../../src/protocol/deployment.ts'
import { releaseDigest } from '../../src/protocol/digest.ts'
import { writePayload } from '../../src/protocol/payload.ts'
import { createMemoryBroker } from '../support/memory-fleet.ts'

const deployment = (device: string, app: string, image = 'x'): Deployment => {
  const content = { compose: { name: app, services: { web: { image } } }, files: {} }
  const about = { schema: 1 as const, device, app, generation: 5_000, issuedAt: 5, by: 'ada', now: true }
  return { ...about, release: releaseDigest(content), ...content }
}

const inventory = (labels: object) => ({
  ...{ schema: 1, at: 1, session: 1, hostname: 'h', os: { name: '', version: '', kernel: '' }, arch: 'x64' },
  ...{ cpuCount: 1, memoryBytes: 1, engine: null, agent: { version: '1', startedAt: 1, namePrefix: '' } },
  ...{ timeZone: 'UTC', capabilities: [], labels },
})

const status = (online: boolean) => ({ schema: 1, at: 1, online, session: 1, agent: '1' })

const set = (isOldOnline = false, isNewOnline = true) => {
  const broker = createMemoryBroker()
  const fleet = broker.connect()
  const { topics } = fleet
  const retain = (topic: string, message: object) => broker.retained.set(topic, writePayload(message))
  retain(topics.status('old'), status(isOldOnline))
  retain(topics.status('new'), status(isNewOnline))
  retain(topics.inventory('old'), inventory({ line: '4', hall: 'b' }))
  retain(topics.inventory('new'), inventory({ line: '4', hall: 'c' }))
  retain(topics.desired('old', 'shop'), deployment('old', 'shop'))
  retain(topics.desired('old', 'press'), deployment('old', 'press'))
  retain(topics.desired('old', 'gone'), {
    ...{ schema: 1, device: 'old', app: 'gone', generation: 1, issuedAt: 1, by: 'ada', remove: true },
  })
  retain(topics.secret('old', 'shop'), {
    ...{ schema: 1, device: 'old', app: 'shop', issuedAt: 1, by: 'ada' },
    secrets: { db: { age: 'YWdl', at: 1 }, api: { age: 'YWdl', at: 1 } },
  })
  retain(topics.secret('new', 'shop'), {
    ...{ schema: 1, device: 'new', app: 'shop', issuedAt: 1, by: 'ada', secrets: { api: { age: 'YWdl', at: 1 } } },
  })
  const labelled: object[] = []
  // The new board, as far as it is asked for labels.
  void fleet.watch([topics.command('new', '+')], ({ topic, payload }) => {
    const id = topic.split('/').at(-1) ?? ''
    labelled.push(JSON.parse(payload.toString()).args)
    const reply = { schema: 1, at: 1, id, n: 1, final: true, outcome: 'done' }
    void fleet.publish(topics.reply('new', id), writePayload(reply), { retain: false })
    retain(topics.inventory('new'), inventory({ line: '4', hall: 'b' }))
  })
  const replace = (changes: Partial<ReplaceInput> = {}) =>
    replaceDevice(fleet, {
      ...{ from: 'old', to: 'new', by: 'bob', force: false, forget: false, dryRun: false },
      ...{ timeoutMs: 1_000, nowMs: () => 9_000, ...changes },
    })
  const desired = (app: string) => readState(topics, broker.retained).get('new')?.apps.get(app)?.desired
  return { broker, topics, retain, replace, desired, labelled }
}

test('copies apps under a generation of their own and labels, and names the secrets that have to be set again', async () => {
  const { replace, desired, labelled } = set()
  const { plan, left } = await replace()
  expect(left).toEqual([])
  expect(plan.apps.map(({ app, action }) => `${app} ${action}`)).toEqual(['press deploy', 'shop deploy'])
  expect(plan.secrets).toEqual([{ app: 'shop', names: ['db'] }])
  expect(labelled).toEqual([{ set: { hall: 'b' }, remove: [] }])
  const shop = desired('shop')
  expect(shop).toMatchObject({
    device: 'new',
    generation: 9_000,
    by: 'bob',
    release: deployment('old', 'shop').release,
  })
  // The haste of an earlier deployment is not that of this one.
  expect(shop).not.toHaveProperty('now')
  expect(desired('gone')).toBeUndefined()
})

test('a second time changes nothing', async () => {
  const { broker, replace, labelled } = set()
  await replace()
  const before = new Map(broker.retained)
  const { plan, left } = await replace({ nowMs: () => 99_000 })
  expect(plan.apps.map(({ action }) => action)).toEqual(['same', 'same'])
  expect(plan.labels).toEqual({})
  expect([left, labelled.length]).toEqual([[], 1])
  expect(broker.retained).toEqual(before)
})

test('goes on where it was broken off', async () => {
  const { replace, desired, retain, topics } = set()
  retain(topics.desired('new', 'press'), deployment('new', 'press'))
  const { plan } = await replace()
  expect(plan.apps.map(({ app, action }) => `${app} ${action}`)).toEqual(['press same', 'shop deploy'])
  expect(desired('press')?.generation).toBe(5_000)
  expect(desired('shop')?.generation).toBe(9_000)
})

test('in a dry run says the same and changes nothing', async () => {
  const { broker, replace, labelled } = set()
  const before = new Map(broker.retained)
  const { plan } = await replace({ dryRun: true, forget: true })
  expect(plan.apps).toHaveLength(2)
  expect(plan.labels).toEqual({ hall: 'b' })
  expect(broker.retained).toEqual(before)
  expect(labelled).toEqual([])
})

test('a board that is online is not replaced, but by force', async () => {
  const { replace, desired } = set(true)
  await expect(replace()).rejects.toMatchObject({ code: 'device-online' })
  expect(desired('shop')).toBeUndefined()
  expect((await replace({ force: true })).left).toEqual([])
  expect(desired('shop')).toBeDefined()
})

test('another release on the new board stays, is told, and keeps the old board from being forgotten', async () => {
  const { replace, desired, retain, topics, broker } = set()
  retain(topics.desired('new', 'shop'), deployment('new', 'shop', 'y'))
  const { left, forgotten } = await replace({ forget: true })
  expect(left).toEqual(['new has another release of shop; --force takes its place'])
  expect(forgotten).toBeUndefined()
  expect(desired('shop')?.generation).toBe(5_000)
  expect(broker.retained.has(topics.desired('old', 'shop'))).toBe(true)
  await replace({ force: true })
  expect(desired('shop')?.release).toBe(deployment('old', 'shop').release)
})

test('a new board that is not there yet gets its apps, and the labels are left for the next time', async () => {
  const { replace, desired } = set(false, false)
  expect((await replace({ forget: true })).left).toEqual(['new is not online, and lacks these labels of old: hall'])
  expect(desired('shop')).toBeDefined()
})

test('with forget, nothing of the old board is retained any more', async () => {
  const { replace, broker } = set()
  expect((await replace({ forget: true })).forgotten).toBe(6)
  expect([...broker.retained.keys()].filter((topic) => topic.includes('/old/'))).toEqual([])
  await expect(replace()).rejects.toMatchObject({ code: 'reference-missing' })
  await expect(replace({ from: 'new' })).rejects.toMatchObject({ code: 'usage' })
})
