/** Windows and locks on a real engine: an app says that it is busy from inside its container, and an update waits. */
import { expect, onTestFinished, test } from 'vitest'
import { ask } from '../../src/fleet/command.ts'
import type { Reported } from '../../src/protocol/reported.ts'
import { docker, openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { modelOf } from '../support/models.ts'
import { deployAndWait, endingFor, reportThat, send } from '../support/story.ts'

const open = async () => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const { device } = await startTestAgent({ url })
  return { device, fleet: await openFleet(url) }
}

/** In the container of the service, as the user that it runs as. */
const run = async (device: string, script: string): Promise<void> => {
  const exec = await docker()
    .getContainer(`${device}-press-web-1`)
    .exec({ Cmd: ['sh', '-c', script] })
  await exec.start({ Detach: true })
}

const waitsFor =
  (code: string) =>
  ({ phase, waitingFor }: Reported): boolean =>
    phase === 'waiting' && waitingFor?.some((reason) => reason.code === code) === true

test('a container that is not of root takes a lock; an update waits for it, and goes on when it is given back', async () => {
  const { device, fleet } = await open()
  const model = (says: string) =>
    modelOf('press', { web: { user: '1234:1234', environment: { SAYS: says }, 'x-longshore': { lock: true } } })
  expect(await deployAndWait(fleet, device, model('one'))).toMatchObject({ outcome: 'succeeded' })
  await run(device, `echo '{"owner": "press 3", "reason": "a part is in it"}' > /run/longshore/lock`)
  // There is nothing to wait for but the file itself.
  const plan = () =>
    ask(fleet, {
      ...{ device, verb: 'plan', timeoutMs: 10_000, now: Date.now() },
      args: { app: 'press', compose: model('two') } as never,
    })
  await expect.poll(plan, { timeout: 10_000 }).toMatchObject({
    result: { waits: [expect.stringMatching(/^press 3 holds its lock, until .*: a part is in it$/)] },
  })
  const sent = await send(fleet, device, model('two'))
  await reportThat(fleet, device, 'press', 'locked', waitsFor('locked'))
  await run(device, 'rm /run/longshore/lock')
  expect(await endingFor(fleet, sent)).toMatchObject({ outcome: 'succeeded' })
})

test('an update waits for its window, and not with --now', async () => {
  const { device, fleet } = await open()
  const hour = (new Date().getUTCHours() + 12) % 24
  const rest = { 'x-longshore': { update: { window: [`0 ${hour} * * * for 1h in UTC`] } } }
  const model = (says: string) => modelOf('press', { web: { environment: { SAYS: says } } }, rest)
  expect(await deployAndWait(fleet, device, model('one'))).toMatchObject({ outcome: 'succeeded' })
  await send(fleet, device, model('two'))
  await reportThat(fleet, device, 'press', 'waiting for its window', waitsFor('window-closed'))
  expect(await deployAndWait(fleet, device, model('two'), { now: true })).toMatchObject({ outcome: 'succeeded' })
})
