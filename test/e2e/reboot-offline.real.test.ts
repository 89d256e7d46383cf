/** A machine boots with no broker, no registry, no time, and a state folder that the power cut left half-written. */
import { copyFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { agentConfigSchema } from '../../agent/config.ts'
import { startAgent } from '../../agent/main.ts'
import { requestUnix } from '../../src/engine-setup/unix-http.ts'
import { newDeviceId, openFleet } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'
import { startPrivateDockerd } from '../support/private-dockerd.ts'
import { deployAndWait, send } from '../support/story.ts'

const isolated = { network_mode: 'none' }

test('everything that was accepted runs again, whatever was half-written', async () => {
  const broker = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(broker.stop)
  const engine = await startPrivateDockerd({ hasOwnProcesses: true })
  const device = newDeviceId()
  const state = await mkdtemp(join(tmpdir(), 'longshore-state-'))
  onTestFinished(() => rm(state, { recursive: true, force: true }))
  const settings = {
    device,
    broker: broker.url,
    state,
    engine: engine.url,
    namePrefix: 'own-',
    secrets: `/dev/shm/longshore-test/${device}`,
  }
  onTestFinished(() => rm(settings.secrets, { recursive: true, force: true }))
  const config = agentConfigSchema.parse(settings)
  const silent = pino({ level: process.env.TEST_LOG ?? 'silent' })
  const first = await startAgent(config, silent)
  const fleet = await openFleet(broker.url)
  const shop = modelOf('shop', { web: { ...isolated, restart: 'always' }, worker: isolated })
  expect(await deployAndWait(fleet, device, shop)).toMatchObject({ outcome: 'succeeded' })
  // Accepted, and not begun: it must not be lost either.
  const newest = await send(fleet, device, modelOf('late', { one: isolated }))
  const appFile = join(state, 'apps', 'late.json')
  await eventually('it to be accepted', async () =>
    (await readFile(appFile, 'utf8')).includes(`${newest.deployment.generation}`),
  )
  // The copies are what a power cut at this moment leaves on the disk.
  const saved = await mkdtemp(join(tmpdir(), 'longshore-saved-'))
  onTestFinished(() => rm(saved, { recursive: true, force: true }))
  for (const app of ['shop', 'late']) await copyFile(join(state, 'apps', `${app}.json`), join(saved, `${app}.json`))
  await Promise.all([engine.cutPower(), first.stop()])
  await broker.stop()
  for (const app of ['shop', 'late']) {
    await copyFile(join(saved, `${app}.json`), join(state, 'apps', `${app}.json`))
    // What would have replaced it, half-written.
    await writeFile(
      join(state, 'apps', `${app}.json.tmp`),
      (await readFile(join(saved, `${app}.json`))).subarray(0, 200),
    )
  }
  for (const file of await readdir(join(state, 'outbox')))
    if (file.endsWith('.segment'))
      await truncate(join(state, 'outbox', file), (await readFile(join(state, 'outbox', file))).length - 3)

  await engine.start()
  const startMs = performance.now()
  const second = await startAgent(config, silent, { nowMs: () => Math.round(performance.now() - startMs) })
  onTestFinished(second.stop)
  await eventually(
    'everything to run',
    async () => {
      const { text } = await requestUnix({ socketPath: engine.socketPath, path: '/containers/json' })
      const names = (JSON.parse(text) as { Names: string[] }[]).map(({ Names }) => Names[0]).sort()
      return names.join(' ') === '/own-late-one-1 /own-shop-web-1 /own-shop-worker-1'
    },
    { timeoutMs: 40_000 },
  )
  expect((await readdir(join(state, 'apps'))).filter((name) => name.includes('unreadable'))).toEqual([])
})
