/**
 * The connectivity matrix, in seconds for minutes on both brokers; with OFFLINE_UNIT_MS=60000 in minutes. Off and on by
 * turns, a satellite, and a link that flaps: nothing is lost, only the newest runs.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { brokers } from './brokers.ts'
import { openCampaign } from './campaign.ts'
import { type BuiltCommand, buildCommand } from './command.ts'
import { type Connectivity, expectNothingLost } from './connectivity.ts'

const unitMs = Number(process.env.OFFLINE_UNIT_MS ?? 1_000)

const satellite = { ms: 600, jitterMs: 50, cutShare: 0.02 }

/** In units: minutes, or seconds for them. */
const matrix: Readonly<Record<string, Pick<Connectivity, 'offMs' | 'onMs' | 'times' | 'slow'>>> = {
  '5 off, 5 on, 5 times': { offMs: 5, onMs: 5, times: 5 },
  '10 off, 10 on, 3 times': { offMs: 10, onMs: 10, times: 3 },
  '30 off, 30 on, twice': { offMs: 30, onMs: 30, times: 2 },
  '5 off, 20 on, 3 times': { offMs: 5, onMs: 20, times: 3 },
  'a satellite': { offMs: 5, onMs: 20, times: 3, slow: satellite },
  'a link that flaps': { offMs: 0.2, onMs: 0.5, times: 40 },
}

/** Each way that a link goes is a campaign of its own: they run side by side, for they wait most of the time. */
export const proveMatrix = (how: NonNullable<Connectivity['how']>): void => {
  const campaign = openCampaign(`offline-${how}`)
  let built: BuiltCommand
  beforeAll(async () => {
    built = await buildCommand()
  })
  afterAll(() => built.remove())

  const cases = brokers.flatMap((broker) =>
    Object.entries(matrix).map(([name, times]) => ({ name: `${name}, ${how}, ${broker.name}`, broker, ...times })),
  )
  test.each(cases)(
    '$name',
    async ({ name, broker, offMs, onMs, ...more }) => {
      await campaign.step(name, async () => {
        const scenario = { ...more, how, broker, offMs: offMs * unitMs, onMs: onMs * unitMs, command: built.path }
        const { events, duplicates } = await expectNothingLost(scenario)
        expect(events).toBeGreaterThan(100)
        process.stdout.write(`${name}: ${events} events, none lost, ${duplicates} twice\n`)
        return events
      })
    },
    7_200_000,
  )
}
