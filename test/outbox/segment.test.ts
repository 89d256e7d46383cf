import { expect, test } from 'vitest'
import { decodeHead, encodeHead, mostEpoch, parseSegmentName, segmentName } from '../../src/outbox/segment.ts'

const head = { class: 'event', epoch: 1_800_000_000, number: 12, boot: 'a-boot' } as const

test('the first line tells format, class, epoch and number, and reads as text', () => {
  const bytes = encodeHead(head)
  expect(bytes.toString()).toBe('longshore-outbox 1 {"class":"event","epoch":1800000000,"number":12,"boot":"a-boot"}\n')
  expect(decodeHead(Buffer.concat([bytes, Buffer.alloc(900)]))).toMatchObject({ ok: true, head, length: bytes.length })
})

test('what was cut off while it was made is told from garbage and from a newer version', () => {
  const bytes = encodeHead(head)
  for (let length = 0; length < bytes.length; length += 1)
    expect(decodeHead(bytes.subarray(0, length))).toEqual({ ok: false, fault: 'torn' })
  expect(decodeHead(Buffer.alloc(100))).toEqual({ ok: false, fault: 'torn' })
  expect(decodeHead(Buffer.from('longshore-outbox 2 {"what":"ever"}\n'))).toEqual({ ok: false, fault: 'future' })
  for (const text of ['longshore-outbox 1 {"class":"event"}\n', 'longshore-outbox 1 {\n', 'x\n', 'x'.repeat(600)])
    expect(decodeHead(Buffer.from(text))).toEqual({ ok: false, fault: 'garbage' })
})

test('names of files go there and back, and others are not ours', () => {
  const id = { epoch: 1_800_000_000, number: 3 }
  expect(segmentName('alarm', id)).toBe('alarm-001800000000-000003.segment')
  expect(parseSegmentName(segmentName('alarm', id))).toEqual({ messageClass: 'alarm', id })
  for (const name of [
    'cursor.json',
    'other-001800000000-000003.segment',
    segmentName('event', { epoch: mostEpoch + 1, number: 1 }),
  ])
    expect(parseSegmentName(name)).toBeUndefined()
})
