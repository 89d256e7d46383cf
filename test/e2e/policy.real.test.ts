/** The agent as it is started on a device: what is its own, and what links lead to, no deployment gets. */
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { agentConfigSchema } from '../../agent/config.ts'
import { startAgent } from '../../agent/main.ts'
import { newDeviceId, openFleet, removeEverythingOf, silent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { modelOf } from '../support/models.ts'
import { containersOf, deployAndWait } from '../support/story.ts'

test('engine, state, policy, keys and what a link leads to are refused; another folder is mounted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-policy-real-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const device = newDeviceId()
  const at = (name: string): string => join(folder, name)
  await writeFile(at('policy.yaml'), 'maxMemory: 64m')
  await writeFile(at('password'), 'p')
  await symlink('/etc', at('link'))
  await symlink(at('state'), at('state-link'))
  const socketPath = inject('socketPath')
  const config = agentConfigSchema.parse({
    device,
    broker: url,
    username: device,
    passwordFile: at('password'),
    state: at('state'),
    secrets: `/dev/shm/longshore-test/${device}`,
    engine: `unix://${socketPath}`,
    namePrefix: `${device}-`,
    policy: at('policy.yaml'),
  })
  const agent = await startAgent(config, silent)
  onTestFinished(async () => {
    await agent.stop()
    await removeEverythingOf(device)
    await rm(String(config.secrets), { recursive: true, force: true })
  }, 60_000)
  const fleet = await openFleet(url)
  const mounting = (source: string) =>
    modelOf('hello', { web: { mem_limit: 64 * 1024 ** 2, volumes: [{ type: 'bind', source, target: '/x' }] } })
  const refused = { isSuccess: false, outcome: 'rejected', reason: { code: 'policy-refused' } }

  const places = ['state/apps', 'state-link', 'policy.yaml', 'password', 'link/ssl', '.'].map(
    (name) => `${folder}/${name}`,
  )
  for (const source of [socketPath, ...places])
    expect(await deployAndWait(fleet, device, mounting(source)), source).toMatchObject(refused)
  expect(await deployAndWait(fleet, device, modelOf('hello', { web: {} }))).toMatchObject(refused)
  expect(await containersOf(device)).toEqual([])

  expect(await deployAndWait(fleet, device, mounting(at('new')))).toEqual({ isSuccess: true, outcome: 'succeeded' })
})
