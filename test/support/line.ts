/** A production line: an agent, adapters that are plugged in and out, and one service that asks for them. */
import { lstat, readdir, rm } from 'node:fs/promises'
import { expect, onTestFinished } from 'vitest'
import type { Model } from '../../src/compose/model.ts'
import type { DeviceSelector } from '../../src/compose/model-device-selectors.ts'
import { docker, newDeviceId, openFleet, startTestAgent } from './agents.ts'
import { type BrokerUnderTest, brokers } from './brokers.ts'
import { eventually } from './eventually.ts'
import { execIn } from './exec-in.ts'
import { modelOf } from './models.ts'
import { deployAndWait } from './story.ts'
import { makeTestPorts, type TestPort } from './test-ports.ts'

/** One adapter that the kernel calls by two names, one after the other, and another adapter. */
export const [one, sameUnderAnotherName, other] = [
  { serial: 'A1', major: 4, minor: 50 },
  { serial: 'A1', major: 4, minor: 51 },
  { serial: 'B2', major: 4, minor: 52 },
] as const satisfies TestPort[]

export type Line = Awaited<ReturnType<typeof openLine>>

export const openLine = async (ports: readonly TestPort[] = [one, sameUnderAnotherName, other]) => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const device = newDeviceId()
  const made = await makeTestPorts(device, ports)
  // What stands for the devices outlives the agent, as its containers do.
  onTestFinished(() => rm(`/dev/longshore/${device}`, { recursive: true, force: true }))
  const start = (state?: string) =>
    startTestAgent({ url, device, hardware: made.openHardware(), ...(state === undefined ? {} : { state }) })
  const agent = await start()
  const fleet = await openFleet(url)
  const containerOf = async () => {
    const { Id, State } = await docker().getContainer(`${device}-line-web-1`).inspect()
    return { id: Id, startedAt: State.StartedAt, state: State.Status, pid: State.Pid }
  }
  const minorIn = async (target: string): Promise<number | undefined> => {
    const text = await execIn((await containerOf()).id, `stat -c %T ${target} 2>/dev/null`)
    return text === '' ? undefined : Number.parseInt(text, 16)
  }
  /** @param minor undefined: no node */
  const has = (minor: number | undefined, target = '/dev/ttyPLC') =>
    eventually(`minor ${minor}`, async () => {
      const seen = await minorIn(target)
      if (seen !== minor) throw new Error(`it is ${seen}`)
      return true
    })
  const crash = async (): Promise<void> => {
    const { pid } = await containerOf()
    process.kill(pid, 'SIGKILL')
    await eventually('the engine to start it again', async () => {
      const now = await containerOf()
      if (now.state !== 'running' || now.pid === pid) throw new Error(now.state)
      return true
    })
  }
  return { ...made, url, device, start, agent, fleet, containerOf, has, crash }
}

export const asking = (...devices: DeviceSelector[]): Model => modelOf('line', { web: { 'x-longshore': { devices } } })

export const plc: DeviceSelector = { match: { usb: '0403:6001', serialNumber: 'A1' }, target: '/dev/ttyPLC' }

/** Unplugs and plugs in again so often, under two names by turns. The same container has it, and nothing is left over. */
export const replug = async (line: Line, times: number): Promise<void> => {
  const { device, fleet, plug, unplug, containerOf, has } = line
  await plug(0)
  expect(await deployAndWait(fleet, device, asking(plc))).toMatchObject({ outcome: 'succeeded' })
  const before = await containerOf()
  await has(one.minor)
  const devOf = (): Promise<string> => execIn(before.id, 'ls -A /dev')
  const standing = await devOf()
  const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length
  const startFiles = await openFiles()
  // Looked at from outside, as the agent does: an exec each time would take longer than all of it.
  const minor = async (): Promise<number | undefined> => {
    const found = await lstat(`/proc/${before.pid}/root/dev/ttyPLC`).catch(() => undefined)
    return found && found.rdev & 0xff
  }
  const becomes = (wanted: number | undefined) =>
    eventually(`minor ${wanted}`, async () => (await minor()) === wanted, { everyMs: 2 })
  for (let time = 0; time < times; time += 1) {
    const port = time % 2 === 0 ? 1 : 0
    await unplug(1 - port)
    await becomes(undefined)
    await plug(port)
    await becomes([one, sameUnderAnotherName][port]?.minor)
  }
  expect(await devOf()).toBe(standing)
  expect(await openFiles()).toBeLessThan(startFiles + 5)
  expect(await readdir(`/dev/longshore/${device}`)).toHaveLength(1)
  expect(await containerOf()).toEqual(before)
}
