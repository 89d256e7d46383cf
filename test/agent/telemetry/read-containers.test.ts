import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createContainerReader } from '../../../agent/telemetry/read-containers.ts'
import { createRunningContainers } from '../../../agent/telemetry/running-containers.ts'
import { label } from '../../../agent/translate/engine-names.ts'

const machine = async (files: Readonly<Record<string, string>>, links: Readonly<Record<string, string>> = {}) => {
  const root = await mkdtemp(join(tmpdir(), 'longshore-host-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  for (const [path, target] of Object.entries(links)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await symlink(target, join(root, path))
  }
  return root
}

const container = { id: 'abc', app: 'line', service: 'plc', pid: 7 }
const mountinfo = '36 25 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n'
const netDev = 'eth0: 100 0 0 0 0 0 0 0 30 0 0 0 0 0 0 0\n'
const group = 'sys/fs/cgroup/docker-abc.scope'
const files = {
  'proc/self/mountinfo': mountinfo,
  'proc/7/cgroup': '0::/docker-abc.scope\n',
  'proc/7/net/dev': netDev,
  [`${group}/cpu.stat`]: 'usage_usec 5000\n',
  [`${group}/memory.current`]: '4096\n',
}
const ownNetwork = { 'proc/self/ns/net': 'net:[1]', 'proc/7/ns/net': 'net:[2]' }

test('reads the cgroup of a container and the network that is its own', async () => {
  const read = createContainerReader(await machine(files, ownNetwork))
  expect(read([container])).toEqual([
    {
      ...{ id: 'abc', app: 'line', service: 'plc', imageBytes: undefined },
      usage: { cpuMs: 5, memoryBytes: 4_096, receivedBytes: 100, sentBytes: 30 },
    },
  ])
})

test('the network of the machine is not that of a container', async () => {
  const read = createContainerReader(await machine(files, { ...ownNetwork, 'proc/7/ns/net': 'net:[1]' }))
  expect(read([container])[0]?.usage).toEqual({ cpuMs: 5, memoryBytes: 4_096 })
})

test.each([
  ['no cgroup that can be read, as under gVisor', { 'proc/7/cgroup': '' }],
  ['a number that another process has by now', { 'proc/7/cgroup': '0::/system.slice/other.service\n' }],
  ['no cgroups at all', { 'proc/self/mountinfo': '' }],
])('%s: the container is there, and nothing is told of what it uses', async (_why, odd) => {
  const read = createContainerReader(await machine({ ...files, ...odd }, ownNetwork))
  expect(read([container])).toMatchObject([{ id: 'abc', usage: {} }])
})

test('a container that went away a moment ago says nothing, also nothing of who has its number now', async () => {
  const root = await machine(files, ownNetwork)
  const read = createContainerReader(root)
  expect(read([container])[0]?.usage.sentBytes).toBe(30)
  await rm(join(root, group), { recursive: true })
  expect(read([container])[0]?.usage).toEqual({})
})

test('started again it has another process, and is looked for anew', async () => {
  const root = await machine({
    ...files,
    'proc/8/cgroup': '0::/again/docker-abc.scope\n',
    'sys/fs/cgroup/again/docker-abc.scope/memory.current': '1\n',
  })
  const read = createContainerReader(root)
  read([container])
  expect(read([{ ...container, pid: 8 }])[0]?.usage).toEqual({ memoryBytes: 1 })
})

test('the engine is asked when something happened to a container, and once a minute', async () => {
  let [lists, inspects, isAway] = [0, 0, false]
  let now = 0
  const running = createRunningContainers({
    agent: 'gw-1',
    monotonicMs: () => now,
    engine: {
      list: async () => {
        lists += 1
        if (isAway) throw new Error('away')
        const labels = { [label.app]: 'line', [label.service]: 'plc' }
        const one = { id: 'abc', name: 'n', labels, state: 'running', health: 'none', imageId: 'i' } as const
        return { containers: [{ ...one, networks: [], anonymousVolumes: {} }], networks: [], volumes: [] }
      },
      details: async () => {
        inspects += 1
        return { pid: 7 + inspects } as never
      },
      image: async () => ({ sizeBytes: 5 }) as never,
    },
  })
  const event = (action: string) => ({ subject: 'container', action, id: 'abc', labels: {} }) as const
  expect(await running.current()).toEqual([{ id: 'abc', app: 'line', service: 'plc', imageBytes: 5, pid: 8 }])
  await running.current()
  running.onEngineEvent(event('exec_start'))
  await running.current()
  expect([lists, inspects]).toEqual([1, 1])
  running.onEngineEvent(event('start'))
  expect((await running.current())?.[0]?.pid).toBe(9)
  expect([lists, inspects]).toEqual([2, 2])
  now = 60_000
  await running.current()
  expect([lists, inspects]).toEqual([3, 2])
  isAway = true
  running.forgetAll()
  expect((await running.current())?.[0]?.pid).toBe(9)
  isAway = false
  expect((await running.current())?.[0]?.pid).toBe(10)
})

test('an engine that hangs keeps nobody waiting, and is asked again when it comes anew', async () => {
  let [lists, isHanging, now] = [0, true, 0]
  const running = createRunningContainers({
    agent: 'gw-1',
    monotonicMs: () => now,
    patienceMs: 5,
    engine: {
      list: () => {
        lists += 1
        if (isHanging) return new Promise(() => undefined)
        return Promise.resolve({ containers: [], networks: [], volumes: [] })
      },
      details: async () => undefined,
      image: async () => undefined,
    },
  })
  expect(await running.current()).toBeUndefined()
  now = 29_000
  expect(await running.current()).toBeUndefined()
  expect(running.isEngineHanging()).toBe(false)
  now = 30_000
  expect(running.isEngineHanging()).toBe(true)
  expect(lists).toBe(1)
  isHanging = false
  running.forgetAll()
  expect(running.isEngineHanging()).toBe(false)
  expect(await running.current()).toEqual([])
})
