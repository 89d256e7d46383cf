import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Ajv2020 from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { generatedDocs } from '../../scripts/docs/generated-docs.ts'
import { eventKinds } from '../../src/protocol/event.ts'

const generated = Object.entries(generatedDocs())

test.each(generated)('%s is what the code generates (else: npm run docs)', (path, text) => {
  expect(readFileSync(path, 'utf8')).toBe(text)
})

test('no schema of a message that is no more is left behind', () => {
  const expected = generated.map(([path]) => path).filter((path) => path.startsWith('docs/protocol/'))
  expect(
    readdirSync('docs/protocol')
      .map((file) => `docs/protocol/${file}`)
      .sort(),
  ).toEqual(expected.sort())
})

test('docs/protocol.md tells of every kind of event', () => {
  const page = readFileSync('docs/protocol.md', 'utf8')
  expect(eventKinds.filter((kind) => !page.includes(`\`${kind}\``))).toEqual([])
})

test('the JSON Schemas are valid and judge as the code does', () => {
  const validate = new Ajv2020.default({ strict: false, validateFormats: false }).compile(
    JSON.parse(readFileSync('docs/protocol/status.schema.json', 'utf8')),
  )
  const status = { schema: 1, at: 1, online: true, session: 1, agent: '1' }
  expect(validate(status)).toBe(true)
  expect(validate({ ...status, more: 'is tolerated' })).toBe(true)
  expect(validate({ ...status, online: 'yes' })).toBe(false)
  for (const [path, text] of generated.filter(([name]) => name.endsWith('.json'))) {
    expect(
      () => new Ajv2020.default({ strict: false, validateFormats: false }).compile(JSON.parse(text)),
      path,
    ).not.toThrow()
  }
})

const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  ...readdirSync('docs')
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
]

test.each(pages)('every link of %s leads somewhere', (page) => {
  const links = [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)].map(([, link]) =>
    String(link),
  )
  expect(links.filter((link) => !existsSync(join(dirname(page), link)))).toEqual([])
})
