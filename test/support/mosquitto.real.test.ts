import { expect, onTestFinished, test } from 'vitest'
import { type MosquittoOptions, startMosquitto } from './mosquitto.ts'
import { openClient } from './mqtt.ts'

const start = async (options: MosquittoOptions = {}) => {
  const mosquitto = await startMosquitto(options)
  onTestFinished(mosquitto.stop)
  return mosquitto
}

const retained = { qos: 1, retain: true } as const

test('a publish that the access rules refuse is acknowledged all the same, and not kept', async () => {
  const { url } = await start({ acl: 'topic readwrite allowed/#\ntopic read #\n' })
  const writer = await openClient(url)
  await writer.client.publishAsync('refused/a', 'x', retained)
  await writer.client.publishAsync('allowed/a', 'y', retained)
  const reader = await openClient(url)
  await reader.client.subscribeAsync('#', { qos: 1 })
  await reader.expect('allowed/a', 'y')
  expect(reader.received.map((message) => message.topic)).not.toContain('refused/a')
})

test('after a kill it comes back on its port, with what its configuration kept', async () => {
  const persistence = [
    'persistence true',
    'persistence_location ${folder}/',
    'autosave_on_changes true',
    'autosave_interval 1',
  ]
  const mosquitto = await start({ extraConfig: persistence })
  const writer = await openClient(mosquitto.url)
  await writer.client.publishAsync('kept', 'yes', retained)
  await writer.client.publishAsync('kept/too', 'yes', retained)
  await mosquitto.kill()
  await expect(openClient(mosquitto.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await mosquitto.restart()
  const reader = await openClient(mosquitto.url)
  await reader.client.subscribeAsync('kept', { qos: 1 })
  await reader.expect('kept', 'yes')
})

test('a configuration that Mosquitto refuses is shown', async () => {
  await expect(startMosquitto({ extraConfig: ['nonsense 1'] })).rejects.toThrow(/nonsense/)
})
