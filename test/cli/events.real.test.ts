/** What happens on a device, followed with the built command. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { type BuiltCommand, buildCommand, runCommand } from '../support/command.ts'
import { modelOf } from '../support/models.ts'
import { deployAndWait } from '../support/story.ts'

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

test('events are told as they happen, in words and as JSON', async () => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const { device } = await startTestAgent({ url })
  const fleet = await openFleet(url)
  const follow = (...more: string[]) =>
    runCommand(built.path, ['events', '-f', '--device', device, ...more], { env: { LONGSHORE_BROKER: url } })
  let isOver = false
  const followed = Promise.all([
    follow('--kind', 'deployment', '-n', '2', '--json'),
    follow('--kind', 'service-started', '--app', 'shop', '-n', '1'),
  ]).finally(() => {
    isOver = true
  })
  // Nobody knows when a follower has begun: something happens until each has seen enough.
  for (let n = 1; !isOver && n < 20; n += 1)
    await deployAndWait(fleet, device, modelOf('shop', { web: { network_mode: 'none', environment: { N: `${n}` } } }))
  const [asJson, inWords] = await followed

  expect(asJson.exitCode).toBe(0)
  const lines = asJson.stdout.trim().split('\n')
  expect(lines).toHaveLength(2)
  for (const line of lines) {
    const event = JSON.parse(line)
    expect(event).toMatchObject({ device, app: 'shop', schema: 1, class: 'event' })
    expect(event.kind).toMatch(/^deployment-(accepted|succeeded)$/)
    expect(Math.abs(event.at - Date.now())).toBeLessThan(60_000)
  }
  expect(inWords.exitCode).toBe(0)
  expect(inWords.stdout).toMatch(new RegExp(`^\\d{4}-\\d\\d-\\d\\d [\\d:]{8}  ${device}  service-started +shop/web`))
})
