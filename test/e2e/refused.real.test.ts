/** Whatever arrives on a deployment topic: one clear refusal, nothing touched, and the agent lives on. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Assignment } from '../../src/protocol/deployment.ts'
import { releaseDigest } from '../../src/protocol/digest.ts'
import { openFleet, startTestAgent } from '../support/agents.ts'
import { brokers } from '../support/brokers.ts'
import { modelOf } from '../support/models.ts'
import { findFreePort } from '../support/mosquitto.ts'
import { containersOf, deployAndWait, reportOf, reportThat } from '../support/story.ts'

const assignment = (device: string, changes: Partial<Assignment> & { compose?: object } = {}): Assignment => {
  const compose = (changes.compose ??
    modelOf('hello', { web: { environment: { REFUSED: 'yes' } } })) as Assignment['compose']
  const release = releaseDigest({ compose, files: {} })
  return {
    schema: 1,
    device,
    app: 'hello',
    generation: Date.now(),
    release,
    files: {},
    issuedAt: Date.now(),
    by: 'test',
    ...changes,
    compose,
  }
}

const text = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

type Case = {
  readonly what: string
  readonly payload: (device: string) => Buffer
  readonly code: string
  readonly path?: string
}

const cases: readonly Case[] = [
  { what: 'no JSON', payload: () => Buffer.from('{"schema": 1, '), code: 'payload-not-json' },
  { what: 'bytes that are no UTF-8', payload: () => Buffer.from([0xff, 0xfe, 0x00]), code: 'payload-not-json' },
  { what: '300 kB of garbage', payload: () => Buffer.alloc(300_000, 'x'), code: 'payload-too-large' },
  {
    what: 'another schema number',
    payload: (device) => text({ ...assignment(device), schema: 2 }),
    code: 'schema-unsupported',
    path: 'schema',
  },
  {
    what: 'a missing field',
    payload: (device) => text({ ...assignment(device), issuedAt: undefined }),
    code: 'message-invalid',
    path: 'issuedAt',
  },
  {
    what: 'another device than the topic',
    payload: () => text(assignment('somebody-else')),
    code: 'device-mismatch',
    path: 'device',
  },
  { what: 'a device id with a slash', payload: () => text(assignment('a/b')), code: 'message-invalid', path: 'device' },
  {
    what: 'another app than the topic',
    payload: (device) => text(assignment(device, { app: 'other' })),
    code: 'app-mismatch',
    path: 'app',
  },
  {
    what: 'a release that is not its content',
    payload: (device) => text(assignment(device, { release: `sha256:${'0'.repeat(64)}` })),
    code: 'release-mismatch',
    path: 'release',
  },
  {
    what: 'an older generation',
    payload: (device) => text(assignment(device, { generation: 5 })),
    code: 'stale',
    path: 'generation',
  },
  {
    what: 'an unknown key',
    payload: (device) =>
      text(assignment(device, { compose: { ...modelOf('hello', { web: { ...({ imagee: 'x' } as object) } }) } })),
    code: 'key-unknown',
    path: 'compose.services.web.imagee',
  },
  {
    what: 'an image that does not parse',
    payload: (device) => text(assignment(device, { compose: modelOf('hello', { web: { image: 'UPPER/case:x' } }) })),
    code: 'image-invalid',
    path: 'compose.services.web.image',
  },
  {
    what: 'a circle of services',
    payload: (device) =>
      text(
        assignment(device, {
          compose: modelOf('hello', {
            a: { depends_on: { b: { condition: 'service_started' } } },
            b: { depends_on: { a: { condition: 'service_started' } } },
          }),
        }),
      ),
    code: 'dependency-cycle',
    path: 'compose.services.a.depends_on',
  },
]

describe.each(brokers)('over $name', (broker) => {
  test('each is refused with a code and a path, and what runs is left alone', async () => {
    const { url, stop } = await broker.start()
    onTestFinished(stop)
    const { device } = await startTestAgent({ url })
    const fleet = await openFleet(url)
    expect((await deployAndWait(fleet, device, modelOf('hello', { web: {} }))).outcome).toBe('succeeded')
    const before = await containersOf(device)
    const accepted = await reportOf(fleet, device, 'hello')

    for (const { what, payload, code, path } of cases) {
      await fleet.publish(fleet.topics.desired(device, 'hello'), payload(device), { retain: true })
      const report = await reportThat(
        fleet,
        device,
        'hello',
        `${code} for ${what}`,
        ({ refused }) => refused?.reason.code === code,
      )
      expect(report.refused?.reason.path, what).toBe(path)
      expect(report.generation).toBe(accepted?.generation)
      expect(report.phase).toBe('running')
    }
    expect(await containersOf(device)).toEqual(before)

    // And after all of it a good one is taken as ever, and takes the refusal away.
    expect((await deployAndWait(fleet, device, modelOf('hello', { web: { environment: { A: '1' } } }))).outcome).toBe(
      'succeeded',
    )
    expect((await reportOf(fleet, device, 'hello'))?.refused).toBeUndefined()
  })
})

test('an app that was never accepted is reported with its refusal and no phase', async () => {
  const { url, stop } = await (brokers[0] as (typeof brokers)[number]).start()
  onTestFinished(stop)
  const { device } = await startTestAgent({ url })
  const fleet = await openFleet(url)
  await fleet.publish(fleet.topics.desired(device, 'hello'), Buffer.from('garbage'), { retain: true })
  const report = await reportThat(fleet, device, 'hello', 'refused', ({ refused }) => refused !== undefined)
  expect(report).toMatchObject({
    generation: null,
    release: null,
    phase: null,
    running: null,
    services: {},
    refused: { outcome: 'rejected' },
  })
})

test('a host port that another app of the device publishes is a conflict', async () => {
  const { url, stop } = await (brokers[0] as (typeof brokers)[number]).start()
  onTestFinished(stop)
  const { device } = await startTestAgent({ url })
  const fleet = await openFleet(url)
  const ports = [{ target: 8080, published: await findFreePort(), protocol: 'tcp' as const }]
  expect((await deployAndWait(fleet, device, modelOf('first', { web: { ports } }))).outcome).toBe('succeeded')
  expect(await deployAndWait(fleet, device, modelOf('second', { web: { ports } }))).toMatchObject({
    outcome: 'conflict',
    reason: { code: 'port-claimed' },
  })
})
