/** What the examples ask for is what the exporter has. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { allFamilies } from '../../src/exporter/families.ts'

const names = new Set(allFamilies.map(({ name }) => name))

/** Names of metrics in an expression: what is neither a label, a string, a number nor a word of PromQL. */
const metricsIn = (expression: string): string[] =>
  expression
    .replace(/#.*$/gm, '')
    .replace(/\{[^}]*\}|\[[^\]]*\]|\b(?:by|on) \([^)]*\)/g, '')
    .match(/[a-z_][a-z0-9_]*/gi)
    ?.filter((word) => !promQl.has(word)) ?? []

const promQl = new Set([
  'sum',
  'count',
  'min',
  'topk',
  'rate',
  'increase',
  'vector',
  'time',
  'or',
  'and',
  'on',
  'unless',
])

/** Of Prometheus itself. */
const others = new Set(['up'])

const unknownIn = (expressions: readonly string[]): string[] =>
  expressions.flatMap(metricsIn).filter((name) => !names.has(name) && !others.has(name))

test('an unknown name would be found', () => {
  expect(unknownIn(['sum by (a) (rate(nonsense_total{b="c"}[5m])) / node_load1'])).toEqual(['nonsense_total'])
})

test('every metric of the alerts is one of the exporter', () => {
  const { groups } = parse(readFileSync('examples/prometheus/longshore.rules.yml', 'utf8')) as {
    groups: { rules: { alert: string; expr: string }[] }[]
  }
  const expressions = groups.flatMap(({ rules }) => rules.map(({ expr }) => expr))
  expect(expressions).toHaveLength(10)
  expect(unknownIn(expressions)).toEqual([])
})

test('every metric of the dashboard is one of the exporter, and no two panels lie on one another', () => {
  const { panels, templating, uid } = JSON.parse(readFileSync('examples/grafana/longshore.json', 'utf8')) as {
    uid: string
    panels: { id: number; gridPos: { x: number; y: number; w: number; h: number }; targets?: { expr: string }[] }[]
    templating: { list: { name: string; query: string | { query: string } }[] }
  }
  expect(uid).toBe('longshore-fleet')
  const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  expect(expressions.length).toBeGreaterThan(20)
  expect(unknownIn(expressions)).toEqual([])
  const variables = templating.list.map(({ name }) => name)
  for (const [, used] of JSON.stringify(panels).matchAll(/\$\{?(\w+)/g)) expect(variables).toContain(used)
  expect(templating.list.find(({ name }) => name === 'device')?.query).toMatchObject({
    query: 'label_values(longshore_device_up, device_id)',
  })
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`),
  )
  expect(new Set(cells).size).toBe(cells.length)
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
})
