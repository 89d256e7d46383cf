/** What some brokers do otherwise: large messages, dots in topics, shared subscriptions. */
import { defaultMaxBytes } from '../../../protocol/payload.ts'
import { type Check, fails, note, ok } from '../finding.ts'
import type { BrokerContext } from './broker-context.ts'

/** Steps of the search for what is too much; the first is what Longshore sends at most unless it is told otherwise. */
const sizes: readonly number[] = [defaultMaxBytes, ...[128, 64, 32, 16, 8, 4, 2, 1].map((kib) => kib * 1024)]

export const checkPayload: Check<BrokerContext> = {
  name: 'payload',
  run: async ({ open, scratch, retain }) => {
    const topic = `${scratch}/payload`
    for (const bytes of sizes) {
      // The broker ends the connection over one that is too large.
      const reader = await open()
      await reader.subscribe(topic)
      const passes = await retain(await open(), topic, Buffer.alloc(bytes, 'x')).then(
        () => reader.comes(topic, Buffer.alloc(bytes, 'x')),
        () => false,
      )
      if (!passes) continue
      if (bytes === sizes[0]) return ok(`${bytes} bytes pass`)
      return fails({
        found: `${bytes} bytes pass, ${bytes * 2} do not`,
        meaning: 'deployments with more files than that do not arrive',
        remedy: `let the broker take packets of ${defaultMaxBytes + 1024} bytes (docs/brokers.md), or set maxBytes: ${bytes} for the agents`,
      })
    }
    return fails({
      found: 'not even 1024 bytes pass',
      meaning: 'nothing can be deployed',
      remedy: `let the broker take packets of ${defaultMaxBytes + 1024} bytes (docs/brokers.md)`,
    })
  },
}

export const checkDots: Check<BrokerContext> = {
  name: 'dots in topics',
  run: async ({ open, scratch, root }) => {
    const topic = `${scratch}/with.dot`
    const works = await open()
      .then(async (probe) => {
        if ((await probe.subscribe(topic)) >= 0x80) return false
        await probe.publish(topic, 'dot')
        return probe.comes(topic, 'dot', 2_000)
      })
      .catch(() => false)
    if (works) return ok('taken')
    const said = { found: 'not taken (NATS before 2.10)', remedy: 'use a root without dots' }
    if (root.includes('.')) return fails({ ...said, meaning: `nothing can be sent under the root ${root}` })
    return note({ ...said, meaning: 'no name of Longshore has dots, only a root could' })
  },
}

export const checkShared: Check<BrokerContext> = {
  name: 'shared subscriptions',
  run: async ({ open, scratch }) => {
    const topic = `${scratch}/shared`
    const probe = await open()
    const granted = await probe.subscribe(`$share/longshore-doctor/${topic}`).catch(() => 0x80)
    if (granted >= 0x80) return ok('refused; Longshore needs none')
    await probe.publish(topic, 'shared')
    if (await probe.comes(topic, 'shared', 2_000)) return ok('taken')
    return note({
      found: 'granted, and nothing comes',
      meaning: 'Longshore needs none, but consumers of telemetry that share their work would get nothing',
      remedy: 'do not use $share on this broker',
    })
  },
}
