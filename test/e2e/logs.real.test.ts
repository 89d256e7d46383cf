/** Logs of containers on a device, over both brokers, and what happens when readers, links and containers go. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type LogRequest, readLog } from '../../src/fleet/logs.ts'
import { docker, newDeviceId, openFleet, startTestAgent } from '../support/agents.ts'
import { brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'
import { deployAndWait } from '../support/story.ts'

const sh = (script: string) => ({ command: ['sh', '-c', script], network_mode: 'none', stop_grace_period: '0s' })

/** Runs on after it has said what it has to say. */
const says = (script: string) => sh(`${script}; while :; do sleep 0.1; done`)

describe.each(brokers)('on $name', ({ start }) => {
  test('lines of several containers come in order of time, told apart by name and stream', async () => {
    const { url, stop } = await start()
    onTestFinished(stop)
    const { device } = await startTestAgent({ url })
    const fleet = await openFleet(url)
    await deployAndWait(
      fleet,
      device,
      modelOf('shop', {
        web: says('for n in 1 2 3 4; do echo web $n; sleep 0.2; done'),
        api: says('sleep 0.1; for n in 1 2 3 4; do echo api $n >&2; sleep 0.2; done'),
      }),
    )
    const seen: string[] = []
    await readLog(fleet, {
      device,
      request: { app: 'shop' },
      timeoutMs: 5_000,
      nowMs: Date.now,
      onEntries: (entries) => {
        for (const entry of entries) if ('text' in entry) seen.push(`${entry.source} ${entry.stream} ${entry.text}`)
      },
    })
    console.log(seen)
  })
})
