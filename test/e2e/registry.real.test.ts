/** Credentials of a registry travel as a secret, and a pull that was refused without them goes on by itself. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readRecipient } from '../../src/fleet/recipient.ts'
import { putSecrets } from '../../src/fleet/secrets.ts'
import { docker, openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'
import { findFreePort } from '../support/mosquitto.ts'
import { endingFor, reportThat, send } from '../support/story.ts'

/** htpasswd, bcrypt: gateway, s3cret */
const account = 'gateway:$2y$05$Eal0HuC.ZvFZ8Wc/qIb8qO2MiX5475lsMhcna9I4clpE.hH9SWEGG'

const startRegistry = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-registry-'))
  const port = await findFreePort()
  await writeFile(join(folder, 'htpasswd'), `${account}\n`)
  await writeFile(
    join(folder, 'config.yml'),
    `version: 0.1
storage: {filesystem: {rootdirectory: ${join(folder, 'data')}}}
http: {addr: "127.0.0.1:${port}"}
auth: {htpasswd: {realm: test, path: ${join(folder, 'htpasswd')}}}
`,
  )
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' })
  onTestFinished(async () => {
    const exited = once(child, 'exit')
    child.kill()
    await exited
    await rm(folder, { recursive: true, force: true })
  })
  await eventually('the registry to answer', async () => (await fetch(`http://127.0.0.1:${port}/v2/`)).status === 401)
  return `127.0.0.1:${port}`
}

test('an image of a registry that asks for credentials', async () => {
  const registry = await startRegistry()
  const reference = `${registry}/private/example:1`
  const engine = docker()
  await engine.getImage('longshore/example:1').tag({ repo: `${registry}/private/example`, tag: '1' })
  onTestFinished(() =>
    engine
      .getImage(reference)
      .remove()
      .catch(() => undefined),
  )
  const authconfig = { username: 'gateway', password: 's3cret', serveraddress: registry }
  const pushing = await engine.getImage(reference).push({ authconfig })
  await new Promise((resolve, reject) => {
    pushing.on('end', resolve)
    pushing.on('error', reject)
    pushing.resume()
  })
  await engine.getImage(reference).remove()

  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const { device } = await startTestAgent({ url })
  const fleet = await openFleet(url)
  const sent = await send(fleet, device, modelOf('shop', { web: { image: reference } }))
  await reportThat(
    fleet,
    device,
    'shop',
    'a refused pull',
    ({ waitingFor }) =>
      waitingFor?.some(({ code, message }) => code === 'registry-unauthorized' && message.includes('longshore secret set')) === true,
  )
  const recipient = await eventually('the device to publish its key', () => readRecipient(fleet, device))
  const set = { [registry]: Buffer.from('gateway:s3cret') }
  await putSecrets(fleet, { device, app: '_registry', by: 'test', now: Date.now(), set, remove: [], recipient })
  expect(await endingFor(fleet, sent)).toEqual({ isSuccess: true, outcome: 'succeeded' })
})
