/** What one may ask of a device, through real brokers and on a real engine: once, however often it comes. */
import { randomBytes } from 'node:crypto'
import { describe, expect, onTestFinished, test } from 'vitest'
import { fixedPolicy } from '../../agent/fixed-policy.ts'
import { runOwner } from '../../agent/translate/run-spec.ts'
import { ask } from '../../src/fleet/command.ts'
import type { Fleet } from '../../src/fleet/fleet.ts'
import { type Command, type Reply, replySchema } from '../../src/protocol/command.ts'
import { docker, openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'
import { deployAndWait, reportOf } from '../support/story.ts'

const open = async (broker: BrokerUnderTest) => {
  const { url, stop } = await broker.start()
  onTestFinished(stop)
  const { device } = await startTestAgent({ url, policy: fixedPolicy({ refusedCommands: ['reboot'] }) })
  const fleet = await openFleet(url)
  const replies: Reply[] = []
  await fleet.watch([fleet.topics.reply(device, '+')], ({ payload }) => {
    replies.push(replySchema.parse(JSON.parse(payload.toString())))
  })
  const progress: Reply[] = []
  const command = (verb: string, args: Command['args'] = {}) =>
    ask(fleet, { device, verb, args, timeoutMs: 20_000, now: Date.now(), onProgress: (reply) => progress.push(reply) })
  return { device, fleet, replies, progress, command }
}

const publish = (fleet: Fleet, device: string, id: string, verb: string, args: Command['args'] = {}) => {
  const message: Command = { schema: 1, at: Date.now(), verb, args, expiresAt: Date.now() + 20_000 }
  return fleet.publish(fleet.topics.command(device, id), Buffer.from(JSON.stringify(message)), { retain: false })
}

const startedAt = async (device: string, name: string) =>
  (await docker().getContainer(`${device}-${name}`).inspect()).State.StartedAt

const runContainers = (device: string) =>
  docker().listContainers({ all: true, filters: { label: [`io.longshore.agent=${runOwner(device)}`] } })

describe.each(brokers)('on $name', (broker) => {
  test('restart, twice by one id: once in place, dependents after; the app was never anything but running', async () => {
    const { device, fleet, replies } = await open(broker)
    const model = modelOf('hello', {
      db: {},
      web: { depends_on: { db: { condition: 'service_started', restart: true } } },
    })
    await deployAndWait(fleet, device, model)
    const phases: string[] = []
    await fleet.watch([fleet.topics.reported(device, 'hello')], ({ payload }) => {
      phases.push(JSON.parse(payload.toString()).phase)
    })
    const before = await startedAt(device, 'hello-web-1')
    const id = randomBytes(6).toString('hex')
    for (const _ of [1, 2]) await publish(fleet, device, id, 'restart', { app: 'hello', service: 'db' })
    const final = await eventually('the answer', () => replies.find((reply) => reply.final))
    expect(final).toMatchObject({
      outcome: 'done',
      result: { restarted: [`${device}-hello-db-1`, `${device}-hello-web-1`] },
    })
    const after = await startedAt(device, 'hello-web-1')
    expect(after).not.toBe(before)
    await publish(fleet, device, id, 'restart', { app: 'hello', service: 'db' })
    await eventually('the answer again', () => replies.filter((reply) => reply.final).length >= 2)
    expect(await startedAt(device, 'hello-web-1')).toBe(after)
    await eventually('the report of the new start', async () => {
      const started = (await reportOf(fleet, device, 'hello'))?.services.web?.startedAt
      return started !== undefined && Math.abs(started - Date.parse(after)) < 1_000
    })
    expect(new Set(phases)).toEqual(new Set(['running']))
  })

  // What it says takes the same way on every broker.
  test.runIf(broker === brokers[0])('run: output in order and whole, exit code, and nothing is left', async () => {
    const { device, fleet, progress, command } = await open(broker)
    await deployAndWait(fleet, device, modelOf('hello', { web: { environment: { NAME: 'site 4' } } }))
    const script = 'i=0; while [ $i -lt 5000 ]; do echo "$NAME line $i"; i=$((i+1)); done; echo oops >&2; exit 3'
    const reply = await command('run', { app: 'hello', service: 'web', command: ['sh', '-c', script] })
    expect(reply).toMatchObject({ outcome: 'done', result: { exitCode: 3, stderrBytes: 5, unsentBytes: 0 } })
    const of = (stream: string) =>
      progress.flatMap(({ result }) => {
        const piece = result as { stream: string; data: string }
        return piece.stream === stream ? [Buffer.from(piece.data, 'base64')] : []
      })
    const lines = Buffer.concat(of('stdout')).toString().trimEnd().split('\n')
    expect(lines).toEqual(Array.from({ length: 5_000 }, (_, index) => `site 4 line ${index}`))
    expect(Buffer.concat(of('stderr')).toString()).toBe('oops\n')
    expect(reply.n).toBe(progress.length + 1)
    expect(await runContainers(device)).toEqual([])
    expect((await reportOf(fleet, device, 'hello'))?.phase).toBe('running')
  })

  test('1,000 at once: each is answered, and the device goes on; what is too long or not allowed is refused', async () => {
    const { device, fleet, replies } = await open(broker)
    await eventually('the device', async () => (await fleet.read([fleet.topics.inventory(device)])).size === 1)
    const before = replies.length
    await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => publish(fleet, device, `many${index}`, 'history', { app: 'none' })),
    )
    await eventually('1,000 answers', () => new Set(replies.slice(before).map(({ id }) => id)).size === 1_000, {
      timeoutMs: 30_000,
    })
    const outcomes = new Set(replies.slice(before).map(({ outcome }) => outcome))
    expect(outcomes).toEqual(new Set(['refused', 'busy']))
    await fleet.publish(fleet.topics.command(device, 'long'), Buffer.alloc(1_000_000, 'x'), { retain: false })
    expect(await eventually('an answer', () => replies.find(({ id }) => id === 'long'))).toMatchObject({
      outcome: 'refused',
      reason: { code: 'payload-too-large' },
    })
    await publish(fleet, device, 'boot', 'reboot')
    expect(await eventually('an answer', () => replies.find(({ id }) => id === 'boot'))).toMatchObject({
      outcome: 'refused',
      reason: { code: 'policy-refused' },
    })
  })
})
