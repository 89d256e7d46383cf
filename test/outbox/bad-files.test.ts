/** Files that are not what they should be: said, left or set aside, and nothing else suffers. */
import { expect, test } from 'vitest'
import { segmentName } from '../../src/outbox/segment.ts'
import { eventually } from '../support/eventually.ts'
import { memoryOutboxFiles } from '../support/memory-outbox-files.ts'
import { drain, numbered, openTestOutbox, testBroker } from '../support/test-outbox.ts'

const id = { epoch: 1_500_000_000, number: 1 }
const garbage = segmentName('event', id)

const withEvents = async (count: number) => {
  const files = memoryOutboxFiles()
  const outbox = await openTestOutbox({ files })
  for (let n = 0; n < count; n += 1) await outbox.append('event', numbered(n))
  await outbox.close()
  return { files, epoch: outbox.counts().epoch }
}

test('garbage in place of a file is set aside and told of; what else is there is sent', async () => {
  const { files } = await withEvents(3)
  files.put(garbage, Buffer.from('x'.repeat(2_000)))
  const outbox = await openTestOutbox({ files })
  const broker = testBroker()
  outbox.start(broker.publish)
  outbox.setConnected(true)
  const { dropped } = await eventually('the report', () => broker.sent.find((one) => one.dropped !== undefined))
  expect(dropped).toEqual({ class: 'event', epoch: id.epoch, from: 0, to: 0, count: 0, reason: 'corrupt' })
  expect(broker.sent.filter((one) => one.class === 'event').map(({ n }) => n)).toEqual([0, 1, 2])
  expect(files.names()).toContain(`aside-${garbage}`)
})

test('what stands aside stays within a bound', async () => {
  const { files } = await withEvents(1)
  for (let number = 1; number <= 20; number += 1)
    files.put(segmentName('event', { ...id, number }), Buffer.from('x'.repeat(2_000)))
  await drain(await openTestOutbox({ files }))
  await eventually('eight of them', () => files.names().filter((name) => name.startsWith('aside-')).length === 8)
})

test('of what stands aside the oldest go, of whatever class, and what was just set aside stays', async () => {
  const { files } = await withEvents(1)
  for (let number = 1; number <= 8; number += 1)
    files.put(`aside-${segmentName('telemetry', { ...id, number })}`, Buffer.from('older'))
  files.put(segmentName('alarm', { ...id, epoch: id.epoch + 1 }), Buffer.from('x'.repeat(2_000)))
  await drain(await openTestOutbox({ files }))
  const aside = () => files.names().filter((name) => name.startsWith('aside-'))
  await eventually('the newest', () => aside().some((name) => name.startsWith('aside-alarm')) && aside().length === 8)
  expect(aside()).not.toContain(`aside-${garbage.replace('event', 'telemetry')}`)
})

test('a file of a newer version is left as it is, for the version that wrote it', async () => {
  const { files } = await withEvents(3)
  const content = Buffer.from('longshore-outbox 2 {"anything":true}\nmore')
  files.put(garbage, content)
  const outbox = await openTestOutbox({ files })
  expect((await drain(outbox)).flatMap(({ n }) => n ?? [])).toEqual([0, 1, 2])
  await outbox.close()
  expect(files.contentOf(garbage)).toEqual(content)
})

test('a file that was cut off while it was made is nothing', async () => {
  const { files } = await withEvents(1)
  files.put(garbage, Buffer.from('longshore-out'))
  expect((await drain(await openTestOutbox({ files }))).flatMap(({ n }) => n ?? [])).toEqual([0])
  await eventually('it to go', () => !files.names().includes(garbage))
})

test.each([
  ['empty', ''],
  ['no JSON', '{"version":1,"settled":'],
  ['of a newer version', '{"version":2,"settled":{},"clocks":{}}\n00000000\n'],
  [
    'changed by one digit',
    '{"version":1,"settled":{"event":{"epoch":8589934592,"number":1,"offset":1}},"clocks":{}}\n00000000\n',
  ],
])('a cursor that is %s costs no message', async (_name, text) => {
  const { files } = await withEvents(3)
  files.put('cursor.json', Buffer.from(text))
  expect((await drain(await openTestOutbox({ files }))).flatMap(({ n }) => n ?? [])).toEqual([0, 1, 2])
})

test.each([
  ['gone', undefined],
  ['empty', ''],
  ['garbage', '{"version":1,"epoch":-3}'],
])('with an epoch file that is %s no epoch comes twice, even with a clock at 0', async (_name, text) => {
  const { files, epoch } = await withEvents(1)
  if (text === undefined) await files.remove('epoch.json')
  else files.put('epoch.json', Buffer.from(text))
  const clock = { nowMs: 0, monotonicMs: 0, boot: 'next' }
  expect((await openTestOutbox({ files, clock })).counts().epoch).toBe(epoch + 1)
})

test('the epoch file of a newer version is understood', async () => {
  const files = memoryOutboxFiles(new Map([['epoch.json', Buffer.from('{"version":9,"epoch":5000000000,"more":1}\n')]]))
  expect((await openTestOutbox({ files })).counts().epoch).toBe(5_000_000_001)
})

test('a name that is none of ours is left alone', async () => {
  const { files } = await withEvents(1)
  files.put('README', Buffer.from('mine'))
  await drain(await openTestOutbox({ files }))
  expect(files.contentOf('README').toString()).toBe('mine')
})

test('a file that cannot be read is told of, and holds up nothing', async () => {
  const { files, epoch } = await withEvents(3)
  const outbox = await openTestOutbox({ files })
  await outbox.append('event', numbered(9))
  files.fault = (operation, name) =>
    operation === 'read' && name.includes(String(epoch)) ? new Error('EIO: i/o error') : undefined
  const broker = testBroker()
  outbox.start(broker.publish)
  outbox.setConnected(true)
  const { dropped } = await eventually('the report', () => broker.sent.find((one) => one.dropped !== undefined))
  expect(dropped).toEqual({ class: 'event', epoch, from: 0, to: 0, count: 0, reason: 'corrupt' })
  expect(broker.sent.filter((one) => one.class === 'event').map(({ n }) => n)).toEqual([9])
})

test.each(['of a newer version', 'that cannot be read'])(
  'a file %s is still there after all behind it was sent, and after the next start',
  async (what) => {
    const { files } = await withEvents(3)
    const future = Buffer.from('longshore-outbox 2 {"what":"nobody knows"}\nrecords')
    files.put(garbage, what === 'of a newer version' ? future : Buffer.from('x'))
    if (what === 'that cannot be read')
      files.fault = (operation, name) =>
        operation === 'read' && name === garbage ? new Error('EACCES: permission denied') : undefined
    for (let start = 1; start <= 3; start += 1) {
      const outbox = await openTestOutbox({ files })
      await outbox.append('event', numbered(9))
      await drain(outbox)
      await outbox.close()
      expect(files.names()).toContain(garbage)
    }
    // Beside it only that of the last start.
    expect(files.names().filter((name) => name.startsWith('event-'))).toHaveLength(2)
  },
)

test('with a clock of the year 9999 epochs still rise, and what was queued is sent by the next process', async () => {
  const files = memoryOutboxFiles()
  const clock = { nowMs: Date.UTC(9999, 0), monotonicMs: 0, boot: 'boot-1' }
  const before = await openTestOutbox({ files, clock })
  await before.append('event', numbered(1))
  await before.close()
  const after = await openTestOutbox({ files, clock: { ...clock, nowMs: 0 } })
  expect((await drain(after)).flatMap(({ n }) => n ?? [])).toEqual([1])
  expect(after.counts().epoch).toBe(before.counts().epoch + 1)
})
