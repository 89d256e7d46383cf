/** An app that runs under docker-compose, with data in its volumes, is taken over. */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Model } from '../../src/compose/model.ts'
import { ask } from '../../src/fleet/command.ts'
import { assignRemoval } from '../../src/fleet/deploy.ts'
import { docker, openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'
import { deployAndWait, endingFor, reportThat, send } from '../support/story.ts'

const compose = `
x-sleep: &sleep
  image: longshore/example:1
  command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
  restart: always
services:
  db: {<<: *sleep, volumes: ["data:/data", "/anonymous"]}
  old: *sleep
volumes: {data: {}}
`

const exec = (container: string, command: string): string =>
  execFileSync('docker', ['exec', container, 'sh', '-c', command], { encoding: 'utf8' }).trim()

test('volumes and networks are taken as they are, containers are replaced, and without the flag nothing is touched', async () => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const { device } = await startTestAgent({ url, namePrefix: '' })
  const fleet = await openFleet(url)
  const app = `adopt${process.pid}`
  const folder = await mkdtemp(join(tmpdir(), 'longshore-adopt-'))
  await writeFile(join(folder, 'compose.yaml'), compose)
  const run = (...parameters: string[]) =>
    execFileSync('docker-compose', ['-p', app, '-f', join(folder, 'compose.yaml'), ...parameters], { stdio: 'pipe' })
  onTestFinished(async () => {
    run('down', '-v', '-t', '0')
    await rm(folder, { recursive: true, force: true })
  })
  run('up', '-d')
  exec(`${app}_db_1`, 'echo precious > /data/file; echo too > /anonymous/file')
  const before = await docker().listContainers({ filters: { label: [`com.docker.compose.project=${app}`] } })
  expect(before).toHaveLength(2)

  const model: Model = modelOf(
    app,
    {
      db: {
        volumes: [
          { type: 'volume', source: 'data', target: '/data' },
          { type: 'volume', target: '/anonymous' },
        ],
      },
    },
    { volumes: { data: {} } },
  )
  await send(fleet, device, model)
  const refused = await reportThat(
    fleet,
    device,
    app,
    'names in use',
    ({ waitingFor }) => waitingFor?.every(({ code }) => code === 'name-in-use') === true,
  )
  expect(refused.waitingFor?.map(({ message }) => message).sort()).toEqual([
    `network ${app}_default exists and is not of Longshore`,
    `volume ${app}_data exists and is not of Longshore`,
  ])
  const untouched = await docker().listContainers({ filters: { label: [`com.docker.compose.project=${app}`] } })
  expect(untouched.map(({ Id, Status }) => [Id, Status.split(' ')[0]])).toEqual(before.map(({ Id }) => [Id, 'Up']))

  const planned = await ask(fleet, {
    device,
    verb: 'plan',
    args: { app, compose: model as never, adopt: true },
    timeoutMs: 10_000,
    now: Date.now(),
  })
  expect(planned).toMatchObject({ outcome: 'done', result: { waits: [] } })
  expect((planned.result as { operations: string[] }).operations.join('\n')).toContain(`stop-container ${app}_db_1`)

  expect(await deployAndWait(fleet, device, model, { adopt: true })).toEqual({ isSuccess: true, outcome: 'succeeded' })
  expect(exec(`${app}-db-1`, 'cat /data/file /anonymous/file')).toBe('precious\ntoo')
  await reportThat(fleet, device, app, 'running', ({ phase }) => phase === 'running')
  await eventually('nothing of the project to be left', async () => {
    const filters = { label: [`com.docker.compose.project=${app}`] }
    return (await docker().listContainers({ all: true, filters })).length === 0
  })

  // From now on it is the app's: a redeploy without the flag, and a removal.
  const changed = { ...model, services: { db: { ...model.services.db, environment: { A: '1' } } } } as Model
  expect(await deployAndWait(fleet, device, changed)).toEqual({ isSuccess: true, outcome: 'succeeded' })
  expect(exec(`${app}-db-1`, 'cat /data/file /anonymous/file')).toBe('precious\ntoo')
  const kept = await assignRemoval(fleet, {}, { device, app, by: 'test', now: Date.now() })
  expect((await endingFor(fleet, kept)).outcome).toBe('succeeded')
  expect(await deployAndWait(fleet, device, changed)).toEqual({ isSuccess: true, outcome: 'succeeded' })
  expect(exec(`${app}-db-1`, 'cat /data/file')).toBe('precious')
  const removal = await assignRemoval(fleet, { volumes: true }, { device, app, by: 'test', now: Date.now() })
  expect((await endingFor(fleet, removal)).outcome).toBe('succeeded')
  const volumes = (await docker().listVolumes()).Volumes?.filter(({ Name }) => Name === `${app}_data`)
  expect(volumes).toEqual([])
})
