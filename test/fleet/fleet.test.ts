import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { createBroker } from '../../broker/broker.ts'
import { readBackup } from '../../src/fleet/backup.ts'
import { deploy, nextGeneration, publishRetained } from '../../src/fleet/deploy.ts'
import { connectFleet, matches } from '../../src/fleet/fleet.ts'
import { endingOf } from '../../src/fleet/outcome.ts'
import type { Deployment } from '../../src/protocol/deployment.ts'
import { releaseDigest } from '../../src/protocol/digest.ts'
import type { Reported } from '../../src/protocol/reported.ts'
import { refusingSubscriptions, startFakePeer } from '../support/fake-peers.ts'

const log = pino({ level: 'silent' })

const compose = { name: 'shop', services: { web: { image: 'x' } } }

const deployment: Deployment = {
  schema: 1,
  device: 'gw',
  app: 'shop',
  generation: 10,
  release: releaseDigest({ compose, files: {} }),
  compose,
  files: {},
  issuedAt: 10,
  by: 'somebody',
}

const report = (fields: Partial<Reported>): Reported => ({
  ...{ schema: 1, at: 1, session: 1, app: 'shop', since: 1, running: null, services: {} },
  ...{ generation: 10, release: null, phase: 'running' },
  ...fields,
})

test.each([
  ['a/+/c', 'a/b/c', true],
  ['a/+/c', 'a/b', false],
  ['a/+', 'a/b/c', false],
  ['a/#', 'a', true],
  ['a/#', 'a/b/c', true],
  ['a/b', 'a/b', true],
  ['a/b', 'a/b/c', false],
  ['+', 'a', true],
])('filter %s on topic %s: %s', (filter, topic, expected) => {
  expect(matches(filter, topic)).toBe(expected)
})

test('a generation rises above all that was seen, whatever the clock says', () => {
  expect(nextGeneration(5, undefined, undefined)).toBe(5)
  expect(nextGeneration(5, deployment, undefined)).toBe(11)
  expect(nextGeneration(5, deployment, report({ generation: 20 }))).toBe(21)
  const refused = { generation: 30, outcome: 'stale', reason: { code: 'stale', message: '' }, at: 1 } as const
  expect(nextGeneration(5, undefined, report({ generation: null, refused }))).toBe(31)
})

const reason = { code: 'exited', message: 'ended' }
const refused = { outcome: 'rejected', reason, at: 7 } as const

test.each<[string, Reported, Reported | undefined, unknown]>([
  ['an older generation', report({ generation: 9, outcome: 'succeeded' }), undefined, undefined],
  ['nothing accepted yet', report({ generation: null, phase: null }), undefined, undefined],
  ['no outcome yet', report({ phase: 'starting' }), undefined, undefined],
  ['a success', report({ outcome: 'succeeded' }), undefined, { isSuccess: true, outcome: 'succeeded' }],
  ['a failure', report({ outcome: 'failed', reason }), undefined, { isSuccess: false, outcome: 'failed', reason }],
  ['a later one', report({ generation: 11 }), undefined, { isSuccess: false, outcome: 'superseded' }],
  [
    'a refusal of it',
    report({ generation: 9, refused: { ...refused, generation: 10 } }),
    undefined,
    { isSuccess: false, outcome: 'rejected', reason },
  ],
  ['a refusal of another', report({ generation: 9, refused: { ...refused, generation: 8 } }), undefined, undefined],
  ['a refusal without a number that was there', report({ generation: 9, refused }), report({ refused }), undefined],
  [
    'a new refusal without a number',
    report({ generation: 9, refused }),
    report({}),
    { isSuccess: false, outcome: 'rejected', reason },
  ],
])('an ending: %s', (_name, reported, before, expected) => {
  expect(endingOf(deployment, reported, before)).toEqual(expected)
})

test('a backup is read whole; a line at fault is named', () => {
  const line = JSON.stringify({ desired: deployment })
  expect(readBackup(`${line}\n\n${line}\n`, 'f')).toEqual([{ desired: deployment }, { desired: deployment }])
  const tampered = JSON.stringify({ desired: { ...deployment, compose: {} } })
  for (const wrong of ['{', '{"desired":1}', tampered])
    expect(() => readBackup(`${line}\n${wrong}`, 'f')).toThrow(
      expect.objectContaining({ code: 'value-invalid', place: { file: 'f', line: 2 } }),
    )
})

const openFleet = async (url: string) => {
  const fleet = await connectFleet({ broker: { url }, root: 'longshore', log })
  onTestFinished(fleet.close)
  return fleet
}

test('a higher generation of somebody else wins and is named; a lower one is replaced', async () => {
  const broker = createBroker({ log, port: 0 })
  onTestFinished(broker.stop)
  const fleet = await openFleet(`mqtt://127.0.0.1:${(await broker.start()).port}`)
  const { deployment: sent } = await deploy(
    fleet,
    { compose, files: {} },
    { device: 'gw', app: 'shop', by: 'me', now: 100 },
  )
  expect(sent.generation).toBe(100)
  const topic = fleet.topics.desired('gw', 'shop')
  let isFirst = true
  const rival = { ...deployment, generation: 200, by: 'rival@there' }
  const racing = {
    ...fleet,
    publish: async (...given: Parameters<typeof fleet.publish>) => {
      await fleet.publish(...given)
      // Somebody else is quicker to be last, once.
      if (isFirst) await fleet.publish(topic, Buffer.from(JSON.stringify(rival)), { retain: true })
      isFirst = false
    },
  }
  await expect(publishRetained(racing, { ...deployment, generation: 150 })).rejects.toMatchObject({
    code: 'superseded',
    message: expect.stringContaining('rival@there'),
  })
  isFirst = true
  await publishRetained(racing, { ...deployment, generation: 250 })
  const kept = (await fleet.read([topic])).get(topic)
  expect(JSON.parse(String(kept)).generation).toBe(250)
})

test('of several addresses any that answers will do; none is an error with the last of them', async () => {
  const broker = createBroker({ log, port: 0 })
  onTestFinished(broker.stop)
  const nobody = 'mqtt://127.0.0.1:1'
  const silent = await startFakePeer(() => undefined)
  const open = (url: string) => connectFleet({ broker: { url }, root: 'longshore', log, connectTimeoutMs: 300 })
  const fleet = await open(`${nobody},${silent.url},mqtt://127.0.0.1:${(await broker.start()).port}`)
  onTestFinished(fleet.close)
  await fleet.publish('a', Buffer.from('b'), { retain: true })
  expect((await fleet.read(['a'])).get('a')?.toString()).toBe('b')
  await expect(open(`${nobody},mqtt://127.0.0.1:2`)).rejects.toMatchObject({
    code: 'broker-unreachable',
    message: expect.stringContaining('127.0.0.1:2'),
  })
})

test('a refused subscription is an error, not an empty fleet', async () => {
  const fleet = await openFleet((await startFakePeer(refusingSubscriptions)).url)
  await expect(fleet.read(['a/+'])).rejects.toMatchObject({ code: 'subscription-refused' })
})
