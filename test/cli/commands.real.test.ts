/** What one asks of a device with the built command, of an agent that is a process: killed in the middle, too. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { runOwner } from '../../agent/translate/run-spec.ts'
import { readState } from '../../src/fleet/read-state.ts'
import { putSecrets } from '../../src/fleet/secrets.ts'
import { docker, newDeviceId, openFleet, removeEverythingOf } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { type BuiltCommand, buildCommand, type Ran, runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'
import { deployAndWait } from '../support/story.ts'

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

const open = async (policy: string) => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const folder = await mkdtemp(join(tmpdir(), 'longshore-commands-'))
  const device = newDeviceId()
  const at = (name: string): string => join(folder, name)
  await writeFile(at('policy.yaml'), policy)
  await writeFile(at('reboot'), `#!/bin/sh\necho "$@" > ${at('rebooted')}\n`)
  await chmod(at('reboot'), 0o755)
  const config = {
    ...{ device, broker: url, state: at('state'), secrets: `/dev/shm/longshore-test/${device}`, telemetry: 'off' },
    ...{ engine: `unix://${inject('socketPath')}`, namePrefix: `${device}-`, policy: at('policy.yaml') },
    rebootCommand: [at('reboot'), 'now'],
  }
  await writeFile(at('agent.yaml'), JSON.stringify(config))
  let child: ChildProcess
  const start = (): void => {
    child = spawn(process.execPath, [built.path, 'agent', '--config', at('agent.yaml')], {
      env: { ...process.env, JOURNAL_STREAM: undefined },
      stdio: 'ignore',
    })
  }
  const kill = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  onTestFinished(async () => {
    await kill('SIGKILL')
    await removeEverythingOf(device)
    await removeEverythingOf(runOwner(device))
    for (const left of [folder, config.secrets]) await rm(left, { recursive: true, force: true })
  }, 60_000)
  start()
  const fleet = await openFleet(url)
  const longshore = (name: string, ...parameters: string[]): Promise<Ran> =>
    runCommand(built.path, [name, '--device', device, ...parameters], { env: { LONGSHORE_BROKER: url } })
  const state = async () => {
    const { topics } = fleet
    return readState(topics, await fleet.read([topics.status(device), topics.inventory(device)])).get(device)
  }
  const runs = () =>
    docker().listContainers({ all: true, filters: { label: [`io.longshore.agent=${runOwner(device)}`] } })
  return { device, at, fleet, longshore, state, runs, kill, start }
}

test('restart, run, prune, telemetry, refresh and diagnose', async () => {
  const { device, at, fleet, longshore, state, runs } = await open('refusedCommands: []')
  const recipient = await eventually('the key', async () => (await state())?.inventory?.recipient)
  const secret = 'hunter2-hunter2'
  await putSecrets(fleet, {
    ...{ device, app: 'hello', by: 'test', now: Date.now(), remove: [], recipient },
    set: { db: Buffer.from(secret) },
  })
  const model = modelOf(
    'hello',
    {
      web: { environment: { DSN: 'db://u:in-the-address@h' }, 'x-longshore': { secretEnv: { DB: 'db' } } },
    },
    { secrets: { db: { external: true } } } as never,
  )
  expect(await deployAndWait(fleet, device, model)).toMatchObject({ isSuccess: true })

  expect(await longshore('restart', 'hello/web')).toMatchObject({
    exitCode: 0,
    stdout: `${device}: restarted ${device}-hello-web-1\n`,
  })
  expect(await longshore('restart', 'hello/none')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringMatching(/but web/),
  })

  const script = 'echo "out $DB"; echo err >&2; exit 4'
  const [ran, late, pruned, refreshed] = await Promise.all([
    longshore('run', 'hello/web', '--', 'sh', '-c', script),
    longshore('run', 'hello/web', '--limit', '1s', '--json', '--', 'sh', '-c', 'echo on; sleep 60'),
    longshore('prune', '--dry-run'),
    longshore('refresh'),
  ])
  expect(ran).toEqual({ exitCode: 4, stdout: `out ${secret}\n`, stderr: 'err\n' })
  expect(late.exitCode).toBe(1)
  expect(JSON.parse(late.stdout)).toMatchObject({ reason: { code: 'run-timeout' }, stdout: 'on\n' })
  expect(await runs()).toEqual([])

  expect(pruned).toMatchObject({ exitCode: 0, stdout: `${device}: nothing to remove\n` })
  expect(refreshed.exitCode).toBe(0)
  expect((await longshore('telemetry', 'live', '--for', '30m')).stdout).toMatch(/tells as live until 20/)
  expect(await longshore('telemetry', 'live', '--for', '25h')).toMatchObject({ exitCode: 1 })
  const kept = JSON.parse(await readFile(at('state/device.json'), 'utf8'))
  expect(kept.telemetry).toMatchObject({ meanwhile: { profile: 'live', until: expect.any(Number) } })

  const told = await longshore('diagnose', '-o', at('facts.json'))
  expect(told).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/containers +1\n?/) })
  const facts = await readFile(at('facts.json'), 'utf8')
  expect(JSON.parse(facts)).toMatchObject({
    ...{ device, containers: [{ app: 'hello', state: 'running' }], reports: [{ app: 'hello' }] },
    log: expect.arrayContaining([expect.stringContaining('deployment succeeded')]),
  })
  expect(facts).not.toMatch(/hunter2|in-the-address/)
}, 120_000)

test('an agent that is killed while a command runs removes its container and answers interrupted; reboot comes last', async () => {
  const { device, at, fleet, longshore, state, runs, kill, start } = await open('refusedCommands: []')
  await eventually('the device', async () => (await state())?.inventory)
  expect(await deployAndWait(fleet, device, modelOf('hello', { web: {} }))).toMatchObject({ isSuccess: true })
  const ran = longshore('run', 'hello/web', '--', 'sh', '-c', 'trap "" TERM; sleep 60')
  await eventually('the container', async () => (await runs())[0]?.State === 'running')
  await kill('SIGKILL')
  expect((await runs())[0]?.State).toBe('running')
  start()
  expect(await ran).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('command-interrupted') })
  await eventually('the container to be gone', async () => (await runs()).length === 0)

  const asked: { topic: string; payload: Buffer }[] = []
  await fleet.watch([fleet.topics.command(device, '+')], (message) => void asked.push(message))
  expect(await longshore('reboot')).toMatchObject({ exitCode: 0, stdout: `${device}: reboots now\n` })
  await eventually('the reboot', async () => (await readFile(at('rebooted'), 'utf8')) === 'now\n')
  await eventually('the goodbye', async () => (await state())?.status?.online === false)
  await rm(at('rebooted'))
  await kill('SIGTERM')
  start()
  await eventually('the device again', async () => (await state())?.status?.online === true)
  // The broker brings it once more: the answer is the same, and the machine stays.
  const { topic, payload } = asked[0] ?? { topic: '', payload: Buffer.alloc(0) }
  const answers: string[] = []
  await fleet.watch([topic.replace('/command/', '/reply/')], (reply) => void answers.push(reply.payload.toString()))
  await fleet.publish(topic, payload, { retain: false })
  await eventually('the answer', () => answers[0])
  expect(JSON.parse(answers[0] ?? '')).toMatchObject({ final: true, outcome: 'done' })
  await expect(readFile(at('rebooted'))).rejects.toMatchObject({ code: 'ENOENT' })
}, 120_000)
