/** Whatever happens to the adapter, the container and the agent, in any order: in the end the container has what is there. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openCampaign } from '../support/campaign.ts'
import { eventually } from '../support/eventually.ts'
import { asking, one, openLine, plc, sameUnderAnotherName } from '../support/line.ts'
import { deployAndWait } from '../support/story.ts'

const campaign = openCampaign('devices-adversity')

const happenings = ['unplug', 'plug', 'plug under another name', 'crash', 'end the agent', 'start the agent'] as const

const sequences = fc.sample(fc.array(fc.constantFrom(...happenings), { minLength: 12, maxLength: 12 }), {
  numRuns: 20,
  seed: 6,
})

test.each(sequences.map((sequence, index) => [`${index + 1}: ${sequence.join(', ')}`, sequence] as const))(
  '%s',
  (name, sequence) =>
    campaign.step(name, async () => {
      const { device, fleet, plug, unplug, start, agent, containerOf, has, crash } = await openLine()
      await plug(0)
      expect(await deployAndWait(fleet, device, asking({ ...plc, required: false }))).toMatchObject({
        outcome: 'succeeded',
      })
      const { id } = await containerOf()
      let plugged: number | undefined = 0
      let running: Awaited<ReturnType<typeof start>> | undefined = agent
      const plugAs = async (port: number): Promise<void> => {
        if (plugged !== undefined) await unplug(plugged)
        await plug(port)
        plugged = port
      }
      const acts: Record<(typeof happenings)[number], () => Promise<unknown>> = {
        unplug: async () => {
          if (plugged !== undefined) await unplug(plugged)
          plugged = undefined
        },
        plug: () => plugAs(0),
        'plug under another name': () => plugAs(1),
        crash,
        'end the agent': async () => {
          await running?.stop()
          running = undefined
        },
        'start the agent': async () => {
          running ??= await start(agent.state)
        },
      }
      for (const happening of sequence) {
        await acts[happening]()
        const minor = plugged === undefined ? undefined : [one, sameUnderAnotherName][plugged]?.minor
        if (running !== undefined) await has(minor)
      }
      await eventually('the same container', async () => (await containerOf()).id === id)
      return sequence.length
    }),
  600_000,
)
