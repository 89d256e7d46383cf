import { expect, test } from 'vitest'
import { linesOf } from '../../agent/engine/docker-logs.ts'
import { createEvidence } from '../../agent/reconcile/evidence.ts'
import { assignment, container, serviceModel } from '../support/builders.ts'

const deployment = assignment(serviceModel({ web: {} }))
const ended = (name: string, restarts = 0) =>
  container(deployment, 'web', { name, state: 'exited', exitCode: 1, restarts })

test('the last lines are read once for each end, and of what ended badly only', async () => {
  const read: string[] = []
  const evidence = createEvidence({
    lastLines: async (id) => {
      read.push(id)
      return [`${id} says`]
    },
  })
  const fine = container(deployment, 'web', { name: 'fine', state: 'exited' })
  expect(await evidence.of([ended('a'), fine])).toEqual({ 'a@1': ['a@1 says'] })
  await evidence.of([ended('a')])
  expect(read).toEqual(['a@1'])
  await evidence.of([ended('a', 1)])
  expect(read).toEqual(['a@1', 'a@1'])
})

test('those of a few containers are enough, and none where they cannot be read', async () => {
  const evidence = createEvidence({ lastLines: async () => ['x'] })
  const many = Array.from({ length: 50 }, (_, index) => ended(`c${index}`))
  expect(Object.keys(await evidence.of(many))).toHaveLength(5)
  const broken = createEvidence({ lastLines: () => Promise.reject(new Error('gone')) })
  expect(await broken.of([ended('a')])).toEqual({ 'a@1': [] })
})

test('frames of an engine, and a terminal without any, as lines that harm no terminal', () => {
  const frame = (stream: number, text: string): Buffer => {
    const head = Buffer.alloc(8)
    head[0] = stream
    head.writeUInt32BE(Buffer.byteLength(text), 4)
    return Buffer.concat([head, Buffer.from(text)])
  }
  expect(linesOf(Buffer.concat([frame(1, 'one\ntw'), frame(1, 'o\n'), frame(2, 'three\n\n')]))).toEqual([
    'one',
    'two',
    'three',
  ])
  expect(linesOf(Buffer.from('\u001b[31mred\u001b[0m\r\nplain\u0007\n'))).toEqual(['red', 'plain'])
  expect(linesOf(Buffer.from('x'.repeat(1000)))[0]).toHaveLength(300)
  expect(linesOf(frame(1, 'torn').subarray(0, 10))).toEqual(['to'])
})
