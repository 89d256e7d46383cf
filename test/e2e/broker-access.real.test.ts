/** The commands of docs/broker.md as they stand there: an authority, a broker, an agent with a certificate, an operator with a password. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { newDeviceId, removeEverythingOf } from '../support/agents.ts'
import { makeAuthority } from '../support/certificates.ts'
import { type BuiltCommand, buildCommand, runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { findFreePort } from '../support/mosquitto.ts'

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

const compose = `services:
  web:
    image: longshore/example:1
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    deploy: { update_config: { monitor: 500ms } }
`

/** The first two blocks of the section, for a folder, a host, a port and a device of this test. */
const readCommands = async (changes: Readonly<Record<string, string>>): Promise<string[]> => {
  const page = await readFile('docs/broker.md', 'utf8')
  const section = page.slice(page.indexOf('## Let in other machines'), page.indexOf('## Listeners'))
  const blocks = [...section.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block)
  return blocks
    .slice(0, 2)
    .map((block) => Object.entries(changes).reduce((text, [from, to]) => text.replaceAll(from, to), block))
}

test('the pages say how to let in devices and operators, and nobody else gets in', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-site-'))
  const device = newDeviceId()
  const port = String(await findFreePort())
  onTestFinished(async () => {
    await removeEverythingOf(device)
    await rm(folder, { recursive: true, force: true })
  })
  const command = join(folder, 'longshore')
  await writeFile(command, `#!/bin/sh\nexec ${process.execPath} ${built.path} "$@"\n`)
  await chmod(command, 0o755)
  const [setUp = '', use = ''] = await readCommands({
    '/etc/longshore': folder,
    '/var/lib': folder,
    'broker.local': 'localhost',
    '8883': port,
    'gw-17': device,
  })
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, JOURNAL_STREAM: undefined }
  await promisify(execFile)('sh', ['-euc', setUp], { env })

  const start = async (line: string, until: string) => {
    const child: ChildProcess = spawn('sh', ['-c', `exec ${line}`], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const exited = once(child, 'exit')
    onTestFinished(async () => {
      child.kill('SIGTERM')
      await exited
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        output += chunk.toString()
      })
    await eventually(`${line} to say "${until}"`, () => output.includes(until))
    return { child, output: () => output }
  }
  const [broker = '', agent = '', devices = '', watch = ''] = use.trim().split('\n')
  const running = await start(broker, 'the broker listens')
  const engine = `--engine unix://${inject('socketPath')} --name-prefix ${device}- --state ${folder}/agent --secrets /dev/shm/longshore-test/${device}`
  await start(`${agent} ${engine}`, 'the agent runs')
  onTestFinished(() => rm(`/dev/shm/longshore-test/${device}`, { recursive: true, force: true }))

  // What the operator may do: all of it.
  const run = (line: string) =>
    promisify(execFile)('sh', ['-c', line], { cwd: folder, env, timeout: 20_000 }).then(
      ({ stdout, stderr }) => ({ exitCode: 0, output: stdout + stderr }),
      ({ code, stdout, stderr }) => ({ exitCode: code as number, output: `${stdout}${stderr}` }),
    )
  await eventually('the device to be online', async () =>
    (await run(devices)).output.match(`${device} +(online|degraded|failing)`),
  )
  await writeFile(join(folder, 'compose.yaml'), compose)
  const asOperator = devices.slice(devices.indexOf('--broker'))
  const deployed = await run(`longshore deploy hello -f compose.yaml --device ${device} --wait ${asOperator}`)
  expect(deployed).toMatchObject({ exitCode: 0, output: expect.stringContaining('succeeded') })
  expect((await run(`${watch} -C 1 -W 10`)).output).toContain(`longshore/v1/${device}/`)

  // What others may do: nothing. The key of a device is no key to the fleet.
  const foreign = await makeAuthority()
  const { cert, key } = await foreign.issue({ host: device })
  await writeFile(join(folder, 'foreign.pem'), cert)
  await writeFile(join(folder, 'foreign.key'), key)
  const ask = (how: string) =>
    run(`longshore devices --broker mqtts://localhost:${port} --ca ca.pem ${how}`).then(({ output }) => output)
  expect(await ask('')).toContain('broker-refused')
  expect(await ask(`--cert foreign.pem --key foreign.key`)).not.toMatch(/online|degraded|failing/)
  expect(await ask(`--cert ${device}.pem --key ${device}.key`)).toMatch(/client id.*broker-refused/s)
  expect(running.output()).toContain('"limit":"badTls"')

  // Who is taken away is out, at once with SIGHUP; the device stays.
  const away = await runCommand(built.path, ['broker', 'passwd', join(folder, 'broker-users'), 'ada', '--delete'])
  expect(away).toMatchObject({ exitCode: 0 })
  running.child.kill('SIGHUP')
  await eventually('the operator to be refused', async () => (await run(devices)).output.includes('broker-refused'))
  const ends = running
    .output()
    .split('\n')
    .filter((line) => line.includes('client disconnected'))
  expect(ends.join('\n')).not.toContain(`"client":"${device}"`)
})
