/** The bridge to a real Mosquitto, and in a process that is killed. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { ask } from '../../../src/fleet/command.ts'
import { readState } from '../../../src/fleet/read-state.ts'
import { topicsUnder } from '../../../src/protocol/topics.ts'
import { openFleet } from '../../support/agents.ts'
import { makeAuthorityIn } from '../../support/authority.ts'
import { makeFolder, reportOf, startSite, untilDrained, untilUp } from '../../support/bridged.ts'
import { type BuiltCommand, buildCommand, runCommand } from '../../support/command.ts'
import { eventually } from '../../support/eventually.ts'
import { createKillableBroker } from '../../support/killable-broker.ts'
import { startLinkedAgent } from '../../support/linked-agent.ts'
import { findFreePort, startMosquitto } from '../../support/mosquitto.ts'
import { openClient } from '../../support/mqtt.ts'
import { deployAndWait } from '../../support/story.ts'
import { openLine } from '../../support/tcp-line.ts'

const here = topicsUnder('longshore')
const above = topicsUnder('acme/plant1/longshore')
const rootAbove = 'acme/plant1/longshore'
const retain = { qos: 1, retain: true } as const

const event = (seq: number): string => JSON.stringify({ class: 'event', epoch: 7, seq, at: 1, schema: 1 })
const deployment = (generation: number): string =>
  JSON.stringify({
    ...{ schema: 1, device: 'gw-1', app: 'web', generation, issuedAt: generation, by: 'test', remove: true },
  })

/** What the page says the account of a bridge needs. */
const documentedRules = async (): Promise<string> =>
  /```text\n(user plant1\n[^`]*)```/.exec(await readFile('docs/bridge.md', 'utf8'))?.[1] ?? ''

describe('to Mosquitto', () => {
  test('with a certificate and the documented rules: both ways, through an outage, with what was cleared meanwhile', async () => {
    const folder = await makeFolder()
    const authority = await makeAuthorityIn(folder)
    const [server, own] = [await authority.issue({ host: '127.0.0.1' }), await authority.issue({ host: 'plant1' })]
    const files = { 'server.pem': server.cert, 'server.key': server.key, 'own.pem': own.cert, 'own.key': own.key }
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    const port = await findFreePort()
    const mosquitto = await startMosquitto({
      acl: `topic readwrite #\n${await documentedRules()}`,
      extraConfig: [
        'persistence true',
        'persistence_location ${folder}/',
        `listener ${port} 127.0.0.1`,
        `cafile ${join(folder, 'ca.pem')}`,
        `certfile ${join(folder, 'server.pem')}`,
        `keyfile ${join(folder, 'server.key')}`,
        'require_certificate true',
        'use_identity_as_username true',
      ],
    })
    onTestFinished(mosquitto.stop)
    const line = await openLine(port)
    const site = await startSite({
      ...{ site: 'plant1', url: line.url.replace('mqtt:', 'mqtts:'), rootAbove },
      ...{ ca: join(folder, 'ca.pem'), cert: join(folder, 'own.pem'), key: join(folder, 'own.key') },
    })
    const device = await openClient(site.url)
    await device.client.subscribeAsync('longshore/v1/gw-1/#', { qos: 1 })
    let operator = await openClient(mosquitto.url)
    await operator.client.subscribeAsync(`${rootAbove}/v1/#`, { qos: 1 })
    await untilUp(site)
    await device.client.publishAsync(here.reported('gw-1', 'web'), 'a', retain)
    await device.client.publishAsync(here.reported('gw-1', 'db'), 'b', retain)
    await operator.client.publishAsync(above.desired('gw-1', 'web'), deployment(5), retain)
    await operator.client.publishAsync(above.desired('gw-1', 'db'), deployment(5), retain)
    await device.expect(here.desired('gw-1', 'web'), deployment(5))
    await device.expect(here.desired('gw-1', 'db'), deployment(5))
    await operator.expect(above.reported('gw-1', 'db'), 'b')

    line.cut()
    await eventually('the bridge to be down', () => reportOf(site).state === 'down')
    const sent = Array.from({ length: 300 }, (_, index) => event(index + 1))
    await Promise.all(sent.map((text) => device.client.publishAsync(here.event('gw-1'), text, { qos: 1 })))
    await device.client.publishAsync(here.reported('gw-1', 'web'), '', retain)
    await operator.client.publishAsync(above.desired('gw-1', 'db'), '', retain)
    await operator.client.publishAsync(above.command('gw-1', 'c1'), '{"verb":"plan"}', { qos: 1 })
    await mosquitto.restart()
    operator = await openClient(mosquitto.url)
    await operator.client.subscribeAsync(`${rootAbove}/v1/#`, { qos: 1 })
    expect(await operator.expect(above.reported('gw-1', 'web'), 'a')).toMatchObject({ retain: true })
    line.mend()
    await untilDrained(site)
    await operator.expect(above.reported('gw-1', 'web'), '')
    await operator.expect(above.event('gw-1'), sent.at(-1))
    expect(operator.received.filter(({ topic }) => topic === above.event('gw-1')).map(({ text }) => text)).toEqual(sent)
    await device.expect(here.command('gw-1', 'c1'))
    await device.expect(here.desired('gw-1', 'db'), '')
    expect(device.received.filter(({ text }) => text === '').map(({ topic }) => topic)).not.toContain(
      here.desired('gw-1', 'web'),
    )
  })
})

test('an operator above deploys to a device of the site and asks it, over a slow line, and sees it go with its site', async () => {
  const mosquitto = await startMosquitto()
  onTestFinished(mosquitto.stop)
  const line = await openLine(mosquitto.port)
  line.slow({ ms: 50, jitterMs: 20, cutShare: 0 })
  const site = await startSite({ site: 'plant1', url: line.url, rootAbove })
  const { device } = await startLinkedAgent({ url: site.url })
  const fleet = await openFleet(mosquitto.url, rootAbove)
  const web = { image: 'web:1', deploy: { update_config: { monitor: '100ms' } } }
  const question = { device, verb: 'history', args: { app: 'shop' }, timeoutMs: 10_000, now: Date.now() }
  await untilUp(site)
  const found = async () => {
    const { status, bridgeStatus } = fleet.topics
    return readState(fleet.topics, await fleet.read([status(device), bridgeStatus('+')])).get(device)
  }
  await eventually('the device above', async () => (await found())?.status?.online === true)
  const ending = await deployAndWait(fleet, device, { name: 'shop', services: { web } })
  expect(ending).toMatchObject({ outcome: 'succeeded' })
  expect(await ask(fleet, question)).toMatchObject({ outcome: 'done' })
  expect((await found())?.silentBridge).toBeUndefined()
  line.cut()
  await eventually('nobody to know how it is', async () => (await found())?.silentBridge?.site === 'plant1')
})

describe('killed', () => {
  let command: BuiltCommand
  beforeAll(async () => {
    command = await buildCommand()
  })
  afterAll(() => command.remove())

  test('what was acknowledged to a device comes above, in order; the fleet sees the site go and come', async () => {
    const state = await makeFolder()
    const mosquitto = await startMosquitto()
    onTestFinished(mosquitto.stop)
    const line = await openLine(mosquitto.port)
    const config = join(state, 'broker.yaml')
    await writeFile(config, JSON.stringify({ state, bridge: { site: 'plant1', url: line.url } }))
    const broker = await createKillableBroker(command.path, ['--config', config])
    onTestFinished(() => broker.kill())
    await broker.start()
    const operator = await openClient(mosquitto.url)
    await operator.client.subscribeAsync('longshore/v1/#', { qos: 1 })
    const device = await openClient(broker.url)
    await device.client.publishAsync(
      here.status('gw-1'),
      '{"schema":1,"at":1,"online":true,"session":1,"agent":"1"}',
      retain,
    )
    await operator.expect(here.status('gw-1'))
    const acknowledged = new Set<number>()
    let last = 0
    // Killed while messages come in: once with the link, and once without.
    for (const isLinked of [true, false]) {
      if (!isLinked) line.cut()
      const client = await openClient(broker.url)
      const before = acknowledged.size
      for (let count = 0; count < 400; count += 1) {
        last += 1
        const seq = last
        client.client.publish(here.event('gw-1'), event(seq), { qos: 1 }, (error) => error || acknowledged.add(seq))
      }
      await eventually('some to be acknowledged', () => acknowledged.size > before + 50, { everyMs: 1 })
      await broker.kill()
      await eventually('the client to notice', client.isClosed)
      if (isLinked) await broker.start()
    }
    const devices = await runCommand(command.path, ['devices', '--broker', mosquitto.url])
    expect(devices.stdout).toMatch(/gw-1 +unknown/)
    expect(devices.stderr).toMatch(/gw-1: unknown: the bridge of its site, plant1, is offline/)
    line.mend()
    await broker.start()
    const seqs = () =>
      operator.received
        .filter(({ topic }) => topic === here.event('gw-1'))
        .map(({ text }) => (JSON.parse(text) as { seq: number }).seq)
    await eventually('all that was acknowledged', () => {
      const come = new Set(seqs())
      return [...acknowledged].every((seq) => come.has(seq))
    })
    const first = [...new Set(seqs())]
    expect(first).toEqual([...first].sort((a, b) => a - b))
    const status = await runCommand(command.path, ['broker', 'status', '--state', state])
    expect(status.stdout).toMatch(/^bridge +plant1 to mqtt:.*, up$/m)
    expect(status.stdout).toMatch(/^ +nothing waits$/m)
  })
})
