import { describe, expect, test } from 'vitest'
import { labelVerb } from '../../agent/commands/label-verb.ts'
import { agentConfigSchema } from '../../agent/config.ts'
import { labelsInForce, withLabels } from '../../agent/labels.ts'
import { type DeviceRecord, emptyDeviceRecord } from '../../agent/store/device-record.ts'
import { labelFault } from '../../src/protocol/label.ts'
import { verbContext } from '../support/verb-context.ts'

const configured = { line: '3', site: 'hall' }

describe('what was set wins over the configuration', () => {
  test('a value, a new one, and one that is taken away', () => {
    const set = withLabels(configured, {}, { set: { line: '4', zone: 'a' }, remove: ['site', 'none'] })
    expect(set).toEqual({ line: '4', zone: 'a', site: null })
    expect(labelsInForce(configured, set)).toEqual({ line: '4', zone: 'a' })
  })

  test('also when the configuration says something else later', () => {
    const set = withLabels(configured, {}, { set: { line: '3' }, remove: [] })
    expect(labelsInForce({ line: '9' }, set)).toEqual({ line: '3' })
  })

  test('what was set and is taken away is as if it had never been set', () => {
    const set = withLabels(configured, { zone: 'a' }, { set: {}, remove: ['zone'] })
    expect(set).toEqual({})
  })
})

test('labels of the configuration may be numbers, and have names', () => {
  const read = (labels: object) =>
    agentConfigSchema.safeParse({ device: 'gw-1', broker: 'mqtt://a', labels }).data?.labels
  expect(read({ line: 3, isSpare: false })).toEqual({ line: '3', isSpare: 'false' })
  expect(read({ 'a b': 'x' })).toBeUndefined()
  expect(read({ a: '' })).toBeUndefined()
})

test.each([
  ['line', '3', undefined],
  ['site/hall-2.a_b', 'x', undefined],
  ['-a', 'x', /no name of a label/],
  ['a'.repeat(64), 'x', /no name/],
  ['a', '', /1 to 200/],
  ['a', 'x'.repeat(201), /1 to 200/],
])('label %s', (key, value, expected) => {
  if (expected === undefined) expect(labelFault(key, value)).toBeUndefined()
  else expect(labelFault(key, value)).toMatch(expected)
})

describe('the verb set-labels', () => {
  const open = () => {
    let record: DeviceRecord = emptyDeviceRecord
    const changes: string[] = []
    const verb = labelVerb({
      store: {
        device: () => record,
        updateDevice: async (change) => {
          record = change(record)
          return record
        },
      },
      configured,
      onChange: () => changes.push('changed'),
    })
    return { verb, changes, labels: () => record.labels }
  }

  test('keeps them and answers with all that are in force', async () => {
    const { verb, changes, labels } = open()
    expect(await verb({ set: { line: '4' }, remove: ['site'] }, verbContext())).toEqual({
      outcome: 'done',
      result: { labels: { line: '4' } },
    })
    expect(labels()).toEqual({ line: '4', site: null })
    expect(changes).toEqual(['changed'])
  })

  test.each([
    [{ set: { 'a b': 'x' } }, /no name of a label/],
    [{ set: { a: 3 } }, /expected string/],
    [{ set: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`a${index}`, 'x'])) }, /64 labels/],
  ])('refuses what is no label, and changes nothing: %#', async (args, message) => {
    const { verb, changes, labels } = open()
    expect(await verb(args as never, verbContext())).toMatchObject({
      outcome: 'refused',
      reason: { message: expect.stringMatching(message) },
    })
    expect([changes, labels()]).toEqual([[], undefined])
  })
})
