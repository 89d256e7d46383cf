/** The life of an app on Podman, with healthchecks that nobody but the agent runs here. */
import Docker from 'dockerode'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { assignRemoval } from '../../src/fleet/deploy.ts'
import { openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { modelOf } from '../support/models.ts'
import { type RunningPodman, startPodman } from '../support/podman.ts'
import { containersOf, deployAndWait, endingFor, reportThat } from '../support/story.ts'

let podman: RunningPodman
beforeAll(async () => {
  podman = await startPodman()
}, 300_000)
afterAll(() => podman?.stop())

const quick = { interval: '200ms', timeout: '2s', retries: 100 }
const monitored = { deploy: { update_config: { monitor: '1s' }, rollback_config: { monitor: '1s' } } }

const get = (host: string): string => `wget -qO- http://${host}:8080/ | grep -q Hello`

/** It is healthy when it gets the page of `web` by that name. */
const client = {
  depends_on: { web: { condition: 'service_healthy' as const } },
  healthcheck: { test: ['CMD-SHELL', get('web')], ...quick },
  ...monitored,
}

const web = (says: string, more = {}) => ({
  command: ['/bin/serve'],
  environment: { SAYS: says },
  restart: 'unless-stopped',
  volumes: [{ type: 'volume' as const, source: 'pages', target: '/pages' }],
  healthcheck: { test: ['CMD-SHELL', get('127.0.0.1')], ...quick },
  ...monitored,
  ...more,
})

const model = (service: ReturnType<typeof web>) => modelOf('shop', { web: service, client }, { volumes: { pages: {} } })

test('an app is deployed when healthy, updated, rolled back, and removed with its volumes', async () => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const { device } = await startTestAgent({ url, engineUrl: podman.url })
  const fleet = await openFleet(url)
  const docker = new Docker({ socketPath: podman.socketPath })
  const seen = () => containersOf(device, docker)
  const variable = async () =>
    (await docker.getContainer(`${device}-shop-web-1`).inspect()).Config.Env.find((text) => text.startsWith('SAYS='))
  const running = [`${device}-shop-client-1 running`, `${device}-shop-web-1 running`]
  const names = async () => (await seen()).map(({ name, state }) => `${name} ${state}`)

  expect(await deployAndWait(fleet, device, model(web('one')))).toMatchObject({ outcome: 'succeeded' })
  expect(await names()).toEqual(running)
  const first = await seen()
  await reportThat(fleet, device, 'shop', 'healthy', ({ services }) =>
    ['web', 'client'].every((name) => services[name]?.health === 'healthy'),
  )

  expect(await deployAndWait(fleet, device, model(web('two')))).toMatchObject({ outcome: 'succeeded' })
  expect(await names()).toEqual(running)
  expect(await variable()).toBe('SAYS=two')
  const second = await seen()
  expect([second[0]?.id === first[0]?.id, second[1]?.id === first[1]?.id]).toEqual([true, false])

  const broken = web('three', { command: ['sh', '-c', 'echo no such table; exit 3'] })
  expect(await deployAndWait(fleet, device, model(broken))).toMatchObject({ outcome: 'rolled-back' })
  await reportThat(fleet, device, 'shop', 'running', ({ phase }) => phase === 'running')
  expect(await names()).toEqual(running)
  expect(await variable()).toBe('SAYS=two')

  const removal = await assignRemoval(fleet, { volumes: true }, { device, app: 'shop', by: 'test', now: Date.now() })
  expect((await endingFor(fleet, removal)).outcome).toBe('succeeded')
  const filters = { label: [`io.longshore.agent=${device}`] }
  expect(await seen()).toEqual([])
  expect(await docker.listNetworks({ filters })).toEqual([])
  expect((await docker.listVolumes({ filters })).Volumes ?? []).toEqual([])
})
