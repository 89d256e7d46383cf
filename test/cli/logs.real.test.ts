/** `longshore logs` as it is built, and an agent as a process, which can be killed. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { newDeviceId, openFleet, removeEverythingOf } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { type BuiltCommand, buildCommand, runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'
import { deployAndWait } from '../support/story.ts'

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

const startProcess = (parameters: readonly string[], env: Record<string, string> = {}) => {
  const child: ChildProcess = spawn(process.execPath, [built.path, ...parameters], {
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  let [output, errors] = ['', '']
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  return { child, exited, output: () => output, errors: () => errors }
}

test('logs are printed, completed and followed, and a killed agent ends them with a word', async () => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const device = newDeviceId()
  const folder = await mkdtemp(join(tmpdir(), 'longshore-logs-'))
  onTestFinished(async () => {
    await removeEverythingOf(device)
    await rm(folder, { recursive: true, force: true })
  }, 30_000)
  const settings = {
    device,
    broker: url,
    state: folder,
    engine: `unix://${inject('socketPath')}`,
    'log-level': 'debug',
  }
  const startAgent = () =>
    startProcess([
      'agent',
      '--name-prefix',
      `${device}-`,
      ...Object.entries(settings).flatMap(([k, v]) => [`--${k}`, v]),
    ])
  const agent = startAgent()
  const fleet = await openFleet(url)
  const says = "echo hi; printf '\\200\\n'; echo bad >&2; while :; do sleep 0.1; done"
  // The driver json-file keeps text alone.
  const logging = { driver: 'local' }
  const web = { command: ['sh', '-c', says], network_mode: 'none', stop_grace_period: '0s', logging }
  await eventually('the agent to run', () => agent.output().includes('connected'))
  await deployAndWait(fleet, device, modelOf('shop', { web }))
  const env = { LONGSHORE_BROKER: url }
  const logs = (...parameters: string[]) => runCommand(built.path, ['logs', '--device', device, ...parameters], { env })

  const [found, json, unknown, nothing, odd] = await Promise.all([
    logs('shop', '--grep', 'hi|bad'),
    logs('shop', 'web', '--json'),
    logs('nothing'),
    logs(),
    logs('shop', '--since', 'yesterday'),
  ])
  expect(found.stdout.split('\n').sort()).toEqual(['', 'web-1  | bad', 'web-1  | hi'])
  const asJson = json.stdout.trim().split('\n')
  const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT/)
  const said = asJson.map((line) => JSON.parse(line)).sort((a, b) => ((a.line ?? '') < (b.line ?? '') ? -1 : 1))
  expect(said).toEqual([
    { at, source: 'web-1', stream: 'stdout', base64: 'gA==' },
    { at, source: 'web-1', stream: 'stderr', line: 'bad' },
    { at, source: 'web-1', stream: 'stdout', line: 'hi' },
  ])
  expect(unknown).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('app-unknown') })
  expect(nothing).toMatchObject({ exitCode: 2 })
  expect(odd).toMatchObject({ exitCode: 2 })

  const program = join(folder, 'longshore')
  await writeFile(program, `#!/bin/sh\nexec ${process.execPath} ${built.path} "$@"\n`)
  await chmod(program, 0o755)
  // Not in this process: the broker is in it.
  const complete = async (...words: string[]): Promise<string> => {
    const script =
      'source <(longshore completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _longshore; echo "${COMPREPLY[@]}"'
    const { stdout } = await promisify(execFile)('bash', ['-c', script, 'bash', 'longshore', ...words], {
      env: { ...process.env, ...env, PATH: `${folder}:${process.env.PATH}` },
    })
    return stdout.trim()
  }

  // What the following itself makes the agent say must not go on for ever.
  const own = startProcess(['logs', '--device', device, '--agent', '-f'], env)
  await eventually('the log of the agent', () => own.output().includes('"connected"'))
  await new Promise((resolve) => setTimeout(resolve, 500))
  const lines = own.output().split('\n').length
  const [app, service, completed] = await Promise.all([
    complete('logs', 'sh'),
    complete('logs', 'shop', ''),
    complete('logs', 'shop', '--device', device.slice(0, -1)),
    new Promise((resolve) => setTimeout(resolve, 1_500)),
  ])
  expect([app, service, completed]).toEqual(['shop', 'web', device])
  expect(own.output().split('\n').length - lines).toBeLessThan(10)
  own.child.kill('SIGINT')
  expect(await own.exited).toEqual([0, null])

  // A pipe that is closed, as by head: the device hears that nobody reads any more.
  const credits: string[] = []
  await fleet.watch([fleet.topics.logCredit(device, '+')], ({ payload }) => void credits.push(payload.toString()))
  const piped = startProcess(['logs', '--device', device, '--agent', '-f'], env)
  await eventually('the log of the agent', () => piped.output().includes('"connected"'))
  piped.child.stdout?.destroy()
  await deployAndWait(fleet, device, modelOf('shop', { web })) // the agent says something of it
  expect(await piped.exited).toEqual([0, null])
  expect(credits.at(-1)).toContain('"stop":true')

  const followed = startProcess(['logs', 'shop', '--device', device, '-f'], env)
  await eventually('the first line', () => followed.output().includes('web-1  | hi'))
  agent.child.kill('SIGKILL')
  await agent.exited
  startAgent()
  expect(await followed.exited).toEqual([1, null])
  expect(followed.errors()).toMatch(/ended while it carried this command out/)
}, 60_000)
