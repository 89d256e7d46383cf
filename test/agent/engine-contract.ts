/** What every engine owes the planner: one suite, run on the real one and on the simulated one. */
import { Readable } from 'node:stream'
import { beforeEach, describe, expect, test as vitestTest } from 'vitest'
import { isAble } from '../../agent/engine/abilities.ts'
import type { Engine, EngineContainer, EngineEvent } from '../../agent/engine/engine.ts'
import { plainNetwork, plainSpec, plainVolume } from '../../agent/engine/simulated.ts'
import type { ContainerSpec } from '../../agent/translate/container-spec.ts'
import { label } from '../../agent/translate/engine-names.ts'
import type { AttachmentSpec, NetworkSpec, VolumeSpec } from '../../agent/translate/network-spec.ts'
import { eventually } from '../support/eventually.ts'

export type EngineUnderTest = {
  readonly engine: Engine
  /** the agent of this test; names that begin with it are nobody else's */
  readonly agent: string
  /** a local image by reference */
  readonly image: string
  /** a host port that nothing listens on */
  readonly freePort: number
  /** an engine that is not there */
  readonly unreachable: Engine
  /** Resolves when what a container was started for runs; a signal before that ends the runtime's own process. */
  readonly ready: (id: string) => Promise<void>
  /** Makes a running container say a line. */
  readonly say: (id: string, line: string) => Promise<void>
  /** Makes a started container end with this exit code, whatever its restart policy. */
  readonly exit: (id: string, exitCode: number) => Promise<void>
  /** how long a restart by the engine itself may take */
  readonly restartWithinMs: number
  /** Makes the healthcheck of a running container pass. */
  readonly pass: (id: string) => Promise<void>
  /** Gives the image another name, which is gone at the end of the test. */
  readonly tag: (name: string) => Promise<void>
  readonly untag: (name: string) => Promise<void>
  /** of this test alone; ends in `.0/24` */
  readonly subnet: string
  /** What the interface does not tell, and has to be so. */
  readonly look: {
    readonly network: (name: string) => Promise<{
      readonly driver: string
      readonly isInternal: boolean
      readonly hasIpv6: boolean
      readonly subnets: readonly string[]
    }>
    readonly volume: (
      name: string,
    ) => Promise<{ readonly driver: string; readonly options: Readonly<Record<string, string>> }>
    /** of a container that runs */
    readonly endpoint: (
      id: string,
      network: string,
    ) => Promise<{ readonly ipv4Address: string | undefined; readonly macAddress: string | undefined }>
  }
}

/** Says `ready`, runs until it gets 3 or 7 in `/exit`, which is its exit code, and stops at once when told to. */
export const exitOnDemand = [
  'sh',
  '-c',
  'trap "exit 0" TERM; echo ready; while [ ! -e /exit ]; do sleep 0.05; done; code=$(cat /exit); rm /exit; exit $code',
]

const healthcheck = { test: ['CMD-SHELL', 'test -e /healthy'], intervalMs: 100, timeoutMs: 5_000, retries: 1_000 }

/** `differences`: obligations by name that the engine cannot meet. One that it does meet after all fails. */
export const describeEngine = (
  name: string,
  open: () => Promise<EngineUnderTest>,
  differences: ReadonlySet<string> = new Set(),
): void => {
  const test = (obligation: string, prove: () => Promise<void>): void =>
    (differences.has(obligation) ? vitestTest.fails : vitestTest)(obligation, prove)
  describe(`the contract of an engine: ${name}`, () => {
    let given: EngineUnderTest
    let engine: Engine
    let imageId: string
    beforeEach(async () => {
      given = await open()
      engine = given.engine
      imageId = (await engine.image(given.image))?.id ?? ''
    })

    const named = (rest: string): string => `${given.agent}-${rest}`
    const labels = (app = 'a'): Record<string, string> => ({ [label.agent]: given.agent, [label.app]: app })
    const spec = (changes: Partial<ContainerSpec> = {}): ContainerSpec => ({
      ...plainSpec(imageId),
      labels: labels(),
      command: exitOnDemand,
      ...changes,
    })
    const network = (changes: Partial<NetworkSpec> = {}): NetworkSpec => ({
      ...plainNetwork,
      labels: labels(),
      ...changes,
    })
    const volume = (changes: Partial<VolumeSpec> = {}): VolumeSpec => ({ ...plainVolume, labels: labels(), ...changes })
    const pools = () => ({ ipam: { options: {}, pools: [{ subnet: given.subnet }] } })
    /** An address of the subnet, by its last part. */
    const address = (last: number): string => given.subnet.replace(/\d+\/\d+$/, String(last))
    const attached = (...attachments: Partial<AttachmentSpec>[]) => ({
      networking: {
        kind: 'attached' as const,
        attachments: attachments.map((one) => ({ network: named('net'), aliases: [], ...one })),
      },
    })
    const list = () => engine.list({ agent: given.agent })
    const find = async (rest: string): Promise<EngineContainer | undefined> =>
      (await list()).containers.find((container) => container.name === named(rest))
    const make = async (rest: string, changes: Partial<ContainerSpec> = {}): Promise<string> => {
      await engine.createContainer(named(rest), spec(changes))
      return (await find(rest))?.id ?? ''
    }
    const run = async (rest: string, changes: Partial<ContainerSpec> = {}): Promise<string> => {
      const id = await make(rest, changes)
      await engine.startContainer(id)
      await given.ready(id)
      return id
    }
    const code = (...codes: string[]) => expect.objectContaining({ name: 'LongshoreError', code: codes[0] })

    test('facts name what it is', async () => {
      const facts = await engine.facts()
      expect(facts.os).toBe('linux')
      expect(facts.runtimes.length).toBeGreaterThan(0)
      for (const fact of Object.values(facts)) expect(String(fact)).toMatch(/\S/)
    })

    test('a local image has an id, by reference and by the id itself', async () => {
      expect(imageId).toMatch(/^sha256:/)
      expect(await engine.image(imageId)).toMatchObject({ id: imageId, digests: [] })
    })

    test('a missing image has no id', async () => {
      expect(await engine.image('longshore/nothing:9')).toBeUndefined()
    })

    test('an image that was made here is of the platform of the engine', async () => {
      const { platform } = await engine.facts()
      expect(platform).toMatch(/^linux\/[a-z0-9]+(\/v\d)?$/)
      expect(await engine.image(given.image)).toHaveProperty('platform', platform)
    })

    test('an image has any number of names, and taking one away leaves it the others', async () => {
      const name = `${given.agent.toLowerCase()}/again:1`
      await engine.tagImage(imageId, name)
      expect(await engine.image(name)).toMatchObject({ id: imageId })
      await engine.untagImage(name)
      await engine.untagImage(name)
      expect(await engine.image(name)).toBeUndefined()
      expect(await engine.image(given.image)).toMatchObject({ id: imageId })
    })

    test('an image tells its names, and is one of those that are listed', async () => {
      const name = `${given.agent.toLowerCase()}/named:1`
      await given.tag(name)
      expect((await engine.image(imageId))?.names).toContain(name)
      expect(await engine.imageIds()).toContain(imageId)
      await engine.untagImage(name)
      expect((await engine.image(imageId))?.names).not.toContain(name)
    })

    test('an image has a size, and is in use by a container that never ran', async () => {
      expect((await engine.image(imageId))?.sizeBytes).toBeGreaterThan(0)
      await make('web')
      expect(await engine.imagesInUse()).toContain(imageId)
    })

    test('a container is created, with its name, labels, image and no start', async () => {
      const id = await make('web', { labels: { ...labels(), own: 'x' } })
      expect(await find('web')).toMatchObject({
        id,
        state: 'created',
        health: 'none',
        imageId,
        labels: { ...labels(), own: 'x' },
        anonymousVolumes: {},
      })
      const details = await engine.details(id)
      expect(details).toMatchObject({ exitCode: 0, restarts: 0, restartPolicy: 'no', isOutOfMemory: false })
      expect(details?.startedAt).toBeUndefined()
    })

    test('a list holds the containers of one agent and, asked so, of one app', async () => {
      await make('one', { labels: labels('one') })
      await make('two', { labels: labels('two') })
      expect((await engine.list({ agent: given.agent, app: 'one' })).containers.map(({ name }) => name)).toEqual([
        named('one'),
      ])
      expect((await list()).containers).toHaveLength(2)
      expect((await engine.list({ agent: named('other') })).containers).toEqual([])
    })

    test('a create without its image is image-not-found', async () => {
      await expect(engine.createContainer(named('web'), spec({ imageId: `sha256:${'0'.repeat(64)}` }))).rejects.toEqual(
        code('image-not-found'),
      )
    })

    test('a name of something else is name-in-use', async () => {
      await engine.createContainer(named('web'), spec({ labels: { test: given.agent } }))
      await expect(engine.createContainer(named('web'), spec())).rejects.toEqual(code('name-in-use'))
    })

    test('a name of another agent is name-taken', async () => {
      await engine.createContainer(named('web'), spec({ labels: { [label.agent]: named('other'), test: given.agent } }))
      await expect(engine.createContainer(named('web'), spec())).rejects.toEqual(code('name-taken'))
      const id = await make('mine')
      await expect(engine.renameContainer(id, named('web'))).rejects.toEqual(code('name-taken'))
    })

    test('a start runs it, and starting what runs is success', async () => {
      const id = await run('web')
      await engine.startContainer(id)
      expect(await find('web')).toMatchObject({ state: 'running' })
      expect((await engine.details(id))?.startedAt).toBeGreaterThan(0)
    })

    test('a start of what is gone fails typed', async () => {
      await expect(engine.startContainer(named('nothing'))).rejects.toEqual(code('engine-error'))
    })

    test('a container on a network that is missing does not start', async () => {
      const id = await make('web', {
        networking: { kind: 'attached', attachments: [{ network: named('nothing'), aliases: [] }] },
      })
      await expect(engine.startContainer(id)).rejects.toEqual(code('engine-error'))
      expect(await find('web')).toMatchObject({ state: 'created' })
    })

    test('a host port that is taken is port-in-use at the start, and the container stays', async () => {
      const ports = [{ target: 80, protocol: 'tcp', published: given.freePort } as const]
      const networking = { kind: 'mode', mode: 'bridge' } as const
      await run('one', { ports, networking })
      const id = await make('two', { ports, networking })
      await expect(engine.startContainer(id)).rejects.toEqual(code('port-in-use'))
      expect(await find('two')).toMatchObject({ state: 'created' })
    })

    test('of a range of host ports, a free one is taken', async () => {
      const networking = { kind: 'mode', mode: 'bridge' } as const
      const port = { target: 80, protocol: 'tcp' } as const
      await run('one', { networking, ports: [{ ...port, published: given.freePort }] })
      const published = { from: given.freePort, to: given.freePort + 20 }
      await run('two', { networking, ports: [{ ...port, published }] })
      expect(await find('two')).toMatchObject({ state: 'running' })
    })

    test('a stop ends it and counts as its end; stopping what is stopped or gone is success', async () => {
      const id = await run('web', { restart: { name: 'unless-stopped' } })
      await engine.stopContainer(id, 5)
      await engine.stopContainer(id, 5)
      expect(await find('web')).toMatchObject({ state: 'exited', health: 'none' })
      expect(await engine.details(id)).toMatchObject({ exitCode: 0, restarts: 0, finishedAt: expect.any(Number) })
      await engine.stopContainer(named('nothing'), 1)
    })

    test('a signal to what does not run, or is gone, is success', async () => {
      await engine.signalContainer(await make('web'), 'HUP')
      await engine.signalContainer(named('nothing'), 'HUP')
    })

    test('the last lines of what it said are told, oldest first, and none of what is gone', async () => {
      const id = await run('web')
      for (const line of ['one', 'two', 'three']) await given.say(id, line)
      await eventually('the lines', async () => (await engine.lastLines(id, 1))[0] === 'three')
      expect(await engine.lastLines(id, 2)).toEqual(['two', 'three'])
      expect(await engine.lastLines(named('nothing'), 2)).toEqual([])
    })

    test('one that is run to its end gives its code, and a signal kills it', async () => {
      const never = new AbortController()
      const id = await make('once')
      const ended = engine.runToEnd(id, async () => undefined, never.signal)
      await given.ready(id)
      await given.exit(id, 7)
      expect(await ended).toBe(7)
      const killed = new AbortController()
      const other = await make('killed')
      const cut = engine.runToEnd(other, async () => undefined, killed.signal)
      await given.ready(other)
      killed.abort()
      expect(await cut).toBe(137)
      expect(await find('killed')).toMatchObject({ state: 'exited' })
    })

    test('its log is told in order, from its end where that is asked for, and is empty of what is gone', async () => {
      const id = await run('web')
      for (const line of ['one', 'two', 'three']) await given.say(id, line)
      await eventually('the lines', async () => (await engine.lastLines(id, 1))[0] === 'three')
      const logOf = async (name: string, tail?: number): Promise<string> => {
        let text = ''
        for await (const frames of engine.logs(name, { follow: false, tail }, AbortSignal.timeout(5_000)))
          for (const { time, stream, bytes } of frames) {
            expect([stream, time]).toEqual(['stdout', expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}Z$/)])
            text += bytes.toString()
          }
        return text
      }
      // The example says first that it is ready.
      expect(await logOf(id)).toMatch(/^(ready\n)?one\ntwo\nthree\n$/)
      expect(await logOf(id, 2)).toBe('two\nthree\n')
      expect(await logOf(named('nothing'))).toBe('')
    })

    test('an exit shows its code', async () => {
      const id = await run('job')
      await given.exit(id, 7)
      await eventually('the container to end', async () => (await find('job'))?.state === 'exited')
      expect(await engine.details(id)).toMatchObject({ exitCode: 7 })
    })

    test('what is to be restarted is, and counted', async () => {
      const id = await run('web', { restart: { name: 'unless-stopped' } })
      await given.exit(id, 3)
      await eventually('a restart', async () => (await engine.details(id))?.restarts === 1)
      await eventually('it to run', async () => (await find('web'))?.state === 'running')
    })

    test('a start by hand begins the count of restarts anew', async () => {
      const id = await run('web', { restart: { name: 'unless-stopped' } })
      await given.exit(id, 3)
      await eventually('a restart', async () => (await engine.details(id))?.restarts === 1)
      await eventually('it to run', async () => (await find('web'))?.state === 'running')
      await engine.stopContainer(id, 5)
      await engine.startContainer(id)
      expect(await engine.details(id)).toMatchObject({ restarts: 0 })
    })

    test('a forbidden restart is seen in the details until it is allowed again; twice or gone is success', async () => {
      const id = await run('web', { restart: { name: 'unless-stopped' } })
      expect(await engine.details(id)).toMatchObject({ restartPolicy: 'unless-stopped' })
      await engine.setRestart(id, { name: 'no' })
      await engine.setRestart(id, { name: 'no' })
      expect(await engine.details(id)).toMatchObject({ restartPolicy: 'no' })
      await engine.setRestart(id, { name: 'unless-stopped' })
      expect(await engine.details(id)).toMatchObject({ restartPolicy: 'unless-stopped' })
      await engine.setRestart(named('nothing'), { name: 'no' })
    })

    test('nothing restarts what ends after its restart was forbidden', async () => {
      const id = await run('web', { restart: { name: 'unless-stopped' } })
      await engine.setRestart(id, { name: 'no' })
      await given.exit(id, 3)
      const restart = eventually('a restart', async () => (await engine.details(id))?.restarts === 1, {
        timeoutMs: given.restartWithinMs,
      })
      await expect(restart).rejects.toThrow('waited')
      expect(await find('web')).toMatchObject({ state: 'exited' })
    })

    test('a list tells health, and only of what runs', async () => {
      const id = await run('web', { healthcheck })
      expect(await find('web')).toMatchObject({ state: 'running', health: 'starting' })
      await given.pass(id)
      await eventually('health', async () => (await find('web'))?.health === 'healthy')
      await engine.stopContainer(id, 5)
      expect(await find('web')).toMatchObject({ state: 'exited', health: 'none' })
    })

    test('what runs is not removed, what is stopped is, and removing what is gone is success', async () => {
      const id = await run('web')
      await expect(engine.removeContainer(id, { volumes: false })).rejects.toEqual(code('engine-error'))
      await engine.stopContainer(id, 5)
      await engine.removeContainer(id, { volumes: false })
      await engine.removeContainer(id, { volumes: false })
      expect(await find('web')).toBeUndefined()
      expect(await engine.details(id)).toBeUndefined()
    })

    test('a rename keeps it running under the new name', async () => {
      const id = await run('web.next')
      await engine.renameContainer(id, named('web'))
      expect(await find('web')).toMatchObject({ id, state: 'running' })
      expect(await find('web.next')).toBeUndefined()
    })

    test('networks are made with labels, once, and connected one after another', async () => {
      await engine.createNetwork(named('one'), network())
      await engine.createNetwork(named('two'), network())
      await expect(engine.createNetwork(named('one'), network())).rejects.toEqual(code('name-in-use'))
      const id = await make('web', {
        networking: { kind: 'attached', attachments: [{ network: named('one'), aliases: ['web'] }] },
      })
      expect((await find('web'))?.networks).toEqual([named('one')])
      await engine.connectNetwork(id, { network: named('two'), aliases: ['web'] })
      await engine.connectNetwork(id, { network: named('two'), aliases: ['web'] })
      await engine.startContainer(id)
      expect([...((await find('web'))?.networks ?? [])].sort()).toEqual([named('one'), named('two')])
      const { networks } = await list()
      expect(networks.find((network) => network.name === named('one'))).toMatchObject({ labels: labels() })
    })

    test('a network in use is not removed, a free one is, and one that is gone counts as success', async () => {
      await engine.createNetwork(named('net'), network())
      const networkId = (await list()).networks.find(({ name }) => name === named('net'))?.id ?? ''
      const id = await run('web', {
        networking: { kind: 'attached', attachments: [{ network: named('net'), aliases: [] }] },
      })
      await expect(engine.removeNetwork(networkId)).rejects.toEqual(code('engine-error'))
      await engine.stopContainer(id, 5)
      await engine.removeContainer(id, { volumes: false })
      await engine.removeNetwork(networkId)
      await engine.removeNetwork(networkId)
      expect((await list()).networks.map(({ name }) => name)).not.toContain(named('net'))
    })

    test('a network has the driver, the subnet and the seclusion that was asked for', async () => {
      await engine.createNetwork(named('net'), network({ driver: 'bridge', isInternal: true, ...pools() }))
      expect(await given.look.network(named('net'))).toEqual({
        driver: 'bridge',
        isInternal: true,
        hasIpv6: false,
        subnets: [given.subnet],
      })
    })

    test('a subnet that another network has is refused', async () => {
      await engine.createNetwork(named('net'), network(pools()))
      await expect(engine.createNetwork(named('two'), network(pools()))).rejects.toEqual(code('engine-error'))
    })

    test('a container has the addresses that were asked for, and nobody else gets them', async () => {
      await engine.createNetwork(named('net'), network(pools()))
      const macAddress = '02:42:ac:11:99:02'
      const id = await run('web', attached({ ipv4Address: address(77), macAddress }))
      expect(await given.look.endpoint(id, named('net'))).toEqual({ ipv4Address: address(77), macAddress })
      const other = await make('other', attached({ ipv4Address: address(77) }))
      await expect(engine.startContainer(other)).rejects.toEqual(code('engine-error'))
    })

    test('an address on a network that is connected later is given too', async () => {
      await engine.createNetwork(named('first'), network())
      await engine.createNetwork(named('net'), network(pools()))
      const id = await make('web', attached({ network: named('first') }))
      await engine.connectNetwork(id, { network: named('net'), aliases: [], ipv4Address: address(78) })
      await engine.startContainer(id)
      expect(await given.look.endpoint(id, named('net'))).toMatchObject({ ipv4Address: address(78) })
    })

    test('an address on a network without a subnet of its own is refused at the start', async () => {
      await engine.createNetwork(named('net'), network())
      const id = await make('web', attached({ ipv4Address: address(77) }))
      await expect(engine.startContainer(id)).rejects.toEqual(code('engine-error'))
    })

    test('a stopped container does not hold its network, and runs on the one made anew once it is connected', async () => {
      await engine.createNetwork(named('net'), network())
      const id = await run('web', attached({}))
      await engine.stopContainer(id, 5)
      await engine.removeNetwork((await list()).networks.find(({ name }) => name === named('net'))?.id ?? '')
      expect((await find('web'))?.networks).toEqual([])
      await engine.createNetwork(named('net'), network(pools()))
      await engine.connectNetwork(id, { network: named('net'), aliases: ['web'] })
      await engine.startContainer(id)
      expect(await find('web')).toMatchObject({ state: 'running', networks: [named('net')] })
    })

    test('a container is not on a network that only has the name of its own, and gets a new address there', async () => {
      await engine.createNetwork(named('net'), network())
      const id = await run('web', attached({}))
      await engine.stopContainer(id, 5)
      await engine.removeNetwork((await list()).networks.find(({ name }) => name === named('net'))?.id ?? '')
      await engine.createNetwork(named('net'), network(pools()))
      expect((await find('web'))?.networks).toEqual([])
      await expect(engine.startContainer(id)).rejects.toEqual(code('engine-error'))
      await engine.connectNetwork(id, { network: named('net'), aliases: ['web'], ipv4Address: address(79) })
      await engine.startContainer(id)
      expect(await given.look.endpoint(id, named('net'))).toMatchObject({ ipv4Address: address(79) })
    })

    test('a container tells its aliases before it runs, and after', async () => {
      await engine.createNetwork(named('net'), network())
      const id = await make('web', attached({ aliases: ['shop'] }))
      expect((await engine.details(id))?.aliases[named('net')]).toContain('shop')
      await engine.startContainer(id)
      await engine.stopContainer(id, 0)
      expect((await engine.details(id))?.aliases[named('net')]).toContain('shop')
    })

    test('a container whose alias was withdrawn stays on its network without it', async () => {
      await engine.createNetwork(named('net'), network())
      const id = await run('web', attached({ aliases: ['shop'] }))
      expect((await engine.details(id))?.aliases[named('net')]).toContain('shop')
      await engine.withdrawAliases(id, named('net'))
      expect((await engine.details(id))?.aliases[named('net')]).not.toContain('shop')
      expect(await find('web')).toMatchObject({ state: 'running', networks: [named('net')] })
    })

    test('what this engine does not know yet is refused before anything is made', async () => {
      const { apiVersion } = await engine.facts()
      if (isAble(apiVersion, 'networkWithoutIpv4')) return
      await expect(engine.createNetwork(named('net'), network({ hasIpv4: false }))).rejects.toThrow(/API 1\.47/)
      const mount = { type: 'volume', source: named('data'), target: '/d', readOnly: false, noCopy: false } as const
      await expect(make('web', { mounts: [{ ...mount, subpath: 'a' }] })).rejects.toThrow(/API 1\.45/)
      expect((await list()).volumes.map(({ name }) => name)).not.toContain(named('data'))
    })

    test('a volume has the driver and the options that were asked for', async () => {
      const driverOptions = { type: 'tmpfs', device: 'tmpfs', o: 'mode=0700' }
      await engine.createVolume(named('data'), volume({ driver: 'local', driverOptions }))
      expect(await given.look.volume(named('data'))).toEqual({ driver: 'local', options: driverOptions })
    })

    test('a volume has the size that was asked for', async () => {
      const driverOptions = { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' }
      await engine.createVolume(named('data'), volume({ driver: 'local', driverOptions }))
      expect(await given.look.volume(named('data'))).toEqual({ driver: 'local', options: driverOptions })
    })

    test('a volume that is not named is made with its container, and goes with it when asked', async () => {
      const mount = { type: 'volume', target: '/data', readOnly: false, noCopy: false } as const
      const id = await make('web', { mounts: [mount] })
      const made = (await find('web'))?.anonymousVolumes['/data'] ?? ''
      expect(made).toMatch(/^[0-9a-f]{64}$/)
      await engine.removeContainer(id, { volumes: true })
      expect((await list()).volumes.map(({ name }) => name)).not.toContain(made)
    })

    test('a container joins the network of another only while that one runs', async () => {
      const other = await make('other')
      const id = await make('web', { networking: { kind: 'joined', containerId: other } })
      await expect(engine.startContainer(id)).rejects.toEqual(code('engine-error'))
      await engine.startContainer(other)
      await engine.startContainer(id)
      expect(await find('web')).toMatchObject({ state: 'running' })
    })

    test('a container sees the processes of another, and has its volumes, while that one runs', async () => {
      const other = await make('other')
      const id = await make('web', { pidMode: `container:${other}`, volumesFrom: [`${other}:ro`] })
      await expect(engine.startContainer(id)).rejects.toEqual(code('engine-error'))
      await engine.startContainer(other)
      await engine.startContainer(id)
      expect(await find('web')).toMatchObject({ state: 'running' })
    })

    test('volumes are made with labels; one in use is not removed, one that is gone counts as success', async () => {
      await engine.createVolume(named('data'), volume())
      await engine.createVolume(named('data'), volume())
      const mount = { type: 'volume', source: named('data'), target: '/data', readOnly: false, noCopy: false } as const
      const id = await make('web', { mounts: [mount] })
      expect((await list()).volumes.find(({ name }) => name === named('data'))).toMatchObject({ labels: labels() })
      expect((await find('web'))?.anonymousVolumes).toEqual({})
      await expect(engine.removeVolume(named('data'))).rejects.toEqual(code('engine-error'))
      await engine.removeContainer(id, { volumes: true })
      expect((await list()).volumes.map(({ name }) => name)).toContain(named('data'))
      await engine.removeVolume(named('data'))
      await engine.removeVolume(named('data'))
      expect((await list()).volumes.map(({ name }) => name)).not.toContain(named('data'))
    })

    test('a volume that the engine named is listed as anonymous where it is mounted', async () => {
      const source = `${Date.now().toString(16)}${process.pid.toString(16)}`.padStart(64, 'a')
      const id = await make('web', {
        mounts: [{ type: 'volume', source, target: '/data', readOnly: false, noCopy: false }],
      })
      expect((await find('web'))?.anonymousVolumes).toEqual({ '/data': source })
      await engine.removeContainer(id, { volumes: true })
      // Named in the create, so it is not removed with the container: it was carried, and may be again.
      expect((await list()).volumes.map(({ name }) => name)).toContain(source)
      await engine.removeVolume(source)
    })

    test('a pull of what no registry has fails typed', async () => {
      const pulling = engine.pull('localhost:1/longshore/nothing:9', () => undefined, new AbortController().signal)
      const failure = await pulling.catch((error: unknown) => error)
      expect(failure).toHaveProperty('code', expect.stringMatching(/^image-(not-found|pull-failed)$/))
    })

    test('images that were saved are loaded with their names and ids', async () => {
      const [first, second] = [
        `longshore/${named('first').toLowerCase()}:1`,
        `longshore/${named('second').toLowerCase()}:1`,
      ]
      await given.tag(first)
      await given.tag(second)
      const saved: Buffer[] = []
      for await (const chunk of await engine.saveImages([first, second], new AbortController().signal))
        saved.push(chunk)
      await given.untag(first)
      await given.untag(second)
      expect(await engine.image(first)).toBeUndefined()
      await engine.loadImages(Readable.from(saved), new AbortController().signal)
      expect([(await engine.image(first))?.id, (await engine.image(second))?.id]).toEqual([imageId, imageId])
    })

    test('what is not here is not saved', async () => {
      const saving = engine.saveImages(
        [given.image, `longshore/${named('x').toLowerCase()}:1`],
        new AbortController().signal,
      )
      await expect(saving).rejects.toEqual(code('image-not-found'))
    })

    test('an archive that breaks off, and what is none, fail typed', async () => {
      const { signal } = new AbortController()
      const load = (archive: Readable) =>
        expect(engine.loadImages(archive, signal)).rejects.toEqual(code('image-load-failed'))
      await load(Readable.from([Buffer.from('this is no archive')]))
      await load(
        Readable.from(
          (function* () {
            yield Buffer.alloc(1000, 'x')
            throw new Error('the stick was pulled out')
          })(),
        ),
      )
    })

    test('a load that is given up ends', async () => {
      const abort = new AbortController()
      const endless = new Readable({ read: () => undefined })
      const loading = engine.loadImages(endless, abort.signal)
      setTimeout(() => abort.abort(), 50)
      await expect(loading).rejects.toEqual(code('image-load-failed'))
      endless.destroy()
    })

    test('events name the app, the agent and the container', async () => {
      const abort = new AbortController()
      const events: EngineEvent[] = []
      const listening = (async () => {
        for await (const event of engine.events(abort.signal)) events.push(event)
      })()
      const id = await run('web', { labels: labels('shop') })
      await engine.stopContainer(id, 5)
      for (const action of ['create', 'start', 'die'])
        await eventually(`the event ${action}`, () =>
          events.some(
            (event) =>
              event.subject === 'container' &&
              event.action === action &&
              event.id === id &&
              event.labels[label.app] === 'shop' &&
              event.labels[label.agent] === given.agent,
          ),
        )
      abort.abort()
      await listening
    })

    test('an engine that is not there is engine-unreachable, whatever it is asked', async () => {
      const { unreachable } = given
      const asked = [
        unreachable.facts(),
        unreachable.list({ agent: 'x' }),
        unreachable.details('x'),
        unreachable.image('x'),
        unreachable.saveImages(['x'], new AbortController().signal),
        unreachable.loadImages(Readable.from([Buffer.from('x')]), new AbortController().signal),
        unreachable.createContainer('x', spec()),
        unreachable.startContainer('x'),
        unreachable.stopContainer('x', 1),
        unreachable.removeVolume('x'),
        unreachable.events(new AbortController().signal)[Symbol.asyncIterator]().next(),
      ]
      for (const result of await Promise.allSettled(asked))
        expect(result).toEqual({ status: 'rejected', reason: code('engine-unreachable') })
    })
  })
}
