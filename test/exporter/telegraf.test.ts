/**
 * The configuration for Telegraf against the documented rules of its mqtt_consumer and json parser. Debian has no Telegraf,
 * so these rules stand here once more, and nothing here proves more than them.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { matches } from '../../src/fleet/fleet.ts'
import { topicsUnder } from '../../src/protocol/topics.ts'
import { telemetryOf } from './messages.ts'

type Section = { readonly name: string; readonly settings: Record<string, unknown> }

/** The little of TOML that the file has: tables in arrays, and values that are JSON too. */
const sections = (): Section[] => {
  const found: Section[] = []
  for (const line of readFileSync('examples/telegraf/telegraf.conf', 'utf8').split('\n')) {
    const [, name] = /^\s*\[\[(.+)\]\]$/.exec(line) ?? []
    if (name !== undefined) found.push({ name, settings: {} })
    const [, key, value] = /^\s*(\w+) = (.+)$/.exec(line) ?? []
    const section = found.at(-1)
    if (key !== undefined && section !== undefined) section.settings[key] = JSON.parse(String(value))
  }
  return found
}

const inputs = sections().flatMap(({ name, settings }, index, all) =>
  name === 'inputs.mqtt_consumer'
    ? [{ ...settings, parsing: all[index + 1]?.settings } as Record<string, unknown>]
    : [],
)

/** topic_parsing: both have as many levels; `_` is left out, every other word is the name of a tag. */
const tagsOf = (parsing: { topic: string; tags: string }, topic: string): Record<string, string> => {
  const [levels, names] = [topic.split('/'), parsing.tags.split('/')]
  expect(names).toHaveLength(parsing.topic.split('/').length)
  expect(matches(parsing.topic, topic)).toBe(true)
  return Object.fromEntries(names.flatMap((name, index) => (name === '_' ? [] : [[name, String(levels[index])]])))
}

/** The json parser: numbers are fields, text and booleans are not, the time is none, and what is excluded goes. */
const fieldsOf = (input: Record<string, unknown>, payload: Buffer): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(JSON.parse(payload.toString())).filter(
      ([name, value]) =>
        typeof value === 'number' &&
        name !== input.json_time_key &&
        !(input.fieldexclude as string[]).includes(name) &&
        !((input.tag_keys as string[] | undefined) ?? []).includes(name),
    ),
  )

const topics = topicsUnder('longshore')

test.each([
  [topics.telemetryOfHost('gw-17'), 'longshore_host', { device_id: 'gw-17' }],
  [topics.telemetryOfApp('gw-17', 'shop'), 'longshore_app', { device_id: 'gw-17', app: 'shop' }],
])('%s is taken once, with its tags, its numbers and its own time', (topic, measurement, tags) => {
  const taking = inputs.filter((input) => (input.topics as string[]).some((filter) => matches(filter, topic)))
  expect(taking).toHaveLength(1)
  const [input = {}] = taking
  expect(input).toMatchObject({
    name_override: measurement,
    data_format: 'json',
    json_time_key: 'at',
    json_time_format: 'unix_ms',
    qos: 1,
    persistent_session: true,
  })
  expect(tagsOf(input.parsing as { topic: string; tags: string }, topic)).toEqual(tags)
  const payload = telemetryOf({ cpuPercent: 1.5, 'disk./.freeBytes': 7, words: 'are no field' })
  expect(fieldsOf(input, payload)).toEqual({ cpuPercent: 1.5, 'disk./.freeBytes': 7 })
})

test('each input has a session of its own', () => {
  const ids = inputs.map(({ client_id: id }) => id)
  expect(ids).toHaveLength(2)
  expect(new Set(ids).size).toBe(2)
})
