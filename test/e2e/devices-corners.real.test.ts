/** Hardware in less common places, and hardware that does not stay: on a real engine, with real nodes and drivers. */
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { execIn } from '../support/exec-in.ts'
import { asking, openLine, plc } from '../support/line.ts'
import { modelOf } from '../support/models.ts'
import { openClient } from '../support/mqtt.ts'
import { deployAndWait, endingFor, reportThat, send } from '../support/story.ts'

/** One adapter under two names. */
const ports = [20, 21].map((minor) => ({ serial: 'A1', major: 4, minor }))

const succeeded = { isSuccess: true, outcome: 'succeeded' }

test('a target in a folder: the container is restarted when its device changes, and only then', async () => {
  const { device, fleet, plug, unplug, containerOf, has } = await openLine(ports)
  const model = asking({ ...plc, target: '/dev/plc/a' })
  await plug(0)
  expect(await deployAndWait(fleet, device, model)).toEqual(succeeded)
  const before = await containerOf()
  await has(20, '/dev/plc/a')
  await unplug(0)
  await plug(1)
  await has(21, '/dev/plc/a')
  const after = await containerOf()
  expect(after.id).toBe(before.id)
  expect(after.startedAt).not.toBe(before.startedAt)
  // Another look at everything.
  expect(await deployAndWait(fleet, device, model)).toEqual(succeeded)
  expect(await containerOf()).toEqual(after)
}, 60_000)

test('an adapter that comes and goes twenty times a second: few reports, and the same container with it in the end', async () => {
  const { device, url, fleet, plug, unplug, containerOf, has } = await openLine(ports)
  await plug(0)
  expect(await deployAndWait(fleet, device, asking(plc))).toEqual(succeeded)
  const before = await containerOf()
  const { client, received } = await openClient(url)
  await client.subscribeAsync(`longshore/v1/${device}/reported/+`)
  for (let time = 0; time < 60; time += 1) {
    await unplug(0)
    await delay(25)
    await plug(0)
    await delay(25)
  }
  await has(20)
  expect(received.length).toBeLessThanOrEqual(24)
  expect(await containerOf()).toEqual(before)
}, 60_000)

test('plain devices: the app waits for the path that is absent, and starts by itself when it is there', async () => {
  const { device, fleet, plug, nodeOf, containerOf } = await openLine(ports)
  const devices = [nodeOf(0), '/dev/fuse'].map((source) => ({ source, target: source, permissions: 'rwm' }))
  const sent = await send(fleet, device, modelOf('line', { web: { devices } }))
  const waiting = await reportThat(fleet, device, 'line', 'to wait', ({ phase }) => phase === 'waiting')
  expect(waiting.waitingFor).toMatchObject([
    { code: 'device-missing', message: `service web waits for device ${nodeOf(0)}: it is not there` },
  ])
  await plug(0)
  expect(await endingFor(fleet, sent)).toEqual(succeeded)
  expect(await execIn((await containerOf()).id, `ls ${nodeOf(0)} /dev/fuse`)).toBe(`/dev/fuse\n${nodeOf(0)}`)
}, 60_000)
