import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFilterTree } from '../../../broker/persistence/filter-tree.ts'
import { createRetainedIndex } from '../../../broker/persistence/retained-index.ts'

/** Section 4.7 of MQTT 3.1.1, word for word and slow. */
const matches = (filter: string, topic: string): boolean => {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  const levels = topic.split('/')
  const wanted = filter.split('/')
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true
    if (index >= levels.length || (level !== '+' && level !== levels[index])) return false
  }
  return wanted.length === levels.length
}

test.each([
  ['sport/tennis/#', 'sport/tennis', true],
  ['sport/+', 'sport', false],
  ['sport/+', 'sport/', true],
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['+', '/finance', false],
  ['#', '$SYS/uptime', false],
  ['+/uptime', '$SYS/uptime', false],
  ['$SYS/#', '$SYS/uptime', true],
  ['constructor/__proto__', 'constructor/__proto__', true],
])('%s and %s: %s', (filter, topic, expected) => {
  expect(matches(filter, topic)).toBe(expected)
  const tree = createFilterTree<string>()
  tree.set(filter, 'a', 1)
  expect(tree.match(topic).has('a')).toBe(expected)
  const retained = createRetainedIndex()
  retained.set({ topic, payload: Buffer.from('x'), qos: 1 })
  expect([...retained.match(filter)]).toHaveLength(expected ? 1 : 0)
})

const level = fc.constantFrom('a', 'b', '', '$s')
const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'))
const filters = fc
  .tuple(fc.array(fc.constantFrom('a', 'b', '', '$s', '+'), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'))

test('both trees find what the standard says, also after removals', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(filters, fc.boolean())), fc.array(fc.tuple(topics, fc.boolean())), (asked, there) => {
      const tree = createFilterTree<string>()
      for (const [filter] of asked) tree.set(filter, filter, 1)
      for (const [filter, isRemoved] of asked) if (isRemoved) tree.remove(filter, filter)
      const left = new Set(asked.map(([filter]) => filter))
      for (const [filter, isRemoved] of asked) if (isRemoved) left.delete(filter)
      const retained = createRetainedIndex()
      for (const [topic] of there) retained.set({ topic, payload: Buffer.from(topic), qos: 0 })
      for (const [topic, isRemoved] of there) if (isRemoved) retained.remove(topic)
      const kept = new Set(there.map(([topic]) => topic))
      for (const [topic, isRemoved] of there) if (isRemoved) kept.delete(topic)
      for (const [topic] of there)
        expect([...tree.match(topic).keys()].sort()).toEqual([...left].filter((one) => matches(one, topic)).sort())
      for (const [filter] of asked)
        expect([...retained.match(filter)].map(({ topic }) => topic).sort()).toEqual(
          [...kept].filter((topic) => matches(filter, topic)).sort(),
        )
      // Topics of the broker itself are not counted.
      const counted = [...kept].filter((topic) => !topic.startsWith('$'))
      expect(retained.bytes()).toBe(counted.reduce((sum, topic) => sum + 2 * topic.length, 0))
      expect(retained.count()).toBe(counted.length)
    }),
  )
})

test('of overlapping subscriptions the highest quality of service counts', () => {
  const tree = createFilterTree<string>()
  tree.set('a/#', 'client', 1)
  tree.set('a/b', 'client', 2)
  tree.set('a/+', 'client', 1)
  expect([...tree.match('a/b')]).toEqual([['client', 2]])
})

test('an exact filter among 20,000 retained messages costs the same as among none', () => {
  const retained = createRetainedIndex()
  const find = (): number => {
    const startedAt = performance.now()
    for (let n = 0; n < 10_000; n += 1) [...retained.match(`fleet/device-${n % 1000}/status`)]
    return performance.now() - startedAt
  }
  find()
  const withNoneMs = find()
  for (let n = 0; n < 20_000; n += 1)
    retained.set({ topic: `fleet/device-${n}/status`, payload: Buffer.from('x'), qos: 1 })
  // Looking at all of them would be a thousand times as much.
  expect(find()).toBeLessThan(20 * withNoneMs + 100)
})
