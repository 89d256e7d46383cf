/** An operator's story, told with the built command over real brokers to a real engine. */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { docker, newDeviceId, openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { type BuiltCommand, buildCommand, type Ran, runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'

let built: BuiltCommand
let folder: string

beforeAll(async () => {
  built = await buildCommand()
  folder = await mkdtemp(join(tmpdir(), 'longshore-cli-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await built.remove()
})

const startBroker = async (broker: BrokerUnderTest): Promise<string> => {
  const { url, stop } = await broker.start()
  onTestFinished(stop)
  return url
}

const longshore = (url: string, ...parameters: string[]): Promise<Ran> =>
  runCommand(built.path, parameters, { env: { LONGSHORE_BROKER: url } })

const compose = `services:
  web:
    image: longshore/example:1
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    environment:
      TITLE: \${TITLE:-first}
    deploy:
      update_config:
        monitor: 500ms
`

const fileOf = async (name: string, text: string): Promise<string> => {
  const file = join(folder, name)
  await writeFile(file, text)
  return file
}

/** Another key in the device's inventory, as a foreign hand would put it there. */
const rewriteRecipient = async (url: string, device: string): Promise<void> => {
  const fleet = await openFleet(url)
  const topic = fleet.topics.inventory(device)
  const inventory = JSON.parse(String((await fleet.read([topic])).get(topic)))
  const recipient = await identityToRecipient(await generateX25519Identity())
  await fleet.publish(topic, Buffer.from(JSON.stringify({ ...inventory, recipient })), { retain: true })
}

const containersOf = async (device: string): Promise<string[]> =>
  (await docker().listContainers({ all: true, filters: { label: [`io.longshore.agent=${device}`] } })).map(
    ({ Id }) => Id,
  )

describe.each(brokers)('over $name', (broker) => {
  test('a project folder is deployed with its files and secrets, and comes back as one', async () => {
    const url = await startBroker(broker)
    const { device } = await startTestAgent({ url })
    const config = join(folder, `config-${device}`)
    const run = (...parameters: string[]): Promise<Ran> =>
      runCommand(built.path, parameters, { env: { LONGSHORE_BROKER: url, XDG_CONFIG_HOME: config } })
    await eventually(
      'the device to publish its key',
      async () => (await run('secret', 'trust', '-d', device)).exitCode !== 3,
    )
    const project = join(folder, `project-${device}`)
    await mkdir(join(project, 'conf'), { recursive: true })
    await writeFile(join(project, 'conf', 'app.toml'), 'a = 1')
    await writeFile(join(project, 'password.txt'), 'pa55word')
    await writeFile(
      join(project, 'compose.yaml'),
      `${compose}    volumes: ["./conf:/conf:ro", "./data:/data"]
    secrets: [password, token]
secrets: {password: {file: password.txt}, token: {external: true}}
`,
    )
    const at = ['-f', join(project, 'compose.yaml'), '-d', device]
    const first = await run('deploy', 'shop', ...at)
    expect(first).toMatchObject({ exitCode: 0 })
    expect(first.stderr).toContain(`it waits for secret token: longshore secret set shop token --device ${device}`)
    expect(first.stdout + first.stderr).not.toContain('pa55word')
    const set = await runCommand(built.path, ['secret', 'set', 'shop', 'token', '-d', device], {
      env: { LONGSHORE_BROKER: url, XDG_CONFIG_HOME: config },
      stdin: 't0ken\n',
    })
    expect(set).toMatchObject({ exitCode: 0 })
    expect(await run('deploy', 'shop', ...at, '--wait', '--timeout', '30')).toMatchObject({ exitCode: 0 })
    const [id] = await containersOf(device)
    const seen = execFileSync('docker', ['exec', String(id), 'sh', '-c', 'cat /conf/app.toml /run/secrets/*; ls /data'])
    expect(seen.toString()).toBe('a = 1pa55wordt0ken')
    expect((await run('plan', 'shop', ...at)).stdout).toBe('nothing to do\n')

    const copy = join(folder, `copy-${device}`)
    expect(await run('get', 'shop', '-d', device, '--output', copy)).toMatchObject({ exitCode: 0 })
    expect(await readFile(join(copy, 'conf', 'app.toml'), 'utf8')).toBe('a = 1')
    expect((await run('plan', 'shop', '-f', join(copy, 'compose.yaml'), '-d', device)).stdout).toBe('nothing to do\n')
    expect(await run('get', 'shop', '-d', device, '--output', copy)).toMatchObject({ exitCode: 2 })

    // The device was flashed anew, or somebody else answers in its name: nothing more is sent to it.
    await rewriteRecipient(url, device)
    const changed = await run('deploy', 'shop', ...at)
    expect(changed).toMatchObject({ exitCode: 1 })
    expect(changed.stderr).toContain('recipient-changed')
  })

  test('deploy, look, get, deploy again, plan, change, back up, remove, forget', async () => {
    const url = await startBroker(broker)
    const file = await fileOf('compose.yaml', compose)
    const { device, stop } = await startTestAgent({ url })
    const run = (...parameters: string[]): Promise<Ran> => longshore(url, ...parameters)
    await eventually('the device to be online', async () =>
      /online|degraded|failing/.test((await run('devices')).stdout),
    )

    const deployed = await run('deploy', 'shop', '-f', file, '--device', device, '--wait', '--timeout', '30')
    expect(deployed).toMatchObject({ exitCode: 0, stderr: '' })
    expect(deployed.stdout).toContain(`${device}: succeeded`)
    expect(deployed.stdout).not.toContain('\u001b')
    const first = await containersOf(device)
    expect(first).toHaveLength(1)

    const status = JSON.parse((await run('status', 'shop', '--device', device, '--json')).stdout)
    expect(status.devices[0].apps[0].reported).toMatchObject({ phase: 'running', outcome: 'succeeded' })
    const release = status.devices[0].apps[0].reported.release

    const got = await run('get', 'shop', '--device', device)
    expect(got.exitCode).toBe(0)
    const again = await runCommand(built.path, ['deploy', 'shop', '-f', '-', '-d', device, '--wait'], {
      env: { LONGSHORE_BROKER: url },
      stdin: got.stdout,
    })
    expect(again.exitCode).toBe(0)
    const after = JSON.parse((await run('status', 'shop', '--json')).stdout)
    expect(after.devices[0].apps[0].reported.release).toBe(release)
    expect(await containersOf(device)).toEqual(first)

    expect((await run('plan', 'shop', '-f', file, '-d', device)).stdout).toBe('nothing to do\n')
    const plan = await run('plan', 'shop', '-f', file, '-d', device, '--set', 'TITLE=second')
    expect(plan).toMatchObject({ exitCode: 0 })
    expect(plan.stdout).toContain('(service web changed: environment)')
    expect(await containersOf(device)).toEqual(first)

    const changed = await run('deploy', 'shop', '-f', file, '-d', device, '--set', 'TITLE=second', '--wait', '--json')
    expect(changed.exitCode).toBe(0)
    const events = changed.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(events[0]).toMatchObject({ event: 'deployed', device, app: 'shop', online: true })
    expect(events.at(-1)).toMatchObject({ event: 'ended', device, outcome: 'succeeded' })
    expect(await containersOf(device)).not.toEqual(first)

    const backup = await run('export')
    expect(backup.exitCode).toBe(0)
    const fresh = await startBroker(broker)
    const imported = await longshore(fresh, 'import', await fileOf('fleet.jsonl', backup.stdout))
    expect(imported).toMatchObject({ exitCode: 0 })
    const [before, now] = [backup.stdout, (await longshore(fresh, 'export')).stdout].map(
      (line) => JSON.parse(line).desired,
    )
    expect(now.generation).toBeGreaterThan(before.generation)
    expect({ ...now, generation: 0, issuedAt: 0 }).toEqual({ ...before, generation: 0, issuedAt: 0 })

    expect((await run('devices', 'forget', device)).exitCode).toBe(1)
    expect(await run('remove', 'shop', '-d', device, '--volumes')).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await containersOf(device)).toEqual([])
    expect(await run('get', 'shop', '-d', device)).toMatchObject({ exitCode: 1, stdout: '' })
    await stop()
    expect((await run('devices', 'forget', device)).exitCode).toBe(0)
    await eventually('nothing to be retained of it', async () => {
      const { devices } = JSON.parse((await run('devices', '--json')).stdout)
      return devices.length === 0
    })
  })
})

test('a failed deployment exits 1 and says why', async () => {
  const url = await startBroker(brokers[0] as BrokerUnderTest)
  const { device } = await startTestAgent({ url })
  const file = await fileOf(
    'failing.yaml',
    compose.replace("trap 'exit 0' TERM; while :; do sleep 0.1; done", 'exit 3'),
  )
  const ran = await longshore(url, 'deploy', 'bad', '-f', file, '-d', device, '--wait', '--timeout', '30')
  expect(ran.exitCode).toBe(1)
  expect(ran.stdout).toMatch(/: failed: .*\[[a-z-]+\]\n$/)
})

test('nobody there exits 3: no broker, no device, no answer to a plan', async () => {
  const url = await startBroker(brokers[0] as BrokerUnderTest)
  const file = await fileOf('nobody.yaml', compose)
  const noBroker = await longshore('mqtt://127.0.0.1:1', 'status')
  expect(noBroker).toMatchObject({ exitCode: 3, stdout: '' })
  expect(noBroker.stderr).toContain('[broker-unreachable]')
  const device = newDeviceId()
  const noDevice = await longshore(url, 'deploy', 'shop', '-f', file, '-d', device, '--wait', '--timeout', '1')
  expect(noDevice.exitCode).toBe(3)
  expect(noDevice.stderr).toContain('no device of this id was ever seen')
  expect((await longshore(url, 'plan', 'shop', '-f', file, '-d', device, '--timeout', '1')).exitCode).toBe(3)
})

const service = 'services:\n  web:\n    image: longshore/example:1\n'
const invalid: readonly (readonly [name: string, text: string, place: RegExp, code: string])[] = [
  ['YAML that does not parse', 'services:\n  web: [\n', /:\d+:\d+: /, 'yaml-invalid'],
  ['an unknown key', `${service}    imgae: x\n`, /:4:5: /, 'key-unknown'],
  ['an unsupported key', `${service}    cpu_count: 1\n`, /:4:5: /, 'key-unsupported'],
  ['an undefined variable', `${service}    hostname: \${NOPE}\n`, /:4:\d+: /, 'variable-undefined'],
  [
    'a cycle',
    `${service}    depends_on: [b]\n  b:\n    image: x\n    depends_on: [web]\n`,
    /:\d+:\d+: /,
    'dependency-cycle',
  ],
  [
    'a port published twice',
    `${service}    ports: ["80:80"]\n  b:\n    image: x\n    ports: ["80:81"]\n`,
    /:\d+:\d+: /,
    'port-duplicate',
  ],
  ['a bad image', 'services:\n  web:\n    image: "Not An Image"\n', /:3:\d+: /, 'image-invalid'],
]

test('an invalid file exits 2 with its place, and publishes nothing', async () => {
  const url = await startBroker(brokers[0] as BrokerUnderTest)
  const fleet = await openFleet(url)
  for (const [index, [name, text, place, code]] of invalid.entries()) {
    const file = await fileOf(`invalid-${index}.yaml`, text)
    const ran = await longshore(url, 'deploy', 'shop', '-f', file, '-d', 'gw-1')
    expect([name, ran.exitCode, ran.stdout]).toEqual([name, 2, ''])
    expect(ran.stderr, name).toContain(`[${code}]`)
    expect(ran.stderr.replace(file, ''), name).toMatch(place)
  }
  expect(await fleet.read([fleet.topics.desired('+', '+')])).toEqual(new Map())
})
