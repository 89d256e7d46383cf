/** The certificates of a site at another broker, as docs/enrolment.md says it is set up. */
import { readFile } from 'node:fs/promises'
import { expect, onTestFinished, test } from 'vitest'
import { revokeDevice } from '../../broker/enrolment/operate.ts'
import { startSite, type TestDevice } from '../support/enrolment-site.ts'
import { eventually } from '../support/eventually.ts'
import { accepts, findFreePort, startMosquitto } from '../support/mosquitto.ts'
import { openClient } from '../support/mqtt.ts'

test('Mosquitto takes the certificates of a site as names, and its list of those that are revoked', async () => {
  const site = await startSite()
  const many = await site.newToken({ uses: 2 })
  const [one, other] = [await site.enroll('gw-1', many), await site.enroll('gw-2', many)]
  const page = await readFile('docs/enrolment.md', 'utf8')
  const [, block = ''] = /\nlistener 8883\n([\s\S]*?)```/.exec(page) ?? []
  const lines = block.trim().replaceAll('/etc/mosquitto/site', site.files.folder).split('\n')
  const port = await findFreePort()
  const mosquitto = await startMosquitto({
    acl: 'pattern readwrite longshore/v1/%u/status\n',
    extraConfig: [`listener ${port} 127.0.0.1`, ...lines],
  })
  onTestFinished(mosquitto.stop)
  await eventually('Mosquitto to listen', () => accepts(port))
  const url = `mqtts://localhost:${port}`
  const connect = async (device: TestDevice) => openClient(url, await device.options())

  // The name in the certificate is who it is: what it writes elsewhere reaches nobody.
  const [client, reader] = [await connect(one), await connect(other)]
  await reader.client.subscribeAsync('longshore/v1/gw-2/status', { qos: 1 })
  await client.client.subscribeAsync('longshore/v1/gw-1/status', { qos: 1 })
  await client.client.publishAsync('longshore/v1/gw-2/status', 'forged', { qos: 1 })
  await client.client.publishAsync('longshore/v1/gw-1/status', 'up', { qos: 1 })
  await client.expect('longshore/v1/gw-1/status', 'up')
  await reader.client.publishAsync('longshore/v1/gw-2/status', 'up', { qos: 1 })
  await reader.expect('longshore/v1/gw-2/status', 'up')
  expect(reader.received.map(({ text }) => text)).toEqual(['up'])
  await expect(openClient(url, { ca: site.ca })).rejects.toThrow()

  await revokeDevice(site.files, 'gw-1', Date.now())
  await mosquitto.restart()
  await eventually('Mosquitto to listen again', () => accepts(port))
  await expect(connect(one)).rejects.toThrow(/revoked/)
  await connect(other)
})
