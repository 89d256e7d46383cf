/** The broker as a process on a real disk: killed under load, and with no room left. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { expectNothingLostInBrokerKills } from '../support/broker-kills.ts'
import { type BuiltCommand, buildCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { createKillableBroker } from '../support/killable-broker.ts'
import { openClient } from '../support/mqtt.ts'

let command: BuiltCommand
beforeAll(async () => {
  command = await buildCommand()
})
afterAll(() => command.remove())

const makeFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-broker-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

test('10 kills under load: nothing acknowledged is lost, held back, or out of order', () =>
  expectNothingLostInBrokerKills(command.path, 10))

test('a full disk: publishers are refused with a reason in the log, and all is well once it has room', async () => {
  const disk = await makeFolder()
  await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])
  onTestFinished(async () => void (await promisify(execFile)('umount', [disk])))
  const broker = await createKillableBroker(command.path, ['--state', join(disk, 'state')])
  onTestFinished(() => broker.kill())
  await broker.start()
  const safe = await openClient(broker.url)
  await safe.client.publishAsync('before', 'yes', { qos: 1, retain: true })
  const dying = await openClient(broker.url, {
    will: { topic: 'will', payload: Buffer.from('offline'), qos: 1, retain: true },
  })
  await writeFile(join(disk, 'filler'), Buffer.alloc(1024 * 1024)).catch(() => {})

  // What fits into the rest of the last page still goes.
  const refused = await openClient(broker.url)
  let acknowledged = 0
  const publishMore = (): void =>
    void refused.client.publish(`full/${acknowledged}`, 'x'.repeat(2_000), { qos: 1, retain: true }, (error) => {
      if (error) return
      acknowledged += 1
      publishMore()
    })
  publishMore()
  await eventually('the publisher to be closed', refused.isClosed)
  expect(broker.lines.join('\n')).toMatch(/"code":"disk-full"/)
  // Reading, and what needs no disk, goes on.
  const bystander = await openClient(broker.url)
  await bystander.client.subscribeAsync(['before', 'now', 'will'], { qos: 0 })
  await bystander.client.publishAsync('now', 'goes on', { qos: 0 })
  await bystander.expect('now', 'goes on')
  await bystander.expect('before', 'yes')
  dying.client.stream.destroy()
  await bystander.expect('will', 'offline')

  await rm(join(disk, 'filler'))
  await eventually('the disk to be tried again', () =>
    broker.lines.join('\n').includes('takes what the broker keeps again'),
  )
  const again = await openClient(broker.url)
  await again.client.publishAsync('after', 'yes', { qos: 1, retain: true })
  await broker.kill()
  await broker.start()
  const reader = await openClient(broker.url)
  await reader.client.subscribeAsync('#', { qos: 1 })
  for (const topic of ['before', 'after']) await reader.expect(topic, 'yes')
  const kept = () => reader.received.filter(({ topic }) => topic.startsWith('full/')).length
  await eventually('all that was acknowledged', () => kept() >= acknowledged)
})

test('who does not come back after a crash is told of by its will, who does is not', async () => {
  const state = await makeFolder()
  const config = join(state, 'broker.yaml')
  await writeFile(config, `state: ${state}\nwillDelayS: 2\n`)
  const broker = await createKillableBroker(command.path, ['--config', config])
  onTestFinished(() => broker.kill())
  await broker.start()
  const open = (name: string) =>
    openClient(broker.url, {
      clientId: name,
      will: { topic: `will/${name}`, payload: Buffer.from('offline'), qos: 1, retain: true },
    })
  await open('gone')
  await open('returns')
  await broker.kill()
  await broker.start()
  await open('returns')
  const watcher = await openClient(broker.url)
  await watcher.client.subscribeAsync('will/#', { qos: 1 })
  await watcher.expect('will/gone', 'offline')
  expect(watcher.received.map(({ topic }) => topic)).toEqual(['will/gone'])
})
