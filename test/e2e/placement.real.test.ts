/** Where an app may run, by labels and by hardware: refused before anything is touched, and taken when the device fits. */
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import type { GpuProbe } from '../../agent/devices/gpu-watch.ts'
import { cgroupFolder, openAsContainer } from '../../agent/devices/open-as-container.ts'
import type { Service } from '../../src/compose/model.ts'
import { ask } from '../../src/fleet/command.ts'
import type { Fleet } from '../../src/fleet/fleet.ts'
import { readState } from '../../src/fleet/read-state.ts'
import type { HostDevice } from '../../src/protocol/host-device.ts'
import { docker, newDeviceId, openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { execIn } from '../support/exec-in.ts'
import { fixedHardware } from '../support/fixed-hardware.ts'
import { modelOf, sleeper } from '../support/models.ts'
import { containersOf, deployAndWait, reportThat } from '../support/story.ts'

const open = async (gpuProbe?: GpuProbe) => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const device = newDeviceId()
  const hardware = fixedHardware()
  const agent = await startTestAgent({ url, device, hardware, ...(gpuProbe === undefined ? {} : { gpuProbe }) })
  return { url, device, hardware, agent, fleet: await openFleet(url) }
}

const appWith = (service: Partial<Service>) => modelOf('placed', { web: service })

const onLine3 = appWith({
  deploy: { ...sleeper.deploy, placement: { constraints: ['node.labels.line == 3'] } },
})

const label = (fleet: Fleet, device: string, args: { set?: Record<string, string>; remove?: string[] }) =>
  ask(fleet, { device, verb: 'set-labels', args, timeoutMs: 10_000, now: Date.now() })

const labelsOf = async (fleet: Fleet, device: string): Promise<unknown> => {
  const state = readState(fleet.topics, await fleet.read([fleet.topics.inventory(device)]))
  return state.get(device)?.inventory?.labels
}

/** A real node, as a render node has: that of /dev/zero. */
const makeGpu = async (device: string): Promise<{ readonly node: string; readonly gpu: HostDevice }> => {
  const folder = `/dev/longshore-gpu-${device}`
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await mkdir(folder)
  const node = `${folder}/renderD128`
  await promisify(execFile)('mknod', [node, 'c', '1', '5'])
  return {
    node,
    gpu: { class: 'gpu', name: 'renderD128', node, gid: 4_711, gpu: { vendor: 'intel', nodes: [node] } },
  }
}

const toRun = (fleet: Fleet, device: string) =>
  reportThat(fleet, device, 'placed', 'to run', ({ phase }) => phase === 'running')

test('an app that belongs elsewhere is refused, taken when the device is labelled, and runs on when it is not any more', async () => {
  const { url, device, agent, fleet } = await open()
  expect(await deployAndWait(fleet, device, onLine3)).toMatchObject({
    isSuccess: false,
    outcome: 'rejected',
    reason: {
      code: 'placement',
      message: 'service web belongs where node.labels.line == 3; this device has no label line',
    },
  })
  expect(await containersOf(device)).toEqual([])

  expect(await label(fleet, device, { set: { line: '3' } })).toMatchObject({
    outcome: 'done',
    result: { labels: { line: '3' } },
  })
  await toRun(fleet, device)
  const before = await containersOf(device)
  expect(before).toMatchObject([{ state: 'running' }])
  await eventually('the label in the inventory', async () => {
    expect(await labelsOf(fleet, device)).toEqual({ line: '3' })
    return true
  })

  await agent.stop()
  await startTestAgent({ url, device, state: agent.state })
  await eventually('the label after a restart', async () => {
    expect(await label(fleet, device, { set: { hall: 'two' } })).toMatchObject({
      result: { labels: { hall: 'two', line: '3' } },
    })
    return true
  })
  await label(fleet, device, { remove: ['line'] })
  expect(await containersOf(device)).toEqual(before)
})

test('an app without the GPU that it needs is refused with what there is, and is given one that comes', async () => {
  const { device, hardware, fleet } = await open()
  const needsGpu = appWith({ gpus: [{}], image: 'longshore.invalid/never-pulled:1' })
  expect(await deployAndWait(fleet, device, needsGpu)).toMatchObject({
    outcome: 'rejected',
    reason: { code: 'gpu-missing', message: 'service web asks for a GPU, and this device has none' },
  })
  expect(await deployAndWait(fleet, device, appWith({ devices: [{ source: 'nvidia.com/gpu=0' }] }))).toMatchObject({
    outcome: 'rejected',
    reason: { message: 'service web asks for nvidia.com/gpu=0, and this device has no CDI device' },
  })
  const asking = appWith({ 'x-longshore': { gpu: { vendor: 'intel' } } })
  expect(await deployAndWait(fleet, device, asking)).toMatchObject({ outcome: 'rejected' })
  expect(await containersOf(device)).toEqual([])

  const { node, gpu } = await makeGpu(device)
  hardware.change({ devices: [gpu] })
  await toRun(fleet, device)
  const [container] = await containersOf(device)
  if (container === undefined) throw new Error('no container')
  expect(await execIn(container.id, `head -c 3 ${node} | wc -c`)).toBe('3')
  const { Config, HostConfig } = await docker().getContainer(container.id).inspect()
  expect(HostConfig.GroupAdd).toEqual(['4711'])
  expect(Config.Labels['io.longshore.cause']).toBe(`service web is new; GPU as ${node}`)
})

test('a container that its GPU is taken from is made anew, where the app says so', async ({ skip }) => {
  const { device, hardware, fleet } = await open({ everyMs: 200, open: openAsContainer })
  const { node, gpu } = await makeGpu(device)
  hardware.change({ devices: [gpu] })
  const app = appWith({ 'x-longshore': { gpu: { recreateWhenLost: true } } })
  expect(await deployAndWait(fleet, device, app)).toMatchObject({ isSuccess: true })
  const [before] = await containersOf(device)
  if (before === undefined) throw new Error('no container')
  const container = { id: before.id, pid: (await docker().getContainer(before.id).inspect()).State.Pid }
  expect(await openAsContainer(container, [node])).toBe('allowed')
  const console = `${dirname(node)}/console`
  await promisify(execFile)('mknod', [console, 'c', '4', '53'])
  expect(await openAsContainer(container, [console])).toBe('denied')
  expect(await openAsContainer(container, [console, node])).toBe('allowed')
  expect(await openAsContainer(container, ['/dev/none'])).toBe('unknown')
  expect(await openAsContainer({ ...container, id: 'another' }, [node])).toBe('unknown')

  // As a reload of systemd does it. The rules of version 2 are a program that nobody but the engine may exchange.
  const folder = cgroupFolder(await readFile(`/proc/${container.pid}/cgroup`, 'utf8'), container.id) ?? ''
  if (!folder.startsWith('/devices/')) skip('the rules for devices cannot be changed from outside on cgroup v2')
  await writeFile(`/sys/fs/cgroup${folder}/devices.deny`, 'c 1:5 rwm')
  const after = await eventually('another container', async () => {
    const [one, ...others] = await containersOf(device)
    if (one === undefined || one.id === before.id || one.state !== 'running' || others.length > 0)
      throw new Error(JSON.stringify([one, ...others]))
    return one
  })
  const { Config } = await docker().getContainer(after.id).inspect()
  expect(Config.Labels['io.longshore.cause']).toBe(`service web lost its GPU; GPU as ${node}`)
  expect(await execIn(after.id, `head -c 3 ${node} | wc -c`)).toBe('3')
})
