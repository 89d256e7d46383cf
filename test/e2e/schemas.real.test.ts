/** All that an agent says in a life of many turns is as the published schemas have it. */
import { readdir, readFile } from 'node:fs/promises'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { expect, onTestFinished, test } from 'vitest'
import { topicsUnder } from '../../src/protocol/topics.ts'
import { openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf, sleeper } from '../support/models.ts'
import { openClient } from '../support/mqtt.ts'
import { deployAndWait } from '../support/story.ts'

const schemaFolder = new URL('../../docs/protocol/', import.meta.url)

const validators = async (): Promise<ReadonlyMap<string, ValidateFunction>> => {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })
  const names = (await readdir(schemaFolder)).filter((name) => name.endsWith('.schema.json'))
  return new Map(
    await Promise.all(
      names.map(async (name) => {
        const schema = JSON.parse(await readFile(new URL(name, schemaFolder), 'utf8'))
        return [name.replace('.schema.json', ''), ajv.compile(schema)] as const
      }),
    ),
  )
}

test('every message is valid against docs/protocol', async () => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const listener = await openClient(url)
  await listener.client.subscribeAsync('longshore/v1/#', { qos: 1 })
  const { device, stop: stopAgent } = await startTestAgent({ url })
  const fleet = await openFleet(url)
  const { parse, command } = topicsUnder('longshore')

  const service = { network_mode: 'none' as const }
  await deployAndWait(
    fleet,
    device,
    modelOf('shop', { web: { ...service, deploy: { ...sleeper.deploy, replicas: 2 } } }),
  )
  const ends = { ...service, command: ['sh', '-c', 'echo panic; exit 3'], restart: 'no' as const }
  await deployAndWait(fleet, device, modelOf('shop', { web: ends }))
  await deployAndWait(fleet, device, modelOf('evil', { web: { ...service, privileged: true } })).catch(() => undefined)
  const ask = async (id: string, verb: string, args: object): Promise<void> => {
    const body = { schema: 1, at: Date.now(), verb, args, expiresAt: Date.now() + 60_000 }
    await listener.client.publishAsync(command(device, id), JSON.stringify(body), { qos: 1 })
  }
  await ask('q1', 'history', { app: 'shop' })
  await ask('q2', 'release', { app: 'nobody' })
  await ask('q3', 'dance', {})
  await ask('q4', 'refresh', {})
  const seen = () =>
    listener.received
      .map((message) => ({ ...message, parsed: parse(message.topic) }))
      .filter(({ parsed, text }) => parsed?.device === device && text !== '')
  await eventually('the replies', () => seen().filter(({ parsed }) => parsed?.kind === 'reply').length >= 4)
  await stopAgent()

  const valid = await validators()
  expect(valid.get('event')?.({ schema: 1 })).toBe(false)
  const faults = seen().flatMap(({ parsed, text, topic }) => {
    const validate = valid.get(parsed?.kind ?? '')
    if (validate === undefined || validate(JSON.parse(text))) return []
    return [{ topic, text, errors: validate.errors }]
  })
  expect(faults).toEqual([])
  const kinds = new Set(
    seen().flatMap(({ parsed, text }) => (parsed?.kind === 'event' ? [JSON.parse(text).kind as string] : [])),
  )
  for (const kind of ['agent-started', 'link-up', 'deployment-succeeded', 'deployment-rolled-back', 'service-ended'])
    expect([...kinds]).toContain(kind)
  for (const kind of ['event', 'reply', 'reported', 'status', 'inventory'])
    expect(seen().some(({ parsed }) => parsed?.kind === kind)).toBe(true)
  // What was accepted has a number; the same message never has two, and no two have one.
  const numbers = seen().flatMap(({ parsed, text }) => {
    if (parsed?.kind !== 'event' && parsed?.kind !== 'reply') return []
    const { class: messageClass, epoch, seq } = JSON.parse(text)
    return [`${messageClass} ${epoch} ${seq}`]
  })
  expect(new Set(numbers).size).toBe(numbers.length)
})
