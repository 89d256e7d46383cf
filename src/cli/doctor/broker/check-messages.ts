/** What Longshore stands on: QoS 1, retained messages, wills, sessions that outlast a connection. */
import { randomBytes } from 'node:crypto'
import { type Check, fails, ok } from '../finding.ts'
import { type BrokerContext, retainedUnder } from './broker-context.ts'

const accessRemedy = 'allow it in the access rules of the broker'
const restarts = 'it is asked for when something reconnects, starts or is read, so nothing can be deployed'

export const checkQos: Check<BrokerContext> = {
  name: 'QoS 1',
  run: async ({ open, scratch }) => {
    const probe = await open()
    const topic = `${scratch}/qos`
    const granted = await probe.subscribe(topic)
    if (granted >= 0x80)
      return fails({
        found: `subscribing to ${topic} is refused`,
        meaning: 'this user cannot read what it must',
        remedy: accessRemedy,
      })
    if (granted === 0)
      return fails({
        found: 'only QoS 0 is granted',
        meaning: 'what is sent may be lost, and nobody would know',
        remedy: 'raise the highest QoS of the broker',
      })
    await probe.publish(topic, 'hello')
    if (await probe.comes(topic, 'hello')) return ok('a message is acknowledged and comes')
    return fails({
      found: `what is published to ${topic} is acknowledged and does not come`,
      meaning: 'the broker throws it away: deployments and commands go nowhere',
      remedy: 'allow this user to publish and subscribe under the root, in the access rules of the broker',
    })
  },
}

export const checkRetained: Check<BrokerContext> = {
  name: 'retained',
  run: async (context) => {
    const topic = `${context.scratch}/retained/one`
    await context.retain(await context.open(), topic, 'kept')
    const found = await retainedUnder(context, topic)
    if (found?.get(topic)?.toString() === 'kept') return ok('kept, and given to whoever subscribes')
    return fails({
      found: 'what is retained is not there for whoever subscribes later',
      meaning: `the state of the fleet is in retained messages: ${restarts}`,
      remedy:
        'switch retained messages on in the broker (Mosquitto: retain_available true), and allow them to this user',
    })
  },
}

export const checkRetainedWildcard: Check<BrokerContext> = {
  name: 'retained, with wildcards',
  run: async (context) => {
    const folder = `${context.scratch}/retained`
    await context.retain(await context.open(), `${folder}/one`, 'kept')
    await context.retain(await context.open(), `${folder}/two`, 'kept')
    const missing: string[] = []
    for (const filter of [`${folder}/+`, `${context.scratch}/#`]) {
      const found = await retainedUnder(context, filter)
      if (found?.get(`${folder}/one`) === undefined || found.get(`${folder}/two`) === undefined) missing.push(filter)
    }
    if (missing.length === 0) return ok('+ and # give all of it')
    return fails({
      found: `${missing.join(' and ')} give nothing of what is retained there`,
      meaning: 'devices do not find what they are to run, and commands see no devices',
      remedy: 'use a broker that does it (RabbitMQ does not), or allow the wildcard to this user',
    })
  },
}

export const checkDeletion: Check<BrokerContext> = {
  name: 'retained, cleared',
  run: async (context) => {
    const topic = `${context.scratch}/retained/gone`
    const probe = await context.open()
    await context.retain(probe, topic, 'kept')
    await probe.publish(topic, '', true)
    const found = await retainedUnder(context, topic)
    if (found !== undefined && !found.has(topic)) return ok('an empty message takes it away')
    return fails({
      found: 'an empty message does not take it away',
      meaning: 'apps that were removed and devices that were forgotten stay listed for ever',
      remedy: 'allow this user to publish empty retained messages',
    })
  },
}

export const checkWill: Check<BrokerContext> = {
  name: 'will',
  run: async ({ open, scratch }) => {
    const topic = `${scratch}/will`
    const watcher = await open()
    await watcher.subscribe(topic)
    const device = await open({ will: { topic, payload: Buffer.from('gone') } })
    device.vanish()
    if (await watcher.comes(topic, 'gone')) return ok('sent when a client vanishes')
    return fails({
      found: 'a client vanished and nobody was told',
      meaning: 'devices that lost power or network stay shown as online',
      remedy: 'allow wills, and retained ones, to devices in the broker',
    })
  },
}

const away = 10

export const checkSession: Check<BrokerContext> = {
  name: 'session',
  run: async ({ open, scratch }) => {
    const topic = `${scratch}/session`
    const clientId = `longshore-doctor-${randomBytes(6).toString('hex')}`
    const device = await open({ clientId, keepSession: true })
    await device.subscribe(topic)
    await device.close()
    const writer = await open()
    const texts = Array.from({ length: away }, (_, index) => `message ${index}`)
    for (const text of texts) await writer.publish(topic, text)
    const again = await open({ clientId, keepSession: true })
    const last = await again.comes(topic, texts.at(-1) ?? '')
    const came = again.received.filter((message) => message.topic === topic).map(({ payload }) => payload.toString())
    await again.close()
    // A clean session takes the place of the kept one.
    await (await open({ clientId })).close()
    if (last && texts.every((text, index) => came[index] === text))
      return ok(`${away} of ${away} messages waited, in order`)
    return fails({
      found: `${new Set(came).size} of ${away} messages waited for a client that was away${last ? ', and not in order' : ''}`,
      meaning: 'commands to a device that is away for a moment are lost; deployments are not, they are retained',
      remedy: 'switch persistent sessions on, and let them last for days (docs/brokers.md)',
    })
  },
}
