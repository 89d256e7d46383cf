/** What comes of a log when its reader sleeps, its broker restarts, and its file is rotated under it. */
import { expect, onTestFinished, test } from 'vitest'
import { openFleet, startTestAgent } from '../support/agents.ts'
import { openCampaign } from '../support/campaign.ts'
import { eventually } from '../support/eventually.ts'
import { says, startLogDevice } from '../support/log-device.ts'
import { modelOf } from '../support/models.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { openClient } from '../support/mqtt.ts'
import { startLog, wholeLog } from '../support/read-log.ts'
import { deployAndWait } from '../support/story.ts'

const campaign = openCampaign('logs-adversity')

test('a reader that does not read has no more sent to it than its window; others are not held up, and it goes on later', async ({
  task,
}) => {
  await campaign.step(task.name, async () => {
    const { url, device, fleet } = await startLogDevice({ web: says('yes 0123456789 | head -c 2200000') })
    const isAllSaid = async () => (await wholeLog(fleet, device, { app: 'shop' })).text().length === 2_200_000
    await eventually('all to be said', isAllSaid)
    const { client, received } = await openClient(url)
    const sentBytes = () => received.reduce((sum, { text }) => sum + text.length, 0)
    let wake: () => void = () => undefined
    const frozen = new Promise<void>((resolve) => {
      wake = resolve
    })
    await client.subscribeAsync(`longshore/v1/${device}/log/+`)
    const slow = startLog(fleet, device, { app: 'shop', follow: true }, () => frozen)
    await eventually('it to begin', () => slow.entries.length > 0)
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(sentBytes()).toBeLessThan(64 * 1024)
    await client.endAsync()
    expect(await isAllSaid()).toBe(true)
    wake()
    await eventually('the slow one to have it all', () => slow.text().length === 2_200_000)
    return 1
  })
}, 120_000)

test('a broker that restarts loses nothing of a log that is followed', async ({ task }) => {
  await campaign.step(task.name, async () => {
    const broker = await startMosquitto()
    onTestFinished(broker.stop)
    const { device } = await startTestAgent({ url: broker.url })
    const fleet = await openFleet(broker.url)
    const web = says('n=0; while [ $n -lt 4000 ]; do n=$((n+1)); echo line $n; done; sleep 2; echo end')
    await deployAndWait(fleet, device, modelOf('shop', { web }))
    let seen = 0
    const log = startLog(fleet, device, { app: 'shop', follow: true }, async () => {
      seen += 1
      // Slow enough that chunks are on their way when the broker goes.
      if (seen < 4) await new Promise((resolve) => setTimeout(resolve, 200))
    })
    await eventually('the first chunk', () => seen > 0)
    await broker.restart()
    await eventually('the end', () => log.text().endsWith('end\n'), { timeoutMs: 30_000 })
    expect(log.text()).toBe(`${Array.from({ length: 4000 }, (_, index) => `line ${index + 1}\n`).join('')}end\n`)
    return 1
  })
}, 120_000)

test('a log that is written faster than it is followed, and rotated meanwhile, comes whole', async ({ task }) => {
  await campaign.step(task.name, async () => {
    const script = 'n=0; while [ $n -lt 11 ]; do n=$((n+1)); yes "$n 0123456789" | head -n 10000; done; echo end'
    const { device, fleet } = await startLogDevice({
      web: says(script, { logging: { driver: 'json-file', options: { 'max-size': '2m', 'max-file': '9' } } }),
    })
    const log = startLog(fleet, device, { app: 'shop', follow: true })
    await eventually('the end', () => log.text().endsWith('end\n'), { timeoutMs: 30_000, everyMs: 100 })
    const lines = log.text().split('\n')
    expect(lines).toHaveLength(110_002)
    expect(lines).toEqual([...lines].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)))
    return 1
  })
}, 120_000)
