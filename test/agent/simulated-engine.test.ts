import { expect, test } from 'vitest'
import { plainNetwork, plainSpec, simulatedEngine } from '../../agent/engine/simulated.ts'
import { describeEngine } from './engine-contract.ts'

const open = () => {
  const engine = simulatedEngine({ now: Date.now })
  engine.controls.addImage('longshore/example:1', `sha256:${'1'.repeat(64)}`)
  return engine
}

describeEngine('simulated', async () => {
  const engine = open()
  const unreachable = simulatedEngine({ now: Date.now })
  unreachable.controls.goAway()
  return {
    engine,
    unreachable,
    agent: 'gw-1',
    image: 'longshore/example:1',
    freePort: 8080,
    restartWithinMs: 0,
    ready: async () => undefined,
    say: async (id, line) => {
      const container = engine.controls.container(id)
      container.lines = [...container.lines, line]
    },
    exit: async (id, exitCode) => engine.controls.exitContainer(id, exitCode),
    pass: async (id) => engine.controls.setHealth(id, 'healthy'),
    tag: async (name) => engine.controls.addImage(name, `sha256:${'1'.repeat(64)}`),
    untag: async (name) => engine.controls.removeImage(name),
    subnet: '10.213.0.0/24',
    look: {
      network: async (name) => {
        const { spec } = engine.controls.network(name)
        const subnets = (spec.ipam?.pools ?? []).map(({ subnet = '' }) => subnet)
        return { driver: spec.driver ?? 'bridge', isInternal: spec.isInternal, hasIpv6: spec.hasIpv6, subnets }
      },
      volume: async (name) => {
        const { driver = 'local', driverOptions } = engine.controls.volume(name).spec
        return { driver, options: driverOptions }
      },
      endpoint: async (id, network) => {
        const { ipv4Address, macAddress } = engine.controls.container(id).networks.get(network)?.attachment ?? {}
        return { ipv4Address, macAddress }
      },
    },
  }
})

test('a planned failure happens once, before the call has any effect', async () => {
  const engine = open()
  engine.controls.failNext('createNetwork', 'engine-error')
  await expect(engine.createNetwork('a', plainNetwork)).rejects.toHaveProperty('code', 'engine-error')
  expect(engine.controls.networkNames()).toEqual([])
  await engine.createNetwork('a', plainNetwork)
  expect(engine.controls.networkNames()).toEqual(['a'])
})

test('a fault point after a call leaves its effect', async () => {
  const engine = simulatedEngine({
    now: Date.now,
    afterCall: () => {
      throw new Error('the answer was lost')
    },
  })
  await expect(engine.createNetwork('a', plainNetwork)).rejects.toThrow('the answer was lost')
  expect(engine.controls.networkNames()).toEqual(['a'])
})

test('a held pull ends when it is let go, and fails when it is given up', async () => {
  const engine = open()
  engine.controls.addToRegistry('a:1', 'sha256:a')
  engine.controls.holdPulls()
  const abort = new AbortController()
  const first = engine.pull('a:1', () => undefined, abort.signal)
  const second = engine.pull('a:1', () => undefined, new AbortController().signal)
  abort.abort()
  await expect(first).rejects.toHaveProperty('code', 'superseded')
  expect(await engine.image('a:1')).toBeUndefined()
  engine.controls.letPullsGo()
  expect(await second).toMatchObject({ id: 'sha256:a', platform: 'linux/amd64', digests: ['a:1@sha256:a'] })
  expect(await engine.image('a:1')).toHaveProperty('id', 'sha256:a')
})

test('an image with volumes gives its containers anonymous ones, which go with them when asked', async () => {
  const engine = open()
  engine.controls.addImage('db:1', 'sha256:db', ['/data'])
  await engine.createContainer('db', plainSpec('sha256:db'))
  expect(engine.controls.volumeNames()).toHaveLength(1)
  await engine.removeContainer(engine.controls.container('db').id, { volumes: true })
  expect(engine.controls.volumeNames()).toEqual([])
})
