/** The configurations of examples/mosquitto and examples/nats as they stand: only paths, ports, names and passwords are put in. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import type { IClientOptions } from 'mqtt'
import { expect, onTestFinished, test } from 'vitest'
import { examineBroker } from '../../src/cli/doctor/broker/examine-broker.ts'
import type { Broker } from '../../src/link/contract.ts'
import { makeAuthority } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { startLinkedAgent } from '../support/linked-agent.ts'
import { accepts, findFreePort } from '../support/mosquitto.ts'
import { openClient, type TestClient } from '../support/mqtt.ts'
import { startNatsCluster } from '../support/nats.ts'

const password = 'correct-horse'

const substituted = (text: string, changes: Readonly<Record<string, string>>): string =>
  Object.entries(changes).reduce((changed, [from, to]) => changed.replaceAll(from, to), text)

const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-example-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const retained = { qos: 1, retain: true } as const

/** What a device may not do may be answered in any way, and must come to nothing. */
const attempt = (work: Promise<unknown>): Promise<unknown> =>
  Promise.race([work.catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 500))])

/** All topics of the protocol, of gw-17 as itself and as a neighbour: its own pass, in their direction, and nothing else does. */
const expectOwnTopicsOnly = async (
  open: () => Promise<TestClient>,
  operator: TestClient,
  own: string,
  other: string,
): Promise<void> => {
  const base = (device: string) => `longshore/v1/${device}`
  const said = ['status', 'reported/app', 'inventory', 'progress/app', 'event', 'telemetry/host', 'reply/id', 'log/id']
  const told = ['desired/app', 'secret/app', 'command/id', 'log/id/credit']
  await operator.client.subscribeAsync('longshore/v1/#', { qos: 1 })
  for (const kind of said) {
    const device = await open()
    await device.client.publishAsync(`${base(own)}/${kind}`, `own ${kind}`, { qos: 1 })
    await operator.expect(`${base(own)}/${kind}`, `own ${kind}`)
    await attempt(device.client.publishAsync(`${base(other)}/${kind}`, 'forged', { qos: 1 }))
    await device.client.endAsync(true)
  }
  for (const topic of [...told.map((kind) => `${base(own)}/${kind}`), 'longshore/other', 'elsewhere']) {
    const device = await open()
    await attempt(device.client.publishAsync(topic, 'forged', { qos: 1 }))
    await device.client.endAsync(true)
  }
  const device = await open()
  for (const filter of [
    '#',
    'longshore/v1/#',
    '+/+/+/+/+',
    `${base(other)}/desired/+`,
    '$SYS/#',
    '$MQTT/#',
    '$MQTT/sub/#',
    '$JS/#',
  ])
    await attempt(device.client.subscribeAsync(filter, { qos: 1 }))
  for (const kind of told) await device.client.subscribeAsync(`${base(own)}/${kind}`, { qos: 1 })
  for (const kind of told) {
    await operator.client.publishAsync(`${base(other)}/${kind}`, 'not yours', retained)
    await operator.client.publishAsync(`${base(own)}/${kind}`, `for you ${kind}`, { qos: 1 })
  }
  for (const kind of told) await device.expect(`${base(own)}/${kind}`, `for you ${kind}`)
  const heard = device.received.filter(({ topic }) => !topic.startsWith(`${base(own)}/`))
  expect(heard).toEqual([])
  expect(operator.received.filter(({ text }) => text === 'forged')).toEqual([])
  for (const kind of told) await operator.client.publishAsync(`${base(other)}/${kind}`, '', retained)
}

const expectFit = async (broker: Broker): Promise<void> => {
  const input = { broker, root: 'longshore', scratch: 'longshore/v1/doctor-example', timeoutMs: 5_000 }
  expect((await examineBroker(input)).filter(({ verdict }) => verdict === 'fails')).toEqual([])
}

const expectOnline = async (operator: TestClient, device: string): Promise<void> => {
  await eventually(`${device} to say that it is online`, () =>
    operator.received.some(
      ({ topic, text }) => topic === `longshore/v1/${device}/status` && text.includes('"online":true'),
    ),
  )
  await operator.expect(`longshore/v1/${device}/inventory`)
}

test('Mosquitto: a device with its certificate has its own topics and no others, an operator has all', async () => {
  const folder = await newFolder()
  const authority = await makeAuthority()
  const [server, own, other] = [
    await authority.issue(),
    await authority.issue({ host: 'gw-17' }),
    await authority.issue({ host: 'gw-18' }),
  ]
  const [devicePort, operatorPort] = [await findFreePort(), await findFreePort()]
  const changes = {
    ...{ '/etc/mosquitto/longshore': folder, '/var/lib/mosquitto/': `${folder}/` },
    ...{ 'listener 8883': `listener ${devicePort} 127.0.0.1`, 'listener 8884': `listener ${operatorPort} 127.0.0.1` },
  }
  for (const file of ['mosquitto.conf', 'devices.acl', 'operators.acl'])
    await writeFile(join(folder, file), substituted(await readFile(`examples/mosquitto/${file}`, 'utf8'), changes))
  await writeFile(join(folder, 'broker.pem'), server.cert)
  await writeFile(join(folder, 'broker.key'), server.key)
  await writeFile(join(folder, 'ca.pem'), authority.cert)
  execFileSync('mosquitto_passwd', ['-b', '-c', join(folder, 'operators.passwords'), 'ada', password])
  // Started as root it takes another user, who must be able to read its files.
  execFileSync('chown', ['-R', 'mosquitto', folder])
  const start = async (): Promise<ChildProcess> => {
    const child = spawn('/usr/sbin/mosquitto', ['-c', join(folder, 'mosquitto.conf')], { stdio: 'ignore' })
    await eventually('both listeners', async () => (await accepts(devicePort)) && (await accepts(operatorPort)))
    return child
  }
  let child = await start()
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  onTestFinished(stop)
  const [deviceUrl, operatorUrl] = [`mqtts://localhost:${devicePort}`, `mqtts://localhost:${operatorPort}`]
  const asDevice = (pem: IClientOptions) => openClient(deviceUrl, { ca: authority.cert, ...pem, clean: true })
  const asOperator = () => openClient(operatorUrl, { ca: authority.cert, username: 'ada', password })
  const operator = await asOperator()
  await expectOwnTopicsOnly(() => asDevice({ ...own, clientId: 'gw-17' }), operator, 'gw-17', 'gw-18')
  await expectFit({ url: operatorUrl, ca: authority.cert, username: 'ada', password })
  await expect(openClient(operatorUrl, { ca: authority.cert, username: 'ada', password: 'wrong' })).rejects.toThrow()
  await expect(asDevice({}).then(({ client }) => client.subscribeAsync('a'))).rejects.toThrow()

  // Whatever client id a device gives, it has its own: it cannot take the connection of another.
  const neighbour = await asDevice({ ...other, clientId: 'gw-18' })
  await asDevice({ ...own, clientId: 'gw-18' })
  await neighbour.client.publishAsync('longshore/v1/gw-18/event', 'still here', { qos: 1 })
  await operator.expect('longshore/v1/gw-18/event', 'still here')

  // What waits for a device outlasts a crash of the broker.
  const session = { ...own, ca: authority.cert, clientId: 'gw-17', clean: false }
  const before = await openClient(deviceUrl, session)
  await before.client.subscribeAsync('longshore/v1/gw-17/command/+', { qos: 1 })
  await before.client.endAsync()
  await operator.client.publishAsync('longshore/v1/gw-17/command/later', 'waited', { qos: 1 })
  await operator.client.publishAsync('longshore/v1/gw-17/desired/kept', 'kept', retained)
  // It writes once a message has changed something.
  await eventually('the database', async () => (await readFile(join(folder, 'mosquitto.db'))).includes('waited'))
  await stop()
  child = await start()
  const after = await openClient(deviceUrl, session)
  await after.expect('longshore/v1/gw-17/command/later', 'waited')
  await after.client.endAsync()

  for (const [name, pem] of Object.entries(other)) await writeFile(join(folder, `gw-18.${name}`), pem)
  const settings = { ca: join(folder, 'ca.pem'), cert: join(folder, 'gw-18.cert'), key: join(folder, 'gw-18.key') }
  const again = await asOperator()
  await again.client.subscribeAsync('longshore/v1/#', { qos: 1 })
  await startLinkedAgent({ url: deviceUrl, device: 'gw-18', settings })
  await expectOnline(again, 'gw-18')
})

test('NATS: a device has its own topics and no others, an operator has all', async () => {
  const folder = await newFolder()
  const authority = await makeAuthority()
  const server = await authority.issue()
  await writeFile(join(folder, 'server.pem'), server.cert)
  await writeFile(join(folder, 'server.key'), server.key)
  await writeFile(join(folder, 'ca.pem'), authority.cert)
  const read = (file: string): Promise<string> => readFile(`examples/nats/${file}`, 'utf8')
  const [text, accounts] = [await read('nats-server.conf'), await read('accounts.conf')]
  const accountsFile = join(folder, 'accounts.conf')
  await writeFile(accountsFile, accounts.replaceAll(/\$2a\$11\$HASH-OF-[A-Z0-9-]+/g, password))
  const cluster = await startNatsCluster({
    scheme: 'mqtts',
    configOf: ({ name, clientPort, monitorPort, mqttPort, clusterPort, store }, all) =>
      substituted(text, {
        ...{
          'server_name: n1': `server_name: ${name}`,
          '"accounts.conf"': `"${relative(dirname(store), accountsFile)}"`,
        },
        ...{ '127.0.0.1:4222': `127.0.0.1:${clientPort}`, '127.0.0.1:8222': `127.0.0.1:${monitorPort}` },
        ...{ '0.0.0.0:8883': `127.0.0.1:${mqttPort}`, '0.0.0.0:6222': `127.0.0.1:${clusterPort}` },
        ...{ '/etc/nats': folder, '/var/lib/nats': store },
        ...Object.fromEntries(
          all.map((node) => [`${node.name}.example.org:6222`, `localhost:${node.clusterPort}`] as const),
        ),
      }),
  })
  onTestFinished(cluster.stop)
  const url = cluster.url.replaceAll('127.0.0.1', 'localhost')
  const as = (username: string) => openClient(url, { ca: authority.cert, username, password })
  const operator = await as('ada')
  await expectOwnTopicsOnly(() => as('gw-17'), operator, 'gw-17', 'gw-18')
  await expect(openClient(url, { ca: authority.cert, username: 'ada', password: 'wrong' })).rejects.toThrow()

  const passwordFile = join(folder, 'gw-17.password')
  await writeFile(passwordFile, password)
  const settings = { username: 'gw-17', passwordFile, ca: join(folder, 'ca.pem') }
  await startLinkedAgent({ url, device: 'gw-17', settings })
  await expectOnline(operator, 'gw-17')
  if (process.env.TEST_BROKER === 'nats') await expectFit({ url, ca: authority.cert, username: 'ada', password })
})
