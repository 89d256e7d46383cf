import { expect, test } from 'vitest'
import {
  answeredLimit,
  type DeviceRecord,
  emptyDeviceRecord,
  liveAnswers,
  withAnswer,
} from '../../agent/store/device-record.ts'

const answer = (id: string, bytes: number): DeviceRecord['answered'][number] => ({
  id,
  at: 1,
  reply: {
    schema: 1,
    at: 1,
    id,
    n: 1,
    final: true,
    outcome: 'done',
    ...(bytes > 0 && { result: { x: 'x'.repeat(bytes) } }),
  },
})

const after = (answers: readonly DeviceRecord['answered'][number][], from: DeviceRecord = emptyDeviceRecord) =>
  answers.reduce((record, one) => withAnswer(record, one, 1_000), from)

test('the file stays small however long the answers are: it is written anew at each connection', () => {
  const record = after(Array.from({ length: 200 }, (_, number) => answer(`c${number}`, 20_000)))
  expect(JSON.stringify(record).length).toBeLessThan(100_000)
  expect(record.answered.at(-1)?.id).toBe('c199')
})

test('answers without a result, which are of what was changed, are kept beside long ones', () => {
  const record = after([answer('stop', 0), ...Array.from({ length: 20 }, (_, number) => answer(`c${number}`, 20_000))])
  expect(record.answered.map(({ id }) => id)).toEqual(['stop', 'c17', 'c18', 'c19'])
})

test('the newest, and one whose reply is not safe yet, are kept however long they are', () => {
  const begun = { ...emptyDeviceRecord, begun: [{ id: 'unsent', at: 1 }] }
  const record = after([answer('unsent', 200_000), answer('old', 10), answer('new', 200_000)], begun)
  expect(record.answered.map(({ id }) => id)).toEqual(['unsent', 'new'])
})

test('what has not expired is never forgotten, however many come after it, and loses its result only', () => {
  const live = { ...answer('live', 200_000), expiresAt: 1_000 }
  const gone = { ...answer('gone', 0), expiresAt: 999 }
  const record = after([live, gone, ...Array.from({ length: 200 }, (_, number) => answer(`c${number}`, 0))])
  expect(record.answered).toHaveLength(answeredLimit + 1)
  expect(record.answered[0]).toMatchObject({ id: 'live', reply: { outcome: 'done' } })
  expect(liveAnswers(record, 1_000)).toBe(1)
  const long = after([answer('newer', 70_000)], record)
  expect(long.answered[0]?.reply).not.toHaveProperty('result')
})
